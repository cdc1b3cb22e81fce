"""Moves lose nothing: on full disks, where files change meanwhile, in renamed folders, when work is cut off."""

import errno
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.support.command import visus
from visus import InputError
from visus.search.duplicates import aside, journal, moving
from visus.search.duplicates.aside import JOURNAL, move_aside, move_back
from visus.search.duplicates.members import Copy, DuplicateGroup, Member

NAMES = ("b.jpg", "c.jpg", "d.jpg")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a file that is kept and three that may go."""
    folder = tmp_path / "p"
    folder.mkdir()
    for name in ("a.png", *NAMES):
        (folder / name).write_bytes(name.encode() * 100)
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A folder for what is moved, not made yet."""
    return tmp_path / "aside"


@pytest.fixture
def two_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hard links, as between two disks."""

    def link(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", link)


def _member(path: Path) -> tuple[int, str, int, int, int, int, bytes]:
    about, hash = path.stat(), hashlib.blake2b(path.read_bytes(), digest_size=16).digest()
    return 0, str(path), 10, 10, about.st_size, about.st_mtime_ns, hash


def _groups(place: Path, names: tuple[str, ...] = NAMES) -> list[DuplicateGroup]:
    return [DuplicateGroup(Member(*_member(place / "a.png")), [Copy(*_member(place / name)) for name in names])]


def _inside(target: Path, path: Path) -> Path:
    return target / path.relative_to(path.anchor)


def _contents(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.iterdir()}


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def _before_unlink(monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], None]) -> None:
    """Do something just before the first name of a file is taken away."""
    real = moving.unlink

    def unlink(path: Path, seen: os.stat_result) -> None:
        act(path)
        real(path, seen)

    monkeypatch.setattr(moving, "unlink", unlink)


# Undo finds the files -----------------------------------------------------------------------------------------


def test_a_folder_that_was_renamed_gives_everything_back(place: Path, target: Path) -> None:
    before = _contents(place)
    move_aside(_groups(place), target)
    assert not any(Path(json.loads(line)["to"]).is_absolute() for line in (target / JOURNAL).read_text().splitlines())
    renamed = target.rename(target.with_name("elsewhere"))
    back = move_back(renamed)
    assert (len(back.files), back.left) == (3, [])
    assert _contents(place) == before
    assert _files(renamed) == []


def test_an_earlier_journal_with_absolute_places_works_in_a_renamed_folder(place: Path, target: Path) -> None:
    before = _contents(place)
    move_aside(_groups(place), target)
    lines = [json.loads(line) for line in (target / JOURNAL).read_text().splitlines()]
    old = [{**line, "to": str(target / line["to"])} for line in lines]
    (target / JOURNAL).write_text("".join(json.dumps(line) + "\n" for line in old))
    assert len(move_back(target.rename(target.with_name("elsewhere"))).files) == 3
    assert _contents(place) == before


def test_the_journal_keeps_what_is_not_back(place: Path, target: Path) -> None:
    move_aside(_groups(place), target)
    taken = _inside(target, place / "c.jpg").rename(target.parent / "taken")
    answer = visus("duplicates", "--undo", target, code=2)
    assert "c.jpg is not back: nothing is at" in answer.stderr
    assert "Moved 2 files" in answer.stdout
    assert "1 left" in answer.stdout
    assert [json.loads(line)["from"] for line in (target / JOURNAL).read_text().splitlines()] == [str(place / "c.jpg")]
    assert len(json.loads(visus("duplicates", "--undo", target, "--json", code=2).stdout)["left"]) == 1
    taken.rename(_inside(target, place / "c.jpg"))
    assert len(json.loads(visus("duplicates", "--undo", target, "--json").stdout)["moved"]) == 1
    assert not (target / JOURNAL).exists()


def test_a_move_that_was_noted_and_not_made_is_passed_over(place: Path, target: Path) -> None:
    move_aside(_groups(place, ("b.jpg",)), target)
    with journal.JournalWriter(target) as writer:
        _, path, *_, hash = _member(place / "c.jpg")
        writer.note(Path(path), Path("c.jpg"), hash)
    back = move_back(target)
    assert (len(back.files), back.left) == (1, [])
    assert not (target / JOURNAL).exists()


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "[" * 9999,
        "\xff",
        '{"from": "/x", "to": "../x", "hash": "00"}',
        '{"from": "x", "to": "x", "hash": "00"}',
        '{"from": "/x\\u0000", "to": "x", "hash": "00"}',
        '{"from": "/\\ud800", "to": "x", "hash": "00"}',
    ],
)
def test_lines_that_cannot_be_understood_are_said_and_the_others_come_back(
    place: Path, target: Path, line: str
) -> None:
    before = _contents(place)
    move_aside(_groups(place), target)
    first, *others = (target / JOURNAL).read_bytes().splitlines(keepends=True)
    (target / JOURNAL).write_bytes(first + line.encode("latin-1") + b"\n" + b"".join(others))
    answer = visus("duplicates", "--undo", target, code=2)
    assert "Line 2 of" in answer.stderr
    assert _contents(place) == before
    assert (target / JOURNAL).read_bytes() == line.encode("latin-1") + b"\n"


def test_a_folder_without_a_journal_is_one_sentence(place: Path) -> None:
    assert "no journal of moves" in visus("duplicates", "--undo", place / "a.png", code=2).stderr


# Full disks ---------------------------------------------------------------------------------------------------


class _Full(io.FileIO):
    """A journal on a disk that has room for a line and a half."""

    lines = 0

    def write(self, data: "memoryview[int]") -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.lines += 1
        if self.lines == 1:
            return super().write(data)
        if self.lines == 2:
            return super().write(data[:30])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_rest_and_undo_brings_all_back(
    place: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _contents(place)
    opened: list[_Full] = []

    def open_full(path: Path, *_arguments: object, **_options: object) -> _Full:
        opened.append(_Full(path, "a+"))
        return opened[-1]

    with monkeypatch.context() as patch:
        patch.setattr(journal, "open", open_full, raising=False)
        moved = move_aside(_groups(place), target)
    assert len(moved.files) == 1
    assert [sentence.rpartition(": ")[2] for sentence in moved.left] == ["No space left on device"] * 2
    assert opened[0].lines == 3  # the third file was not tried
    assert len((target / JOURNAL).read_text().splitlines()) == 1
    assert len(move_aside(_groups(place, ("c.jpg", "d.jpg")), target).files) == 2
    assert len(move_back(target).files) == 3
    assert _contents(place) == before


def test_a_line_that_was_cut_off_is_ended_before_the_next(place: Path, target: Path) -> None:
    target.mkdir()
    (target / JOURNAL).write_text('{"from": "/cut')
    move_aside(_groups(place), target)
    back = move_back(target)
    assert len(back.files) == 3
    assert [sentence.partition(" of")[0] for sentence in back.left] == ["Line 1"]


@pytest.mark.usefixtures("two_disks")
def test_a_copy_that_finds_no_room_leaves_nothing_behind(
    place: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy(_origin: Path, temporary: Path, **_options: object) -> None:
        temporary.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = _contents(place)
    monkeypatch.setattr(shutil, "copy2", copy)
    moved = move_aside(_groups(place), target)
    assert (moved.files, len(moved.left)) == ([], 3)
    assert _contents(place) == before
    assert _files(target) == []


@pytest.mark.usefixtures("two_disks")
def test_a_copy_that_differs_is_not_taken_for_the_file(
    place: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _contents(place)
    monkeypatch.setattr(shutil, "copy2", lambda _origin, temporary, **_options: temporary.write_bytes(b"bad"))
    assert len(move_aside(_groups(place), target).left) == 3
    assert _contents(place) == before
    assert _files(target) == []


# Files that change meanwhile ----------------------------------------------------------------------------------


@pytest.mark.parametrize("disks", [1, 2])
def test_a_picture_that_is_saved_anew_meanwhile_is_left(
    place: Path, target: Path, disks: int, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if disks == 2:
        request.getfixturevalue("two_disks")

    def save(path: Path) -> None:
        if path.name == "c.jpg":
            path.with_name("new").write_bytes(path.read_bytes() + b"new")
            path.with_name("new").rename(path)

    before = _contents(place)
    groups = _groups(place)
    _before_unlink(monkeypatch, save)
    moved = move_aside(groups, target)
    assert len(moved.files) == 2
    assert "c.jpg was left: it was saved anew" in moved.left[0]
    assert (place / "c.jpg").read_bytes() == before["c.jpg"] + b"new"
    assert _files(target) == ["b.jpg", "d.jpg", JOURNAL]
    assert move_back(target).left == []


def test_a_picture_that_is_taken_away_meanwhile_is_not_lost(
    place: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _before_unlink(monkeypatch, lambda path: path.unlink())
    moved = move_aside(_groups(place), target)
    assert len(moved.files) == 3
    assert _files(target) == [*NAMES, JOURNAL]


def test_the_only_name_of_a_file_is_never_taken_away(
    place: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sync(_places: list[Path]) -> None:  # the disk fails just when somebody else takes the file away
        (place / "b.jpg").unlink()
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    groups = _groups(place, ("b.jpg",))
    monkeypatch.setattr(moving, "sync", sync)
    assert len(move_aside(groups, target).left) == 1
    assert _files(target) == ["b.jpg", JOURNAL]
    monkeypatch.undo()
    assert len(move_back(target).files) == 1


@pytest.mark.usefixtures("two_disks")
def test_a_copy_is_made_beside_files_of_the_user(place: Path, target: Path) -> None:
    own = _inside(target, place / ".b.jpg.part")
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    assert len(move_aside(_groups(place), target).files) == 3
    assert own.read_bytes() == b"mine"
    assert _files(target) == [".b.jpg.part", *NAMES, JOURNAL]


@pytest.mark.parametrize("disks", [1, 2])
def test_the_longest_names_move_and_longer_ones_are_left(
    place: Path, target: Path, disks: int, request: pytest.FixtureRequest
) -> None:
    if disks == 2:
        request.getfixturevalue("two_disks")
    long, taken = "l" * 251 + ".jpg", "t" * 251 + ".jpg"
    for name in (long, taken):
        (place / name).write_bytes(name.encode())
    _inside(target, place / taken).parent.mkdir(parents=True)
    _inside(target, place / taken).write_bytes(b"mine")  # the next free name, with a number, is too long
    moved = move_aside(_groups(place, (taken, long, "b.jpg")), target)
    assert [Path(origin).name for origin, _ in moved.files] == [long, "b.jpg"]
    assert [sentence.rpartition(": ")[2] for sentence in moved.left] == ["File name too long"]
    assert (place / taken).exists()
    assert len(move_back(target).files) == 2


# Undo of what is no longer what it was ------------------------------------------------------------------------


@pytest.mark.usefixtures("two_disks")
def test_between_disks_a_file_that_was_changed_is_left_and_the_others_come_back(place: Path, target: Path) -> None:
    move_aside(_groups(place), target)
    _inside(target, place / "c.jpg").write_bytes(b"changed")
    back = move_back(target)
    assert sorted(Path(origin).name for _, origin in back.files) == ["b.jpg", "d.jpg"]
    assert "c.jpg is not back: it was changed" in back.left[0]
    assert len((target / JOURNAL).read_text().splitlines()) == 1
    assert _files(target) == ["c.jpg", JOURNAL]


def test_on_one_disk_a_file_that_was_changed_comes_back_and_that_is_said(place: Path, target: Path) -> None:
    move_aside(_groups(place), target)
    _inside(target, place / "c.jpg").write_bytes(b"changed")
    answer = visus("duplicates", "--undo", target)
    assert "c.jpg is back; it was changed" in answer.stderr
    assert (place / "c.jpg").read_bytes() == b"changed"


def test_a_folder_that_is_made_anew_is_said(place: Path, target: Path) -> None:
    move_aside(_groups(place), target)
    shutil.rmtree(place)
    back = move_back(target)
    assert (len(back.files), back.notes) == (3, [f"{place} was missing and is made anew"])


@pytest.mark.parametrize("disks", [1, 2])
def test_a_move_that_was_killed_between_its_names_is_finished(
    place: Path, target: Path, disks: int, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if disks == 2:
        request.getfixturevalue("two_disks")

    def kill(path: Path) -> None:
        if path.name == "c.jpg":
            raise KeyboardInterrupt

    before = _contents(place)
    with monkeypatch.context() as patch:
        _before_unlink(patch, kill)
        with pytest.raises(KeyboardInterrupt):
            move_aside(_groups(place), target)
    assert (place / "c.jpg").exists()
    assert _inside(target, place / "c.jpg").exists()
    back = move_back(target)
    assert (len(back.files), back.left) == (2, [])
    assert _contents(place) == before
    assert _files(target) == []


@pytest.mark.parametrize("link", ["file", "folder"])
def test_a_link_back_into_the_folder_loses_nothing(place: Path, target: Path, link: str) -> None:
    move_aside(_groups(place, ("b.jpg",)), target)
    there = _inside(target, place / "b.jpg")
    content = there.read_bytes()
    if link == "file":
        (place / "b.jpg").symlink_to(there)
    else:
        shutil.rmtree(place)
        place.symlink_to(there.parent)
    move_back(target)
    assert there.read_bytes() == content


# What cannot be -----------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_is_one_sentence(place: Path) -> None:
    with pytest.raises(InputError, match="is a file; name a folder"):
        aside.folder_for(place / "a.png")
    with pytest.raises(InputError, match="cannot be made"):
        move_aside(_groups(place), place / "a.png" / "x")


def test_the_folder_of_what_is_kept_is_refused_by_a_link_too(place: Path, target: Path) -> None:
    target.symlink_to(place)
    with pytest.raises(InputError, match="choose another folder"):
        move_aside(_groups(place), target)


def test_where_nothing_goes_no_journal_is_made(place: Path, target: Path) -> None:
    move_aside([], target)
    (place / "a.png").write_bytes(b"")
    groups = _groups(place)
    (place / "a.png").write_bytes(b"changed")
    assert len(move_aside(groups, target / "below").left) == 3
    assert not target.exists()


def test_who_comes_second_to_a_folder_is_told(place: Path, target: Path) -> None:
    groups = _groups(place)
    move_aside(_groups(place, ("b.jpg",)), target)
    with FileLock(target / ".visus-moved.lock"):
        with pytest.raises(InputError, match="Another visus moves files to or from"):
            move_aside(groups, target)
        told = visus("duplicates", "--undo", str(target), code=2)
    assert "Another visus moves files" in told.stderr
    assert [move.origin.name for move in journal.Journal.read(target).moves] == ["b.jpg"]
    assert (place / "c.jpg").exists()
    assert len(move_back(target).files) == 1


def test_of_two_who_move_the_same_each_file_goes_once(place: Path, tmp_path: Path) -> None:
    names = tuple(f"{number}.jpg" for number in range(40))
    for name in names:
        (place / name).write_bytes(name.encode() * 100)
    groups, targets = _groups(place, names), (tmp_path / "one", tmp_path / "two")
    with ThreadPoolExecutor(2) as pool:
        moved = list(pool.map(lambda folder: move_aside(groups, folder), targets))
    for name in names:
        assert sum(_inside(folder, place / name).exists() for folder in targets) == 1
    assert sorted(origin for own in moved for origin, _ in own.files) == sorted(str(place / name) for name in names)
    for folder in targets:
        if (folder / JOURNAL).exists():
            move_back(folder)
    assert all((place / name).read_bytes() == name.encode() * 100 for name in names)


def test_what_another_program_moved_meanwhile_is_moved_once(
    place: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def and_another(origin: Path, goal: Path, **options: bool) -> None:
        link(origin, goal, **options)
        os.rename(origin, tmp_path / "elsewhere.jpg")

    groups = _groups(place, ("b.jpg",))
    monkeypatch.setattr(os, "link", and_another)
    moved = move_aside(groups, target)
    assert moved.files == []
    assert moved.left == [f"{place / 'b.jpg'} was left: another program has moved it meanwhile"]
    assert not _inside(target, place / "b.jpg").exists()
    assert (tmp_path / "elsewhere.jpg").exists()
    assert not (target / JOURNAL).exists()


def test_a_copy_comes_back_if_another_program_put_aside_what_is_kept(
    place: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = _groups(place, ("b.jpg", "c.jpg"))

    def and_another(origin: Path, goal: Path, **options: Any) -> None:
        moving.move(origin, goal, **options)
        if (place / "a.png").exists():
            os.rename(place / "a.png", tmp_path / "a.png")

    monkeypatch.setattr(aside, "move", and_another)
    moved = move_aside(groups, target)
    assert moved.files == []
    assert moved.left[0].endswith("b.jpg was left: the file that is kept is no longer there, so it is back")
    assert all((place / name).read_bytes() == name.encode() * 100 for name in NAMES)
    assert not (target / JOURNAL).exists()
