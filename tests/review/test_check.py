"""``visus check``: what is wrong with a set, from Python and from the command line."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import visus
from tests.server.test_sentences import is_translated
from tests.support import boxed, masked
from tests.support.command import visus as command
from tests.support.labeled import idx_folder, texture, write_class
from tests.support.pictures import folder_of, scene
from visus.review.findings import COLUMNS, PROBLEMS


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes in splits, with one of each fault."""
    root = tmp_path_factory.mktemp("faulty") / "set"
    for split, count, first in (("train", 16, 0), ("test", 6, 40)):
        for label, name in enumerate(("blob", "checks", "stripes")):
            write_class(root / split / name, label, count, first=first, side=96)
    train = root / "train"
    write_class(root / "extra", 1, 1, first=90, side=96)
    (root / "extra" / "0090.png").rename(train / "blob" / "is-checks.png")
    (root / "extra").rmdir()
    shutil.copy(train / "blob" / "0000.png", root / "test" / "blob" / "leaked.png")
    shutil.copy(train / "blob" / "0001.png", train / "stripes" / "is-blob.png")
    shutil.copy(train / "blob" / "0002.png", train / "blob" / "again.png")
    Image.fromarray(np.full((96, 96, 3), 255, np.uint8)).save(train / "blob" / "white.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 20, (96, 96, 3), np.uint8)).save(train / "checks" / "dark.png")
    Image.fromarray(scene(3, 900, 96)).save(train / "checks" / "long.png")
    (train / "checks" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return root


def test_each_fault_is_found_where_it_is(faulty: Path) -> None:
    found = visus.check(faulty)
    assert [own.why for own in found.findings if not is_translated(own.why)] == []  # the page shows them
    at = {(own.file, own.problem): own for own in found.findings}
    assert at["train/blob/is-checks.png", "wrong-label"].predicted_label == "checks"
    assert at["train/blob/0000.png", "leak"].other == "test/blob/leaked.png"
    assert at["train/blob/0001.png", "twin-other-label"].other == "train/stripes/is-blob.png"
    assert at["train/stripes/is-blob.png", "twin-other-label"].given_label == "stripes"
    assert ("train/blob/again.png", "twin") in at or ("train/blob/0002.png", "twin") in at
    assert ("train/blob/white.png", "blown-out") in at
    assert ("train/blob/white.png", "low-information") in at
    assert ("train/checks/dark.png", "dark") in at
    assert ("train/checks/long.png", "odd-ratio") in at
    assert ("train/checks/broken.png", "unreadable") in at
    assert [own.problem for own in found.findings] == sorted(
        (own.problem for own in found.findings), key=list(PROBLEMS).index
    )
    assert found.counts == {"blob": 26, "checks": 24, "stripes": 23}
    assert found.drawn() is not None


def test_wrong_labels_are_named_from_a_certainty_on(faulty: Path) -> None:
    some, more = (
        {own.file for own in visus.check(faulty, only=["wrong-label"], certainty=least).findings}
        for least in (0.9, 0.5)
    )
    assert some <= more
    assert "train/blob/is-checks.png" in more
    with pytest.raises(visus.InputError, match=r"from 0\.5 to 1"):
        visus.check(faulty, certainty=0.2)


def test_good_pictures_have_no_findings(tmp_path: Path) -> None:
    for label, name in enumerate(("blob", "checks", "stripes")):
        write_class(tmp_path / name, label, 12, side=96)
    found = visus.check(tmp_path)
    assert not found.findings
    assert "Nothing was found." in found.describe()
    assert found.drawn() is None


def test_the_table_leaves_out_and_relabels(faulty: Path, tmp_path: Path) -> None:
    table = tmp_path / "check.csv"
    told = command("check", faulty, "--out", table, "--only", "wrong-label", "--only", "leak").stdout
    assert "wrong-label: the picture looks like another class" in told
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert {row["problem"] for row in rows} == {"wrong-label", "leak"}
    assert not any(row["decision"] or row["new_label"] for row in rows)
    whole, less = visus.data.load(faulty), visus.data.load(faulty, without=table)
    gone = len({row["file"] for row in rows})
    assert sum(map(len, whole.splits.values())) - sum(map(len, less.splits.values())) == gone
    said = f"By check.csv: {gone} pictures are left out." if gone > 1 else "By check.csv: 1 picture is left out."
    assert said in less.remarks


def test_a_table_with_decisions_is_not_replaced(tmp_path: Path) -> None:
    folder_of(tmp_path / "lab", 1)
    (tmp_path / "lab" / "a.jpg").write_text("text")
    table = tmp_path / "mine.csv"
    for _ in range(2):  # one without decisions is replaced
        command("check", tmp_path / "lab", "--only", "unreadable", "--out", table)
    undecided = table.read_text()
    for end, decided in ((",,\n", ",keep,\n"), (",,\n", ",,checks\n")):
        table.write_text(undecided.replace(end, decided))
        told = command("check", tmp_path / "lab", "--only", "unreadable", "--out", table, code=2).stderr
        assert "holds decisions on a line" in told
        assert "another name" in told
        assert told.count("\n") == 1
        assert table.read_text().endswith(decided)
    with pytest.raises(visus.InputError, match="holds decisions"):
        visus.check(tmp_path / "lab", only=["unreadable"]).save(table)


def test_json_and_sheet(faulty: Path, tmp_path: Path) -> None:
    told = json.loads(command("check", faulty, "--json", "--sheet", tmp_path / "sheet.png").stdout)
    assert told["task"] == "classify"
    assert sum(told["problems"].values()) == len(told["findings"])
    assert visus.read(tmp_path / "sheet.png").std() > 5


@pytest.mark.parametrize("content", [None, "text"])
def test_a_sheet_that_would_be_empty_is_said(tmp_path: Path, content: str | None) -> None:
    folder_of(tmp_path / "mini", 1)
    if content:
        (tmp_path / "mini" / "a.jpg").write_text(content)
    sheet = tmp_path / "none.jpg"
    told = command("check", tmp_path / "mini", "--only", "unreadable", "--sheet", sheet)
    assert ("Nothing was found." in told.stdout) == (content is None)
    assert told.stderr == f"There is no picture to draw, so {sheet} was not written.\n"
    assert not sheet.exists()


def test_pictures_without_labels(tmp_path: Path) -> None:
    folder_of(tmp_path / "a", 14)
    shutil.copy(tmp_path / "a" / "0003.jpg", tmp_path / "a" / "copy.jpg")
    found = visus.check(tmp_path / "a")
    assert found.task is None
    assert [(own.problem, own.file, own.other) for own in found.of("twin")] == [("twin", "copy.jpg", "0003.jpg")]
    assert not found.of("wrong-label")
    assert visus.check(tmp_path, task="none").pictures == {"": 15}


def test_masks_and_boxes(tmp_path: Path) -> None:
    masks = masked.folder_of_masks(tmp_path / "masks")
    empty = np.zeros((72, 80), np.uint8)
    Image.fromarray(empty).save(masks / "train" / "masks" / "3.png")
    found = visus.check(masks, only=["near-empty-mask"])
    assert all(is_translated(own.why) for own in found.findings)
    assert [own.file for own in found.findings] == ["train/images/3.png"]
    boxes = boxed.coco_folder(tmp_path / "boxes")
    content = json.loads((boxes / "train.json").read_text())
    content["annotations"][0]["bbox"][2:] = [5, 5]
    (boxes / "train.json").write_text(json.dumps(content))
    found = visus.check(boxes, only=["small-box"])
    assert all(is_translated(own.why) for own in found.findings)
    assert [(own.problem, own.file) for own in found.findings] == [("small-box", "train/000.png")]
    assert "1 of its " in found.findings[0].why
    assert "has less area than 8 x 8 pixels" in found.findings[0].why
    assert len(visus.check(boxes, only=["small-box"], side=20).findings) > 5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda root: None, "holds no pictures"),
        (idx_folder, "lie in idx files"),
        (lambda root: masked.folder_of_volumes(root, 2), "holds volumes"),
    ],
)
def test_what_cannot_be_checked_is_one_sentence(tmp_path: Path, make, words: str) -> None:
    make(tmp_path)
    assert words in command("check", tmp_path, code=2).stderr


def test_strange_questions_are_one_sentence(tmp_path: Path) -> None:
    folder_of(tmp_path, 2)
    assert "There is no problem 'ugly'" in command("check", tmp_path, "--only", "ugly", code=2).stderr
    assert "does not exist" in command("check", tmp_path / "no", code=2).stderr
    assert "--out must end in .csv" in command("check", tmp_path, "--out", "a.txt", code=2).stderr


def test_pictures_none_of_which_can_be_read_are_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "a.jpg").write_text("text")
    (bad / "b.png").write_bytes(b"")
    told = json.loads(command("check", bad, "--json", "--out", tmp_path / "bad.csv").stdout)
    assert [(own["file"], own["problem"]) for own in told["findings"]] == [
        ("a.jpg", "unreadable"),
        ("b.png", "unreadable"),
    ]
    with (tmp_path / "bad.csv").open(newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == ["a.jpg", "b.png"]
    assert "2  unreadable: the file cannot be used" in command("check", bad).stdout


def test_too_few_pictures_are_said(tmp_path: Path) -> None:
    for label, name in enumerate(("blob", "checks")):
        write_class(tmp_path / name, label, 2, side=64)
    assert "too few pictures" in visus.check(tmp_path).describe()


def test_a_single_class_is_said(tmp_path: Path) -> None:
    write_class(tmp_path / "train" / "blob", 0, 12, side=64)
    write_class(tmp_path / "test" / "blob", 0, 6, first=20, side=64)
    told = visus.check(tmp_path, only=["wrong-label"]).notes
    assert "All pictures have the class blob, so there are no wrong labels to look for." in told


def test_wrong_marks_of_pictures_with_several_classes(tmp_path: Path) -> None:
    names, random = ("blob", "checks", "stripes"), np.random.default_rng(0)
    (tmp_path / "p").mkdir()
    lines = []
    for k in range(60):
        has = random.permutation(3)[: 1 + k % 2].tolist()
        halves = [texture(has[0], k, 96), texture(has[-1], 100 + k, 96)]
        Image.fromarray(np.concatenate(halves, axis=1)).save(tmp_path / "p" / f"{k:02}.png")
        lines.append([names[own] for own in has])
    told = [*lines]
    told[7] = [own for own in names if own not in lines[7]][:1]
    told[30] = lines[30] + [own for own in names if own not in lines[30]][:1]
    table = ["file,labels", *(f"p/{k:02}.png,{'|'.join(own)}" for k, own in enumerate(told))]
    (tmp_path / "labels.csv").write_text("\n".join(table))
    found = visus.check(tmp_path / "labels.csv", only=["wrong-label"])
    assert all(is_translated(own.why) for own in found.findings)
    named = {own.file: own for own in found.findings}
    assert {"p/07.png", "p/30.png"} <= set(named)
    assert len(named) <= 6
    assert any(part in named["p/07.png"].why for part in ("which it has not", "which it has"))
    assert found.counts == {name: sum(name in own for own in told) for name in names}
