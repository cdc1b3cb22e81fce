"""What is checked: the pictures of a set, whatever its labels are, or of a folder without labels."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus._optional import require

if TYPE_CHECKING:
    from visus.data.boxes import BoxSet
    from visus.data.masks import MaskSet
    from visus.data.samples import LabelSet

Task = Literal["classify", "segment", "detect"]
Progress = Callable[[str, int, int], None]


def telling(progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    """What tells how far one step is; None where nobody listens."""
    return (lambda done, total: progress(what, done, total)) if progress else None


@dataclass(frozen=True, slots=True)
class Subject:
    """The pictures that are checked.

    Attributes:
        root: The folder or table that was named.
        form: How they lie there, in words.
        task: What their labels are for; None where they have none.
        files: Their paths.
        splits: Of each; empty where there are none.
        labels: ``(N,)`` int64, the class of each; None where a picture has not just one.
        classes: Names of the classes.
        remarks: What was noticed while they were read, one sentence each.
        left_out: Labeled files that cannot be used, and why.
        marks: ``(N, classes)`` int64, 1 for each class that a picture has; None where it has just one, or labels are
            none for whole pictures.
        boxes: The set, if it has boxes.
        masks: The set, if it has masks.
    """

    root: Path
    form: str
    task: Task | None
    files: list[str]
    splits: list[str]
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    remarks: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    marks: NDArray[np.int64] | None = None
    boxes: "BoxSet | None" = None
    masks: "MaskSet | None" = None

    def label(self, place: int) -> str:
        """The class of a picture in words; empty where it has not just one."""
        return "" if self.labels is None else self.classes[int(self.labels[place])]

    def name(self, place: int) -> str:
        """What tables call a picture."""
        return self.name_of(self.files[place])

    def name_of(self, file: str) -> str:
        """What tables call a file of the set."""
        return require("visus.data.without").name_of(file, self.root)


def subject(
    path: str | os.PathLike[str], *, task: Task | Literal["none"] | None = None, progress: Progress | None = None
) -> Subject:
    """The pictures in a folder or table.

    Args:
        path: The folder or the table.
        task: What the labels are for; ``"none"`` for pictures without, None to recognize it.
        progress: Called with what is done, how far, of how much.

    Raises:
        InputError: There are no pictures, they lie in one file, or they are volumes.
        DependencyError: A format needs a package that is not installed.
    """
    place = Path(path).expanduser()
    if not place.exists():
        raise InputError(f"{place} does not exist; check the spelling of the path.")
    chosen = task or task_of(place)
    tell = telling(progress, "reading")
    if chosen == "none":
        return _plain(place)
    if chosen == "classify":
        return _of_labels(place, require("visus.data").load_whole(place, progress=tell))
    if chosen == "segment":
        return _of_masks(place, require("visus.data").load_masks_whole(place, progress=tell))
    return _of_boxes(place, require("visus.data").load_boxes_whole(place, progress=tell))


def task_of(place: Path) -> Task | Literal["none"]:
    """What the labels of a place are for.

    Args:
        place: A folder or table that is there.
    """
    splits, kinds, load = (require(f"visus.data.{name}") for name in ("splits", "kinds", "load"))
    if place.is_file():
        return "classify"
    kind = kinds.kind_of(splits.seen_through(place))
    if kind:
        return "segment" if kind.tasks[0] == "segment" else "detect"
    return "classify" if load.has_classes(place) else "none"


def _plain(place: Path) -> Subject:
    """Pictures without labels."""
    from visus.images import is_picture_name

    below = require("visus.data.splits").files_below(place)
    files = [str(file) for file in below if is_picture_name(file.name)]
    if not files:
        raise InputError(f"{place} holds no pictures; name a folder with some.")
    return Subject(place, "pictures without labels", None, files, [""] * len(files))


def _of_labels(place: Path, found: "LabelSet") -> Subject:
    if any(own.arrays is not None for own in found.splits.values()):
        raise InputError(f"The pictures of {place} lie in idx files; save each as a file of its own to check them.")
    every = np.concatenate([own.labels for own in found.splits.values()])
    labels, marks = (None, every) if found.multilabel else (every, None)
    files, splits = _files(found)
    return Subject(
        place, found.form, "classify", files, splits, labels, found.classes, found.remarks, _bad(found), marks
    )


def _of_masks(place: Path, found: "MaskSet") -> Subject:
    if found.axes == 3:
        raise InputError(f"{place} holds volumes; visus check looks at pictures. visus data {place} shows what is odd.")
    files, splits = _files(found)
    return Subject(
        place, found.form, "segment", files, splits, None, found.classes, found.remarks, _bad(found), masks=found
    )


def _of_boxes(place: Path, found: "BoxSet") -> Subject:
    files, splits = _files(found)
    return Subject(
        place, found.form, "detect", files, splits, None, found.classes, found.remarks, _bad(found), boxes=found
    )


def _files(found: "LabelSet | MaskSet | BoxSet") -> tuple[list[str], list[str]]:
    """The pictures of all splits, and the split of each."""
    pairs = [(file, "" if split == "all" else split) for split, own in found.splits.items() for file in own.files]
    return [file for file, _ in pairs], [split for _, split in pairs]


def _bad(found: "LabelSet | MaskSet | BoxSet") -> dict[str, str]:
    return {own.path: own.reason for own in found.left_out}
