"""Texture and color as descriptors of an index."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.pictures import folder_of
from visus import Index, InputError, PictureIndexError
from visus.search import store
from visus.search.rows import to_numpy


def stripes(folder: Path) -> None:
    """Striped and spotted surfaces, each in red and in green."""
    folder.mkdir()
    y, x = np.mgrid[:160, :200]
    surfaces = {"lying": np.sin(y / 2), "standing": np.sin(x / 2), "spots": np.sin(x / 5) * np.sin(y / 5)}
    for name, surface in surfaces.items():
        for color, channel in (("red", 0), ("green", 1)):
            picture = np.full((160, 200, 3), 60, np.uint8)
            picture[:, :, channel] = (140 + 80 * surface).astype(np.uint8)
            Image.fromarray(picture).save(folder / f"{name}-{color}.png")


def names(hits: object) -> list[str]:
    return [Path(path).stem for hit in hits for path in (hit.path, *hit.copies)]  # pyright: ignore


def test_texture_finds_surfaces_and_color_finds_colors(tmp_path: Path) -> None:
    stripes(tmp_path / "p")
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path / "p", descriptors=("texture", "color"))
    assert index.descriptors == ["embedding", "texture", "color"]
    query = tmp_path / "p" / "lying-red.png"
    assert names(index.search(query, by="texture", k=2)) == ["lying-red", "lying-green"]
    assert {name.split("-")[1] for name in names(index.search(query, by="color", k=3))} == {"red"}
    assert index.search(query, by="color", k=1)[0].score == pytest.approx(1, abs=1e-3)
    assert len(index.search(query, k=6)) == 6
    likes = index.search(query, by="texture", rerank="expansion", k=3)
    assert names(likes)[0] == "lying-red"
    assert names(index.search(query, by="color", rerank="geometry", k=3))[0] == "lying-red"
    with pytest.raises(InputError, match="leave --by away"):
        index.search(query, by="color")[0].why()


def test_a_later_descriptor_fills_what_is_there_and_is_kept(photos: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "i.visus")
    index.add(photos)
    with pytest.raises(PictureIndexError, match="--descriptor texture"):
        index.search(photos / "0001.jpg", by="texture")
    before = to_numpy(index._opened().read(["embedding"]).column("embedding"))
    report = index.add(photos, descriptors=["texture"])
    assert (report.filled, report.added, report.unchanged) == (12, 0, 0)
    np.testing.assert_array_equal(to_numpy(index._opened().read(["embedding"]).column("embedding")), before)
    assert names(index.search(photos / "0001.jpg", by="texture", k=1)) == ["0001"]

    folder_of(photos, 2, first=100)
    shutil.copy(photos / "0003.jpg", photos / "copy.jpg")
    shutil.move(photos / "0004.jpg", photos / "moved.jpg")
    Image.fromarray(np.zeros((50, 60, 3), np.uint8)).save(photos / "0005.jpg")
    report = Index(tmp_path / "i.visus").add(photos)  # remembers texture without being told
    assert (report.added, report.moved, report.changed, report.filled) == (3, 1, 1, 0)
    hits = Index(tmp_path / "i.visus").search(photos / "0003.jpg", by="texture", k=2)
    assert set(names([hits[0]])) == {"0003", "copy"}
    assert not index._opened().contents_without("texture")
    assert Index(tmp_path / "i.visus").add(photos).unchanged == 15


def test_pictures_elsewhere_wait_until_their_folder_is_looked_through(tmp_path: Path) -> None:
    folder_of(tmp_path / "a", 3)
    folder_of(tmp_path / "b", 3, first=20)
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path / "a", tmp_path / "b")
    index.add(tmp_path / "a", descriptors=["color"])
    assert len(index.search(tmp_path / "b" / "0020.jpg", by="color")) == 3
    assert len(index.search(tmp_path / "b" / "0020.jpg", by="color", where="width > 10")) == 3
    assert len(index.search(tmp_path / "b" / "0020.jpg")) == 6
    assert index.add(tmp_path / "b").filled == 3
    assert len(index.search(tmp_path / "b" / "0020.jpg", by="color")) == 6


def test_a_rotation_and_descriptors_live_together(photos: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "i.visus")
    index.add(photos, descriptors=["color"])
    index.rotate(4)
    folder_of(photos, 2, first=100)
    index.add(photos, descriptors=["texture"])
    for by in index.descriptors:
        assert names(index.search(photos / "0100.jpg", by=by, k=1)) == ["0100"]


def test_moved_copied_and_returned_pictures_are_filled_in_the_same_run(photos: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "i.visus")
    shutil.move(photos / "0003.jpg", tmp_path / "away.jpg")
    index.add(photos)
    shutil.move(photos / "0001.jpg", photos / "moved.jpg")
    shutil.copy(photos / "0002.jpg", photos / "copy.jpg")
    (photos / "0004.jpg").rename(tmp_path / "later.jpg")
    report = index.add(photos, descriptors=["color"])
    assert (report.moved, report.added, report.gone, report.filled) == (1, 1, 1, 9)
    (tmp_path / "later.jpg").rename(photos / "0004.jpg")  # was gone while the others were described
    index.add(photos)
    assert not index._opened().contents_without("color")
    for name in ("moved", "copy", "0004"):
        assert name in names(index.search(photos / f"{name}.jpg", by="color", k=2))


def test_other_versions_are_described_again_and_unknown_ones_left_alone(photos: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "i.visus")
    with pytest.raises(InputError, match="texture, color"):
        index.add(photos, descriptors=["shape"])
    index.add(photos, descriptors=["color"])
    index._opened().add_extra("color", {"descriptor": "color", "version": 0, "dimension": 7})
    index._opened().add_extra("shape", {"descriptor": "shape", "version": 1, "dimension": 3})
    with pytest.raises(PictureIndexError, match="describe it again"):
        Index(tmp_path / "i.visus").search(photos / "0001.jpg", by="color")
    with pytest.raises(InputError, match="shape"):
        index.search(photos / "0001.jpg", by="shape")  # pyright: ignore[reportArgumentType]
    Image.fromarray(np.zeros((50, 60, 3), np.uint8)).save(photos / "0005.jpg")
    index = Index(tmp_path / "i.visus")
    report = index.add(photos)
    assert (report.changed, report.filled) == (1, 11)
    assert index.descriptors == ["embedding", "color"]
    assert names(index.search(photos / "0001.jpg", by="color", k=1)) == ["0001"]


def test_an_older_visus_refuses_an_index_whose_rows_it_would_not_keep(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Index(tmp_path / "i.visus").add(photos, descriptors=["color"])
    monkeypatch.setattr(store, "FORMAT", 2)  # as the one before twins
    for use in (len, lambda index: index.add(photos), lambda index: index.search(photos / "0001.jpg")):
        with pytest.raises(PictureIndexError, match=r"was made by a newer visus \(format 3, this one reads 2\)"):
            use(Index(tmp_path / "i.visus"))


def test_unlike_by_texture(tmp_path: Path) -> None:
    stripes(tmp_path / "p")
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path / "p", descriptors=["texture"])
    lying, spots = tmp_path / "p" / "lying-red.png", tmp_path / "p" / "spots-green.png"
    assert set(names(index.search(lying, unlike=[spots], by="texture", k=2))) == {"lying-red", "lying-green"}
    scores = index.search(lying, by="texture", k=6).scores
    assert scores[1] > 0.95 > scores[2]


def test_sql_does_not_offer_the_vectors(photos: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "i.visus")
    index.add(photos, descriptors=["color"])
    assert "color" not in index._opened().columns


_CHILD = """
import sys
from visus import Index
from visus.search import ingest
ingest._BATCH, ingest._COMMIT_ROWS = 1, 1
print("start", flush=True)
Index(sys.argv[1]).add(sys.argv[2], descriptors=["texture", "color"], progress=lambda p: print(p.done, flush=True))
"""


@pytest.mark.slow
def test_kill_while_a_descriptor_is_filled_in(tmp_path: Path) -> None:
    folder_of(tmp_path / "p", 24)
    place = tmp_path / "i.visus"
    Index(place).add(tmp_path / "p")
    before = to_numpy(Index(place)._opened().read(["embedding"]).column("embedding"))
    for lines in (1, 2, 5, 9):  # killed after so many lines: before the columns are there, between, and while filling
        with subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(place), str(tmp_path / "p")], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            for _ in range(lines):
                child.stdout.readline()
            child.send_signal(signal.SIGKILL)
        index = Index(place)
        assert len(index) == 24
        assert names(index.search(tmp_path / "p" / "0003.jpg", k=1)) == ["0003"]
    report = Index(place).add(tmp_path / "p", descriptors=["texture", "color"])
    assert 0 < report.filled <= 24
    store = Index(place)._opened()
    assert not store.contents_without("texture")
    assert not store.contents_without("color")
    assert sorted(store.extras) == ["color", "texture"]
    after = to_numpy(store.read(["embedding"]).column("embedding"))
    np.testing.assert_array_equal(np.sort(after, axis=0), np.sort(before, axis=0))
    assert names(Index(place).search(tmp_path / "p" / "0007.jpg", by="color", k=1)) == ["0007"]
