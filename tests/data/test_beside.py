"""Masks beside pictures, or in a folder beside theirs: each with its own picture, and doubt is said."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.test_kinds import said, sizes
from tests.support import tools
from visus import InputError
from visus.data import load_masks, load_masks_whole, load_whole


def save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def test_masks_of_the_same_names_are_those_in_the_folder_itself(tmp_path: Path) -> None:
    for n in range(6):
        save(tmp_path / f"{n}.jpg", tools.picture(n))
        save(tmp_path / f"{n}.png", tools.mask(n))
        save(tmp_path / "old" / f"{n}.png", np.zeros(tools.SIZE, np.uint8))
    found = load_masks_whole(tmp_path)
    assert sizes(found) == {"all": 6}
    assert sum(found.pixels["all"][:, 2]) == sum((tools.mask(n) == 2).sum() for n in range(6))


def test_one_mask_is_not_taken_for_two_pictures(tmp_path: Path) -> None:
    tools.masks(tmp_path, range(6))
    for n in range(3):
        for split in ("train", "test"):
            save(tmp_path / "images" / f"x{n}_{split}.png", tools.picture(20 + n))
        save(tmp_path / "masks" / f"x{n}_mask.png", tools.mask(20 + n))
    found = load_masks_whole(tmp_path)
    assert sizes(found) == {"all": 6}
    assert "6 of 12 pictures have no mask and are left out, x0_test.png for one" in said(found)


@pytest.mark.parametrize(
    ("pictures", "first", "second"), [("scans", "masks_auto", "masks_hand"), ("train", "train_gt", "train_masks")]
)
def test_two_folders_of_masks_are_asked_for(tmp_path: Path, pictures: str, first: str, second: str) -> None:
    for n in range(6):
        save(tmp_path / pictures / f"{n}.png", tools.picture(n))
        for folder in (first, second):
            save(tmp_path / folder / f"{n}_mask.png", tools.mask(n))
    with pytest.raises(InputError, match=f"{first}, {second} in .* each hold masks for {pictures}; move away"):
        load_masks(tmp_path)
    with pytest.raises(InputError, match="visus train segment"):
        load_whole(tmp_path)


def test_only_endings_of_masks_make_masks(tmp_path: Path) -> None:
    for n in range(6):
        save(tmp_path / "plain" / f"{n}.png", tools.picture(n))
        save(tmp_path / "annotated" / f"{n}_by hand.png", tools.picture(n + 10))
    assert load_whole(tmp_path).classes == ("annotated", "plain")


def test_a_folder_of_a_class_called_mask_holds_its_pictures_and_masks(tmp_path: Path) -> None:
    for k, name in enumerate(("mask", "bare")):
        for n in range(6):
            save(tmp_path / name / f"X{n}.png", tools.picture(10 * k + n))
            save(tmp_path / name / f"X{n}_seg.png", tools.mask(10 * k + n))
    found = load_whole(tmp_path)
    assert sizes(found) == {"all": 12}
    assert "12 pictures are each a mask of another beside it, and not learned from." in said(found)


@pytest.mark.parametrize("gray", [False, True])
def test_a_picture_of_a_label_is_no_mask_unless_it_is_gray(tmp_path: Path, gray: bool) -> None:
    for k, name in enumerate(("beer", "wine")):
        for n in range(4):
            save(tmp_path / name / f"{n}.png", tools.picture(10 * k + n))
            save(tmp_path / name / f"{n}_label.png", (tools.mask if gray else tools.picture)(20 + 10 * k + n))
    assert sizes(load_whole(tmp_path)) == {"all": 8 if gray else 16}
