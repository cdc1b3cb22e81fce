"""What a set of pictures with boxes around their objects is, whatever format it came in.

A box is (x0, y0, x1, y1) in pixels: its left, upper, right and lower edge.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus.data.left_out import LeftOut
from visus.images.wide import read_wide

Floats = NDArray[np.float32]

NO_NUMBER, NO_AREA = "with a number that is none (NaN), left out", "without area, left out"
OUTSIDE, UNKNOWN = "outside of the picture, left out", "of an unknown category, left out"
UNUSABLE = (NO_NUMBER, NO_AREA, OUTSIDE, UNKNOWN)
"""Why objects are left out that are no objects, or of nothing known: where these are many, the annotations are odd."""

_CROWDS = "of these, crowds"


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of one picture.

    Attributes:
        boxes: ``(n, 4)`` float32.
        labels: ``(n,)`` int64, positions in the classes.
        crowd: ``(n,)`` bool: many objects in one box (COCO), which neither serve training nor count as misses.
        difficult: ``(n,)`` bool: hard to see (VOC), which do not count as misses.
        shapes: For each object its polygons or run lengths as COCO writes them, or None.
        areas: ``(n,)`` pixels: COCO's own areas, by which it calls objects small or large; NaN where nothing is said.
    """

    boxes: Floats
    labels: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    difficult: NDArray[np.bool_]
    shapes: list[Any]
    areas: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, places: Any) -> "Objects":  # noqa: ANN401 - what indexes an array
        """The objects at some places.

        Args:
            places: ``(m,)`` integer positions, ``(n,)`` bool, or a slice.
        """
        kept = np.arange(len(self))[places]
        shapes = [self.shapes[k] for k in kept.tolist()]
        crowd, difficult = self.crowd[kept], self.difficult[kept]
        return Objects(self.boxes[kept], self.labels[kept], crowd, difficult, shapes, self.areas[kept])

    def masks(self, size: Sequence[int]) -> NDArray[np.bool_]:
        """Each object's shape, ``(n, H, W)`` bool; the whole box where it has none.

        Raises:
            FormatError: A shape cannot be read.
        """
        from visus.data.coco import decode

        found = np.zeros((len(self), *size), bool)
        for inside, box, shape in zip(found, self.boxes, self.shapes, strict=True):
            if shape:
                inside[:] = decode(shape, (int(size[0]), int(size[1])))
            else:
                x0, y0, x1, y1 = np.rint(box).astype(int).tolist()
                inside[max(0, y0) : y1, max(0, x0) : x1] = True
        return found


def objects(rows: Sequence[dict[str, Any]]) -> Objects:
    """From rows with ``box`` and ``label``, and perhaps ``crowd``, ``difficult``, ``shape`` and ``area``."""
    return Objects(
        np.array([row["box"] for row in rows], np.float32).reshape(-1, 4),
        np.array([row["label"] for row in rows], np.int64),
        np.array([row.get("crowd", False) for row in rows], bool),
        np.array([row.get("difficult", False) for row in rows], bool),
        [row.get("shape") for row in rows],
        np.array([row.get("area", np.nan) for row in rows], np.float64),
    )


@dataclass(frozen=True, slots=True)
class Boxed:
    """Pictures of one split, and the objects of each; pictures are read at use.

    Attributes:
        files: Their paths.
        objects: The objects of each.
    """

    files: list[str]
    objects: list[Objects]

    def __len__(self) -> int:
        return len(self.files)

    @property
    def labels(self) -> NDArray[np.int64]:
        """``(N,)`` int64 zeros: a picture with objects has no class of its own."""
        return np.zeros(len(self.files), np.int64)

    @property
    def has_shapes(self) -> bool:
        """Whether there are objects, and every one has a shape."""
        return any(len(own) for own in self.objects) and all(all(own.shapes) for own in self.objects)

    def read(self, place: int) -> tuple[NDArray[np.uint8], Objects]:
        """A picture ``(H, W, 3)`` uint8 and its objects.

        Raises:
            InputError: It cannot be read.
        """
        return read_wide(self.files[place]), self.objects[place]

    def take(self, places: NDArray[np.integer]) -> "Boxed":
        """The pictures at some places, with their objects.

        Args:
            places: ``(m,)`` integer positions, in the order that is wanted.
        """
        kept = places.tolist()
        return Boxed([self.files[k] for k in kept], [self.objects[k] for k in kept])


@dataclass(frozen=True, slots=True)
class BoxSet:
    """Pictures with objects, in splits.

    Attributes:
        root: The folder that they came from.
        form: How they lie there, in words.
        classes: Names of the classes.
        splits: ``train``, ``val`` and ``test``, those that there are.
        remarks: What a user should know, each one sentence.
        digests: A hash of the content of each picture, by split.
        cards: What is compared of each picture, by split; see :func:`visus.data.near.card_of`.
        left_out: Labeled files that cannot be used.
        unread: What annotations say beside boxes, shapes and classes, and how many do.
    """

    root: Path
    form: str
    classes: tuple[str, ...]
    splits: dict[str, Boxed]
    remarks: list[str] = field(default_factory=list)
    digests: dict[str, list[bytes]] = field(default_factory=dict)
    cards: dict[str, list[NDArray[np.uint8]]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    unread: dict[str, int] = field(default_factory=dict)

    @property
    def has_shapes(self) -> bool:
        """Whether every object of the training pictures has a shape."""
        return (self.splits.get("train") or next(iter(self.splits.values()))).has_shapes

    def counts(self, split: str) -> NDArray[np.int64]:
        """Objects of each class in a split, ``(classes,)`` int64; crowds and difficult objects count, too."""
        total = np.zeros(len(self.classes), np.int64)
        for own in self.splits[split].objects:
            total += np.bincount(own.labels, minlength=len(self.classes))
        return total

    def crowds(self, split: str) -> NDArray[np.int64]:
        """How many of the objects of each class are crowds, ``(classes,)`` int64."""
        total = np.zeros(len(self.classes), np.int64)
        for own in self.splits[split].objects:
            total += np.bincount(own.labels[own.crowd], minlength=len(self.classes))
        return total

    def describe(self) -> str:
        """The form, and how many objects each class has, for people."""
        names = list(self.splits)
        crowds = {name: int(self.crowds(name).sum()) for name in names}
        rows = ("pictures", *([_CROWDS] if any(crowds.values()) else []))
        width = max(len(name) for name in (*self.classes, *rows))
        counts = {name: self.counts(name) for name in names}
        lines = [f"{self.root}: {self.form}", f"{'objects':{width}}" + "".join(f"{name:>9}" for name in names)]
        for k, name in enumerate(self.classes):
            lines.append(f"{name:{width}}" + "".join(f"{counts[split][k]:>9,}" for split in names))
        if _CROWDS in rows:
            lines.append(f"{_CROWDS:{width}}" + "".join(f"{crowds[split]:>9,}" for split in names))
        return "\n".join([*lines, f"{'pictures':{width}}" + "".join(f"{len(self.splits[s]):>9,}" for s in names)])

    def fingerprint(self) -> str:
        """What tells these pictures, objects and classes from others, wherever they lie."""
        total = hashlib.sha256(repr(self.classes).encode())
        for split, pictures in self.splits.items():
            total.update(split.encode() + b"".join(self.digests[split]))
            for own in pictures.objects:
                total.update(own.boxes.tobytes() + own.labels.tobytes() + own.crowd.tobytes() + own.difficult.tobytes())
                total.update(repr(own.shapes).encode())
        return total.hexdigest()[:16]


def mended(own: Objects, size: Sequence[int], mends: Counter[str]) -> Objects:
    """The objects that can be used, their boxes cut to the picture.

    Args:
        own: What the annotations say.
        size: Height and width of the picture.
        mends: What was mended, counted by reason.
    """
    height, width = size
    finite = np.isfinite(own.boxes).all(1)
    own = _without(own, ~finite, NO_NUMBER, mends)
    empty = (own.boxes[:, 2:] <= own.boxes[:, :2]).any(1)
    own = _without(own, empty, NO_AREA, mends)
    cut = np.clip(own.boxes, 0, np.array([width, height, width, height], np.float32))
    away = (cut[:, 2:] <= cut[:, :2]).any(1)
    # Half a pixel beyond the border is how a format counts its edges, and no word is lost on it.
    beyond = (np.abs(cut - own.boxes) > 0.5).any(1) & ~away
    mends["beyond the border of the picture, cut to it"] += int(beyond.sum())
    own = _without(replace(own, boxes=cut), away, OUTSIDE, mends)
    return _without(own, _repeats(own), "there twice with the same box and class, counted once", mends)


def _without(own: Objects, gone: Any, reason: str, mends: Counter[str]) -> Objects:  # noqa: ANN401 - of NumPy
    """The objects without some, ``(n,)`` bool, which are counted under a reason."""
    count = int(np.count_nonzero(gone))
    mends[reason] += count
    return own.take(~gone) if count else own


def _repeats(own: Objects) -> NDArray[np.bool_]:
    """Which objects repeat one before them, ``(n,)`` bool."""
    found = np.zeros(len(own), bool)
    seen: dict[tuple[Any, ...], list[int]] = {}
    for k, (box, label, crowd) in enumerate(
        zip(own.boxes.tolist(), own.labels.tolist(), own.crowd.tolist(), strict=True)
    ):
        alike = seen.setdefault((*box, label, crowd), [])
        found[k] = any(own.shapes[j] == own.shapes[k] for j in alike)
        alike += [] if found[k] else [k]
    return found


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """The box x0, y0, x1, y1 around what a mask ``(H, W)`` shows, in pixels; the last ones lie outside.

    Args:
        mask: Not empty.

    >>> box_of(np.eye(4, 5, dtype=bool))
    (0, 0, 4, 4)
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
