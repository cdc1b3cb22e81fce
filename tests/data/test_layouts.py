"""Folders of classes as people keep them: which are the classes, and which are splits, folds, copies and masks."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.test_kinds import said, sizes
from tests.support import tools
from visus import InputError
from visus.data import load, load_boxes, load_masks


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Train_Set", "Test Images"),
        ("train_dir", "test_dir"),
        ("1_train", "3_test"),
        ("train (1)", "test (1)"),
        ("cars_train", "cars_test"),
        ("trainval", "test"),
        ("Training", "PrivateTest"),
        ("训练集", "测试集"),
        ("data/train", "data/test"),
    ],
)
def test_more_spellings_of_splits(tmp_path: Path, train: str, test: str) -> None:
    tools.colors(tmp_path / train, 10)
    tools.colors(tmp_path / test, 4, first=50)
    (tmp_path / "README.md").write_text("A set.")
    found = load(tmp_path)
    assert (found.classes, sizes(found)) == (("green", "red"), {"train": 16, "val": 4, "test": 8})


def test_folders_of_splits_in_those_of_classes(tmp_path: Path) -> None:
    for name in ("red", "green"):
        for split, first in (("train", 0), ("val", 20)):
            tools.colors(tmp_path / "raw", 4, first=first, names=("red", "green"))
            (tmp_path / "set" / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / "raw" / name).rename(tmp_path / "set" / name / split)
            shutil.rmtree(tmp_path / "raw")
    found = load(tmp_path / "set")
    assert (found.classes, sizes(found)) == (("green", "red"), {"train": 8, "val": 8})


@pytest.mark.parametrize("names", [("fold1", "fold2"), ("amazon", "webcam"), ("train_1", "train_2")])
def test_folders_that_each_hold_all_classes_are_no_classes(tmp_path: Path, names: tuple[str, str]) -> None:
    for k, name in enumerate(names):
        tools.colors(tmp_path / name / "images", 4, first=10 * k)
    with pytest.raises(
        InputError, match=r"each hold the folders green, red, so that it is not known which are the cla"
    ):
        load(tmp_path)


def test_a_set_that_was_unpacked_into_itself(tmp_path: Path) -> None:
    tools.colors(tmp_path, 8)
    tools.colors(tmp_path / "set", 8)
    tools.pictures(tmp_path / "unlabeled", range(3))
    (tmp_path / "blue").mkdir()
    found = load(tmp_path)
    assert (found.classes, sum(sizes(found).values())) == (("green", "red"), 16)
    assert "8 .png in set/green" in said(found)
    assert "3 .png in unlabeled" in said(found)
    assert "Empty, and so no class: blue." in said(found)


def test_masks_beside_pictures_are_no_pictures_of_a_class(tmp_path: Path) -> None:
    for name, first in (("benign", 0), ("malignant", 20)):
        (tmp_path / name).mkdir()
        for n in range(6):
            Image.fromarray(tools.picture(n + first)).save(tmp_path / name / f"{name} ({n}).png")
            Image.fromarray(np.uint8(tools.mask(n) > 0) * 255).save(tmp_path / name / f"{name} ({n})_mask.png")
    found = load(tmp_path)
    assert sum(sizes(found).values()) == 12
    assert "12 pictures are each a mask of another beside it, and not learned from." in said(found)


def test_folders_within_a_class_are_said(tmp_path: Path) -> None:
    tools.colors(tmp_path / "warm", 4, names=("red", "orange"))
    tools.colors(tmp_path / "cold", 4, first=20, names=("blue", "green"))
    found = load(tmp_path)
    assert found.classes == ("cold", "warm")
    assert "cold holds folders itself (blue, green)" in said(found)


def test_a_class_called_as_a_split_is_said(tmp_path: Path) -> None:
    tools.colors(tmp_path, 6, names=("cat", "dog", "test"))
    found = load(tmp_path)
    assert found.classes == ("cat", "dog", "test")
    assert f"test in {tmp_path} is called as a split and taken as a class; move the folder away" in said(found)


def test_folders_in_the_only_one_are_classes_and_said(tmp_path: Path) -> None:
    tools.colors(tmp_path / "cat", 6, names=("day", "night"))
    found = load(tmp_path)
    assert found.classes == ("day", "night")
    assert "The folders in cat are taken as the classes." in said(found)


def test_lists_beside_folders_of_classes_are_the_splits(tmp_path: Path) -> None:
    tools.colors(tmp_path / "images", 9)
    (tmp_path / "meta").mkdir()
    for split, numbers in (("train", range(6)), ("test", (6, 7, 9))):
        lines = [f"{name}/{n:03}" for name in ("red", "green") for n in numbers]
        (tmp_path / "meta" / f"{split}.txt").write_text("\n".join(lines))
    found = load(tmp_path, allow_bad=True)
    assert sizes(found) == {"train": 10, "val": 2, "test": 4}
    assert "2 pictures not in test.txt or train.txt, and not used" in said(found)
    assert "names red/009, which is not there" in said(found)


@pytest.mark.parametrize("place", ["", "bottle"])
def test_pictures_without_flaws_are_no_classes(tmp_path: Path, place: str) -> None:
    root = tmp_path / place
    tools.colors(root / "train", 4, names=("good",))
    tools.colors(root / "test", 4, first=20, names=("good", "broken"))
    tools.pictures(root / "ground_truth" / "broken", range(4))
    for reading in (load, load_boxes, load_masks):
        with pytest.raises(InputError, match="MVTec AD"):
            reading(tmp_path)


@pytest.mark.parametrize(
    ("pictures", "masks"),
    [
        ("train", "train_masks"),
        ("default", "defaultannot"),
        ("data", "labels"),
        ("JPEGImages", "SegmentationClassPNG"),
        ("img_dir/train", "ann_dir/train"),
        ("images/a", "masks/a"),
        ("imagesTr", "labelsTr"),
    ],
)
def test_folders_of_pictures_and_masks_are_no_classes(tmp_path: Path, pictures: str, masks: str) -> None:
    ending = "_0000" if pictures == "imagesTr" else ""
    for n in range(6):
        for folder, values, name in ((pictures, tools.picture(n), f"{n}{ending}"), (masks, tools.mask(n), str(n))):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(tmp_path / folder / f"{name}.png")
    found = load_masks(tmp_path)
    assert found.classes == ("0", "1", "2")
    assert sum(sizes(found).values()) == 6
    with pytest.raises(InputError, match="say visus train segment"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["mask_{}.png", "{}.png.png", "{}_segmentation.png", "{}.PNG", "{}_mask.gif"])
def test_names_of_masks(tmp_path: Path, name: str) -> None:
    tools.masks(tmp_path, range(6))
    for path in sorted((tmp_path / "masks").iterdir()):
        with Image.open(path) as mask:
            mask.save(tmp_path / "masks" / f"new-{path.stem}", format="GIF" if name.endswith("gif") else "PNG")
        path.unlink()
        (tmp_path / "masks" / f"new-{path.stem}").rename(tmp_path / "masks" / name.format(path.stem))
    assert sum(sizes(load_masks(tmp_path)).values()) == 6


def test_lists_beside_pictures_and_masks_are_the_splits(tmp_path: Path) -> None:
    tools.masks(tmp_path, range(8))
    for split, numbers in (("train", range(6)), ("val", (6, 7))):
        lines = [f"images/{n:03}.png masks/{n:03}.png" for n in numbers]
        (tmp_path / f"{split}.txt").write_text("\n".join(lines))
    assert sizes(load_masks(tmp_path)) == {"train": 6, "val": 2}


def test_pairs_of_camvid_are_no_table_of_classes(tmp_path: Path) -> None:
    for split, numbers in (("train", range(6)), ("val", range(6, 9))):
        tools.pictures(tmp_path / split, numbers)
        (tmp_path / f"{split}annot").mkdir()
        for n in numbers:
            Image.fromarray(tools.mask(n)).save(tmp_path / f"{split}annot" / f"{n:03}.png")
        (tmp_path / f"{split}.txt").write_text(
            "\n".join(f"/{split}/{n:03}.png /{split}annot/{n:03}.png" for n in numbers)
        )
    assert sizes(load_masks(tmp_path)) == {"train": 6, "val": 3}
    with pytest.raises(InputError, match="say visus train segment"):
        load(tmp_path)


def test_masks_beside_boxes_of_coco(tmp_path: Path) -> None:
    content = tools.coco(tmp_path, range(6))
    (tmp_path / "masks").mkdir()
    for n in range(6):
        Image.fromarray(tools.mask(n)).save(tmp_path / "masks" / f"{n:03}.png")
    assert load_masks(tmp_path).form.startswith("COCO")
    for entry in content["annotations"]:
        entry["segmentation"] = []
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    assert load_masks(tmp_path).form.startswith("pictures with masks")


def test_cityscapes_as_cvat_lays_it_out(tmp_path: Path) -> None:
    for split, numbers in (("train", range(4)), ("val", range(4, 6))):
        for n in numbers:
            for folder, values, ending in (
                ("imgsFine/leftImg8bit", tools.picture(n), "leftImg8bit"),
                ("gtFine", tools.mask(n), "gtFine_labelIds"),
            ):
                (tmp_path / folder / split).mkdir(parents=True, exist_ok=True)
                Image.fromarray(values).save(tmp_path / folder / split / f"{n:03}_{ending}.png")
    (tmp_path / "label_colors.txt").write_text("0 0 0 ground\n250 50 83 square\n51 221 255 disc\n")
    found = load_masks(tmp_path)
    assert (found.classes, sizes(found)) == (("ground", "square", "disc"), {"train": 4, "val": 2})
    (tmp_path / "gtFine/test").mkdir()  # as one has it who did not fetch the pictures of test
    for n in range(6, 12):
        Image.fromarray(tools.mask(n)).save(tmp_path / "gtFine/test" / f"{n:03}_gtFine_labelIds.png")
    found = load_masks(tmp_path)
    assert (found.left_out, sizes(found)) == ([], {"train": 4, "val": 2})
    assert "There are masks of test and no pictures; they are not used." in said(found)


PALETTE = np.array([[0, 0, 0], [250, 50, 83], [51, 221, 255]], np.uint8)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("label_colors.txt", "0 0 0 ground\n250 50 83 square\n51 221 255 disc\n"),
        ("class_dict.csv", "name, r, g, b\nground, 0, 0, 0\nsquare, 250, 50, 83\ndisc, 51, 221, 255\n"),
    ],
)
def test_lists_of_colors(tmp_path: Path, name: str, text: str) -> None:
    tools.masks(tmp_path, range(6), lambda _, mask: PALETTE[mask])
    (tmp_path / name).write_text(text)
    found = load_masks(tmp_path)
    assert found.classes == ("ground", "square", "disc")
    total = np.concatenate(list(found.pixels.values())).sum(0)
    assert total[2] == sum((tools.mask(n) == 2).sum() for n in range(6))


def test_grays_that_are_spread_are_all_classes_and_255_beside_numbers_does_not_count(tmp_path: Path) -> None:
    tools.masks(tmp_path / "a", range(6), lambda _, mask: np.array([0, 127, 255], np.uint8)[mask])
    tools.masks(tmp_path / "b", range(6), lambda _, mask: np.array([0, 1, 255], np.uint8)[mask])
    found = load_masks(tmp_path / "a")
    assert found.classes == ("0", "127", "255")
    assert "the grays 0, 127, 255; each is taken as a class" in said(found)
    assert "The value 255 in 6 of 6 masks does not count" in said(load_masks(tmp_path / "b", ignore=()))


def test_white_of_sixteen_bits_and_masks_in_alpha(tmp_path: Path) -> None:
    def in_alpha(_: int, mask: tools.Bytes) -> tools.Bytes:
        return np.dstack([np.full((*mask.shape, 3), 255, np.uint8), np.uint8(mask > 0) * 255])

    tools.masks(tmp_path / "a", range(4), lambda _, mask: np.where(mask > 0, 65535, 0).astype(np.uint16))
    tools.masks(tmp_path / "b", range(4), in_alpha)
    for name in "ab":
        found = load_masks(tmp_path / name)
        assert found.classes == ("0", "255")
        total = np.concatenate(list(found.pixels.values())).sum(0)
        assert total[1] == sum((tools.mask(n) > 0).sum() for n in range(4))


def test_more_objects_than_classes_can_be(tmp_path: Path) -> None:
    def numbered(number: int, mask: tools.Bytes) -> np.ndarray:
        found = np.zeros(mask.shape, np.uint16)
        found[:45] = np.arange(1, 46)[:, None] * 9 + number
        return found

    tools.masks(tmp_path, range(4), numbered)
    with pytest.raises(InputError, match="say --binary if these are numbers of objects"):
        load_masks(tmp_path)
    found = load_masks(tmp_path, binary=True)
    assert np.concatenate(list(found.pixels.values())).sum(0)[1] == 4 * 45 * 120


def test_broken_numbers_are_no_classes(tmp_path: Path) -> None:
    tools.masks(tmp_path, range(3))
    for path in list((tmp_path / "masks").iterdir()):
        Image.fromarray(tools.mask(int(path.stem)).astype(np.float32) / 2).save(path.with_suffix(".tif"))
        path.unlink()
    with pytest.raises(InputError, match="holds broken numbers"):
        load_masks(tmp_path)


def test_volumes_in_other_folders(tmp_path: Path) -> None:
    from tests.support.masked import folder_of_volumes

    for split in ("train", "val"):
        folder_of_volumes(tmp_path / split, 3)
        (tmp_path / split / "imagesTr").rename(tmp_path / split / "Images")
        (tmp_path / split / "labelsTr").rename(tmp_path / split / "masks")
    assert sizes(load_masks(tmp_path)) == {"train": 3, "val": 3}
    for path in sorted((tmp_path / "train" / "Images").iterdir()):
        (tmp_path / "alone").mkdir(exist_ok=True)
        path.rename(tmp_path / "alone" / path.name)
    with pytest.raises(InputError, match="volumes that do not lie as imagesTr with labelsTr"):
        load_masks(tmp_path / "alone")
