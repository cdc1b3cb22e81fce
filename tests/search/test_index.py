"""Adding folders to an index and searching it."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.bad_files import write_bad_files
from tests.support.pictures import folder_of, scene
from visus import Index, InputError, PictureIndexError
from visus.search import ingest, reading
from visus.search.store import Store


@pytest.fixture
def index(photos: Path, tmp_path: Path) -> Index:
    index = Index(tmp_path / "i.visus")
    assert index.add(photos).added == 12
    return index


def _ids(index: Index) -> dict[str, int]:
    table = Store(index.location).read(["path", "id"], "NOT gone")
    return {Path(row["path"]).name: row["id"] for row in table.to_pylist()}


# Bringing it up to date ---------------------------------------------------------------------------------------


def test_second_run_reads_nothing(index: Index, photos: Path) -> None:
    report = index.add(photos)
    assert (report.added, report.changed, report.unchanged) == (0, 0, 12)
    assert len(index) == 12


def test_new_changed_touched_moved_copied_and_gone(index: Index, photos: Path) -> None:
    before = _ids(index)
    folder_of(photos, 2, first=20)  # two new ones
    Image.fromarray(scene(99)).save(photos / "0000.jpg")  # changed
    os.utime(photos / "0001.jpg")  # touched
    (photos / "below").mkdir()
    (photos / "0002.jpg").rename(photos / "below" / "renamed.jpg")  # moved
    shutil.copy(photos / "0003.jpg", photos / "copy.jpg")  # copied
    (photos / "0004.jpg").unlink()  # gone
    report = index.add(photos)
    counts = (report.added, report.changed, report.moved, report.gone, report.unchanged)
    assert counts == (3, 1, 1, 1, 9)
    assert len(index) == 14
    after = _ids(index)
    assert after["renamed.jpg"] == before["0002.jpg"]
    assert after["0000.jpg"] == before["0000.jpg"]
    assert "0004.jpg" not in after
    hits = index.search(scene(99), k=14)
    assert hits.paths[0] == str(photos / "0000.jpg")
    assert len(set(hits.paths)) == 13  # contents
    assert [hit.copies for hit in hits if hit.copies] == [(str(photos / "copy.jpg"),)]
    best = index.search(photos / "0003.jpg", k=2)[0]
    assert {best.path, *best.copies} == {str(photos / "0003.jpg"), str(photos / "copy.jpg")}
    assert index.search(photos / "below" / "renamed.jpg", k=1).scores[0] == pytest.approx(1, abs=2e-3)
    again = index.add(photos)
    assert (again.added, again.changed, again.moved, again.gone, again.unchanged) == (0, 0, 0, 0, 14)


def test_a_renamed_folder_keeps_all_vectors(index: Index, photos: Path, tmp_path: Path) -> None:
    before = sorted(_ids(index).values())
    photos.rename(tmp_path / "elsewhere")
    report = index.add(tmp_path / "elsewhere")
    assert (report.moved, report.added) == (12, 0)
    assert sorted(_ids(index).values()) == before
    assert len(index) == 12


def test_moved_files_are_not_described_again(
    index: Index, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos.rename(tmp_path / "elsewhere")
    monkeypatch.setattr(reading, "decode", lambda *_, **__: pytest.fail("was decoded"))
    assert index.add(tmp_path / "elsewhere").moved == 12


def test_a_picture_that_comes_back(index: Index, photos: Path, tmp_path: Path) -> None:
    shutil.move(photos / "0005.jpg", tmp_path / "away.jpg")
    assert index.add(photos).gone == 1
    assert len(index) == 11
    shutil.move(tmp_path / "away.jpg", photos / "0005.jpg")
    report = index.add(photos)
    assert (report.added, report.unchanged) == (1, 11)
    assert len(index) == len(_ids(index)) == 12


def test_prune_removes_rows_for_good(index: Index, photos: Path) -> None:
    (photos / "0004.jpg").unlink()
    report = index.add(photos, prune=True)
    assert (report.gone, report.pruned) == (1, 1)
    assert Store(index.location).count() == 11
    assert index.prune() == 0


def test_pictures_of_other_folders_and_excluded_ones_are_left_alone(index: Index, photos: Path, tmp_path: Path) -> None:
    folder_of(tmp_path / "second", 3, first=30)
    assert index.add(tmp_path / "second").gone == 0
    assert index.add(photos, exclude=["000*"]).gone == 0
    assert len(index) == 15


def test_contents_that_change_places_in_one_run(index: Index, photos: Path) -> None:
    """A file is overwritten while its old content appears under a new name."""
    shutil.copy(photos / "0006.jpg", photos / "zz.jpg")
    Image.fromarray(scene(77)).save(photos / "0006.jpg")
    index.add(photos)
    assert index.search(scene(77), k=1).paths == [str(photos / "0006.jpg")]
    assert index.search(photos / "zz.jpg", k=1).paths == [str(photos / "zz.jpg")]
    assert index.search(photos / "zz.jpg", k=1).scores[0] > 0.998


def test_two_files_that_swap_their_names(index: Index, photos: Path) -> None:
    one, two = photos / "0007.jpg", photos / "0008.jpg"
    one.rename(photos / "t")
    two.rename(one)
    (photos / "t").rename(two)
    os.utime(one)
    os.utime(two)
    index.add(photos)
    assert index.search(one, k=1).paths == [str(one)]
    assert index.search(two, k=1).paths == [str(two)]
    assert len(index) == 12


def test_bad_files_are_listed_and_the_rest_is_indexed(photos: Path, tmp_path: Path) -> None:
    bad = write_bad_files(photos / "bad")
    index = Index(tmp_path / "b.visus")
    report = index.add(photos)
    assert report.added == 12
    assert sorted(failure.path for failure in report.unreadable) == [str(path) for path in bad]
    assert all(failure.path in failure.message for failure in report.unreadable)
    assert index.add(photos).unchanged == 12


def test_an_emptied_folder_is_marked_gone(index: Index, photos: Path) -> None:
    for path in photos.iterdir():
        path.unlink()
    report = index.add(photos, prune=True)  # an empty mount point looks the same
    assert (report.gone, report.pruned) == (0, 0)
    (vanished,) = report.vanished
    assert vanished.path == str(photos)
    assert "pictures (12) is left at" in vanished.message
    assert "--force" in vanished.message
    assert all(hit.missing for hit in index.search(scene(1)))
    assert index.add(photos, force=True).gone == 12
    assert len(index) == 0
    assert index.search(scene(1), rerank="expansion").paths == []


def test_a_folder_that_was_deleted_is_marked_gone_when_that_is_meant(index: Index, photos: Path) -> None:
    shutil.rmtree(photos)
    with pytest.raises(InputError, match="does not exist"):
        index.add(photos, prune=True)
    report = index.add(photos, prune=True, force=True)
    assert (report.gone, report.pruned) == (12, 12)
    with pytest.raises(InputError, match="does not exist"):
        index.add(photos, force=True)  # nothing is known of it any more


def test_files_that_cannot_be_looked_at_are_not_gone(
    index: Index, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "0001.jpg").unlink()
    real = os.stat

    def refused(path: object, *args: object, **options: object) -> os.stat_result:
        if str(path).endswith("0001.jpg"):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **options)  # pyright: ignore

    monkeypatch.setattr(ingest.os, "stat", refused)
    assert index.add(photos, prune=True).gone == 0
    monkeypatch.undo()
    assert index.add(photos).gone == 1


def test_an_open_index_sees_what_others_add(index: Index, photos: Path, tmp_path: Path) -> None:
    folder_of(photos, 1, first=70)
    Index(tmp_path / "i.visus").add(photos)
    assert index.search(photos / "0070.jpg", k=1).paths == [str(photos / "0070.jpg")]


def test_an_interrupted_commit_is_not_written_twice(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from visus.search.updating import Interrupted

    real = Store.append

    def stopped_after_writing(self: Store, rows: object) -> None:
        real(self, rows)  # pyright: ignore
        raise KeyboardInterrupt

    index = Index(tmp_path / "s.visus")
    with monkeypatch.context() as patch:
        patch.setattr(Store, "append", stopped_after_writing)
        with pytest.raises(Interrupted):
            index.add(photos)
    index.add(photos)
    rows = Store(index.location).read(["path"]).column("path").to_pylist()
    assert len(rows) == len(set(rows)) == 12


def test_an_index_of_nothing_answers(tmp_path: Path, photos: Path) -> None:
    Index(tmp_path / "i.visus").add(photos)
    kept = photos.rename(tmp_path / "kept")
    photos.mkdir()
    index = Index(tmp_path / "i.visus")
    assert index.add(photos, force=True, prune=True).pruned == 12
    kept.rename(photos)
    index = Index(tmp_path / "i.visus")
    assert index.search(scene(1)).paths == []
    assert index.duplicates() == []
    assert index.verify().sound
    assert index.rotate(0) is None
    assert index.prune() == 0
    assert index.add(photos).added == 12


def test_nothing_to_index(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no pictures"):
        Index(tmp_path / "n.visus").add(tmp_path / "empty")
    with pytest.raises(InputError, match="does not exist"):
        Index(tmp_path / "n.visus").add(tmp_path / "none")


def test_a_stop_keeps_what_was_described(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from visus.search.updating import Interrupted

    def stop(progress: ingest.Progress) -> None:
        if progress.done >= 8:
            raise KeyboardInterrupt

    index = Index(tmp_path / "s.visus")
    with pytest.raises(Interrupted) as caught:
        index.add(photos, progress=stop, threads=1)
    kept = caught.value.report.added
    assert kept >= 8
    assert len(Index(tmp_path / "s.visus")) == kept
    assert index.add(photos).added == 12 - kept


def test_an_error_in_a_thread_reaches_the_caller(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(reading, "shrink", broken)
    with pytest.raises(ZeroDivisionError):
        Index(tmp_path / "t.visus").add(photos)


def test_rows_hold_what_a_filter_and_a_page_need(index: Index, photos: Path) -> None:
    rows = Store(index.location).read(["path", "width", "height", "size", "mtime", "hash", "seen"]).to_pylist()
    row = next(row for row in rows if row["path"].endswith("0003.jpg"))
    about = (photos / "0003.jpg").stat()
    assert (row["width"], row["height"], row["size"]) == (200, 150, about.st_size)
    assert row["mtime"].value == about.st_mtime_ns
    assert len(row["hash"]) == 16
    hit = index.search(photos / "0003.jpg", k=1)[0]
    assert hit.thumbnail().shape == (150, 200, 3)
    assert np.abs(hit.thumbnail().astype(int) - scene(3).astype(int)).mean() < 6


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_vectors_are_unit_and_stored_as_asked(photos: Path, tmp_path: Path, dtype: str) -> None:
    from visus.search.rows import to_numpy

    index = Index(tmp_path / "u.visus", dtype=dtype)  # pyright: ignore[reportArgumentType]
    index.add(photos)
    column = Store(index.location).read(["embedding"]).column("embedding")
    assert str(column.type.value_type) == {"float16": "halffloat", "float32": "float"}[dtype]
    assert np.allclose(np.linalg.norm(to_numpy(column), axis=1), 1, atol=1e-3)


# Searching ----------------------------------------------------------------------------------------------------


def test_every_picture_finds_itself_first(index: Index, photos: Path) -> None:
    for path in sorted(photos.iterdir()):
        hits = index.search(path, k=3)
        assert hits.paths[0] == str(path)
        assert hits.scores[0] == pytest.approx(1, abs=2e-3)
        assert hits.scores == sorted(hits.scores, reverse=True)
        assert all(-1 <= score <= 1.001 for score in hits.scores)


def test_files_arrays_gray_arrays_and_paths_ask_alike(index: Index, photos: Path) -> None:
    from visus import read

    pixels = read(photos / "0001.jpg")
    by_array = index.search(pixels, k=2)
    assert by_array.paths == index.search(str(photos / "0001.jpg"), k=2).paths
    assert len(index.search(pixels[:, :, 0], k=2)) == 2
    for bad in (pixels.astype(float), pixels[:0], pixels[:, :, :2]):
        with pytest.raises(InputError, match="query array"):
            index.search(bad)


def test_several_queries_and_unlike(index: Index, photos: Path) -> None:
    one, two = photos / "0001.jpg", photos / "0002.jpg"
    both = index.search([one, two], k=2)
    assert set(both.paths) == {str(one), str(two)}
    against = index.search([one, two], k=12, unlike=[two])
    assert against.paths[0] == str(one)
    assert against.paths.index(str(two)) > 1
    with pytest.raises(InputError, match="the same"):
        index.search(one, unlike=[one])
    with pytest.raises(InputError, match="at least one"):
        index.search([])


def test_a_region_asks_for_a_part(index: Index, photos: Path) -> None:
    Image.fromarray(np.hstack([scene(3), scene(8)])).save(photos / "pair.png")
    assert index.search(photos / "pair.png", region=(0, 0, 200, 150), k=1).paths == [str(photos / "0003.jpg")]
    assert index.search(photos / "pair.png", region=(200, 0, 400, 150), k=1).paths == [str(photos / "0008.jpg")]
    for region in ((0, 0, 401, 150), (10, 10, 10, 20), (-1, 0, 5, 5)):
        with pytest.raises(InputError, match="the size of the picture"):
            index.search(photos / "pair.png", region=region)


def test_conditions_and_least_score(index: Index, photos: Path) -> None:
    Image.fromarray(scene(50, 400, 300)).save(photos / "large.jpg")
    index.add(photos)
    assert index.search(scene(1), where="width > 300").paths == [str(photos / "large.jpg")]
    assert len(index.search(scene(1), where="path LIKE '%000%' AND height = 150", k=20)) == 10
    assert index.search(scene(1), where="width > 9999").paths == []
    assert all(hit.score >= 0.5 for hit in index.search(photos / "0001.jpg", min_score=0.5))
    for photo in sorted(photos.glob("*.jpg")):
        assert index.search(photo, min_score=1.0).paths == [str(photo)]  # whatever storing has rounded
    for least in (1.5, -2, float("nan")):
        with pytest.raises(InputError, match=r"within -1 and 1|finite number"):
            index.search(scene(1), min_score=least)
    with pytest.raises(InputError, match="is not understood") as caught:
        index.search(scene(1), where="no_such_column = 1")
    assert "width" in str(caught.value)
    with pytest.raises(InputError, match="is not understood"):
        index.search(scene(1), where="width >")
    with pytest.raises(InputError, match="k must be"):
        index.search(scene(1), k=0)


def test_hits_as_table_sheet_and_text(index: Index, photos: Path) -> None:
    hits = index.search(photos / "0001.jpg", k=3)
    frame = hits.to_dataframe()
    assert list(frame["path"]) == hits.paths
    assert "0001.jpg" in repr(hits)
    sheet = hits.sheet(columns=2, tile=100)
    assert sheet.shape[1] == 12 + 2 * 112
    assert len(hits) == 3


def test_why_of_a_file_that_is_gone_names_it(index: Index, photos: Path) -> None:
    for options in ({"unlike": [photos / "0002.jpg"]}, {"rerank": "expansion"}):
        with pytest.raises(InputError, match="why explains"):
            index.search(photos / "0001.jpg", **options)[0].why()  # pyright: ignore
    hits = index.search(photos / "0001.jpg", k=2)
    Path(hits[1].path).unlink()
    with pytest.raises(InputError, match=r"0\d+.jpg is gone"):
        hits[1].why()


def test_no_index_there(tmp_path: Path, photos: Path) -> None:
    with pytest.raises(PictureIndexError, match="visus index FOLDER"):
        Index(tmp_path / "none.visus").search(photos / "0001.jpg")
    assert len(Index(tmp_path / "none.visus")) == 0
    assert not (tmp_path / "none.visus").exists()


# Arguments that are none ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rerank": "foo"}, "rerank must be one of expansion, geometry, not 'foo'"),
        ({"k": 2.5}, "k must be a whole number above 0, not 2.5"),
        ({"k": "3"}, "k must be a whole number above 0, not '3'"),
        ({"min_score": "0.5"}, "must be a number"),
        ({"where": 5}, "A condition is a text"),
        ({"region": (1, 2, 3)}, "four whole numbers"),
        ({"region": (0, 0, 10.5, 20)}, "four whole numbers"),
        ({"region": "0,0,10,10"}, "four whole numbers"),
        ({"region": [0, 0, 10, float("nan")]}, "four whole numbers"),
        ({"region": 5}, "four whole numbers"),
        ({"unlike": 5}, "A picture is a file, or an array"),
        ({"unlike": [None]}, "A picture is a file, or an array"),
        ({"unlike": "dog.jpg"}, "^dog.jpg does not exist; check"),
    ],
)
def test_what_is_no_argument_is_one_sentence(index: Index, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        index.search(scene(1), **options)


def test_what_a_user_would_expect_is_taken(index: Index, photos: Path) -> None:
    whole = index.search(scene(1), region=(0, 0, 40, 30)).scores
    assert index.search(scene(1), region=np.array([0, 0, 40, 30])).scores == whole
    assert index.search(scene(1), region=np.array([0.0, 0.0, 40.0, 30.0])).scores == whole
    other = photos / "0002.jpg"
    assert index.search(scene(1), unlike=str(other)).scores == index.search(scene(1), unlike=[other]).scores
    assert len(index.search(scene(1), k=np.int64(3))) == 3  # pyright: ignore[reportArgumentType]
    assert index.add(photos, exclude="0001.jpg").unvisited == 1  # one pattern, not its letters


def test_settings_of_an_index_that_are_none(tmp_path: Path) -> None:
    options: dict[str, Any]
    for options in ({"dtype": "float64"}, {"precision": "fp16"}, {"device": "tpu"}):
        with pytest.raises(InputError, match="must be one of"):
            Index(tmp_path / "i.visus", **options)


@pytest.mark.parametrize("dimension", [-1, 2.5, "3"])
def test_directions_that_are_none(index: Index, dimension: Any) -> None:
    with pytest.raises(InputError, match="whole number from 0"):
        index.rotate(dimension)


@pytest.mark.parametrize("query", ["a red car", "sunset"])
def test_words_that_are_not_known_are_told_with_near_ones(index: Index, query: str) -> None:
    with pytest.raises(InputError, match=r"is not among the .* words that this index knows; the nearest that are: "):
        index.search(query)
