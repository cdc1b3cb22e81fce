"""Small pictures with masks: bright discs and dark squares on noise."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]


def scene(number: int, *, size: tuple[int, int] = (72, 80)) -> tuple[Bytes, Bytes]:
    """A picture ``(H, W, 3)`` and its mask: 0 ground, 1 disc, 2 square."""
    random = np.random.default_rng(number)
    rows, columns = np.mgrid[: size[0], : size[1]]
    picture = random.normal(110, 12, (*size, 3))
    mask = np.zeros(size, np.uint8)
    for label, color in ((1, (220, 90, 60)), (2, (40, 60, 170))):
        y, x, r = random.uniform(15, size[0] - 15), random.uniform(15, size[1] - 15), random.uniform(9, 14)
        near = np.hypot(rows - y, columns - x) if label == 1 else np.maximum(abs(rows - y), abs(columns - x))
        picture[near < r] = np.array(color) + random.normal(0, 12, ((near < r).sum(), 3))
        mask[near < r] = label
    return np.clip(picture, 0, 255).astype(np.uint8), mask


def write_pairs(folder: Path, numbers: range, *, masks: str = "masks", gray: bool = False) -> None:
    """``images/N.png`` with ``masks/N.png``."""
    (folder / "images").mkdir(parents=True)
    (folder / masks).mkdir()
    for number in numbers:
        picture, mask = scene(number)
        image = Image.fromarray(picture)
        (image.convert("L") if gray else image).save(folder / "images" / f"{number}.png")
        Image.fromarray(mask).save(folder / masks / f"{number}.png")


def folder_of_masks(root: Path, *, train: int = 12, val: int = 4, test: int = 4, gray: bool = False) -> Path:
    """``{train,val,test}/{images,masks}``, with a list of classes."""
    start = 0
    for split, count in (("train", train), ("val", val), ("test", test)):
        write_pairs(root / split, range(start, start + count), gray=gray)
        start += count
    (root / "classes.txt").write_text("ground\ndisc\nsquare\n")
    return root


def write_volume(path: Path, values: NDArray[np.generic]) -> None:
    """A NIfTI file of an array ``(D, H, W)``."""
    import nibabel

    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(values.transpose(2, 1, 0)), np.diag([1, 1, 2, 1])), str(path))


def folder_of_volumes(root: Path, count: int = 8) -> Path:
    """``imagesTr`` and ``labelsTr``: a bright ball in noise."""
    for number in range(count):
        random = np.random.default_rng(number)
        grid = np.mgrid[:18, :20, :16]
        middle = random.uniform(6, 11, 3)
        inside = np.sqrt(((grid - middle.reshape(3, 1, 1, 1)) ** 2).sum(0)) < 5
        values = random.normal(100, 10, inside.shape) + 60 * inside
        write_volume(root / "imagesTr" / f"v{number}.nii.gz", values.astype(np.float32))
        write_volume(root / "labelsTr" / f"v{number}.nii.gz", inside.astype(np.uint8))
    return root
