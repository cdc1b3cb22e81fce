"""Masks beside pictures, or in a folder beside theirs: each with its own picture, and doubt is said."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.test_kinds import said, sizes
from tests.support import tools
from visus.data import load_masks_whole


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
    assert "6 of 12 pictures have no mask and are left out, x0_test.png for one." in said(found)
