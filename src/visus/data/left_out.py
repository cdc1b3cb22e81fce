"""What to do about files that cannot be used: leave out a few and say so, stop for many."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visus._errors import InputError

_MOST = 0.1  # share of the labeled files that may be left out without a word from the user
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not used.

    Attributes:
        path: The file.
        reason: Why, one sentence.
    """

    path: str
    reason: str


@dataclass(slots=True)
class Notes:
    """What was noticed while a data set was read.

    Attributes:
        mends: What was mended in annotations, counted by reason; see :func:`remarks_on_mends`.
        unread: What annotations say beside boxes, shapes and classes, and how many do; nothing here learns from it.
        left_out: Labeled files that cannot be used.
        unlabeled: Split and file of pictures that nothing is said of.
        remarks: What else a user should know, each one sentence.
        beside: Files that look like pictures and are annotations, or whose annotation is left out.
        multilabel: Whether pictures may have several classes, or none.
        first_pixel: What the user says that Pascal VOC's files call the first pixel, 0 or 1; None for nothing.
    """

    mends: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    left_out: list[LeftOut] = field(default_factory=list)
    unlabeled: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    beside: set[str] = field(default_factory=set)
    multilabel: bool = False
    first_pixel: int | None = None

    def drop(self, path: str | Path, reason: str) -> None:
        """Leave a file out."""
        self.left_out.append(LeftOut(str(path), reason))

    def drop_alone(self, mask: Path, lacks: str = "picture") -> None:
        """Leave a mask out whose picture, or volume, is not there."""
        self.drop(mask, f"The mask {mask} has no {lacks} beside it; bring it, or take the mask away.")


def is_said(value: Any) -> bool:  # noqa: ANN401 - from a file
    """Whether a value of an annotation says more than what tools write of every object.

    >>> [is_said(value) for value in ("Left", True, [0, 2], "Unspecified", "0", False, [0, 0], None)]
    [True, True, True, False, False, False, False, False]
    """
    if isinstance(value, str):
        return value.strip().lower() not in _NOTHING
    return any(map(is_said, value)) if isinstance(value, list) else bool(value)


_NOTHING = ("", "0", "0.0", "false", "no", "none", "unspecified", "unknown", "__undefined__")


def remarks_on_mends(mends: Mapping[str, int], kind: str = "object") -> list[str]:
    """One sentence for each thing that was mended.

    Args:
        mends: How often, by what is said of one: "a thing ...", "with a thing ...", or what follows "is".
        kind: What one of them is called.

    >>> remarks_on_mends({"a rotated box, made upright": 2, "with a score": 1, "there twice": 1})
    ['2 objects are each a rotated box, made upright.', '1 object has a score.', '1 object is there twice.']
    """
    said = []
    for reason, count in mends.items():
        is_, has = ("is", "has") if count == 1 else ("are", "have")
        if reason.startswith("with "):
            predicate = f"{has} {reason.removeprefix('with ')}"
        elif reason.startswith("a ") and count > 1:
            predicate = f"{is_} each {reason}"
        else:
            predicate = f"{is_} {reason}"
        said += [f"{count:,} {kind if count == 1 else kind + 's'} {predicate}."] if count else []
    return said


def remarks_on(left_out: Sequence[LeftOut], kind: str = "picture") -> list[str]:
    """One sentence that counts what is left out and gives the first reasons; none where nothing is.

    Args:
        left_out: The files.
        kind: What one of them is called.
    """
    if not left_out:
        return []
    reasons = list(dict.fromkeys(own.reason for own in left_out))
    shown = " ".join(reasons[:_SHOWN]) + (" …" if len(reasons) > _SHOWN else "")
    count = f"1 {kind}" if len(left_out) == 1 else f"{len(left_out):,} {kind}s"
    return [f"Left out {count} that cannot be used ({by_ending(left_out)}): {shown}"]


def by_ending(left_out: Sequence[LeftOut]) -> str:
    """How many files of each ending there are.

    >>> by_ending([LeftOut("a.JPG", ""), LeftOut("b.jpg", ""), LeftOut("c", "")])
    '2 .jpg, 1 without ending'
    """
    counts = Counter(Path(own.path).suffix.lower() or "without ending" for own in left_out)
    return ", ".join(f"{count:,} {ending}" for ending, count in counts.most_common())


def refuse_many(
    root: Path, left_out: Sequence[LeftOut], total: int, *, classes: Sequence[tuple[str, int, int]] = ()
) -> None:
    """Stop where too many labeled files cannot be used.

    Args:
        root: The data set.
        left_out: Files that cannot be used.
        total: How many labeled files there are, with those that are left out.
        classes: Name of each class, how much of it is lost, and how much there was.

    Raises:
        InputError: More than a tenth is lost (and more than one file), or half of a class.
    """
    if not left_out:
        return
    first = f"The first: {left_out[0].reason}"
    if len(left_out) > max(1, _MOST * total):
        raise InputError(
            f"{len(left_out):,} of {total:,} labeled files in {root} cannot be used ({by_ending(left_out)}), more than "
            f"a tenth; mend them, or say --allow-bad to go on without them. {first}"
        )
    for name, lost, there in classes:
        if lost > 1 and 2 * lost >= there:
            raise InputError(
                f"The class {name} in {root} loses {lost:,} of {there:,}, which cannot be used; mend them, or say "
                f"--allow-bad to go on without them. {first}"
            )
