"""What a set of labeled pictures is, whatever format it came in."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._renamed import renamed
from visus.data.left_out import LeftOut
from visus.images.wide import read_wide


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of one split and the class of each; they are read at use.

    Attributes:
        labels: ``(N,)`` int64, positions in the list of classes; where a picture may have several classes or none,
            ``(N, C)`` int64, 1 for each class that it has and 0 for the others.
        files: Their paths, or empty where they are held in memory.
        arrays: ``(N, H, W)`` gray or ``(N, H, W, 3)`` RGB, uint8, or None where they are files.
    """

    labels: NDArray[np.int64]
    files: list[str] = field(default_factory=list)
    arrays: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def multilabel(self) -> bool:
        """Whether a picture may have several classes, or none."""
        return self.labels.ndim == 2

    def counts(self, classes: int) -> NDArray[np.int64]:
        """Pictures of each of so many classes, ``(classes,)`` int64."""
        return self.labels.sum(0) if self.multilabel else np.bincount(self.labels, minlength=classes)

    def label(self, place: int) -> "int | NDArray[np.int64]":
        """The class of a picture, or ``(C,)`` int64 zeros and ones."""
        return self.labels[place] if self.multilabel else int(self.labels[place])

    def names(self, place: int, classes: Sequence[str]) -> str:
        """The class of a picture in words, or all that it has."""
        if not self.multilabel:
            return classes[int(self.labels[place])]
        return ", ".join(name for name, there in zip(classes, self.labels[place], strict=True) if there) or "none"

    def read(self, place: int, *, min_side: int | None = None) -> NDArray[np.uint8]:
        """One picture, ``(H, W, 3)`` uint8; with ``min_side`` a JPEG may come smaller (see :func:`visus.read`).

        Raises:
            InputError: The file is missing or damaged.
        """
        if self.arrays is None:
            return read_wide(self.files[place], min_side=min_side)
        picture = self.arrays[place]
        return picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)

    def take(self, places: NDArray[np.integer]) -> "Pictures":
        """Some of the pictures.

        Args:
            places: ``(m,)`` integer positions, in the order that is wanted.
        """
        files: list[str] = [] if self.arrays is not None else [self.files[k] for k in places.tolist()]
        return Pictures(self.labels[places], files, None if self.arrays is None else self.arrays[places])

    def joined(self, other: "Pictures") -> "Pictures":
        """These pictures, then others, all of them files or all of one size in memory."""
        labels = np.concatenate([self.labels, other.labels])
        if self.arrays is None or other.arrays is None:
            return Pictures(labels, self.files + other.files)
        return Pictures(labels, arrays=np.concatenate([self.arrays, other.arrays]))


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Labeled pictures in splits.

    Attributes:
        root: The folder or file that they came from.
        form: How they lie there, in words.
        classes: Names of the classes, sorted.
        splits: ``train``, ``val`` and ``test``, those that there are.
        gray: Whether all pictures are gray.
        remarks: What a user should know, each one sentence: unreadable pictures, copies across splits, imbalance.
        digests: A hash of the content of each picture, by split.
        cards: What is compared of each picture, by split; see :func:`visus.data.near.card_of`.
        left_out: Labeled files that cannot be used.
        words: What classes are called in words, where their names are WordNet's codes (``n01440764``).
    """

    root: Path
    form: str
    classes: tuple[str, ...]
    splits: dict[str, Pictures]
    gray: bool = False
    remarks: list[str] = field(default_factory=list)
    digests: dict[str, list[bytes]] = field(default_factory=dict)
    cards: dict[str, list[NDArray[np.uint8]]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)

    @property
    def multilabel(self) -> bool:
        """Whether a picture may have several classes, or none."""
        return any(pictures.multilabel for pictures in self.splits.values())

    def counts(self, split: str) -> NDArray[np.int64]:
        """Pictures of each class in a split, ``(classes,)`` int64."""
        return self.splits[split].counts(len(self.classes))

    def joined(self, split: str, other: str) -> "LabelSet":
        """The same, with the pictures of another split in one too; the other stays, and counts as seen there."""
        both = self.splits[split].joined(self.splits[other])
        digests = {**self.digests, split: self.digests[split] + self.digests[other], other: []}
        return replace(self, splits={**self.splits, split: both}, digests=digests)

    def fingerprint(self) -> str:
        """What tells these pictures from others, wherever they lie: content, classes and splits."""
        total = hashlib.sha256(repr(self.classes).encode())
        for split, pictures in self.splits.items():
            total.update(split.encode() + pictures.labels.tobytes() + b"".join(self.digests[split]))
        return total.hexdigest()[:16]

    def describe(self) -> str:
        """The form, the classes and how many pictures each has, for people."""
        names = list(self.splits)
        called = [" ".join(filter(None, (own, self.words.get(own)))) for own in self.classes]
        width = max(len(name) for name in (*called, "class"))
        lines = [f"{self.root}: {self.form}", f"{'class':{width}}" + "".join(f"{name:>9}" for name in names)]
        counts = {name: self.counts(name) for name in names}
        for k in _shown(len(self.classes)):
            row = called[k] if k >= 0 else "…"
            cells = "".join(f"{counts[name][k] if k >= 0 else '':>9}" for name in names)
            lines.append(f"{row:{width}}{cells}")
        lines.append(f"{'all':{width}}" + "".join(f"{len(self.splits[name]):>9}" for name in names))
        return "\n".join(lines)


def _shown(count: int, most: int = 24) -> list[int]:
    """Rows of a table that is cut in the middle (-1) when it is long."""
    return list(range(count)) if count <= most else [*range(most // 2), -1, *range(count - most // 2, count)]


def said_of_unmeasured(classes: Sequence[str], train: NDArray[np.integer], val: NDArray[np.integer]) -> list[str]:
    """One sentence on classes that are learned and not in val; none where there are none.

    Args:
        classes: Their names.
        train: ``(C,)``, how much of each is in train.
        val: ``(C,)``, how much of each is in val.

    >>> said_of_unmeasured(["cat", "dog"], np.array([3, 4]), np.array([1, 0]))
    ['Not in val, and so not measured: dog.']
    """
    names = [name for name, learned, measured in zip(classes, train, val, strict=True) if learned and not measured]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return [f"Not in val, and so not measured: {', '.join(names[:_NAMED])}{more}."] if names else []


def said_of_alike(classes: Sequence[str]) -> list[str]:
    """One sentence on classes whose names differ in case and blanks alone; none where there are none.

    >>> said_of_alike(["Cat", "cat", "dog"])
    ['Classes of nearly one name: Cat and cat; if they are one, call them alike.']
    """
    alike: dict[str, list[str]] = {}
    for name in classes:
        alike.setdefault("".join(name.casefold().split()), []).append(name)
    told = ", ".join(" and ".join(names) for names in alike.values() if len(names) > 1)
    return [f"Classes of nearly one name: {told}; if they are one, call them alike."] if told else []


_NAMED = 12  # classes that a sentence names


def counted(count: int) -> str:
    """A number of pictures in words.

    >>> counted(1), counted(2000)
    ('1 picture', '2,000 pictures')
    """
    return "1 picture" if count == 1 else f"{count:,} pictures"


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    return renamed(__name__, name)
