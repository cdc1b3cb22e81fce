"""The idx files of MNIST and its like: ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, also gzipped.

The format: two zero bytes, the type (8: unsigned bytes), the number of dimensions, each dimension as a big-endian
32-bit number, then the values.
"""

import gzip
import re
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visus._errors import FormatError
from visus.data.samples import Pictures

_NAME = re.compile(r"(train|t10k|test|val)[-_.](images|labels)[-_.]idx[13][-_.]ubyte(\.gz)?$", re.IGNORECASE)
_SPLIT = {"train": "train", "t10k": "test", "test": "test", "val": "val"}
_MOST_BYTES = 4 << 30


def idx_files(root: Path) -> dict[str, dict[str, Path]]:
    """Files of images and labels by split, in a folder."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(root.iterdir(), reverse=True):  # the plain file before the gzipped one
        match = _NAME.match(path.name)
        if match:
            found.setdefault(_SPLIT[match[1].lower()], {})[match[2].lower()] = path
    return found


def read_array(path: Path) -> NDArray[np.uint8]:
    """The array of an idx file.

    Returns:
        A read-only uint8 array of one to four dimensions: labels ``(N,)``, gray pictures ``(N, H, W)`` or RGB
        pictures ``(N, H, W, 3)``.

    Raises:
        FormatError: It cannot be read, is damaged or cut short, or holds another type than bytes.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(f"{path} cannot be read ({error}); bring it again.") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != 8 or content[3] not in (1, 2, 3, 4):
        raise FormatError(f"{path} is no idx file of bytes; its first bytes are {content[:4].hex(' ')}.")
    count = content[3]
    header = 4 + 4 * count
    if len(content) < header:
        raise FormatError(f"{path} is cut short in its header; bring it again.")
    shape = struct.unpack(f">{count}I", content[4:header])
    values = int(np.prod([int(n) for n in shape], dtype=object))
    if len(content) - header != values:
        raise FormatError(f"{path} should hold {values:,} values, but has {len(content) - header:,}; bring it again.")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def read_idx(root: Path, *, whole: bool = False) -> tuple[tuple[str, ...], dict[str, Pictures]]:
    """Classes (the numbers that occur, as text) and pictures by split.

    Args:
        root: The folder.
        whole: Whether the split train may be missing.

    Raises:
        FormatError: A file is missing or damaged, or images and labels do not belong together.
    """
    arrays: dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}
    for split, files in idx_files(root).items():
        if files.keys() != {"images", "labels"}:
            lacking = ({"images", "labels"} - files.keys()).pop()
            raise FormatError(f"{root} has no idx file of the {lacking} of {split}; bring it.")
        images, labels = read_array(files["images"]), read_array(files["labels"])
        if images.ndim not in (3, 4) or labels.ndim != 1 or len(images) != len(labels):
            raise FormatError(
                f"{files['images']} {images.shape} and {files['labels']} {labels.shape} do not belong together; "
                "bring both again."
            )
        if images.ndim == 4 and images.shape[3] != 3:
            raise FormatError(f"{files['images']} has {images.shape[3]} channels; write gray or RGB pictures.")
        if not images.size:
            raise FormatError(f"{files['images']} holds no pixels {images.shape}; bring it again.")
        arrays[split] = images, labels
    if "train" not in arrays and not whole:
        raise FormatError(f"{root} has no idx files of the split train; bring train-images-idx3-ubyte and its labels.")
    values = sorted({int(v) for _, labels in arrays.values() for v in np.unique(labels)})
    place = np.full(256, -1, np.int64)
    place[values] = np.arange(len(values))
    splits = {
        split: Pictures(place[arrays[split][1]], arrays=arrays[split][0])
        for split in ("train", "val", "test")
        if split in arrays
    }
    return tuple(map(str, values)), splits
