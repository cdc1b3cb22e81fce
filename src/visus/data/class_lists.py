"""The names of the classes of masks, as tools write them beside the masks; never guessed.

Read are ``classes.txt`` (a name on each line), ``classes.csv`` and ``class_dict.csv`` (name, red, green, blue), CVAT's
``labelmap.txt`` (``name:red,green,blue::``), CamVid's ``label_colors.txt`` (red green blue name), Roboflow's
``_classes.csv`` (pixel value, class), ``class_names.txt`` and nnU-Net's ``dataset.json``, and ADE20K's
``objectInfo150.txt``. Cityscapes' masks have its own numbers.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data.cityscapes import CITYSCAPES, MOST_LABEL, holds_train_ids, is_cityscapes
from visus.data.coco import is_background, read_json
from visus.data.splits import folders_in, split_of
from visus.data.texts import text_of
from visus.data.voc import read_annotation

VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
"""What the numbers of Pascal VOC's own masks stand for; its annotations name them."""

_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class ClassList:
    """Names of classes, and what they are called in the masks.

    Attributes:
        names: All names.
        palette: A color for each, ``(N, 3)`` uint8, or None where masks hold numbers only.
        values: The number of each; None for their places in the list.
        void: Numbers that do not count.
    """

    names: tuple[str, ...]
    palette: NDArray[np.uint8] | None = None
    values: tuple[int, ...] | None = None
    void: tuple[int, ...] = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The number of each class in the masks."""
        return self.values if self.values is not None else tuple(range(len(self.names)))


def read_class_list(root: Path) -> ClassList | None:
    """The list of classes in a folder, if there is one.

    Raises:
        InputError: It is damaged.
    """
    for name, read in _READERS.items():
        if (root / name).is_file():
            return read(root / name)
    if is_cityscapes(root):
        return _of_cityscapes(root)
    tables = [folder / "_classes.csv" for folder in (root, *(f for f in folders_in(root) if split_of(f.name)))]
    table = next((path for path in tables if path.is_file()), None)
    return _of_roboflow(table) if table else _of_voc(root)


def _of_names(path: Path) -> ClassList:
    names = [line.strip() for line in text_of(path).splitlines() if line.strip()]
    return ClassList(_distinct(names, path))


def _of_colors(path: Path) -> ClassList:
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text_of(path))) if any(row)]
    head = [cell.lower() for cell in rows[0]] if rows else []
    known = {key: next((head.index(word) for word in words if word in head), -1) for key, words in _COLUMNS.items()}
    try:
        if min(known.values()) < 0:
            raise ValueError("no such columns")
        names = [row[known["name"]] for row in rows[1:]]
        palette = np.array([[int(row[known[key]]) for key in ("red", "green", "blue")] for row in rows[1:]])
    except (ValueError, IndexError):
        raise InputError(f"{path} must have the columns name, red, green and blue, with numbers to 255.") from None
    return _with_palette(names, palette, path)


_COLUMNS = {"name": ("name", "class", "label"), "red": ("red", "r"), "green": ("green", "g"), "blue": ("blue", "b")}


def _with_palette(names: list[str], palette: NDArray[Any], path: Path) -> ClassList:
    """A list with colors.

    Raises:
        InputError: They are none.
    """
    if not len(palette) or palette.min() < 0 or palette.max() > 255:
        raise InputError(f"{path} must name at least one class, with colors from 0 to 255.")
    return ClassList(_distinct(names, path), palette.astype(np.uint8))


def _of_label_colors(path: Path) -> ClassList:
    lines = [line.split() for line in text_of(path).splitlines() if line.strip() and not line.startswith("#")]
    try:
        palette = np.array([[int(value) for value in line[:3]] for line in lines])
        names = [" ".join(line[3:]) for line in lines]
        if not all(names):
            raise ValueError("a color without a name")
    except ValueError:
        raise InputError(f"{path} must have lines such as 64 128 64 Animal: red, green, blue and a name.") from None
    return _with_palette(names, palette, path)


def _of_labelmap(path: Path) -> ClassList:
    lines = [line.strip() for line in text_of(path).splitlines() if line.strip() and not line.startswith("#")]
    try:
        entries = [(name, [int(v) for v in color.split(",")]) for name, color, *_ in (own.split(":") for own in lines)]
        palette = np.array([color for _, color in entries]).reshape(len(entries), 3)
        if palette.min() < 0 or palette.max() > 255:
            raise ValueError
    except ValueError:
        raise InputError(f"{path} must have lines such as car:250,50,83::, with colors to 255.") from None
    order = sorted(range(len(entries)), key=lambda k: not is_background(entries[k][0]))
    return ClassList(_distinct([entries[k][0] for k in order], path), palette[order].astype(np.uint8))


def _of_dataset(path: Path) -> ClassList | None:
    """nnU-Net's names to numbers (version 2), or numbers to names (the Decathlon and version 1).

    Raises:
        InputError: The list is damaged, or a class is made up of several.
    """
    try:
        labels: Any = read_json(path).get("labels")
        if not isinstance(labels, dict):
            return None
        numbers = {str(k): v for k, v in labels.items()}
        if all(key.isdigit() for key in numbers):
            numbers = {str(name): int(key) for key, name in numbers.items()}
        if any(not isinstance(value, int) for value in numbers.values()):
            raise InputError(f"{path} has classes that are made up of several (regions), which are not read.")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as nnU-Net's list of labels ({error!r}); mend it.") from error
    kept = {name: value for name, value in numbers.items() if name != "ignore"}
    names = sorted(kept, key=lambda name: kept[name])
    if not names or not all(0 <= kept[name] < 255 for name in names):
        raise InputError(f"{path} must give each class a number from 0 to 254; mend it.")
    void = tuple(value for name, value in numbers.items() if name == "ignore")
    return ClassList(_distinct(names, path), None, tuple(kept[name] for name in names), void)


def _of_ade20k(path: Path) -> ClassList:
    """The 150 classes of ADE20K's challenge; 0 is what none of them is, and does not count."""
    lines = [line.split("\t") for line in text_of(path).splitlines()[1:] if line.strip()]
    try:
        names, numbers = [line[-1].strip() for line in lines], tuple(int(line[0]) for line in lines)
    except ValueError:
        raise InputError(f"{path} must have a number first and a name last on each line, between tabs.") from None
    return ClassList(_distinct(names, path), None, numbers, (0,))


def _of_cityscapes(root: Path) -> ClassList:
    """The 19 classes that Cityscapes is measured by; the others do not count."""
    numbers = tuple(range(len(CITYSCAPES))) if holds_train_ids(root) else tuple(CITYSCAPES.values())
    void = () if holds_train_ids(root) else tuple(set(range(MOST_LABEL + 1)) - set(numbers))
    return ClassList(tuple(CITYSCAPES), None, numbers, void)


def _of_roboflow(path: Path) -> ClassList | None:
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text_of(path))) if row]
    if not rows or [cell.lower() for cell in rows[0][:2]] != ["pixel value", "class"]:
        return None
    try:
        return ClassList(_distinct([row[1] for row in rows[1:]], path), None, tuple(int(row[0]) for row in rows[1:]))
    except (ValueError, IndexError):
        raise InputError(f"{path} must have a pixel value and a class on each line; mend it.") from None


def _of_voc(root: Path) -> ClassList | None:
    """Pascal VOC's own names, if annotations beside the masks are of its classes."""
    names: set[str] = set()
    for path in sorted((root / "Annotations").glob("*.xml"))[:_LOOKED_AT]:
        try:
            names |= {row["name"] for row in read_annotation(path)[1]}
        except InputError:
            continue
    return ClassList(VOC_CLASSES) if names and names <= set(VOC_CLASSES) else None


def _distinct(names: Sequence[str], path: Path) -> tuple[str, ...]:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path} names the class {twice!r} twice; give each one line.")
    if not names:
        raise InputError(f"{path} names no class; write one on each line.")
    return tuple(names)


_READERS: dict[str, Callable[[Path], ClassList | None]] = {
    "classes.txt": _of_names,
    "class_names.txt": _of_names,
    "classes.csv": _of_colors,
    "class_dict.csv": _of_colors,
    "class_dict_seg.csv": _of_colors,
    "label_colors.txt": _of_label_colors,
    "labelmap.txt": _of_labelmap,
    "dataset.json": _of_dataset,
    "objectInfo150.txt": _of_ade20k,
}
"""What reads a list of classes, by the name of its file; the first that is there counts."""
