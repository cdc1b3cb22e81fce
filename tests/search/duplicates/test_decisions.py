"""Decisions last, what may go is moved and never deleted, and results are kept."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.command import visus
from tests.support.photographs import photographs
from visus import Index, InputError
from visus._errors import PictureIndexError
from visus.images import read, write
from visus.search.duplicates.aside import JOURNAL, move_aside, move_back


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a photograph, a copy in lower quality, its double, and another photograph."""
    folder = tmp_path / "p"
    folder.mkdir()
    picture = read(photographs()["coffee"])
    write(folder / "a.png", picture)
    write(folder / "b.jpg", picture, quality=70)
    shutil.copy(folder / "b.jpg", folder / "c.jpg")
    write(folder / "other.jpg", read(photographs()["rocket"]))
    return folder


@pytest.fixture
def index(place: Path) -> Index:
    """Its index."""
    index = Index(place.with_suffix(".visus"))
    index.add(place)
    return index


@pytest.mark.parametrize("decision", ["not-copies", "keep-both"])
def test_a_decision_survives_scans_and_moves_and_can_be_taken_back(place: Path, index: Index, decision: str) -> None:
    assert index.decide([place / "a.png", place / "b.jpg"], decision) == 1  # pyright: ignore[reportArgumentType]
    moved = place / "elsewhere"
    moved.mkdir()
    for name in ("a.png", "b.jpg"):
        (place / name).rename(moved / name)
    index.add(place)
    found = Index(index.location).duplicates()
    assert [str(copy.relation) for group in found for copy in group.others] == ["byte-identical"]
    assert any("since you decided" in note for note in found.notes)
    assert index.decide([moved / "a.png", moved / "b.jpg"], None) == 1
    assert len(index.duplicates()[0].others) == 2


def test_decisions_need_two_pictures_of_the_index(place: Path, index: Index) -> None:
    with pytest.raises(InputError, match="two pictures"):
        index.decide([place / "a.png"], "not-copies")
    with pytest.raises(InputError, match="not in the index"):
        index.decide([place / "a.png", place / "none.jpg"], "not-copies")
    with pytest.raises(InputError, match="hold the same"):
        index.decide([place / "b.jpg", place / "c.jpg"], "not-copies")


def test_equal_files_may_both_stay(place: Path, index: Index) -> None:
    assert index.decide([place / "b.jpg", place / "c.jpg"], "keep-both") == 1
    (group,) = index.duplicates()
    assert [Path(copy.path).name for copy in group.others] == ["b.jpg"]
    (place / "a.png").unlink()
    index.add(place)
    assert index.duplicates() == []


def test_damaged_decisions_are_one_sentence(place: Path, index: Index) -> None:
    Path(str(index.location), "decisions.json").write_text('{"pairs": [["zz", 1]]}')
    with pytest.raises(PictureIndexError, match=r"decisions\.json.*are damaged"):
        index.duplicates()


def test_what_may_go_is_moved_and_comes_back(place: Path, index: Index, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    moved = move_aside(index.duplicates(), tmp_path / "aside")
    assert sorted(path.name for path in place.iterdir()) == ["a.png", "other.jpg"]
    assert sorted(Path(origin).name for origin, _ in moved.files) == ["b.jpg", "c.jpg"]
    assert all(Path(target).read_bytes() == before[Path(origin).name] for origin, target in moved.files)
    assert move_aside(index.duplicates(), tmp_path / "aside").files == []
    back = move_back(tmp_path / "aside")
    assert len(back.files) == 2
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    with pytest.raises(InputError, match="no journal"):
        move_back(tmp_path / "aside")


def test_nothing_moves_whose_kept_picture_changed_meanwhile(place: Path, index: Index, tmp_path: Path) -> None:
    found = index.duplicates()
    (place / "a.png").write_bytes(b"")
    moved = move_aside(found, tmp_path / "aside")
    assert moved.files == []
    assert all("no longer what the index says" in sentence for sentence in moved.left)
    assert (place / "b.jpg").exists()


def test_moves_replace_no_file(place: Path, index: Index, tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    there = aside / (place / "b.jpg").relative_to(place.anchor)
    there.parent.mkdir(parents=True)
    there.write_bytes(b"mine")
    move_aside(index.duplicates(), aside)
    assert there.read_bytes() == b"mine"
    (place / "b.jpg").write_bytes(b"new")
    back = move_back(aside)
    assert (place / "b.jpg").read_bytes() == b"new"
    assert len(back.left) == 1
    assert (aside / JOURNAL).exists()


def test_moving_into_the_folder_of_what_is_kept_is_refused(place: Path, index: Index) -> None:
    with pytest.raises(InputError, match="choose another folder"):
        move_aside(index.duplicates(), place)


def test_a_result_is_kept_until_the_index_changes(place: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    first = index.duplicates_kept()
    assert len(first["groups"]) == 1
    monkeypatch.setattr(Index, "duplicates", lambda *_args, **_options: pytest.fail("was looked for again"))
    assert index.duplicates_kept() == first
    monkeypatch.undo()
    index.decide([place / "a.png", place / "b.jpg"], "keep-both")
    assert index.duplicates_kept() != first
    os.remove(place / "c.jpg")
    index.add(place)
    assert index.duplicates_kept()["groups"] == []


def test_the_command_decides_moves_and_undoes(place: Path, index: Index, tmp_path: Path) -> None:
    at = ("--index", index.location)
    answer = visus("duplicates", *at)
    assert "re-encoded" in answer.stdout
    assert "(less compressed)" in answer.stdout
    assert json.loads(
        visus("duplicates", *at, "--decide", "keep-both", place / "a.png", place / "b.jpg", "--json").stdout
    ) == {
        "decision": "keep-both",
        "changed": 1,
    }
    visus("duplicates", *at, "--decide", "undecided", place / "a.png", place / "b.jpg")
    assert "Moved 2 files" in visus("duplicates", *at, "--move-to", tmp_path / "aside").stdout
    assert not (place / "b.jpg").exists()
    assert len(json.loads(visus("duplicates", "--undo", tmp_path / "aside", "--json").stdout)["moved"]) == 2
    assert (place / "b.jpg").exists()
    refused = visus("duplicates", *at, place / "a.png", code=2)
    assert "--decide not-copies a.jpg b.jpg" in refused.stderr
    assert "best, largest, oldest" in visus("duplicates", *at, "--keep", "newest", code=2).stderr


def test_scenes_are_listed_apart(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    picture = read(photographs()["chelsea"])
    for number in range(3):
        shot = picture.copy()
        shot[100:200, 40 + 120 * number : 140 + 120 * number] = 200
        write(folder / f"{number}.jpg", shot, quality=95)
    index = Index(tmp_path / "i.visus")
    index.add(folder)
    at = ("--index", index.location)
    assert "1 stack of one scene (--scenes)" in visus("duplicates", *at).stdout
    assert "burst, no copies:" in visus("duplicates", *at, "--scenes").stdout
    assert "stacks" not in json.loads(visus("duplicates", *at, "--json").stdout)
    assert [s["kind"] for s in json.loads(visus("duplicates", *at, "--scenes", "--json").stdout)["stacks"]] == ["burst"]
