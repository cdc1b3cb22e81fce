"""Tables whose pictures may have several classes, or none."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.test_kinds import said
from tests.support import tools
from visus import InputError
from visus.data import load, load_whole

TRUTH = [("a",), ("b",), ("a", "b"), (), ("a",), ("b", "c"), ("c",), ("a", "c"), ("b",), ("c",), ("a",), ("b", "c")]


def put(root: Path, name: str, text: str) -> Path:
    tools.pictures(root, range(12))
    (root / name).write_text(text)
    return root


def as_truth(dataset: Any) -> list[tuple[str, ...]]:
    """The classes of each picture, by its number."""
    pictures = dataset.splits["all"]
    order = np.argsort([int(Path(file).stem) for file in pictures.files])
    rows = pictures.labels[order]
    return [tuple(name for name, there in zip(dataset.classes, row, strict=True) if there) for row in rows]


ONE_HOT = "\n".join(["filename, a, b, c", *(f"{n:03}.png, {', '.join(str(int(k in own)) for k in 'abc')}" for n, own in
                                             enumerate(TRUTH))])  # fmt: skip
BARS = "\n".join(["file,labels", *(f"{n:03}.png,{'|'.join(own)}" for n, own in enumerate(TRUTH))])
SPACES = "\n".join(["image_name,tags", *(f"{n:03},{' '.join(own)}" for n, own in enumerate(TRUTH))])
LISTS = "\n".join(json.dumps({"file_name": f"{n:03}.png", "label": list(own)}) for n, own in enumerate(TRUTH))


@pytest.mark.parametrize(
    ("name", "text"),
    [("_classes.csv", ONE_HOT), ("labels.csv", BARS), ("labels.csv", SPACES), ("metadata.jsonl", LISTS)],
)
def test_several_classes_are_recognized(tmp_path: Path, name: str, text: str) -> None:
    found = load_whole(put(tmp_path, name, text))
    assert found.multilabel
    assert as_truth(found) == TRUTH
    assert "4 lines have several classes (002.png: a, b)" in said(found).replace("(002:", "(002.png:")
    assert found.counts("all").tolist() == [5, 5, 5]
    assert "several classes a picture" in found.form


def test_lines_of_one_picture_are_several_classes_only_if_asked_for(tmp_path: Path) -> None:
    rows = [f"{n:03}.png,{name}" for n, own in enumerate(TRUTH) for name in own]
    put(tmp_path, "labels.csv", "\n".join(["file,class", *rows]))
    with pytest.raises(InputError, match=r"gives 4 pictures several classes each \(002\.png: a, b\).*--multilabel"):
        load(tmp_path)
    found = load_whole(tmp_path, multilabel=True)
    assert as_truth(found) == [own for own in TRUTH if own]
    assert not found.remarks or "several" not in said(found)


def test_a_line_without_a_class_is_left_out_but_for_several(tmp_path: Path) -> None:
    rows = [f"{n:03}.png,{'ab'[n % 2] if n else ''}" for n in range(12)]
    put(tmp_path, "labels.csv", "\n".join(["file,class", *rows]))
    assert "1 of 12 lines name no class and are left out, 000.png for one; --multilabel" in said(load(tmp_path))
    assert as_truth(load_whole(tmp_path, multilabel=True))[0] == ()


def test_a_name_with_a_comma_is_one_class(tmp_path: Path) -> None:
    rows = [f'{n:03}.png,"{("red", "green")[n % 2]}, dark"' for n in range(12)]
    put(tmp_path, "labels.csv", "\n".join(["file,class", *rows]))
    assert load(tmp_path).classes == ("green, dark", "red, dark")


def test_numbers_of_a_table_with_gaps_are_whole_and_are_named_by_a_list(tmp_path: Path) -> None:
    rows = [f"{n:03}.png,{float(n % 2) if n else ''}" for n in range(12)]
    put(tmp_path, "labels.csv", "\n".join(["file,label", *rows]))
    found = load(tmp_path)
    assert found.classes == ("0", "1")
    assert "The classes are whole numbers: 0.0 is 0." in said(found)
    (tmp_path / "classes.txt").write_text("disc\nsquare\n")
    assert load(tmp_path).classes == ("disc", "square")


def test_folders_give_one_class(tmp_path: Path) -> None:
    tools.colors(tmp_path, 6)
    with pytest.raises(InputError, match="folders of classes, which give a picture one class; leave --multilabel"):
        load(tmp_path, multilabel=True)


def test_each_part_has_its_share_of_rare_classes(tmp_path: Path) -> None:
    tools.pictures(tmp_path, range(60))
    rows = [f"{n:03}.png,{'|'.join(['a'] + ['rare'] * (n % 10 == 0) + ['b'] * (n % 3 == 0))}" for n in range(60)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,labels", "000.png,b", *rows]))
    found = load(tmp_path)
    assert {split: int(found.counts(split)[found.classes.index("rare")]) for split in found.splits} == {
        "train": 4, "val": 1, "test": 1,
    }  # fmt: skip


PAIRS = ["red|round", "red|square", "blue|round", "blue|square"]


def test_parts_that_stand_in_several_lists_are_classes(tmp_path: Path) -> None:
    rows = [f"{n:03}.png,{PAIRS[n % 4]}" for n in range(12)]
    found = load_whole(put(tmp_path, "labels.csv", "\n".join(["file,class", *rows])))
    assert (found.multilabel, found.classes) == (True, ("blue", "red", "round", "square"))


@pytest.mark.parametrize(
    ("names", "first"),
    [(["left|right", "up|down"], "left|right"), (["Austin, TX", "Boston, MA", "Paris, TX"], "Austin, TX")],
)
def test_names_that_look_like_lists_are_said_to_be_one_class_each(names: list[str], first: str, tmp_path: Path) -> None:
    rows = [f'{n:03}.png,"{names[n % len(names)]}"' for n in range(12)]
    found = load_whole(put(tmp_path, "labels.csv", "\n".join(["file,class", *rows])))
    assert (found.multilabel, sorted(found.classes)) == (False, sorted(names))
    assert f"'{first}' is taken as one class" in said(found)
