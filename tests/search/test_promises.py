"""What an index promises: nothing that was reported is lost, and no damage goes unseen (docs/reliability.md)."""

import os
import random
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.damage import cut, empty, flip
from tests.support.pictures import folder_of, scene
from visus import Index, PictureIndexError
from visus.search import checksums
from visus.search.files import LocalFiles
from visus.search.place import explained
from visus.search.store import Store


def newest(place: Path) -> dict[str, Path]:
    """The newest files of an index by what they are."""
    index = Index(place / "i.visus")
    store = index._opened()
    assert store.sums is not None
    before = checksums.parsed(store.files, checksums.noted(store.files)[1])
    assert before is not None
    new = [name for name in store.sums.files if name not in before.files]
    root = place / "i.visus"
    return {
        "manifest": root / next(name for name in new if name.endswith(".manifest")),
        "transaction": root / next(name for name in new if name.endswith(".txn")),
        "checksums": root / store.sums.name,
    }


# Power cuts ------------------------------------------------------------------------------------------------------


def test_all_is_on_the_disk_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(tmp_path / "photos", 3)
    synced: list[str] = []
    counted: list[set[str]] = []
    fsync, replace = os.fsync, os.replace

    def record(handle: int) -> None:
        synced.append(os.path.relpath(os.readlink(f"/proc/self/fd/{handle}"), tmp_path / "i.visus"))
        fsync(handle)

    def renamed(source: Any, target: Any) -> None:
        replace(source, target)
        if "/checksums/" in str(target) and str(target).endswith(".json"):
            named = set(checksums.parse(Path(target).read_bytes()).files)
            folders = {os.path.dirname(name) or "." for name in named} | {"pictures.lance", "."}
            counted.append(named)
            assert named | folders <= set(synced)

    monkeypatch.setattr(os, "fsync", record)
    monkeypatch.setattr(os, "replace", renamed)
    Index(tmp_path / "i.visus").add(tmp_path / "photos")
    assert len(counted) >= 2
    assert synced[-1] == "checksums"  # the name of the last file of checksums


@pytest.mark.parametrize("harm", [empty, cut, flip])
@pytest.mark.parametrize("which", ["manifest", "transaction", "checksums"])
def test_a_newest_file_that_is_not_whole_costs_no_row(which: str, harm: Callable[[Path], None], place: Path) -> None:
    harm(newest(place)[which])
    index = Index(place / "i.visus")
    hits = index.search(scene(1), k=20)
    assert len(hits) >= 7
    report = Index(place / "i.visus").add(place / "photos")
    assert len(Index(place / "i.visus")) == 10
    assert report.described <= 3
    if which == "manifest":
        assert any("is damaged or incomplete" in note for note in hits.notes)
        assert "written again from their copies" in (report.note or "")
        assert report.described == 0
    assert Index(place / "i.visus").verify(mend=which == "transaction").rows == 10
    assert Index(place / "i.visus").verify().sound
    assert len(Index(place / "i.visus").search(scene(1), k=20)) == 10


@pytest.mark.parametrize("harm", [empty, cut])
def test_newest_rows_that_are_not_whole_are_described_again_and_no_others(
    harm: Callable[[Path], None], place: Path
) -> None:
    store = Index(place / "i.visus")._opened()
    before = set(store.files.below("pictures.lance/data"))
    folder_of(place / "more", 2, first=80)
    Index(place / "i.visus").add(place / "more")
    after = set(store.files.below("pictures.lance/data")) - before
    harm(place / "i.visus" / max(after, key=lambda name: (place / "i.visus" / name).stat().st_mtime))
    report = Index(place / "i.visus").add(place / "more", place / "photos")
    assert report.described <= 2
    assert len(Index(place / "i.visus")) == 12


def test_a_change_that_was_stopped_before_it_counted_is_made_again(place: Path) -> None:
    before = set((place / "i.visus" / "checksums").iterdir())
    folder_of(place / "more", 2, first=80)
    Index(place / "i.visus").add(place / "more")
    for path in set((place / "i.visus" / "checksums").iterdir()) - before:
        path.unlink()  # as if kill -9 had come just before it was written
    report = Index(place / "i.visus").add(place / "more")
    assert (report.added, report.note) == (2, None)  # none of it had been reported
    assert len(Index(place / "i.visus")) == 12


def test_an_index_of_another_making_falls_back_too(place: Path) -> None:
    """Without checksums, as 0.1 left them."""
    shutil.rmtree(place / "i.visus" / "checksums")
    newest_manifest = min((place / "i.visus" / "pictures.lance" / "_versions").glob("*.manifest"))
    newest_manifest.write_bytes(b"")
    hits = Index(place / "i.visus").search(scene(1))
    assert "adds what is missing" in hits.notes[0]


@pytest.mark.parametrize("harm", [empty, cut, flip, Path.unlink])
def test_manifests_that_are_all_damaged_are_written_again_from_their_copies(
    harm: Callable[[Path], None], place: Path
) -> None:
    for manifest in (place / "i.visus" / "pictures.lance" / "_versions").glob("*.manifest"):
        harm(manifest)
    hits = Index(place / "i.visus").search(scene(1), k=20)
    assert len(hits) == 10
    assert "written again from their copies" in hits.notes[0]
    assert Index(place / "i.visus").add(place / "photos").described == 0
    assert Index(place / "i.visus").verify().sound


def test_manifests_that_are_damaged_beyond_mending_are_one_sentence(place: Path) -> None:
    for manifest in (place / "i.visus").rglob("*.manifest"):
        for k in range(0, manifest.stat().st_size, 40):
            flip(manifest, k)
    with pytest.raises(PictureIndexError, match=r"i\.visus"):
        Index(place / "i.visus").verify(mend=True)


@pytest.mark.parametrize("harm", [empty, cut, flip])
def test_an_older_manifest_that_is_damaged_stops_no_update(harm: Callable[[Path], None], place: Path) -> None:
    versions = list(checksums.manifests(Store(place / "i.visus").files).items())
    for version, name in versions[1:]:
        harm(place / "i.visus" / name)
        (place / "i.visus" / checksums.copy_of(version)).unlink(missing_ok=True)
    folder_of(place / "more", 2, first=80)
    assert Index(place / "i.visus").add(place / "more", prune=True).described == 2
    assert Index(place / "i.visus").verify().sound


@pytest.mark.parametrize("folder", ["pictures.lance/data", "pictures.lance"])
def test_a_folder_of_the_table_that_was_removed_is_told_and_mended(folder: str, place: Path) -> None:
    shutil.rmtree(place / "i.visus" / folder)
    found = Index(place / "i.visus").verify()
    assert not found.sound
    assert "10 rows" in (found.note or "")
    with pytest.raises(PictureIndexError, match="--verify --mend"):
        Index(place / "i.visus").search(scene(1))
    mended = Index(place / "i.visus").verify(mend=True)
    assert (mended.unreadable, mended.mended, mended.lost) == (10, 10, [])
    assert len(Index(place / "i.visus").search(scene(1), k=20)) == 10
    assert Index(place / "i.visus").verify().sound


def test_rows_that_an_update_took_out_are_no_damage_afterwards(place: Path) -> None:
    shutil.rmtree(place / "i.visus" / "pictures.lance" / "data")
    index = Index(place / "i.visus")
    assert index.add(place / "photos").described == 10
    found = index.verify()
    assert (found.unreadable, found.damaged_rows) == (0, [])


def test_rows_that_cannot_be_read_and_whose_pictures_are_away_are_counted(place: Path) -> None:
    shutil.rmtree(place / "i.visus" / "pictures.lance" / "data")
    photos = (place / "photos").resolve()
    photos.rename(place / "elsewhere")
    try:
        mended = Index(place / "i.visus").verify(mend=True)
    finally:
        (place / "elsewhere").rename(photos)
    assert (mended.unreadable, mended.mended, mended.lost) == (10, 0, ["(rows that cannot be read: 10)"])


def test_files_that_may_not_be_read_are_not_taken_for_damaged(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = LocalFiles.digest

    def refused(files: LocalFiles, name: str) -> Any:
        if "/data/" in name:
            raise PermissionError(13, "Permission denied", name)
        return digest(files, name)

    with monkeypatch.context() as patch:
        patch.setattr(LocalFiles, "digest", refused)
        with pytest.raises(PictureIndexError, match="change its permissions"):
            Index(place / "i.visus").verify(mend=True)
    assert Index(place / "i.visus").verify().sound
    assert len(Index(place / "i.visus")) == 10


def test_codes_that_are_missing_are_made_again_where_nothing_else_changes(place: Path) -> None:
    shutil.rmtree(place / "i.visus" / "codes")
    assert Index(place / "i.visus").add(place / "photos").described == 0
    assert Index(place / "i.visus").verify().sound


def test_checksums_that_were_removed_are_told(place: Path) -> None:
    shutil.rmtree(place / "i.visus" / "checksums")
    found = Index(place / "i.visus").verify(mend=True)
    assert found.damaged
    assert "checksums" in (found.note or "")
    assert Index(place / "i.visus").verify().sound


def test_a_space_that_was_removed_is_told_and_fitted_again_as_it_was_asked_for(place: Path) -> None:
    Index(place / "i.visus").rotate(4)
    space = place / "i.visus" / Store(place / "i.visus").about["space"]["file"]
    before = Index(place / "i.visus").search(scene(1), k=3).scores
    space.unlink()
    hits = Index(place / "i.visus").search(scene(1), k=3)
    assert len(hits) == 3
    assert "compared as they are" in hits.notes[0]
    Index(place / "i.visus").add(place / "photos")
    after = Index(place / "i.visus").search(scene(1), k=3)
    assert after.notes == []
    np.testing.assert_allclose(after.scores, before, atol=1e-5)


# Bit rot ---------------------------------------------------------------------------------------------------------


def _flips(count: int) -> list[tuple[int, float, int]]:
    dice = random.Random(0)
    return [(k, dice.random(), dice.randrange(8)) for k in range(count)]


@pytest.mark.parametrize(("which", "share", "bit"), _flips(12))
def test_every_flipped_bit_is_found_and_mended(which: int, share: float, bit: int, place: Path) -> None:
    sums = Index(place / "i.visus")._opened().sums
    assert sums is not None
    names = sorted(sums.files)
    path = place / "i.visus" / names[which % len(names)]
    flip(path, int(share * path.stat().st_size), bit)
    assert not Index(place / "i.visus").verify().sound
    mended = Index(place / "i.visus").verify(mend=True)
    assert not mended.lost
    again = Index(place / "i.visus")
    assert again.verify().sound
    assert len(again) == 10
    for number in (0, 6, 50, 52):
        own = str((place / "photos" / f"{number:04d}.jpg").resolve())
        (hit,) = again.search(own, k=1)
        assert hit.path == own
        assert hit.score > 0.999


@pytest.mark.long
def test_every_byte_that_rots_is_found(place: Path) -> None:
    """Each file of the newest version, one bit of each byte of small files and of 2,000 bytes of large ones."""
    sums = Index(place / "i.visus")._opened().sums
    assert sums is not None
    tried = found = 0
    for name in sums.files:
        path = place / "i.visus" / name
        whole = path.read_bytes()
        for at in sorted(random.Random(1).sample(range(len(whole)), min(len(whole), 2000))):
            flip(path, at, at % 8)
            tried += 1
            found += sums.files[name] != Index(place / "i.visus")._opened().files.digest(name)
            path.write_bytes(whole)
    print(f"{found} of {tried} flipped bits found")
    assert found == tried


def test_rotten_rows_are_no_hits(place: Path) -> None:
    truth = {hit.path: hit.score for hit in Index(place / "i.visus").search(scene(1), k=20)}
    store = Index(place / "i.visus")._opened()
    left_out = wrong = 0
    for name in store.files.below("pictures.lance/data"):
        path = place / "i.visus" / name
        whole = path.read_bytes()
        for at in range(0, len(whole), max(1, len(whole) // 12)):
            flip(path, at, 6)
            try:
                hits = Index(place / "i.visus").search(scene(1), k=20)
            except PictureIndexError:  # said in one sentence
                continue
            finally:
                path.write_bytes(whole)
            left_out += any("damaged in the index and left out" in note for note in hits.notes)
            wrong += any(abs(truth.get(hit.path, -2) - hit.score) > 1e-3 for hit in hits)
    assert left_out > 0
    assert wrong == 0


def test_a_rotten_thumbnail_is_made_again_or_one_sentence(place: Path) -> None:
    index = Index(place / "i.visus")
    (hit,) = index.search(scene(1), k=1)
    before = hit.thumbnail()
    kept = index.thumbnails([hit.id])[hit.id]
    for path in (place / "i.visus" / "pictures.lance" / "data").iterdir():
        at = path.read_bytes().find(kept)
        if at >= 0:
            flip(path, at + len(kept) // 2)
    again = Index(place / "i.visus")
    (hit,) = again.search(scene(1), k=1)
    np.testing.assert_array_equal(hit.thumbnail(), before)
    photo = Path(hit.path)
    content = photo.read_bytes()
    photo.unlink()
    try:
        with pytest.raises(PictureIndexError, match="to show is damaged; run"):
            hit.thumbnail()
    finally:
        photo.write_bytes(content)


def test_what_cannot_be_mended_is_named(place: Path, tmp_path: Path) -> None:
    folder_of(place / "away", 2, first=90)
    Index(place / "i.visus").add(place / "away")
    shutil.rmtree(place / "away")
    store = Index(place / "i.visus")._opened()
    for fragment in store.table.get_fragments():
        for file in fragment.metadata.files:
            flip(place / "i.visus" / "pictures.lance" / "data" / file.path, bit=6)
    found = Index(place / "i.visus").verify(mend=True)
    assert len(found.damaged_files) >= 1
    after = Index(place / "i.visus")
    assert after.verify().sound
    kept = set(after._opened().read(["path"]).column("path").to_pylist())
    lost = {path for path in found.lost if "away" in path}
    assert len(kept | lost) == 12 or len(kept) == 10  # named, or in a fragment that could not be read at all


def test_an_index_without_checksums_says_so(place: Path) -> None:
    shutil.rmtree(place / "i.visus" / "checksums")
    with pytest.raises(PictureIndexError, match="are damaged or missing; visus index FOLDER adds them"):
        Index(place / "i.visus").verify()
    Index(place / "i.visus").add(place / "photos")
    assert Index(place / "i.visus").verify().sound


def test_a_panic_of_the_engine_is_one_sentence(tmp_path: Path) -> None:
    class PanicException(BaseException):
        """No Exception, like the engine's own."""

    with pytest.raises(PictureIndexError, match="is damaged or out of reach"), explained(tmp_path):
        raise PanicException("called `Option::unwrap()` on a `None` value")
    with pytest.raises(KeyboardInterrupt), explained(tmp_path):
        raise KeyboardInterrupt


def test_vectors_of_an_index_are_what_was_described(place: Path) -> None:
    store = Index(place / "i.visus")._opened()
    table = store.read(["embedding", "content_sum", "place_sum", "thumbnail_sum"])
    assert None not in table.column("content_sum").to_pylist()
    assert np.isfinite(np.array(table.column("embedding").to_pylist(), np.float32)).all()


def test_a_file_of_which_the_disk_took_a_part_does_not_count(place: Path) -> None:
    store = Index(place / "i.visus")._opened()
    before, version = set(store.files.below("pictures.lance/data")), store.version
    rows = store.read(store.schema.names).slice(0, 2)

    def append_and_cut() -> None:
        with store.changing():
            store.append(rows)
            (new,) = set(store.files.below("pictures.lance/data")) - before
            cut(place / "i.visus" / new)

    with pytest.raises(PictureIndexError, match=r"has \d+ bytes in place of \d+"):
        append_and_cut()
    assert Index(place / "i.visus")._opened().version == version
    assert Index(place / "i.visus").add(place / "photos").unchanged == 10


@pytest.mark.parametrize("harm", [empty, cut])
def test_deletions_of_which_the_disk_took_a_part_do_not_count(
    harm: Callable[[Path], None], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(place / "i.visus")
    sync = LocalFiles.sync
    harmed: list[str] = []

    def half(files: LocalFiles, names: Iterable[str]) -> None:
        for name in (names := list(names)):
            if "/_deletions/" in name and not harmed:
                harm(place / "i.visus" / name)
                harmed.append(name)
        sync(files, names)

    with monkeypatch.context() as patched:
        patched.setattr(LocalFiles, "sync", half)
        with pytest.raises(PictureIndexError):
            index._opened().remove([index.search(scene(1), k=1)[0].id])
    assert harmed
    index = Index(place / "i.visus")
    assert len(index) == 10
    index.add(place / "photos")
    assert index.verify().sound


def test_a_newest_manifest_that_was_removed_is_told_once(place: Path) -> None:
    place, photos = place / "i.visus", place / "photos"
    version, newest = next(iter(checksums.manifests(Store(place).files).items()))
    (place / newest).unlink()
    (place / checksums.copy_of(version)).unlink()
    assert "is damaged or incomplete" in (Store(place).note or "")
    Index(place).add(photos)
    assert Store(place).note is None
    assert Index(place).verify().sound
