"""What a set of pictures with labels is: format, classes, splits, counts, sizes and problems, and a sheet of it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data.boxes import Boxed, BoxSet
from visus.data.kinds import kind_of
from visus.data.left_out import Notes
from visus.data.load import load_whole, ready_labels
from visus.data.load_boxes import Unlabeled, load_boxes_whole, ready_boxes
from visus.data.load_masks import load_masks_whole, ready_masks
from visus.data.masks import IGNORE, Masked, MaskSet, colors
from visus.data.picture_labels import labels_of_pictures
from visus.data.samples import LabelSet, Pictures
from visus.data.splits import seen_through
from visus.data.table_places import table_in
from visus.images import draw

Task = Literal["classify", "segment", "detect"]
_OPTIONS: dict[str, tuple[Task, ...]] = {
    "multilabel": ("classify",),
    "binary": ("segment",),
    "unlabeled": ("segment", "detect"),
    "first_pixel": ("detect",),
}
"""What each option is for."""

_ON_THE_SHEET = 20
_TILE = 240  # pixels of a picture on the sheet
_MEASURED = 200  # pictures whose sizes are told
_REASONS = 20
_CUT: dict[str, Any] = {"seed": 0, "val": 0.15, "test": 0.15}  # as training cuts a set that has no splits


@dataclass(frozen=True, slots=True)
class Overview:
    """What was found in a set.

    Attributes:
        task: What can be learned from it.
        dataset: The set as it lies, in its own splits or one called ``all``.
        sizes: ``(N, 2)`` int64, width and height of some of the pictures.
        obstacle: Why nothing can be learned from it, one sentence; empty where something can.
    """

    task: Task
    dataset: LabelSet | MaskSet | BoxSet
    sizes: NDArray[np.int64]
    obstacle: str = ""

    def counts(self) -> dict[str, dict[str, int]]:
        """By split and class: pictures, objects, or pictures whose mask holds the class."""
        own = self.dataset
        if isinstance(own, MaskSet):
            table = {split: (own.pixels[split] > 0).sum(0) for split in own.splits}
        else:
            table = {split: own.counts(split) for split in own.splits}
        return {split: dict(zip(own.classes, counts.tolist(), strict=True)) for split, counts in table.items()}

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        own = self.dataset
        return {
            "folder": str(own.root),
            "format": own.form,
            "task": self.task,
            "classes": list(own.classes),
            **({"words": own.words} if isinstance(own, LabelSet) and own.words else {}),
            "pictures": {split: len(pictures) for split, pictures in own.splits.items()},
            "counts": self.counts(),
            **({"crowds": _crowds(own)} if isinstance(own, BoxSet) else {}),
            "sizes": {"least": self.sizes.min(0).tolist(), "most": self.sizes.max(0).tolist()}
            if len(self.sizes)
            else {},
            "remarks": own.remarks,
            "obstacle": self.obstacle or None,
            "left_out": [{"path": file.path, "reason": file.reason} for file in own.left_out],
        }

    def describe(self) -> str:
        """The same for people."""
        own = self.dataset
        lines = [own.describe(), *own.remarks]
        if len(self.sizes):
            (width, height), (wide, high) = self.sizes.min(0).tolist(), self.sizes.max(0).tolist()
            lines.append(f"Sizes: {width} to {wide} pixels wide, {height} to {high} high.")
        reasons = [file.reason for file in own.left_out[:_REASONS]]
        more = len(own.left_out) - len(reasons)
        lines += [f"  {reason}" for reason in reasons] + (
            [f"  and {more:,} more (--json lists all)"] if more > 0 else []
        )
        last = (
            f"Nothing can be learned from it: {self.obstacle}"
            if self.obstacle
            else (f"To learn from it: visus train {self.task} {own.root}")
        )
        return "\n".join([*lines, last])

    def drawn(self) -> NDArray[np.uint8]:
        """Some pictures with their labels, ``(H, W, 3)`` uint8.

        Of a volume the slice is shown that has most of other classes than the first.

        Raises:
            InputError: There are none.
        """
        own = self.dataset
        shown, captions = [], []
        for split, pictures in own.splits.items():
            wanted = max(1, _ON_THE_SHEET // len(own.splits))
            for place in range(0, len(pictures), max(1, len(pictures) // wanted))[:wanted]:
                shown.append(_labeled(own, pictures, place))
                captions.append(_caption(own, pictures, place, split))
        if isinstance(own, MaskSet) and shown:
            shown.append(draw.legend(own.classes, list(map(tuple, own.palette.tolist())), side=_TILE))
            captions.append("classes; the first is not drawn")
        return draw.contact_sheet(shown, captions, tile=_TILE, title=f"{own.root.name}: {own.form}")


def _crowds(own: BoxSet) -> dict[str, dict[str, int]]:
    """By split and class: how many of the objects are crowds, which are neither learned nor missed."""
    return {split: dict(zip(own.classes, own.crowds(split).tolist(), strict=True)) for split in own.splits}


def _labeled(own: LabelSet | MaskSet | BoxSet, pictures: Pictures | Masked | Boxed, place: int) -> NDArray[np.uint8]:
    """A picture with its boxes or its mask."""
    if isinstance(pictures, Boxed):
        picture, objects = pictures.read(place)
        names = [own.classes[k] for k in objects.labels.tolist()]
        palette = list(map(tuple, colors(1 + len(own.classes))[1:].tolist()))
        return draw.boxes_on_tile(
            picture, objects.boxes, names, [palette[k] for k in objects.labels.tolist()], side=_TILE
        )
    if isinstance(pictures, Masked):
        assert isinstance(own, MaskSet)
        picture, mask = pictures.read(place)
        if own.axes == 3:
            picture, mask = _slice(picture, mask)
        lookup = np.full((256, 3), 255, np.uint8)
        lookup[: len(own.palette)] = own.palette
        covered = ((mask > 0) & (mask != IGNORE))[..., None]
        return np.where(covered, (picture // 2 + lookup[mask] // 2).astype(np.uint8), picture)
    return pictures.read(place)


def _slice(volume: NDArray[np.float32], mask: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The slice of a volume with most of other classes, ``(H, W, 3)`` uint8, and its mask."""
    place = int(((mask > 0) & (mask != IGNORE)).sum((1, 2)).argmax())
    low, high = np.percentile(volume[place], (0.5, 99.5))
    gray = np.clip((volume[place] - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2), mask[place]


def _caption(own: LabelSet | MaskSet | BoxSet, pictures: Pictures | Masked | Boxed, place: int, split: str) -> str:
    if isinstance(pictures, Pictures) and isinstance(own, LabelSet):
        names = pictures.names(place, own.classes)
        return f"{split}: {' '.join(filter(None, (names, own.words.get(names))))}"
    return f"{split}: {Path(pictures.files[place]).name}"


def overview(
    path: str | os.PathLike[str],
    *,
    task: Task | None = None,
    multilabel: bool = False,
    binary: bool = False,
    unlabeled: Unlabeled | None = None,
    first_pixel: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Overview:
    """Look at a set of pictures with labels; nothing is changed.

    Args:
        path: Folder or table.
        task: What would be learned; None for what the format is for.
        multilabel: As for :func:`visus.data.load`.
        binary: As for :func:`visus.data.load_masks`.
        unlabeled: As for :func:`visus.data.load_boxes`.
        first_pixel: As for :func:`visus.data.load_boxes_whole`.
        progress: Called with how many pictures were looked at, of how many.

    Raises:
        InputError: It is no set of pictures with labels, or for another task; or an option is.
    """
    place = Path(path).expanduser()
    if task is None:
        kind = kind_of(seen_through(place)) if place.is_dir() else None
        task = "classify" if kind is None else "segment" if kind.tasks[0] == "segment" else "detect"
        task = "classify" if task == "detect" and _has_classes_alone(place) else task
    given = {"multilabel": multilabel, "binary": binary, "unlabeled": unlabeled, "first_pixel": first_pixel}
    options = {name: value for name, value in given.items() if value is not None and value is not False}
    if idle := next((name for name in options if task not in _OPTIONS[name]), None):
        takes = " or ".join(_OPTIONS[idle])
        raise InputError(f"--{idle.replace('_', '-')} is for {takes}, and {path} is a set to {task}; leave it.")
    if task == "classify":
        found = load_whole(place, **options, progress=progress)
    elif task == "segment":
        found = load_masks_whole(place, **options, progress=progress)
    else:
        found = load_boxes_whole(place, **options, progress=progress)
    volumes = isinstance(found, MaskSet) and found.axes == 3
    sizes = [] if volumes else [_size(own, k) for own in found.splits.values() for k in _some(own)]
    return Overview(task, found, np.array(sizes, np.int64).reshape(-1, 2), _obstacle(found, path))


def _obstacle(found: LabelSet | MaskSet | BoxSet, path: str | os.PathLike[str]) -> str:
    """Why training would refuse a set that lies whole, in its own splits or in one called ``all``."""
    parts = ("splits", "digests", "cards", *(["pixels"] if isinstance(found, MaskSet) else []))
    lying = {
        part: {"" if split == "all" else split: own for split, own in getattr(found, part).items()} for part in parts
    }
    whole = replace(found, remarks=[], **lying)
    try:
        if isinstance(whole, LabelSet):
            ready_labels(whole, path, **_CUT)
        elif isinstance(whole, MaskSet):
            ready_masks(whole, path, **_CUT)
        else:
            ready_boxes(whole, path, **_CUT)
    except InputError as error:
        return str(error)
    return ""


def _has_classes_alone(place: Path) -> bool:
    """Whether an export gives pictures classes and has no objects."""
    root = seen_through(place)
    if labels_of_pictures(root, Notes()) is None and table_in(root) is None:
        return False
    try:
        found = load_boxes_whole(place)
    except InputError:
        return True
    return not sum(int(found.counts(split).sum()) for split in found.splits)


def _some(pictures: Pictures | Masked | Boxed) -> Sequence[int]:
    return range(0, len(pictures), max(1, len(pictures) // _MEASURED))


def _size(pictures: Pictures | Masked | Boxed, place: int) -> tuple[int, int]:
    """Width and height of a picture."""
    picture = pictures.read(place)
    height, width = (picture if isinstance(picture, np.ndarray) else picture[0]).shape[:2]
    return width, height
