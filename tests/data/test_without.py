"""A table that leaves pictures out, or gives them another class."""

from pathlib import Path

import pytest

from tests.support import boxed, masked
from tests.support.labeled import folder_of_classes, idx_folder, splits
from visus import InputError
from visus.data import load, load_boxes, load_masks
from visus.data.without import read_decided

HEAD = "file,problem,decision,new_label\n"


def table(place: Path, *lines: str) -> Path:
    place.write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return place


def test_each_decision_does_what_it_says(tmp_path: Path) -> None:
    root = splits(tmp_path / "set", 6, 2, 2)
    own = table(
        tmp_path / "check.csv",
        "train/blob/0000.png,dark,,",
        "train/blob/0001.png,dark,Leave Out,",
        "train/blob/0002.png,dark,keep,",
        "train/blob/0003.png,wrong-label,relabel,checks",
        "train/blob/0001.png,twin,keep,",
    )
    before, after = load(root), load(root, without=own)
    assert [len(before.splits[name]) - len(after.splits[name]) for name in before.splits] == [2, 0, 0]
    assert after.counts("train").tolist() == [3, 7, 6]
    assert "By check.csv: 2 pictures are left out, 1 picture has another class." in after.remarks
    assert before.fingerprint() != after.fingerprint()


def test_a_new_class_without_a_decision_is_a_relabel(tmp_path: Path) -> None:
    root = splits(tmp_path / "set", 6, 2, 2)
    own = table(
        tmp_path / "check.csv", "train/blob/0003.png,wrong-label,,checks", "train/blob/0004.png,dark,keep,checks"
    )
    found = load(root, without=own)
    assert found.counts("train").tolist() == [5, 7, 6]
    assert "By check.csv: 0 pictures are left out, 1 picture has another class." in found.remarks
    assert read_decided(own, root).labels == {"train/blob/0003.png": "checks"}


def test_a_list_of_files_leaves_them_out(tmp_path: Path) -> None:
    root = folder_of_classes(tmp_path / "set", 12)
    (tmp_path / "out.csv").write_text("file\nblob/0000.png\ngone.png\n")
    found = load(root, without=tmp_path / "out.csv")
    assert sum(map(len, found.splits.values())) == 35
    assert "By out.csv: 1 picture is left out, 1 picture that it names is not there." in found.remarks


def test_masks_and_boxes_lose_pictures_too(tmp_path: Path) -> None:
    masks = masked.folder_of_masks(tmp_path / "masks", train=6)
    found = load_masks(masks, without=table(tmp_path / "m.csv", "train/images/0.png,dark,,"))
    assert len(found.splits["train"]) == 5
    assert "By m.csv: 1 picture is left out." in found.remarks
    assert not any("not used" in remark for remark in found.remarks)
    boxes = boxed.coco_folder(tmp_path / "boxes")
    found = load_boxes(boxes, without=table(tmp_path / "b.csv", "train/000.png,dark,,", "val/001.png,dark,,"))
    assert [len(own) for own in found.splits.values()] == [11, 3]
    assert "By b.csv: 2 pictures are left out." in found.remarks
    assert not any("not used" in remark for remark in found.remarks)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["blob/0000.png,dark,maybe,"], "decides 'maybe'"),
        (["blob/0000.png,wrong-label,relabel,"], "with no class"),
        (["blob/0000.png,x,relabel,checks", "blob/0000.png,x,relabel,stripes"], "two new classes"),
        (["blob/0000.png,x,relabel,zebra"], "'zebra', which"),
        (["elsewhere/0000.png,dark,,"], "names no picture of"),
    ],
)
def test_a_table_that_does_not_fit_is_one_sentence(tmp_path: Path, lines: list[str], words: str) -> None:
    root = folder_of_classes(tmp_path / "set", 6)
    with pytest.raises(InputError, match=words):
        load(root, without=table(tmp_path / "check.csv", *lines))


def test_tables_that_cannot_be_read(tmp_path: Path) -> None:
    root = folder_of_classes(tmp_path / "set", 6)
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    for name, words in (("odd.csv", "needs the column file"), ("missing.csv", "cannot be read")):
        with pytest.raises(InputError, match=words):
            load(root, without=tmp_path / name)


def test_classes_of_pictures_with_boxes_cannot_be_changed(tmp_path: Path) -> None:
    boxes = boxed.coco_folder(tmp_path / "boxes")
    with pytest.raises(InputError, match="have no class of their own"):
        load_boxes(boxes, without=table(tmp_path / "b.csv", "train/000.png,x,relabel,disc"))
    with pytest.raises(InputError, match="lie in one file"):
        load(idx_folder(tmp_path / "idx"), without=table(tmp_path / "b.csv", "1.png,x,,"))


def test_a_table_beside_a_listing_names_files_as_it_does(tmp_path: Path) -> None:
    root = folder_of_classes(tmp_path / "set", 6)
    lines = [f"{path.relative_to(root)},{path.parent.name}" for path in sorted(root.rglob("*.png"))]
    (root / "labels.csv").write_text("file,class\n" + "\n".join(lines))
    found = load(root / "labels.csv", without=table(tmp_path / "c.csv", "blob/0000.png,dark,,"))
    assert sum(map(len, found.splits.values())) == 17
    assert read_decided(tmp_path / "c.csv", root / "labels.csv").left_out == {"blob/0000.png"}
