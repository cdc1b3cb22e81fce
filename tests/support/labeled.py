"""Labeled pictures made on the spot: classes that a small network tells apart in seconds."""

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASSES = ("blob", "checks", "stripes")


def texture(label: int, seed: int, side: int = 28) -> NDArray[np.uint8]:
    """A noisy gray picture ``(side, side)`` of one of the classes: a bright blob, a checkerboard, or stripes."""
    random = np.random.default_rng((label, seed))
    y, x = np.mgrid[:side, :side]
    a, b = random.uniform(0, side / 4, 2)
    if label == 0:
        center = side / 2 + random.uniform(-side / 6, side / 6, 2)
        pattern = np.exp(-((y - center[0]) ** 2 + (x - center[1]) ** 2) / (2 * (side / 6) ** 2))
    elif label == 1:
        pattern = ((x + a) // (side / 7) + (y + b) // (side / 7)) % 2
    else:
        pattern = (y + a) // (side / 7) % 2
    noisy = 40 + 150 * pattern + random.normal(0, 25, (side, side))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def write_class(folder: Path, label: int, count: int, *, first: int = 0, side: int = 28) -> list[Path]:
    """Write pictures of one class, each tinted in a color of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for seed in range(first, first + count):
        tint = 0.6 + 0.4 * np.random.default_rng(seed).random(3)
        picture = (texture(label, seed, side)[:, :, None] * tint).astype(np.uint8)
        paths.append(folder / f"{seed:04d}.png")
        Image.fromarray(picture).save(paths[-1])
    return paths


def folder_of_classes(folder: Path, count: int = 20, *, first: int = 0, side: int = 28) -> Path:
    """``FOLDER/CLASS/*.png`` with ``count`` pictures of each class."""
    for label, name in enumerate(CLASSES):
        write_class(folder / name, label, count, first=first, side=side)
    return folder


def splits(folder: Path, train: int = 20, val: int = 8, test: int = 8, *, side: int = 28) -> Path:
    """``FOLDER/{train,val,test}/CLASS/*.png``."""
    first = 0
    for name, count in (("train", train), ("val", val), ("test", test)):
        if count:
            folder_of_classes(folder / name, count, first=first, side=side)
        first += count
    return folder


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """An array as the content of an idx file."""
    return struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def idx_folder(folder: Path, train: int = 90, test: int = 30, *, side: int = 12, zipped: bool = True) -> Path:
    """``train-images-idx3-ubyte`` and its kin."""
    folder.mkdir(parents=True, exist_ok=True)
    first = 0
    for split, count in (("train", train), ("t10k", test)):
        labels = np.arange(count, dtype=np.uint8) % 3
        images = np.stack([texture(int(label), first + k, side) for k, label in enumerate(labels)])
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            content = idx_bytes(array)
            name = f"{split}-{kind}-ubyte" + (".gz" if zipped else "")
            (folder / name).write_bytes(gzip.compress(content) if zipped else content)
        first += count
    return folder
