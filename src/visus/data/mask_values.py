"""Look at the values of masks before they become classes: blurred borders, numbers of objects, mixed kinds of white."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data.masks import IGNORE, positions
from visus.data.threads import in_threads

_MIDDLE = 128  # from here on a blurred white is white
_SAMPLE = 24  # masks that are looked at closely
_THIN = 5  # pixels: what is narrower is a border
_NEAR = 0.01  # of the longer side, from which a border may be wider
_DARK, _BRIGHT = 32, 223  # what is nearly black and nearly white
_FEW_LEVELS = 3
_MANY_LEVELS = 32  # values in one mask
_MOSTLY = 0.9
_FEW_TIMES = 2  # as much white as gray
_FEW_OBJECTS, _MANY_CLASSES = 5, 20


@dataclass(frozen=True, slots=True)
class Survey:
    """The values of some masks.

    Attributes:
        each: The values of each mask that can be read.
        colored: The first mask in color; None where there is none.
        in_color: How many are in color.
        reason: Why the first that cannot be read cannot.
        paths: The files of those that can be read and are not in color.
        read: Reads a file.
    """

    each: list[frozenset[int]]
    colored: str | None
    in_color: int
    reason: str
    paths: Sequence[str]
    read: Callable[[str], NDArray[Any]]

    @property
    def all(self) -> set[int]:
        """All values that occur in some mask."""
        return set().union(*self.each)


def survey(
    paths: Sequence[str], read: Callable[[str], NDArray[Any]], progress: Callable[[int, int], None] | None = None
) -> Survey:
    """Read masks and note their values.

    Args:
        paths: Their files.
        read: Reads a file.
        progress: Called with how many are done, of how many.
    """

    def of(path: str) -> frozenset[int] | str | None:
        try:
            found = read(path)
        except InputError as error:
            return str(error)
        return None if _in_color(found) else values_in(found)

    each: list[frozenset[int]] = []
    readable: list[str] = []
    colored, in_color, reason = None, 0, ""
    for done, (path, answer) in enumerate(zip(paths, in_threads(of, paths), strict=True), 1):
        if isinstance(answer, frozenset):
            each.append(answer)
            readable.append(path)
        elif answer is None:
            colored, in_color = colored or path, in_color + 1
        else:
            reason = reason or answer
        if progress:
            progress(done, len(paths))
    return Survey(each, colored, in_color, reason, readable, read)


def values_in(mask: NDArray[Any]) -> frozenset[int]:
    """The values that a mask holds."""
    return frozenset((np.flatnonzero(positions(mask)) if mask.dtype == np.uint8 else np.unique(mask)).tolist())


def _in_color(values: NDArray[Any]) -> bool:
    return values.ndim == 3 and values.shape[-1] == 3 and values.dtype == np.uint8


def is_mixed_white(found: Survey) -> bool:
    """Whether some masks call their objects 1 and others 255, never both."""
    if found.all != {0, 1, IGNORE}:
        return False
    return not any({1, IGNORE} <= own for own in found.each)


def _sample(found: Survey, wanted: Callable[[frozenset[int]], bool] = lambda _: True) -> Iterator[NDArray[Any]]:
    """Some of the masks that can be read, and whose values are wanted."""
    paths = [path for path, own in zip(found.paths, found.each, strict=True) if wanted(own)]
    for path in paths[:: max(1, len(paths) // _SAMPLE)]:
        with contextlib.suppress(InputError):
            yield found.read(path)


def is_blurred(found: Survey) -> bool:
    """Whether masks are black and white but for their borders and what a JPEG file adds: resized or smoothed ones.

    Nearly all is nearly black or nearly white, values between lie on both sides of the middle, and near its border.
    Levels beside the darkest and the brightest that cover more than a thin line are numbers of classes.
    """
    levels = found.all
    between = {value for value in levels if 0 < value < IGNORE}
    dark, bright = {value for value in levels if value <= _DARK}, {value for value in levels if value >= _BRIGHT}
    if len(between) < _FEW_LEVELS or not dark or not bright or not min(between) < _MIDDLE <= max(between):
        return False
    import cv2

    inside = away = white = 0
    for values in _sample(found, lambda own: bool(own & between)):
        if values.ndim != 2:
            return False
        gray = (values > _DARK) & (values < _BRIGHT)
        side = 2 * max(_THIN, round(_NEAR * max(values.shape))) + 1
        square, bits = np.ones((side, side), np.uint8), (values >= _MIDDLE).astype(np.uint8)
        border = cv2.dilate(bits, square) > cv2.erode(bits, square)
        inside += int(gray.sum())
        away += int((gray & ~border).sum())
        white += int((values >= _BRIGHT).sum())
    plain = (dark | bright) - {min(levels), max(levels)}
    return white > 0 and inside > 0 and away <= 0.02 * inside and not plain & _wide(found)


def _wide(found: Survey) -> set[int]:
    """The values that cover more than a thin line in some mask."""
    import cv2

    wide: set[int] = set()
    for values in _sample(found):
        for value in values_in(values) - wide:
            part = cv2.erode((values == value).astype(np.uint8), np.ones((_THIN, _THIN), np.uint8))
            wide |= {value} if part.any() else set()
    return wide


def is_shaded(found: Survey) -> bool:
    """Whether masks hold much white and few levels of gray, most of which nowhere cover more than a thin line."""
    numbers = found.all - {0, IGNORE}
    if max(found.all, default=0) < _BRIGHT or len(numbers) < _FEW_LEVELS:
        return False
    gray = white = 0
    for values in _sample(found):
        if values.ndim != 2:
            return False
        gray += int(((values > _DARK) & (values < _BRIGHT)).sum())
        white += int((values >= _BRIGHT).sum())
    return _FEW_TIMES * gray < white and 2 * len(numbers & _wide(found)) < len(numbers)


def holds_grays(found: Survey) -> bool:
    """Whether the values of masks are levels of gray and no numbers of classes: many in each mask, or borders alone.

    Borders are values that nowhere cover more than a thin line, where they lie between those that do.
    """
    if any(values.ndim != 2 for values in islice(_sample(found), 1)):  # volumes have many organs
        return False
    if found.each and np.median([len(own) for own in found.each]) > _MANY_LEVELS:
        return True
    numbers = found.all - {IGNORE}
    if len(numbers) < 2 + _FEW_LEVELS:
        return False
    wide = _wide(found)
    thin = numbers - wide
    if not (
        len(wide) > 1 and len(thin) >= max(_FEW_LEVELS, len(wide)) and min(wide) < min(thin) < max(thin) < max(wide)
    ):
        return False
    running = max(numbers) < _MANY_LEVELS and numbers == {*range(len(numbers))}
    return not running or _share_between(found, thin) > _MOSTLY


def _share_between(found: Survey, thin: set[int]) -> float:
    """Of the pixels with some values: the share with both a lower and a higher neighbor, as smoothed borders have."""
    import cv2

    square, between, total = np.ones((3, 3), np.uint8), 0, 0
    for values in _sample(found, lambda own: bool(own & thin)):
        where = np.isin(values, [*thin])
        lower, higher = (np.asarray(of(values, square)) for of in (cv2.erode, cv2.dilate))
        between += int((where & (lower < values) & (values < higher)).sum())
        total += int(where.sum())
    return between / max(1, total)


def counts_objects(found: Survey, *, few: int = _FEW_OBJECTS) -> bool:
    """Whether the numbers in masks count objects, anew in each mask, and are no classes.

    There are many numbers, they run from 1 on in each mask or occur in few masks, and each covers one piece.

    Args:
        found: The values of the masks.
        few: With less numbers than this they may be classes.
    """
    numbers = found.all - {0, IGNORE}
    filled = [own - {0, IGNORE} for own in found.each if own - {0, IGNORE}]
    if len(numbers) < few or len(filled) < 2:
        return False
    running = sum(own == set(range(1, len(own) + 1)) for own in filled) >= 0.9 * len(filled)
    often = Counter(value for own in filled for value in own)
    rare = len(numbers) > _MANY_CLASSES and np.median(list(often.values())) < 0.3 * len(filled)
    if not (running and len({len(own) for own in filled}) > 1) and not rare:
        return False
    import cv2

    pieces = []
    for values in _sample(found):
        if values.ndim != 2:
            return False
        for value in values_in(values) - {0, IGNORE}:
            pieces.append(cv2.connectedComponents((values == value).astype(np.uint8))[0] - 1)
    return bool(pieces) and sum(count == 1 for count in pieces) >= 0.9 * len(pieces)
