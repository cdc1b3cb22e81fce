"""Boxes and classes that are not what they seem: taken for what they are and said, or refused in one sentence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.data.test_kinds import said, sizes, true_boxes
from tests.support import tools
from visus import InputError
from visus.data import load, load_boxes, load_boxes_whole, load_masks, load_whole

NUMBERS = range(12)
Content = dict[str, Any]


def coco(root: Path, edit: Callable[[Content], object], numbers: range = NUMBERS, split: str = "") -> Path:
    name, folder = (f"{split}.json", split) if split else ("annotations.json", "images")
    content = tools.coco(root, numbers, name=name, folder=folder)
    edit(content)
    (root / name).write_text(json.dumps(content))
    return root


def each_box(content: Content, change: Callable[[float, float, float, float], list[float]], *, shapes: bool) -> None:
    for own in content["annotations"]:
        own["bbox"] = change(*own["bbox"])
        if not shapes:
            del own["segmentation"]


# What the numbers are


def test_corners_are_told_by_polygons(tmp_path: Path) -> None:
    coco(tmp_path, lambda own: each_box(own, lambda x, y, w, h: [x, y, x + w, y + h], shapes=True))
    found = load_boxes_whole(tmp_path)
    assert true_boxes(found)
    assert "as such they lie around their polygons; they are taken as corners" in said(found)


def test_shares_in_cocos_boxes(tmp_path: Path) -> None:
    coco(tmp_path, lambda own: each_box(own, lambda x, y, w, h: [x / 120, y / 90, w / 120, h / 90], shapes=False))
    found = load_boxes_whole(tmp_path)
    assert true_boxes(found)
    assert "The boxes are shares of the width and the height" in said(found)


def test_shares_of_corners_in_cocos_boxes(tmp_path: Path) -> None:
    def change(x: float, y: float, w: float, h: float) -> list[float]:
        return [x / 120, y / 90, (x + w) / 120, (y + h) / 90]

    coco(tmp_path, lambda own: each_box(own, change, shapes=False))
    found = load_boxes_whole(tmp_path)
    assert true_boxes(found)
    assert "The boxes are shares of the width and the height" in said(found)
    assert "The boxes are given by two corners" in said(found)


@pytest.mark.parametrize("corners", [False, True])
def test_shares_with_polygons_in_cocos_boxes(tmp_path: Path, corners: bool) -> None:
    def change(x: float, y: float, w: float, h: float) -> list[float]:
        return [x / 120, y / 90, (x * corners + w) / 120, (y * corners + h) / 90]

    def divide(content: Content) -> None:
        each_box(content, change, shapes=True)
        for own in content["annotations"]:
            own["segmentation"] = [[v / (90 if k % 2 else 120) for k, v in enumerate(p)] for p in own["segmentation"]]

    coco(tmp_path, divide)
    found = load_boxes_whole(tmp_path)
    assert true_boxes(found)
    assert "The boxes are shares of the width and the height" in said(found)
    assert ("The boxes are given by two corners" in said(found)) == corners


def test_boxes_of_a_pixel_are_no_shares(tmp_path: Path) -> None:
    coco(tmp_path, lambda own: each_box(own, lambda *_: [0, 0.5, 1, 1], shapes=False))
    found = load_boxes_whole(tmp_path)
    assert "shares" not in said(found)
    assert found.splits["all"].objects[0].boxes[0].tolist() == [0, 0.5, 1, 1.5]


def test_shares_in_pascal_vocs_boxes(tmp_path: Path) -> None:
    tools.voc(tmp_path, NUMBERS)
    for n in NUMBERS:
        text = (tmp_path / f"{n:03}.xml").read_text()
        for x0, y0, x1, y1 in tools.boxes(n).values():
            for tag, value, own, side in (
                ("xmin", x0 + 1, x0, 120),
                ("ymin", y0 + 1, y0, 90),
                ("xmax", x1, x1, 120),
                ("ymax", y1, y1, 90),
            ):
                text = text.replace(f"<{tag}>{value}</{tag}>", f"<{tag}>{own / side:.6f}</{tag}>")
        (tmp_path / f"{n:03}.xml").write_text(text)
    found = load_boxes_whole(tmp_path)
    assert true_boxes(found)
    assert "The boxes are shares of the width and the height" in said(found)


def test_upper_corners_in_yolos_boxes(tmp_path: Path) -> None:
    tools.yolo(tmp_path, NUMBERS, extra="train: images\n")
    for n in NUMBERS:
        rows = enumerate(tools.boxes(n).values())
        lines = [f"{k} {x0 / 120} {y0 / 90} {(x1 - x0) / 120} {(y1 - y0) / 90}" for k, (x0, y0, x1, y1) in rows]
        (tmp_path / "labels" / f"{n:03}.txt").write_text("\n".join(lines))
    found = load_boxes_whole(tmp_path)
    assert true_boxes(found)
    assert "by their left upper corner and size, not by middle and size" in said(found)


@pytest.mark.parametrize("lines", [["0.5 0.5 0.2 0.2"] * 2, [f"0.{n} 0.5 0.2 0.2" for n in range(3, 9)]])
def test_a_few_boxes_beyond_the_border_are_no_upper_corners(tmp_path: Path, lines: list[str]) -> None:
    tools.yolo(tmp_path, NUMBERS, extra="train: images\n")
    lines = [*lines, "0.05 0.5 0.2 0.2", "0.1 0.4 0.3 0.2"]
    for path in (tmp_path / "labels").iterdir():
        path.write_text("\n".join(f"0 {line}" for line in lines))
    found = load_boxes_whole(tmp_path)
    assert found.splits["train"].objects[0].boxes[-1].tolist() == pytest.approx([0, 27, 30, 45])
    told = f"{12 * 2} of {12 * len(lines)} boxes reach beyond the left or upper border, and none beyond the others"
    assert told in said(found)


def test_classes_that_are_counted_from_one_are_refused(tmp_path: Path) -> None:
    tools.yolo(tmp_path, NUMBERS)
    for path in (tmp_path / "labels").iterdir():
        path.write_text("\n".join(f"{int(line[0]) + 1}{line[1:]}" for line in path.read_text().splitlines()))
    with pytest.raises(InputError, match="number classes from 1 to 2, and the 2 names are those of 0 to 1"):
        load_boxes(tmp_path)


def test_half_of_the_objects_may_not_be_lost(tmp_path: Path) -> None:
    def flat(content: Content) -> None:
        for own in content["annotations"][::2]:
            own["bbox"][2] = 0
            del own["segmentation"]

    coco(tmp_path, flat)
    with pytest.raises(InputError, match=r"12 of 24 objects in .* cannot be used \(12 without area\)"):
        load_boxes(tmp_path)
    assert load_boxes(tmp_path, allow_bad=True).classes == ("square", "disc")


def test_categories_may_be_cut_down(tmp_path: Path) -> None:
    def all_but(content: Content, kept: int) -> None:
        for own in content["annotations"][kept:]:
            own["category_id"] = 7

    coco(tmp_path, lambda own: own["categories"].pop())
    found = load_boxes(tmp_path)
    assert found.classes == ("square",)
    assert "12 objects are of an unknown category, left out." in said(found)
    coco(tmp_path, lambda own: all_but(own, 8))
    assert "16 objects are of an unknown category, left out." in said(load_boxes(tmp_path))
    coco(tmp_path, lambda own: all_but(own, 2))
    with pytest.raises(InputError, match=r"22 of 24 objects in .* cannot be used \(22 of an unknown category\)"):
        load_boxes(tmp_path)


# What the pictures are


def test_a_picture_that_is_listed_twice_is_one(tmp_path: Path) -> None:
    coco(tmp_path, lambda own: own["images"].extend([{**image, "id": image["id"] + 99} for image in own["images"]]))
    found = load_boxes_whole(tmp_path)
    assert sizes(found) == {"all": 12}
    assert true_boxes(found)
    assert "annotations.json lists 12 pictures twice; what it says of each is joined." in said(found)


def few(content: Content) -> None:
    content["annotations"] = [own for own in content["annotations"] if own["image_id"] < 5]


def test_pictures_listed_without_objects_are_counted(tmp_path: Path) -> None:
    coco(tmp_path, few)
    for reading in (load_boxes, load_masks):
        found = reading(tmp_path)
        assert sum(sizes(found).values()) == 12
        told = "7 of 12 pictures are listed without objects and taken as such; --unlabeled leave_out forgets them."
        assert told in said(found)
        found = reading(tmp_path, unlabeled="leave_out")
        assert sum(sizes(found).values()) == 5
        assert "7 of 12 pictures are listed without objects and left out." in said(found)


def test_pictures_that_no_list_of_coco_names_are_counted(tmp_path: Path) -> None:
    coco(tmp_path, lambda own: (few(own), own["images"].__delitem__(slice(5, None))))
    found = load_boxes(tmp_path)
    assert sum(sizes(found).values()) == 5
    assert "7 of 12 pictures have no annotation and are left out, 005.png for one" in said(found)
    assert sum(sizes(load_boxes(tmp_path, unlabeled="negative")).values()) == 12


def test_annotations_that_name_another_picture_are_said(tmp_path: Path) -> None:
    tools.voc(tmp_path, NUMBERS)
    path = tmp_path / "003.xml"
    path.write_text(path.read_text().replace("003.png", "004.png"))
    found = load_boxes(tmp_path)
    assert "1 annotation names another picture than the one of the same name, which is taken." in said(found)


def test_a_mask_is_not_taken_for_a_missing_picture(tmp_path: Path) -> None:
    coco(tmp_path, lambda _: None)
    (tmp_path / "images" / "003.png").rename(tmp_path / "SegmentationClass")
    (tmp_path / "SegmentationClass").rename(tmp_path / "masks.png")
    (tmp_path / "SegmentationClass").mkdir()
    (tmp_path / "masks.png").rename(tmp_path / "SegmentationClass" / "003.png")
    (left_out,) = load_boxes(tmp_path).left_out
    assert "003.png does not exist" in left_out.reason


def test_masks_beside_their_pictures_are_no_pictures_without_objects(tmp_path: Path) -> None:
    coco(tmp_path, lambda _: None)
    for n in NUMBERS:
        shutil.copy(tmp_path / "images" / f"{n:03}.png", tmp_path / "images" / f"{n:03}_mask.png")
    shutil.copy(tmp_path / "images" / "000.png", tmp_path / "images" / "face_mask.png")
    found = load_boxes_whole(tmp_path, unlabeled="negative")
    assert sizes(found) == {"all": 13}
    assert "12 files are not used: 12 .png in images." in said(found)


def test_pictures_beside_those_of_two_splits_belong_to_none(tmp_path: Path) -> None:
    for split, numbers in (("train", range(8)), ("val", range(8, 10))):
        content = tools.coco(tmp_path, numbers, name=f"{split}.json", folder="images")
        assert content["images"]
    tools.pictures(tmp_path / "images", range(10, 12))
    found = load_boxes(tmp_path, unlabeled="negative")
    assert sizes(found) == {"train": 8, "val": 2}
    assert "2 pictures have no annotation and are in no split, and left out, 010.png for one." in said(found)
    assert "without objects" not in said(found)


def test_a_picture_of_an_impossible_size_is_told_once(tmp_path: Path) -> None:
    coco(tmp_path, lambda own: own["images"][3].update(width=0))
    found = load_boxes_whole(tmp_path)
    assert [Path(own.path) for own in found.left_out] == [tmp_path / "images" / "003.png"]
    assert "gives 003.png the size 0x90, which cannot be; mend it." in said(found)
    assert "2 objects are on a picture of an impossible size, left out." in said(found)
    assert "no annotation" not in said(found)


@pytest.mark.parametrize("other", ["no_mask", "nomask", "without_mask"])
def test_faces_with_a_mask_are_found(tmp_path: Path, other: str) -> None:
    coco(tmp_path, lambda _: None)
    for n in NUMBERS:
        folder = tmp_path / ("mask" if n < 6 else other)
        folder.mkdir(exist_ok=True)
        (tmp_path / "images" / f"{n:03}.png").rename(folder / f"{n:03}.png")
    (tmp_path / "images").rmdir()
    assert sizes(load_boxes_whole(tmp_path)) == {"all": 12}


# What val is


def test_a_val_of_other_classes_is_refused(tmp_path: Path) -> None:
    def capitals(content: Content) -> None:
        for own in content["categories"]:
            own["name"] = own["name"].capitalize()

    coco(tmp_path, lambda _: None, range(8), "train")
    coco(tmp_path, capitals, range(8, 12), "val")
    with pytest.raises(InputError, match=r"only of classes that no training picture has \(Square, Disc\)"):
        load_boxes(tmp_path)
    assert "Classes of nearly one name: square and Square, disc and Disc" in said(load_boxes_whole(tmp_path))


def test_classes_that_val_has_not_are_said(tmp_path: Path) -> None:
    coco(tmp_path / "boxes", lambda _: None, range(8), "train")
    coco(tmp_path / "boxes", lambda own: own["annotations"].__delitem__(slice(0, None, 2)), range(8, 12), "val")
    tools.colors(tmp_path / "folders" / "train", 4)
    tools.colors(tmp_path / "folders" / "val", 4, first=20, names=("red",))
    assert "Not in val, and so not measured: square." in said(load_boxes(tmp_path / "boxes"))
    assert "Not in val, and so not measured: green." in said(load(tmp_path / "folders"))


def test_an_empty_val_is_said(tmp_path: Path) -> None:
    tools.colors(tmp_path / "folders" / "train", 4)
    (tmp_path / "folders" / "val" / "red").mkdir(parents=True)
    tools.masks(tmp_path / "masks" / "train", NUMBERS)
    (tmp_path / "masks" / "val" / "images").mkdir(parents=True)
    tools.yolo(tmp_path / "yolo" / "train", NUMBERS)
    (tmp_path / "yolo" / "val" / "images").mkdir(parents=True)
    (tmp_path / "yolo" / "data.yaml").write_text("train: train/images\nval: val/images\nnames: [square, disc]\n")
    assert f"{tmp_path / 'folders' / 'val'} holds no pictures." in said(load(tmp_path / "folders"))
    assert f"{tmp_path / 'masks' / 'val'} holds no pictures." in said(load_masks(tmp_path / "masks"))
    assert "No picture of the split val has an annotation that can be used." in said(load_boxes(tmp_path / "yolo"))


# Folders of classes and tables beside them


def table(root: Path, head: str, row: Callable[[str, int], str]) -> None:
    lines = [row(name, n) for name in ("red", "green") for n in range(6)]
    (root / "labels.csv").write_text("\n".join([head, *lines]))


def test_a_table_that_says_otherwise_than_folders_is_said(tmp_path: Path) -> None:
    tools.colors(tmp_path, 6)
    table(tmp_path, "file,class", lambda name, n: f"{name}/{n:03}.png,{name.upper()}")
    assert "labels.csv" not in said(load_whole(tmp_path))
    table(tmp_path, "file,class", lambda name, n: f"{name}/{n:03}.png,{'ab'[n % 2]}")
    found = load_whole(tmp_path)
    assert found.classes == ("green", "red")
    assert "labels.csv gives most pictures other classes than their folders do, and is not used; name" in said(found)


def test_a_column_of_splits_beside_folders_of_classes(tmp_path: Path) -> None:
    tools.colors(tmp_path, 6)
    table(
        tmp_path,
        "filepaths,labels,data set",
        lambda name, n: f"{name}/{n:03}.png,{name},{'train' if n < 4 else 'valid'}",
    )
    found = load_whole(tmp_path)
    assert sizes(found) == {"train": 8, "val": 4}
    assert "labels.csv says which pictures are for what." in said(found)


def test_classes_of_nearly_one_name_are_said(tmp_path: Path) -> None:
    tools.colors(tmp_path, 4, names=("red", "Red "))
    assert "Classes of nearly one name: Red  and red; if they are one, call them alike." in said(load(tmp_path))


# Sets of other tasks, and the background


def test_classes_are_sent_to_their_own_command(tmp_path: Path) -> None:
    tools.colors(tmp_path / "folders", 4)
    tools.pictures(tmp_path / "table", NUMBERS)
    (tmp_path / "table" / "labels.csv").write_text("\n".join(["file,class", *(f"{n:03}.png,{n % 2}" for n in NUMBERS)]))
    for reading in (load_boxes, load_masks):
        for root in (tmp_path / "folders", tmp_path / "table"):
            with pytest.raises(InputError, match=r"another task \(pictures with classes\); say visus train classify"):
                reading(root)


def test_objects_of_the_background_are_none(tmp_path: Path) -> None:
    def around(content: Content) -> None:
        content["categories"].append({"id": 3, "name": "background"})
        whole = {"category_id": 3, "bbox": [0, 0, 120, 90], "iscrowd": 0}
        content["annotations"] += [{"id": 99 + n, "image_id": n, **whole} for n in NUMBERS]

    coco(tmp_path, around)
    found = load_boxes_whole(tmp_path)
    assert (found.classes, true_boxes(found)) == (("square", "disc"), True)
    assert "12 objects are of a class called background, left out." in said(found)
    masks = load_masks(tmp_path)
    assert masks.classes == ("background", "square", "disc")
    assert masks.pixels["train"][:, 0].sum() > 0


def test_a_background_among_yolos_names_moves_no_numbers(tmp_path: Path) -> None:
    tools.yolo(tmp_path, NUMBERS, extra="train: images\n")
    (tmp_path / "data.yaml").write_text("train: images\nnames: [background, square, disc]\n")
    for path in (tmp_path / "labels").iterdir():
        path.write_text("\n".join(f"{int(line[0]) + 1}{line[1:]}" for line in path.read_text().splitlines()))
    found = load_boxes(tmp_path)
    assert true_boxes(found)
    assert "On no training picture, and so not learned: background." in said(found)
