"""Which version of a damaged index is opened, and what is said about it."""

import errno
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import visus
from tests.support.damage import cut, empty, flip
from tests.support.pictures import folder_of, scene
from visus import Index, PictureIndexError
from visus.search import checksums
from visus.search.files import LocalFiles
from visus.search.store import Store


def newest_of(place: Path) -> Path:
    """The newest file of checksums."""
    files = LocalFiles(place / "i.visus")
    return place / "i.visus" / "checksums" / f"{checksums.noted(files)[0]}.json"


@pytest.mark.parametrize("harm", [Path.unlink, flip])
def test_a_version_of_which_only_the_checksums_are_lost_is_completed_and_that_is_said(
    harm: Callable[[Path], None], place: Path
) -> None:
    folder_of(place / "more", 2, first=80)
    Index(place / "i.visus").add(place / "more")
    harm(newest_of(place))
    assert "is damaged or incomplete" in Index(place / "i.visus").search(scene(1)).notes[0]
    report = Index(place / "i.visus").add(place / "photos")
    assert "are noted anew" in (report.note or "")
    assert len(Index(place / "i.visus")) == 12
    assert Index(place / "i.visus").add(place / "more").described == 0
    assert Index(place / "i.visus").verify().sound


def test_a_version_that_lost_its_checksums_and_more_is_put_aside_and_that_is_said(place: Path) -> None:
    before = set((place / "i.visus" / "pictures.lance" / "data").iterdir())
    folder_of(place / "more", 2, first=80)
    Index(place / "i.visus").add(place / "more")
    newest_of(place).unlink()
    for path in set((place / "i.visus" / "pictures.lance" / "data").iterdir()) - before:
        cut(path)
    report = Index(place / "i.visus").add(place / "more")
    assert "is damaged or incomplete" in (report.note or "")
    assert report.described <= 2
    assert len(Index(place / "i.visus")) == 12
    assert Index(place / "i.visus").verify().sound


def test_a_copy_of_the_manifest_that_was_removed_is_made_again(place: Path) -> None:
    newest = newest_of(place)
    newest.with_suffix(".manifest").unlink()
    assert Index(place / "i.visus").add(place / "photos").note is None
    assert newest.with_suffix(".manifest").is_file()
    assert Index(place / "i.visus").verify().sound


def test_an_index_that_lost_every_manifest_is_no_new_index(place: Path) -> None:
    for folder in ("pictures.lance/_versions", "checksums"):
        shutil.rmtree(place / "i.visus" / folder)
    for command in (["index", place / "photos"], ["search", place / "photos" / "0001.jpg"], ["index", "--verify"]):
        answer = visus(*command, "--index", place / "i.visus", code=2)
        assert "has lost all manifests" in answer.stderr
        assert "from a backup" in answer.stderr
        assert answer.stderr.count("\n") == 1
    assert not (place / "i.visus" / "checksums").exists()


@pytest.mark.parametrize("harm", [empty, flip, Path.unlink])
def test_damaged_manifests_in_a_place_that_cannot_be_written_are_one_sentence_that_helps(
    harm: Callable[[Path], None], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_files: LocalFiles, name: str, _content: bytes) -> None:
        raise OSError(errno.EROFS, "Read-only file system", name)

    manifests = list((place / "i.visus" / "pictures.lance" / "_versions").glob("*.manifest"))
    for manifest in manifests:
        harm(manifest)
    with monkeypatch.context() as patch:
        patch.setattr(LocalFiles, "write", refused)
        answer = visus("search", place / "photos" / "0001.jpg", "--index", place / "i.visus", code=2)
    assert "Read-only file system" in answer.stderr
    assert "copy the index to a place" in answer.stderr
    shutil.copytree(place / "i.visus", place / "copy.visus")
    answer = visus("search", place / "photos" / "0001.jpg", "--index", place / "copy.visus")
    assert "written again from their copies" in answer.stderr


def test_an_older_version_is_read_where_nothing_can_be_written(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = next(iter(checksums.manifests(LocalFiles(place / "i.visus")).values()))
    empty(place / "i.visus" / newest)
    monkeypatch.setattr(LocalFiles, "write", lambda *_: pytest.fail("it was written"))
    assert "is used instead" in Index(place / "i.visus").search(scene(1)).notes[0]


def test_what_was_recovered_is_said_once(place: Path) -> None:
    newest_of(place).unlink()
    index = Index(place / "i.visus")
    assert index.search(scene(1)).notes != []
    assert index.search(scene(1)).notes != []  # each answer tells of how old it is
    assert "are noted anew" in (index.add(place / "photos").note or "")
    assert index.search(scene(1)).notes == []
    assert index.verify().sound
    newest_of(place).unlink()
    assert "are noted anew" in (Index(place / "i.visus").verify(mend=True).note or "")
    newest_of(place).unlink()
    index = Index(place / "i.visus")
    index.prune()
    assert "are noted anew" in (index.news() or "")
    assert index.news() is None


def test_manifests_that_were_written_again_are_said_once(place: Path) -> None:
    for manifest in (place / "i.visus" / "pictures.lance" / "_versions").glob("*.manifest"):
        manifest.unlink()
    index = Index(place / "i.visus")
    assert "from their copies" in index.search(scene(1)).notes[0]
    assert index.search(scene(1)).notes == []
    assert index.verify().sound


def test_a_space_that_was_fitted_again_is_no_damage_any_more(place: Path) -> None:
    index = Index(place / "i.visus")
    for path in (place / "i.visus").glob("space-*"):
        path.unlink()
    assert "compared as they are" in index.search(scene(1)).notes[0]
    index.add(place / "photos")
    assert index.search(scene(1)).notes == []
    assert index.verify().sound


def test_what_a_mend_has_found_is_said_once(place: Path) -> None:
    newest_of(place).unlink()
    index = Index(place / "i.visus")
    assert index.verify(mend=True).note
    assert index.verify().sound
    newest_of(place).unlink()
    answer = visus("index", "--prune", "--index", place / "i.visus")
    assert "are noted anew" in answer.stderr


# Damage in many files -----------------------------------------------------------------------------------------------


def zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("harm", [cut, zeros])
def test_rows_that_cannot_be_read_are_taken_out_though_no_checksum_tells(
    harm: Callable[[Path], None], place: Path
) -> None:
    shutil.rmtree(place / "i.visus" / "checksums")
    for path in (place / "i.visus" / "pictures.lance" / "data").iterdir():
        harm(path)
    report = Index(place / "i.visus").add(place / "photos")
    assert (report.described, report.unreadable) == (10, [])
    assert "with 10 rows were missing or damaged" in (report.note or "")
    assert Index(place / "i.visus").verify().sound


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mend_first", [False, True])
def test_one_flipped_bit_in_every_file_ends_in_a_good_index_or_tells_the_way_out(
    seed: int, mend_first: bool, place: Path
) -> None:
    dice = random.Random(seed)
    for path in sorted((place / "i.visus").rglob("*")):
        if path.is_file() and path.stat().st_size:
            flip(path, dice.randrange(path.stat().st_size), dice.randrange(8))
    told = ""
    try:
        if mend_first:
            Index(place / "i.visus").verify(mend=True)
        Index(place / "i.visus").add(place / "photos")
    except PictureIndexError as error:
        told = str(error)
    if told:
        assert "index the pictures" in told  # again, or in a new folder
        return
    Index(place / "i.visus").verify(mend=True)
    index = Index(place / "i.visus")
    assert index.verify().sound
    assert len(index.search(scene(1), k=20)) == 10


def test_an_index_of_a_network_that_there_is_not_tells_the_way_out(place: Path) -> None:
    Store(place / "i.visus").tell(model="efFicientnet_lite0")  # as damage may leave it
    for command in (["index", place / "photos"], ["search", place / "photos" / "0001.jpg"]):
        assert "index the pictures in a new folder" in visus(*command, "--index", place / "i.visus", code=2).stderr
