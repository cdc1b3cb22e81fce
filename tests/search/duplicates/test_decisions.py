"""Decisions last, what may go is moved and never deleted, and results are kept."""

import json
import os
import shlex
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.command import visus
from tests.support.photographs import photographs
from visus import Index, InputError
from visus._errors import PictureIndexError
from visus.images import read, write
from visus.search.duplicates import decisions
from visus.search.duplicates.aside import JOURNAL, move_aside, move_back
from visus.search.files import LocalFiles


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


def test_decisions_at_the_same_time_are_all_noted(place: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    load = decisions.load
    monkeypatch.setattr(
        decisions, "load", lambda files: (load(files), time.sleep(0.1))[0]
    )  # all would read, then write
    pairs = [("a.png", "b.jpg"), ("a.png", "other.jpg"), ("b.jpg", "other.jpg")]

    def decide(pair: tuple[str, str]) -> int:
        return Index(index.location).decide([place / name for name in pair], "not-copies")

    with ThreadPoolExecutor(len(pairs)) as pool:
        assert list(pool.map(decide, pairs)) == [1, 1, 1]
    assert len(load(LocalFiles(Path(index.location)))) == len(pairs)


def test_decisions_need_two_pictures_of_the_index(place: Path, index: Index) -> None:
    with pytest.raises(InputError, match="two pictures"):
        index.decide([place / "a.png"], "not-copies")
    with pytest.raises(InputError, match="two pictures"):
        index.decide([place / "a.png", place / "." / "a.png"], "keep-both")
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


def test_a_file_is_known_by_all_its_names(place: Path, index: Index, tmp_path: Path) -> None:
    hard, soft, other = tmp_path / "hard.png", tmp_path / "soft.jpg", place / "other.jpg"
    os.link(place / "a.png", hard)
    soft.symlink_to(place / "b.jpg")
    assert index.decide([hard, soft], "not-copies") == 1
    assert index.decide([place / "a.png", place / "b.jpg"], "not-copies") == 0
    assert index.holds(hard)
    assert index.holds(soft)
    (tmp_path / "new.jpg").write_bytes(other.read_bytes()[:-1])
    assert not index.holds(tmp_path / "new.jpg")
    assert not index.holds(tmp_path / "nowhere.jpg")


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_names_of_one_file_are_no_pair(place: Path, index: Index, tmp_path: Path, link: Callable[..., None]) -> None:
    link(place / "a.png", tmp_path / "link.png")
    pair = (place / "a.png", tmp_path / "link.png")
    for word in ("keep-both", "not-copies"):
        told = visus("duplicates", "-i", index.location, "--decide", word, *pair, code=2).stderr
        assert "link.png is the same file as" in told
    assert index.decide(pair, "undecided") == 0


def test_a_file_that_the_index_knows_by_its_hard_link_is_found(place: Path) -> None:
    os.link(place / "other.jpg", place / "link.jpg")
    index = Index(place.with_suffix(".visus"))
    index.add(place)
    assert index.decide([place / "other.jpg", place / "a.png"], "not-copies") == 1
    assert index.decide([place / "link.jpg", place / "a.png"], "not-copies") == 0


def test_a_name_that_is_not_text_is_no_fault_of_the_index(place: Path, index: Index) -> None:
    odd = os.fsdecode(os.fsencode(str(place)) + b"/bad\xff.jpg")
    shutil.copy(place / "b.jpg", odd)
    at = ("--index", index.location, "--decide")
    assert "Noted for 1 pair" in visus("duplicates", *at, "not-copies", place / "a.png", odd).stdout
    assert "hold the same" in visus("duplicates", *at, "not-copies", place / "b.jpg", odd, code=2).stderr
    Path(odd).write_bytes(b"other")
    told = visus("duplicates", *at, "keep-both", place / "b.jpg", odd, code=2).stderr
    assert "its name is not UTF-8; rename it" in told
    assert not index.holds(odd)


@pytest.mark.parametrize("named", [True, False])
def test_the_command_that_is_named_after_a_move_runs(
    place: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    at = ("--index", index.location) if named else ()
    if not named:
        monkeypatch.setenv("VISUS_INDEX", str(index.location))
    for asked in (("--move-to", tmp_path / "a b"), ("--undo", tmp_path / "a b")):
        said = visus("duplicates", *at, *asked).stdout
        (command,) = [line.partition(": ")[2] for line in said.splitlines() if line.startswith("Then bring")]
        assert shlex.split(command) == ["visus", "index", str(place), "-i", str(index.location)]
        assert "in " in visus(*shlex.split(command)[1:]).stdout
    assert len(index.duplicates()[0].others) == 2


def test_who_moves_back_without_the_index_is_told_the_folders(place: Path, index: Index, tmp_path: Path) -> None:
    move_aside(index.duplicates(), tmp_path / "aside")
    said = visus("duplicates", "--undo", tmp_path / "aside", "-i", tmp_path / "none.visus").stdout
    assert f"visus index {place} -i INDEX" in said


def test_a_folder_below_another_one_is_not_named_beside_it(place: Path, index: Index, tmp_path: Path) -> None:
    (place / "below").mkdir()
    (place / "below" / "again.jpg").write_bytes((place / "b.jpg").read_bytes())
    index.add(place)
    move_aside(index.duplicates(), tmp_path / "aside")
    said = visus("duplicates", "--undo", tmp_path / "aside", "-i", tmp_path / "none.visus").stdout
    assert "3 files" in said
    assert f"visus index {place} -i INDEX" in said


def test_damaged_decisions_are_one_sentence(place: Path, index: Index) -> None:
    Path(str(index.location), "decisions.json").write_text('{"pairs": [["zz", 1]]}')
    with pytest.raises(PictureIndexError, match=r"decisions\.json.*are damaged"):
        index.duplicates()


@pytest.mark.parametrize("word", ["foo", "", "Not-Copies", 1])
def test_a_decision_that_is_none_is_refused_before_it_is_written(place: Path, index: Index, word: object) -> None:
    with pytest.raises(InputError, match=r"one of 'not-copies', 'keep-both', 'undecided', not"):
        index.decide([place / "a.png", place / "b.jpg"], word)  # pyright: ignore[reportArgumentType]
    assert not Path(index.location, "decisions.json").exists()


def test_undecided_is_the_word_for_no_decision(place: Path, index: Index) -> None:
    pair = [place / "a.png", place / "b.jpg"]
    assert index.decide(pair, "undecided") == 0
    assert index.decide(pair, "not-copies") == 1
    assert index.decide(pair, "undecided") == 1
    assert len(index.duplicates()[0].others) == 2


@pytest.fixture
def decided(place: Path, index: Index) -> Path:
    """The file of one decision."""
    index.decide([place / "a.png", place / "b.jpg"], "not-copies")
    return Path(index.location, "decisions.json")


def test_every_flipped_bit_and_every_cut_of_decisions_is_noticed(decided: Path) -> None:
    files = LocalFiles(decided.parent)
    content = decided.read_bytes()
    known = decisions.load(files)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        decided.write_bytes(changed)
        assert decisions.damaged(files) == ["decisions.json"], bytes(changed)
        decided.write_bytes(content[:place])
        with pytest.raises(PictureIndexError, match="--verify --mend"):
            decisions.load(files)
    assert decisions.mend(files)
    assert decisions.load(files) == known


@pytest.mark.parametrize("damage", ["flipped", "cut", "missing"])
def test_damaged_decisions_are_told_and_come_back_from_their_copy(
    place: Path, index: Index, decided: Path, damage: str, tmp_path: Path
) -> None:
    content = decided.read_bytes()
    at = ("--index", index.location)
    if damage == "missing":
        decided.unlink()
    else:
        decided.write_bytes(content[:40] if damage == "cut" else content.replace(b"not-copies", b"not-bopies"))
    assert "decisions.json" in visus("duplicates", *at, "--move-to", tmp_path / "aside", code=2).stderr
    pair = (place / "a.png", place / "b.jpg")
    assert "decisions.json" in visus("duplicates", *at, "--decide", "keep-both", *pair, code=2).stderr
    assert "damaged file: decisions.json" in visus("index", *at, "--verify", code=2).stderr
    said = visus("index", *at, "--verify", code=2).stderr.splitlines()[-1]
    command = shlex.split(said.partition("run: ")[2])
    assert "decisions on duplicates and their copy are whole again" in visus(*command[1:]).stdout
    assert decided.read_bytes() == content
    assert "Everything is as it was written" in visus("index", *at, "--verify").stdout


def test_a_damaged_copy_of_decisions_is_told_and_written_again(index: Index, decided: Path) -> None:
    copy = decided.with_name("decisions.copy.json")
    copy.write_bytes(copy.read_bytes()[:-9])
    assert index.verify().damaged_files == [copy.name]
    assert len(index.duplicates()) == 1
    assert index.verify(mend=True).sound
    assert copy.read_bytes() == decided.read_bytes()


def test_decisions_without_a_sound_copy_are_lost_and_that_is_said(index: Index, decided: Path) -> None:
    for file in (decided, decided.with_name("decisions.copy.json")):
        file.write_bytes(file.read_bytes()[:-9])
    found = visus("index", "--index", index.location, "--verify", "--mend", "--json", code=2)
    assert json.loads(found.stdout)["decisions_lost"]
    assert "decide again" in found.stderr


def test_decisions_of_an_earlier_visus_get_a_checksum_when_they_are_written(place: Path, index: Index) -> None:
    index.decide([place / "a.png", place / "b.jpg"], "keep-both")
    file = Path(index.location, "decisions.json")
    file.write_text(json.dumps({"pairs": json.loads(file.read_bytes())["pairs"]}))
    file.with_name("decisions.copy.json").unlink()
    assert index.verify().sound
    index.decide([place / "a.png", place / "other.jpg"], "not-copies")
    values = json.loads(file.read_bytes())
    assert len(values["pairs"]) == 2
    assert values["checksum"]


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


def test_without_copies_no_folder_and_no_sheet_are_made_and_that_is_said(place: Path, tmp_path: Path) -> None:
    for name in ("b.jpg", "c.jpg"):
        (place / name).unlink()
    Index(tmp_path / "i.visus").add(place)
    at = ("--index", tmp_path / "i.visus")
    assert "There is no group to show" in visus("duplicates", *at, "--sheet", tmp_path / "s.png").stderr
    visus("duplicates", *at, "--move-to", tmp_path / "new" / "aside")
    visus("duplicates", "--index", tmp_path / "none.visus", "--move-to", tmp_path / "new", code=2)
    assert not (tmp_path / "s.png").exists()
    assert not (tmp_path / "new").exists()


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
