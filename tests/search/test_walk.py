"""Finding picture files."""

import os
from pathlib import Path

import pytest

from tests.support.pictures import folder_of
from visus import InputError
from visus.search.walk import Failure, Found, Passed, roots_of, walk


def _names(root: Path, *exclude: str) -> list[str]:
    found = [entry for entry in walk([str(root)], exclude) if isinstance(entry, Found)]
    return [os.path.relpath(entry.path, root) for entry in found]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.jpg", "sub dir/ü 北京.PNG", "sub dir/deep/c.tiff", "notes.txt", ".hidden/x.jpg", ".y.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    folder_of(tmp_path / "photos.visus", 1)
    return tmp_path


def test_walk_is_ordered_and_passes_over_hidden_files_and_indexes(tree: Path) -> None:
    assert _names(tree) == ["a.jpg", "sub dir/ü 北京.PNG", "sub dir/deep/c.tiff"]


def test_exclude_by_name_by_path_and_by_folder(tree: Path) -> None:
    assert _names(tree, "*.PNG") == ["a.jpg", "sub dir/deep/c.tiff"]
    assert _names(tree, "sub dir/deep/*") == ["a.jpg", "sub dir/ü 北京.PNG"]
    assert _names(tree, "sub dir") == ["a.jpg"]


def test_loops_of_links_end_and_each_folder_is_entered_once(tree: Path) -> None:
    before = _names(tree)
    (tree / "sub dir" / "up").symlink_to(tree, target_is_directory=True)
    (tree / "again").symlink_to(tree / "sub dir", target_is_directory=True)
    (tree / "0.jpg").symlink_to(tree / "a.jpg")
    (tree / "me").symlink_to(tree / "me")
    assert _names(tree) == before  # the real files, not the links to them


def test_links_that_lead_elsewhere_are_followed_once(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    folder_of(elsewhere, 1)
    (elsewhere / "back").symlink_to(elsewhere, target_is_directory=True)
    (tree / "link").symlink_to(elsewhere, target_is_directory=True)
    (tree / "other").symlink_to(elsewhere, target_is_directory=True)
    (tree / "z.jpg").symlink_to(elsewhere / "0000.jpg")
    found = [entry.path for entry in walk([str(tree)]) if isinstance(entry, Found)]
    assert found.count(str(elsewhere / "0000.jpg")) == 1  # by its real path, never the link
    assert len(found) == 4
    links = [entry.path for entry in walk([str(tree)]) if isinstance(entry, Passed) and entry.why == "link"]
    assert len(links) == 1


def test_a_folder_named_like_a_picture_is_entered(tree: Path) -> None:
    folder_of(tree / "x.jpg", 1)
    assert "x.jpg/0000.jpg" in _names(tree)


def test_broken_links_and_pipes_are_failures_with_a_mend(tree: Path) -> None:
    (tree / "broken.jpg").symlink_to(tree / "nowhere.jpg")
    os.mkfifo(tree / "pipe.jpg")
    failures = [entry for entry in walk([str(tree)]) if isinstance(entry, Failure)]
    assert [Path(f.path).name for f in failures] == ["broken.jpg", "pipe.jpg"]
    assert all(f.path in f.message and f.message.endswith(".") for f in failures)


def test_a_name_that_is_not_utf8_is_a_failure(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9.jpg", "wb"):
        pass
    (failure,) = walk([str(tmp_path)])
    assert isinstance(failure, Failure)
    failure.message.encode("utf-8")
    assert "not UTF-8" in failure.message


def test_a_named_file_is_taken_whatever_its_ending_and_once(tree: Path) -> None:
    file = str(tree / "notes.txt")
    assert [entry.path for entry in walk([file, file])] == [file]
    again = walk([str(tree), str(tree / "a.jpg"), str(tree)])
    assert len([entry for entry in again if isinstance(entry, Found)]) == 3


def test_a_time_beyond_what_the_index_holds(tmp_path: Path) -> None:
    (path,) = folder_of(tmp_path, 1)
    os.utime(path, (0, 10_000_000_000))
    (found,) = walk([str(tmp_path)])
    assert isinstance(found, Found)
    assert found.mtime < 2**63


def test_a_missing_root_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        roots_of([tmp_path / "unmounted"])
