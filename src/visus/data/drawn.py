"""Masks from shapes: polygons and run lengths of objects, laid into one mask for each picture when it is read."""

from collections.abc import Sequence
from typing import Any

from PIL import Image

from visus._errors import InputError
from visus.data.box_formats import Format, Rows
from visus.data.boxes import Objects as Boxes
from visus.data.coco import BACKGROUND, Objects, is_background
from visus.data.left_out import Notes
from visus.data.load_boxes import objects_of
from visus.data.masks import IGNORE, MOST_CLASSES
from visus.images import read

Drawn = dict[str, tuple[list[str], list[Objects]]]
_SIDEWAYS = (5, 6, 7, 8)


def classes_of(names: Sequence[str], root: object) -> tuple[str, ...]:
    """The classes of masks: what no object covers, and those of the objects; a background category joins the former.

    Raises:
        InputError: There are too many.
    """
    found = (BACKGROUND, *(name for name in names if not is_background(name)))
    if len(found) > MOST_CLASSES:
        raise InputError(f"{root} has {len(found) - 1} categories; a mask holds up to {MOST_CLASSES - 1}.")
    return found


def drawn(known: Format, root: object, names: Sequence[str], splits: dict[str, Rows], notes: Notes) -> Drawn:
    """What is drawn into the mask of each picture.

    An object without a shape leaves its box out of account: what it covers of it is not known.

    Args:
        known: The format.
        root: The folder.
        names: The names of the objects, which lines of numbers count.
        splits: Pictures and objects.
        notes: Told what was left out.

    Raises:
        InputError: No object has a shape.
    """
    classes = classes_of(names, root)
    number = [0 if is_background(name) else classes.index(name) for name in names]
    found: Drawn = {}
    bare = shaped = 0
    for split, (files, lists) in splits.items():
        kept, masks = found.setdefault(split, ([], []))
        for file, rows in zip(files, lists, strict=True):
            made = _objects(file, rows, names)
            if isinstance(made, str):
                notes.drop(file, made)
                continue
            size, own = made
            entry = Objects(size, [], [])
            for label, shape, box in zip(own.labels.tolist(), own.shapes, own.boxes.tolist(), strict=True):
                if shape or number[label]:  # a box of the background is what lies around the others
                    entry.classes.append(number[label] if shape else IGNORE)
                    entry.shapes.append(shape or _rectangle(box))
                    bare += not shape
            shaped += sum(bool(shape) for shape in own.shapes)
            kept.append(file)
            masks.append(entry)
    if bare and not shaped:
        raise InputError(
            f"The objects in {root} ({known.name}) are boxes without shapes, from which no mask can be drawn; say "
            f"visus train detect {root}."
        )
    if bare:
        notes.mends["a box without a shape: what lies in it does not count"] += bare
    return found


def _rectangle(box: list[float]) -> list[list[float]]:
    x0, y0, x1, y1 = box
    return [[x0, y0, x1, y0, x1, y1, x0, y1]]


def _objects(file: str, rows: list[dict[str, Any]], names: Sequence[str]) -> tuple[tuple[int, int], Boxes] | str:
    """The upright size of a picture and its objects in pixels; or why they cannot be used."""
    try:
        size = _size_of(file)
    except InputError as error:
        return str(error)
    found = objects_of(file, rows, size, tuple(names))
    return found if isinstance(found, str) else (size, found[0])


def _size_of(file: str) -> tuple[int, int]:
    """Height and width of a picture when it is upright: from its header, or from its pixels.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with Image.open(file) as picture:
            width, height = picture.size
            sideways = picture.getexif().get(0x0112, 1) in _SIDEWAYS
    except Exception:  # Pillow does not know the format, or the header is damaged
        height, width = read(file).shape[:2]
        return height, width
    return (width, height) if sideways else (height, width)
