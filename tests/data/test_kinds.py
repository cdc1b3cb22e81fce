"""Sets as tools and archives lay them out: read right, or refused with the right sentence; never something else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support import tools
from visus import InputError, read
from visus.data import load, load_boxes, load_boxes_whole, load_masks, load_masks_whole, load_whole
from visus.data.near import card_of, leaks
from visus.images.wide import read_wide


def said(dataset: Any) -> str:
    return " ".join(dataset.remarks)


def sizes(dataset: Any) -> dict[str, int]:
    return {name: len(split) for name, split in dataset.splits.items()}


def true_boxes(dataset: Any, *, off: float = 0.01) -> bool:
    """Whether every picture has its two boxes where they are."""
    for split in dataset.splits.values():
        for file, own in zip(split.files, split.objects, strict=True):
            found = {dataset.classes[k]: box for k, box in zip(own.labels, own.boxes.tolist(), strict=True)}
            expected = tools.boxes(int(Path(file).stem))
            assert found.keys() == expected.keys()
            for name, box in expected.items():
                np.testing.assert_allclose(found[name], box, atol=off)
    return True


# Folders that are no classes, and splits


def test_roboflows_table_names_the_classes_not_the_folders(tmp_path: Path) -> None:
    for split, first, count in (("train", 0, 8), ("valid", 20, 4), ("test", 30, 4)):
        tools.colors(tmp_path / "raw", count, first=first)
        rows = ["filename, green, red"]
        (tmp_path / "set" / split).mkdir(parents=True)
        for name in ("red", "green"):
            for number in range(first, first + count):
                target = tmp_path / "set" / split / f"{name}{number}.png"
                (tmp_path / "raw" / name / f"{number:03}.png").rename(target)
                rows.append(f"{target.name}, {int(name == 'green')}, {int(name == 'red')}")
        (tmp_path / "set" / split / "_classes.csv").write_text("\n".join(rows))
    found = load(tmp_path / "set")
    assert (found.classes, sizes(found)) == (("green", "red"), {"train": 16, "val": 8, "test": 8})
    for split in ("train", "valid", "test"):
        (tmp_path / "set" / split / "_classes.csv").unlink()
    with pytest.raises(InputError, match="holds no labeled pictures"):
        load(tmp_path / "set")


def test_a_set_for_another_task_is_sent_to_its_command(tmp_path: Path) -> None:
    tools.masks(tmp_path / "masks", range(6))
    for split, numbers in (("train", range(4)), ("valid", range(4, 6))):
        tools.voc(tmp_path / "boxes" / split, numbers)
    tools.yolo(tmp_path / "yolo", range(4))
    tools.coco(tmp_path, range(3), name="val.json", folder="val")
    for name, task in (("masks", "segment"), ("boxes", "detect"), ("yolo", "detect")):
        with pytest.raises(InputError, match=f"say visus train {task} {tmp_path / name}"):
            load(tmp_path / name)
    with pytest.raises(InputError, match="say visus train detect"):
        load_masks(tmp_path / "boxes")
    with pytest.raises(InputError, match="boxes without shapes"):
        load_masks(tmp_path / "yolo")
    with pytest.raises(InputError, match="say visus train segment"):
        load_boxes(tmp_path / "masks")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("Training", "Testing"),
        ("TRAIN", "eval"),
        ("a/train", "a/holdout"),
    ],
)
def test_spellings_and_doubled_folders_of_splits(tmp_path: Path, train: str, test: str) -> None:
    tools.colors(tmp_path / train, 10)
    tools.colors(tmp_path / test, 4, first=50)
    (tmp_path / "a" / "pred").mkdir(parents=True)
    if not train.startswith("a"):
        tools.pictures(tmp_path / "seg_pred" / "seg_pred", range(3))
    found = load(tmp_path)
    assert found.classes == ("green", "red")
    assert sizes(found) == {"train": 16, "val": 4, "test": 8}
    assert {Path(file).parent.parent for file in found.splits["test"].files} == {tmp_path / test}
    assert ("3 .png in seg_pred/seg_pred" in said(found)) == (not train.startswith("a"))


def test_dev_is_val_and_what_systems_leave_is_passed_over(tmp_path: Path) -> None:
    tools.colors(tmp_path / "train", 6)
    tools.colors(tmp_path / "dev", 3, first=20)
    tools.colors(tmp_path / "__MACOSX" / "train", 2)
    (tmp_path / "train" / "red" / "._000.png").write_bytes(b"junk")
    (tmp_path / "train" / "red" / "Thumbs.db").write_bytes(b"junk")
    found = load(tmp_path)
    assert sizes(found) == {"train": 12, "val": 6}
    assert not found.remarks


def test_darknets_lists_are_the_splits(tmp_path: Path) -> None:
    for split, numbers in (("train", range(8)), ("valid", range(8, 12))):
        folder = tmp_path / f"obj_{split}_data"
        for number in numbers:
            tools.pictures(folder, [number])
            lines = [tools.yolo_line(k, tools.boxes(number)[name]) for k, name in enumerate(tools.CLASSES)]
            (folder / f"{number:03}.txt").write_text("\n".join(lines))
        listed = "".join(f"data/obj_{split}_data/{number:03}.png\n" for number in numbers)
        (tmp_path / f"{split}.txt").write_text(listed)
    (tmp_path / "obj.names").write_text("square\ndisc\n")
    (tmp_path / "obj.data").write_text("classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\n")
    found = load_boxes(tmp_path)
    assert (found.classes, sizes(found)) == (("square", "disc"), {"train": 8, "val": 4})
    assert true_boxes(found)
    for name in ("obj.data", "train.txt", "valid.txt"):
        (tmp_path / name).unlink()
    assert sizes(load_boxes(tmp_path)) == {"train": 8, "val": 4}


def test_keys_of_data_yaml_in_capitals(tmp_path: Path) -> None:
    root = tools.yolo(tmp_path, range(4), extra="Train: images\nVAL: images\n")
    assert sizes(load_boxes(root)) == {"train": 4, "val": 4}


# Pictures that are in two splits, or that nothing is said of


def test_pictures_of_val_in_train_are_counted_for_every_task(tmp_path: Path) -> None:
    assert "8 of 8 pictures of val are in train too" in said(load_boxes(tools.yolo(tmp_path / "a", range(8))))
    for split in ("train", "val"):
        tools.masks(tmp_path / "b" / split, range(5))
    assert "5 of 5 pictures of val are in train too" in said(load_masks(tmp_path / "b"))


def test_near_copies_are_counted_and_moved_objects_are_none(tmp_path: Path) -> None:
    tools.yolo(tmp_path, range(12), extra="train: images/train\nval: images/val\n")
    for split, numbers in (("train", range(8)), ("val", range(8, 12))):
        for kind, ending in (("images", "png"), ("labels", "txt")):
            (tmp_path / kind / split).mkdir()
            for number in numbers:
                (tmp_path / kind / f"{number:03}.{ending}").rename(tmp_path / kind / split / f"{number:03}.{ending}")
    assert "of val" not in said(load_boxes(tmp_path))
    for number in range(3):
        smaller = Image.fromarray(tools.picture(number)).resize((100, 75), Image.Resampling.LANCZOS)
        smaller.save(tmp_path / "images" / "val" / f"{number + 8:03}.jpg", quality=80)
        (tmp_path / "images" / "val" / f"{number + 8:03}.png").unlink()
    assert "3 of 4 pictures of val look the same as one in train but for size" in said(load_boxes(tmp_path))


def test_textures_under_one_lamp_are_no_copies() -> None:
    chance = np.random.default_rng(0)
    lamp = np.linspace(-8, 8, 160)[None, :, None]
    noise = [cv2.GaussianBlur(chance.normal(0, 40, (128, 160, 1)), (0, 0), 4)[..., None] for _ in range(20)]
    sheets = [(128 + lamp + np.repeat(one, 3, 2)).clip(0, 255).astype(np.uint8) for one in noise]
    cards = [card_of(sheet) for sheet in sheets]
    digests = {"train": [bytes([k]) for k in range(10)], "val": [bytes([k]) for k in range(10, 20)]}
    assert not leaks(digests, {"train": cards[:10], "val": cards[10:]})
    smaller = [
        card_of(np.array(Image.fromarray(sheet).resize((120, 96), Image.Resampling.BOX))) for sheet in sheets[:10]
    ]
    assert "10 of 10 pictures of val look the same" in leaks(digests, {"train": cards[:10], "val": smaller})[0]


def test_pictures_without_labels_are_counted_and_one_option_says_what_they_are(tmp_path: Path) -> None:
    root = tools.yolo(tmp_path, range(20), extra="train: images\n")
    for number in range(2, 20):
        (root / "labels" / f"{number:03}.txt").unlink()
    found = load_boxes(root)
    assert "18 of 20 pictures have no annotation and are left out" in said(found)
    assert sum(sizes(found).values()) == 2
    found = load_boxes(root, unlabeled="negative")
    assert sizes(found) == {"train": 16, "val": 4}
    assert found.counts("val").sum() > 0
    (root / "labels" / "val").mkdir()
    (root / "images" / "val").mkdir()
    (root / "images" / "019.png").rename(root / "images" / "val" / "019.png")
    (root / "data.yaml").write_text("train: images\nval: images/val\nnames: [square, disc]\n")
    with pytest.raises(InputError, match=r"the split val in .* have no objects"):
        load_boxes(root, unlabeled="negative")


# Values


def test_blurred_masks_are_cut_at_the_middle(tmp_path: Path) -> None:
    def blurred(_: int, mask: tools.Bytes) -> tools.Bytes:
        white = Image.fromarray(np.where(mask > 0, 255, 0).astype(np.uint8))
        return np.asarray(
            white.resize((240, 180), Image.Resampling.BILINEAR).resize((120, 90), Image.Resampling.BILINEAR)
        )

    tools.masks(tmp_path, range(8), blurred)
    found = load_masks(tmp_path)
    assert found.classes == ("0", "255")
    assert "cut at 128" in said(found)
    for split in found.splits.values():
        for place, file in enumerate(split.files):
            assert ((split.read(place)[1] == 1) != (tools.mask(int(Path(file).stem)) > 0)).mean() < 0.01


def test_one_white_of_two_kinds(tmp_path: Path) -> None:
    tools.masks(tmp_path, range(8), lambda n, mask: (mask > 0).astype(np.uint8) * (1 if n < 4 else 255))
    found = load_masks(tmp_path)
    assert "4 of 8 masks call their objects 255" in said(found)
    objects = sum(int(own[:, 1].sum()) for own in found.pixels.values())
    assert objects == sum(int((tools.mask(number) > 0).sum()) for number in range(8))


def test_numbers_of_objects_are_no_classes(tmp_path: Path) -> None:
    def numbered(number: int, mask: tools.Bytes) -> tools.Bytes:
        found = np.zeros_like(mask)
        for k in range(4 + number % 5):
            found[10 * k : 10 * k + 7, 5:40] = k + 1
        return found

    tools.masks(tmp_path, range(10), numbered)
    with pytest.raises(InputError, match=r"seem to count objects \(up to 8 in one mask"):
        load_masks(tmp_path)
    assert load_masks(tmp_path, binary=True).classes == ("0", "1")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_black_and_white_in_any_mode(tmp_path: Path, mode: str) -> None:
    tools.masks(tmp_path, range(6))
    for path in (tmp_path / "masks").iterdir():
        with Image.open(path) as picture:
            white = Image.fromarray(np.where(np.asarray(picture) > 0, 255, 0).astype(np.uint8))
        white.convert("RGB" if mode == "RGBA" else mode).convert(mode).save(path)
    found = load_masks(tmp_path)
    assert found.classes == ("0", "255")
    assert sum(int(own[:, 1].sum()) for own in found.pixels.values()) > 0


def narrow(folder: Path) -> None:
    """Pictures of 12 bits in files of 16."""
    for path in sorted(folder.rglob("*.png")):
        with Image.open(path) as picture:
            gray = np.asarray(picture.convert("L")).astype(np.uint16) * 10
        Image.fromarray(gray).save(path)


def test_twelve_bits_in_sixteen_are_not_learned_as_black(tmp_path: Path) -> None:
    narrow(tools.yolo(tmp_path / "boxes", range(8), extra="train: images\n") / "images")
    narrow(tools.colors(tmp_path / "classes", 6))
    tools.masks(tmp_path / "masks", range(6))
    narrow(tmp_path / "masks" / "images")
    sets = load_boxes(tmp_path / "boxes"), load(tmp_path / "classes"), load_masks(tmp_path / "masks")
    for found, count in zip(sets, (8, 12, 6), strict=True):
        assert f"{count} pictures hold 12 bits or less in a file of 16" in said(found)
        answer: Any = found.splits["train"].read(0)
        assert (answer[0] if isinstance(answer, tuple) else answer).max() > 100
    file = sets[0].splits["train"].files[0]
    np.testing.assert_array_equal(sets[0].splits["train"].read(0)[0], read_wide(file))
    assert read(file).max() < 16


def test_masks_turn_with_their_pictures(tmp_path: Path) -> None:
    tools.masks(tmp_path, range(6))
    for path in sorted((tmp_path / "images").iterdir()):
        exif = Image.Exif()
        exif[0x0112] = 6
        with Image.open(path) as picture:
            picture.convert("RGB").save(path.with_suffix(".jpg"), exif=exif, quality=95)
        path.unlink()
    found = load_masks_whole(tmp_path)
    assert "masks of 6 pictures lie as these do in their files (EXIF)" in said(found)
    for place, file in enumerate(found.splits["all"].files):
        upright, mask = found.splits["all"].read(place)
        np.testing.assert_array_equal(mask, np.rot90(tools.mask(int(Path(file).stem)), -1))
        assert upright[mask == 1][:, 0].mean() > 180


def test_boxes_that_are_there_twice_count_once(tmp_path: Path) -> None:
    root = tools.yolo(tmp_path, range(6))
    for path in (root / "labels").iterdir():
        path.write_text(path.read_text() + "\n" + path.read_text())
    found = load_boxes(root)
    assert "24 objects are there twice" in said(found)
    assert true_boxes(found)


@pytest.mark.parametrize("kind", ["corners", "pixels"])
def test_yolo_boxes_given_otherwise_are_recognized(tmp_path: Path, kind: str) -> None:
    root = tools.yolo(tmp_path, range(8))
    for path in (root / "labels").iterdir():
        lines = []
        for k, (x0, y0, x1, y1) in enumerate(tools.boxes(int(path.stem)).values()):
            own = (x0 / 120, y0 / 90, x1 / 120, y1 / 90)
            if kind == "pixels":
                own = ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
            lines.append(f"{k} " + " ".join(map(str, own)))
        path.write_text("\n".join(lines))
    found = load_boxes(root)
    assert kind in said(found)
    assert true_boxes(found)


def test_coco_boxes_given_by_corners_are_recognized(tmp_path: Path) -> None:
    content = tools.coco(tmp_path, range(8))
    for entry in content["annotations"]:
        x, y, w, h = entry["bbox"]
        entry |= {"bbox": [x, y, x + w, y + h], "segmentation": []}
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    found = load_boxes(tmp_path)
    assert "two corners" in said(found)
    assert true_boxes(found)


# COCO


def test_an_area_that_is_not_told_is_computed(tmp_path: Path) -> None:
    content = tools.coco(tmp_path, range(6))
    for n in range(6):
        around = {"id": 900 + n, "image_id": n, "category_id": 3, "iscrowd": 0, "area": 0}
        content["annotations"].append(
            {**around, "bbox": [0, 0, 120, 90], "segmentation": [[0, 0, 120, 0, 120, 90, 0, 90]]}
        )
    content["categories"].append({"id": 3, "name": "table"})
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    found = load_masks(tmp_path)
    totals = np.concatenate(list(found.pixels.values())).sum(0)
    seen = [bool(total) for total in totals.tolist()]
    assert dict(zip(found.classes, seen, strict=True)) == {
        "background": False, "square": True, "disc": True, "table": True,
    }  # fmt: skip


def test_a_background_category_joins_the_background(tmp_path: Path) -> None:
    tools.coco(tmp_path, range(6), classes=("Background", "square", "disc"))
    assert load_masks(tmp_path).classes == ("background", "square", "disc")
    assert load_boxes(tmp_path).classes == ("square", "disc")


def test_categories_are_matched_by_name(tmp_path: Path) -> None:
    tools.coco(tmp_path, range(6), name="train.json", folder="train")
    tools.coco(tmp_path, range(6, 10), name="val.json", folder="val", classes=("disc", "square"))
    found = load_boxes(tmp_path)
    assert true_boxes(found)
    assert load_masks(tmp_path).classes == ("background", "square", "disc")


@pytest.mark.parametrize(
    "name", ["images/1/{}", "/data/upload/7/{}", "http://host/data/local-files/?d=set%2Fimages%2F{}", "set\\images\\{}"]
)
def test_pictures_that_lie_elsewhere_are_found_by_name(tmp_path: Path, name: str) -> None:
    content = tools.coco(tmp_path, range(5))
    for entry in content["images"]:
        entry["file_name"] = name.format(entry["file_name"])
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    assert true_boxes(load_boxes(tmp_path))


def test_a_missing_picture_is_not_taken_from_another_split(tmp_path: Path) -> None:
    tools.coco(tmp_path, range(20), name="train.json", folder="train")
    tools.coco(tmp_path, range(4), name="val.json", folder="val")
    (tmp_path / "train" / "002.png").unlink()
    found = load_boxes(tmp_path)
    assert [Path(own.path) for own in found.left_out] == [tmp_path / "train" / "002.png"]


# VOC, CVAT, labelme, YOLO-seg


@pytest.mark.parametrize("folders", [("images", "Annotations"), ("JPEGImages", "annotations"), ("Images", "Labels")])
def test_names_of_folders_are_case_blind(tmp_path: Path, folders: tuple[str, str]) -> None:
    tools.pictures(tmp_path / folders[0], range(5))
    (tmp_path / folders[1]).mkdir()
    for number in range(5):
        (tmp_path / folders[1] / f"{number:03}.xml").write_text(tools.voc_xml(number))
    assert true_boxes(load_boxes(tmp_path))


LABELIMG = "<path>C:/set/a.png</path><source><database>Unknown</database></source>"


@pytest.mark.parametrize(("offset", "source"), [(1, ""), (0, LABELIMG)])
def test_voc_counts_from_one_and_labelimg_does_not(tmp_path: Path, offset: int, source: str) -> None:
    found = load_boxes(tools.voc(tmp_path, range(5), offset=offset, source=source))
    assert true_boxes(found)
    assert ("counts from 0" in said(found)) == (offset == 0)


def test_a_box_that_begins_at_zero_tells_that_all_count_from_there(tmp_path: Path) -> None:
    tools.voc(tmp_path, range(5), offset=0)
    assert min(min(tools.boxes(n)["square"]) for n in range(5)) > 0
    path = tmp_path / "004.xml"
    x0 = tools.boxes(4)["square"][0]
    path.write_text(path.read_text().replace(f"<xmin>{x0}</xmin>", "<xmin>0</xmin>", 1))
    found = load_boxes_whole(tmp_path)
    np.testing.assert_array_equal(found.splits["all"].objects[0].boxes[0], tools.boxes(0)["square"])


def test_one_bad_annotation_is_left_out_and_counted(tmp_path: Path) -> None:
    tools.voc(tmp_path, range(8))
    (tmp_path / "000.xml").write_text("")
    found = load_boxes(tmp_path)
    assert sum(sizes(found).values()) == 7
    assert "Left out 1 picture" in said(found)
    (tmp_path / "001.xml").write_text("")
    with pytest.raises(InputError, match=r"2 of 8 labeled files .*--allow-bad.*no element found"):
        load_boxes(tmp_path)
    assert sum(sizes(load_boxes(tmp_path, allow_bad=True)).values()) == 6
    assert sum(sizes(load_boxes_whole(tmp_path)).values()) == 6


def cvat(root: Path, numbers: range) -> None:
    tools.pictures(root / "images", numbers)
    rows = []
    for n in numbers:
        x0, y0, x1, y1 = tools.boxes(n)["square"]
        a, b, c, d = tools.boxes(n)["disc"]
        runs = np.flatnonzero(np.diff((tools.mask(n)[b:d, a:c] == 2).ravel().astype(int), prepend=0, append=0))
        lengths = np.diff([0, *runs.tolist(), (c - a) * (d - b)])
        subset = "Train" if n < 6 else "Validation"
        rows.append(
            f'<image id="{n}" name="{n:03}.png" subset="{subset}" width="120" height="90">'
            f'<polygon label="square" points="{x0},{y0};{x1},{y0};{x1},{y1};{x0},{y1}"/>'
            f'<mask label="disc" rle="{", ".join(map(str, lengths))}" left="{a}" top="{b}" width="{c - a}" '
            f'height="{d - b}"/></image>'
        )
    labels = "".join(f"<label><name>{name}</name></label>" for name in tools.CLASSES)
    meta = f"<meta><task><labels>{labels}</labels></task></meta>"
    text = f"<annotations><version>1.1</version>{meta}{''.join(rows)}</annotations>"
    (root / "annotations.xml").write_text(text)


def test_cvats_polygons_and_masks(tmp_path: Path) -> None:
    cvat(tmp_path, range(9))
    found = load_masks(tmp_path)
    assert (found.classes, sizes(found)) == (("background", "square", "disc"), {"train": 6, "val": 3})
    for split in found.splits.values():
        for place, file in enumerate(split.files):
            np.testing.assert_array_equal(split.read(place)[1], tools.mask(int(Path(file).stem)))
    assert true_boxes(load_boxes(tmp_path))


def test_a_rotated_box_of_cvat(tmp_path: Path) -> None:
    tools.pictures(tmp_path / "images", range(2))
    box = '<box label="a" xtl="40" ytl="30" xbr="80" ybr="50" rotation="90"/>'
    images = "".join(f'<image name="{n:03}.png" width="120" height="90">{box}</image>' for n in range(2))
    (tmp_path / "annotations.xml").write_text(f"<annotations>{images}</annotations>")
    found = load_boxes_whole(tmp_path)
    np.testing.assert_allclose(found.splits["all"].objects[0].boxes, [[50, 20, 70, 60]], atol=1e-4)
    assert "2 objects are each a rotated box" in said(found)


def test_cvats_masks_take_their_names_from_its_list(tmp_path: Path) -> None:
    palette = np.array([[0, 0, 0], [250, 50, 83], [51, 221, 255]], np.uint8)
    tools.masks(tmp_path, range(6), lambda _, mask: palette[mask])
    (tmp_path / "images").rename(tmp_path / "JPEGImages")
    (tmp_path / "masks").rename(tmp_path / "SegmentationClass")
    (tmp_path / "ImageSets" / "Segmentation").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Segmentation" / "default.txt").write_text("".join(f"{n:03}\n" for n in range(6)))
    colors = "background:0,0,0::\ndisc:51,221,255::\nsquare:250,50,83::\n"
    (tmp_path / "labelmap.txt").write_text("# label:color_rgb:parts:actions\n" + colors)
    found = load_masks(tmp_path)
    assert found.classes == ("background", "disc", "square")
    assert sum(int(own[:, 1].sum()) for own in found.pixels.values()) == sum(
        int((tools.mask(n) == 2).sum()) for n in range(6)
    )


def labelme(root: Path, numbers: range, kind: str) -> None:
    tools.pictures(root, numbers)
    for n in numbers:
        shapes = []
        for name, (x0, y0, x1, y1) in tools.boxes(n).items():
            points = [[x0, y0], [x1, y1]] if kind == "rectangle" else [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
            shapes.append({"label": name, "points": points, "shape_type": kind, "group_id": None})
        content = {"version": "5.4.1", "shapes": shapes, "imagePath": f"..\\pics\\{n:03}.png", "imageData": None}
        (root / f"{n:03}.json").write_text(json.dumps({**content, "imageHeight": 90, "imageWidth": 120}))


@pytest.mark.parametrize("kind", ["rectangle", "polygon"])
def test_labelme(tmp_path: Path, kind: str) -> None:
    labelme(tmp_path / "train", range(6), kind)
    labelme(tmp_path / "val", range(6, 9), kind)
    found = load_boxes(tmp_path)
    assert (found.form, sizes(found)) == ("labelme", {"train": 6, "val": 3})
    assert true_boxes(found)
    assert found.has_shapes == (kind == "polygon")
    masks = load_masks(tmp_path)
    assert masks.classes == ("background", "disc", "square")
    x0, y0, x1, y1 = tools.boxes(0)["square"]
    assert (masks.splits["train"].read(0)[1][y0:y1, x0:x1] == 2).all()


def test_yolos_polygons_are_drawn(tmp_path: Path) -> None:
    found = load_masks(tools.yolo(tmp_path, range(6), seg=True))
    assert found.classes == ("background", "square", "disc")
    x0, y0, x1, y1 = tools.boxes(0)["disc"]
    assert (found.splits["train"].read(0)[1][y0:y1, x0:x1] == 2).all()


def test_one_file_of_labels_for_two_pictures(tmp_path: Path) -> None:
    root = tools.yolo(tmp_path, range(9), extra="train: images\n")
    Image.fromarray(tools.picture(50)).save(root / "images" / "000.jpg")
    found = load_boxes(root)
    assert sum(sizes(found).values()) == 9
    assert "share the labels 000.txt" in found.left_out[0].reason


# Volumes


def test_nnunets_raw_folders(tmp_path: Path) -> None:
    from tests.support.masked import folder_of_volumes

    folder_of_volumes(tmp_path, 6)
    for path in sorted((tmp_path / "imagesTr").iterdir()):
        path.rename(path.with_name(path.name.replace(".nii", "_0000.nii")))
    labels = {"background": 0, "tumor": 1}
    (tmp_path / "dataset.json").write_text(json.dumps({"channel_names": {"0": "MRI"}, "labels": labels}))
    found = load_masks(tmp_path)
    assert found.classes == ("background", "tumor")
    assert sum(sizes(found).values()) == 6


def test_masks_elsewhere_and_mixed_spacing_are_said(tmp_path: Path) -> None:
    import nibabel

    from tests.support.masked import folder_of_volumes

    folder_of_volumes(tmp_path, 8)
    paths = sorted((tmp_path / "labelsTr").iterdir())
    wide: Any = nibabel.load(str(paths[0]))
    nibabel.save(nibabel.Nifti1Image(np.asarray(wide.dataobj), np.diag([1, 1, 1, 1])), str(paths[0]))
    found = load_masks(tmp_path)
    (left_out,) = found.left_out
    assert "its voxels are 1 x 1 x 1 mm and begin at (0, 0, 0), those of the volume 1 x 1 x 2 mm" in left_out.reason
    for k, path in enumerate(paths[1:], 1):
        for file in (path, tmp_path / "imagesTr" / path.name):
            image: Any = nibabel.load(str(file))
            nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), np.diag([k, k, 5, 1])), str(file))
    assert "from 1 x 1 x 5 to 7 x 7 x 5 mm" in said(load_masks(tmp_path))
    assert "--spacing 4,4,5 to resample all to the median" in said(load_masks(tmp_path))


def test_the_reason_why_no_mask_can_be_read_is_shown(tmp_path: Path) -> None:
    tools.masks(tmp_path, range(4))
    for path in (tmp_path / "masks").iterdir():
        with Image.open(path) as picture:
            picture.save(path.with_suffix(".jpg"))
        path.unlink()
    with pytest.raises(InputError, match="is a JPEG file, which changes its values"):
        load_masks(tmp_path)


# Tables


TABLES: dict[str, tuple[Callable[[str, str], str], str, str]] = {
    "semicolon": (lambda file, name: f"{file};{name}", "file;class", "utf-8"),
    "tab": (lambda file, name: f"{file}\t{name}", "file\tclass", "utf-8"),
    "utf-16": (lambda file, name: f"{file},{name}", "file,class", "utf-16"),
    "gbk": (lambda file, name: f"{file},{'红' if name == 'red' else '绿'}", "file,class", "gbk"),
    "windows": (lambda file, name: f"{file.replace('/', chr(92))},{name}", "file,class", "utf-8"),
    "elsewhere": (lambda file, name: f"/home/other/set/{file},{name}", "file,class", "utf-8"),
    "no ending": (lambda file, name: f"{file.removesuffix('.png')},{name}", "image_id,label", "utf-8"),
    "one-hot": (lambda file, name: f"{file},{int(name == 'red')},{int(name == 'green')}", "file,red,green", "utf-8"),
    "comma in a name": (lambda file, name: f'{file},"{name}, dark"', "file,class", "utf-8"),
    "no names of columns": (lambda file, name: f"{file},{name}", "", "utf-8"),
}


@pytest.mark.parametrize("kind", list(TABLES))
def test_dialects_of_tables(tmp_path: Path, kind: str) -> None:
    line, head, coding = TABLES[kind]
    tools.colors(tmp_path / "img", 6)
    for name in ("red", "green"):
        for path in (tmp_path / "img" / name).iterdir():
            path.rename(tmp_path / "img" / f"{name}{path.name}")
    rows = [line(f"img/{name}{k:03}.png", name) for name in ("red", "green") for k in range(6)]
    (tmp_path / "t.csv").write_bytes("\n".join([*([head] if head else []), *rows]).encode(coding))
    found = load_whole(tmp_path / "t.csv")
    assert len(found.classes) == 2
    assert found.counts("all").tolist() == [6, 6]
    for file, label in zip(found.splits["all"].files, found.splits["all"].labels, strict=True):
        assert Path(file).name.startswith("red") == (found.classes[label] in ("red", "红", "red, dark"))


def test_a_table_beside_a_folder_of_pictures(tmp_path: Path) -> None:
    tools.colors(tmp_path / "images", 8)
    rows = [f"{name}/{k:03}.png,{name}" for name in ("red", "green") for k in range(8)]
    (tmp_path / "labels.csv").write_text("filename,label\n" + "\n".join([*rows, "gone.png,red"]))
    for name in ("red", "green"):
        for path in (tmp_path / "images" / name).iterdir():
            path.rename(tmp_path / "images" / f"{name}{path.name}")
        (tmp_path / "images" / name).rmdir()
    rows = [f"{name}{k:03}.png,{name}" for name in ("red", "green") for k in range(8)]
    (tmp_path / "labels.csv").write_text("filename,label\n" + "\n".join([*rows, "gone.png,red"]))
    found = load(tmp_path)
    assert found.classes == ("green", "red")
    assert len(found.left_out) == 1
    assert "gone.png does not exist" in said(found)


def test_a_class_that_loses_half_of_its_pictures_stops(tmp_path: Path) -> None:
    tools.colors(tmp_path, 60)
    tools.colors(tmp_path, 6, names=("blue",))
    for path in list((tmp_path / "blue").iterdir())[:3]:
        path.with_suffix(".HEIC").write_bytes(b"\0\0\0\x18ftypheic")
        path.unlink()
    with pytest.raises(InputError, match=r"The class blue in .* loses 3 of 6.*--allow-bad"):
        load(tmp_path)
    found = load(tmp_path, allow_bad=True)
    assert "(3 .heic)" in said(found)


def test_a_format_that_is_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.tfrecord").write_bytes(b"1")
    for reading in (load, load_boxes, load_masks):
        with pytest.raises(InputError, match="TensorFlow records, which is not read"):
            reading(tmp_path)
