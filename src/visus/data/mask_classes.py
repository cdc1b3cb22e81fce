"""The classes of masks: their names, and which class each value or color stands for; what is guessed is said."""

import contextlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data import mask_values
from visus.data.class_lists import ClassList
from visus.data.left_out import Notes
from visus.data.load_boxes import Unlabeled
from visus.data.mask_layouts import Pairs
from visus.data.masks import IGNORE, MOST_CLASSES, colors, read_values
from visus.data.resample import Spacing
from visus.data.threads import in_threads

Progress = Callable[[int, int], None]

STRANGE = 254
"""The class of values that no class has; a mask with one is refused."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a user says of a data set.

    Attributes:
        ignore: Classes that do not count.
        insist: Whether these must be there.
        binary: Whether all that is not 0 is one class.
        unlabeled: What pictures without annotations are.
        spacing: To which volumes are resampled.
        strict: Whether many bad files stop.
    """

    ignore: tuple[str, ...]
    insist: bool = True
    binary: bool = False
    unlabeled: Unlabeled | None = None
    spacing: Spacing | None = None
    strict: bool = False


Lookup = tuple[tuple[str, ...], NDArray[np.uint8]]
"""Names, and the class of each value, ``(256,)``."""


def survey_of(pairs: Pairs, values: Callable[[str], NDArray[Any]], progress: Progress | None) -> mask_values.Survey:
    """The values of the training masks; of all, where these are black and white and others are it in another way.

    Raises:
        InputError: None can be read.
    """
    found = mask_values.survey(_leading(pairs), values, progress)
    if found.all in ({0, 1}, {0, IGNORE}) and len(pairs) > 1:
        whole = mask_values.survey([mask for _, masks in pairs.values() for mask in masks], values)
        if mask_values.is_mixed_white(whole) or mask_values.is_blurred(whole):
            return whole
    if not found.each and not found.colored:
        detail = f" (the first: {found.reason})" if found.reason else ""
        raise InputError(f"No training mask can be read, so that the classes are not known{detail}; bring some.")
    return found


def _leading(pairs: Pairs) -> list[Any]:
    """The masks of the split that says which values there are."""
    return (pairs.get("") or pairs.get("train") or next(iter(pairs.values()), ([], [])))[1]


def classes_and_lookup(
    seen: mask_values.Survey, listed: ClassList | None, root: Path, notes: Notes, wanted: Wanted
) -> Lookup:
    """Classes, and the class of each value; what is guessed is said.

    Raises:
        InputError: A mask is in color, or masks count objects.
    """
    if seen.colored and 9 * seen.in_color >= len(seen.each):  # fewer are bad files among others
        raise InputError(
            f"The mask {seen.colored} is in color ({_colors_in(seen)}); name its classes in a classes.csv "
            "(name,red,green,blue)."
        )
    two = listed is None or len(listed.names) == 2
    names = listed.names if listed and two else ("0", "1" if 1 in seen.all else str(IGNORE))
    if wanted.binary:
        names = listed.names if listed and two else ("0", "1")
        cut = mask_values.is_blurred(seen) or mask_values.is_shaded(seen)
        if cut:
            notes.remarks.append(
                f"The masks hold {len(seen.all)} levels of gray, most of them at borders only, as smoothed masks and "
                "JPEG files do; they are cut at 128."
            )
        return names, np.repeat(np.array([0, 1], np.uint8), (128, 128) if cut else (1, 255))
    if two and mask_values.is_mixed_white(seen):
        of_255 = sum(IGNORE in own for own in seen.each)
        notes.remarks.append(
            f"{of_255:,} of {len(seen.each):,} masks call their objects 255, the others 1; both are taken as one class."
        )
        return _two(names)
    if two and mask_values.is_blurred(seen):
        notes.remarks.append(
            f"The masks hold {len(seen.all)} values, those between black and white at borders only, as in a resized or "
            "smoothed mask; they are taken as two classes, cut at 128."
        )
        return (names[0], listed.names[1] if listed else str(IGNORE)), np.repeat(np.array([0, 1], np.uint8), 128)
    if listed is None and mask_values.counts_objects(seen):
        most = max(len(own - {0, IGNORE}) for own in seen.each)
        raise InputError(
            f"The masks in {root} seem to count objects (up to {most} in one mask, anew in each), not to name classes; "
            "say --binary to take all objects as one class, or bring a classes.txt."
        )
    if listed is None and mask_values.holds_grays(seen):
        most = max(len(own) for own in seen.each)
        raise InputError(
            f"The masks in {root} seem to hold levels of gray (up to {most} in one mask), as resized, smoothed or JPEG "
            "files do, not numbers of classes; bring masks that were never smoothed, or say --binary for a single "
            "class, or bring a classes.txt."
        )
    _note_unseen(seen, notes, wanted)
    if listed:
        classes, lookup = without_ignored(listed.names, listed.numbers, wanted, root)
        lookup[list(listed.void)] = IGNORE
        if len(listed.names) == 2 and seen.all == {0, IGNORE}:  # black and white
            lookup[IGNORE] = lookup[listed.numbers[1]]
        return classes, lookup
    if mask_values.counts_objects(seen, few=2):
        notes.remarks.append(
            f"Each mask has the numbers from 1 on, up to {max(seen.all - {IGNORE})}, each in one piece; they are taken "
            "as classes. If they count objects, say --binary."
        )
    found = sorted(seen.all)
    if IGNORE in seen.all and not seen.all <= {0, IGNORE}:
        found = _with_white(seen, notes)
    return without_ignored([str(value) for value in found], found, wanted, root)


def _note_unseen(seen: mask_values.Survey, notes: Notes, wanted: Wanted) -> None:
    """Say which values are to be ignored and are in no mask."""
    unseen = [entry for entry in wanted.ignore if entry.isdecimal() and int(entry) not in {*seen.all, IGNORE}]
    if unseen and wanted.insist:
        notes.remarks.append(f"No mask that was looked at holds the value {', '.join(unseen)}, which --ignore names.")


def _with_white(seen: mask_values.Survey, notes: Notes) -> list[int]:
    """The values that are classes where 255 is among them: it is one of evenly spread grays, or does not count."""
    found = sorted(seen.all)
    if min(b - a for a, b in itertools.pairwise(found)) >= _STEP:
        notes.remarks.append(
            f"The masks hold the grays {', '.join(map(str, found))}; each is taken as a class, 255 too (--ignore 255 "
            "takes it away)."
        )
        return found
    masks = sum(IGNORE in own for own in seen.each)
    notes.remarks.append(
        f"The value 255 in {masks:,} of {len(seen.each):,} masks does not count: it is what no class is."
    )
    return found[:-1]


_STEP = 16  # grays between classes that are drawn to be seen


def _colors_in(seen: mask_values.Survey) -> str:
    """The first colors of a mask in color."""
    assert seen.colored is not None
    values = seen.read(seen.colored)
    found = np.unique(values.reshape(-1, 3), axis=0)[:_SHOWN].tolist()
    return "its colors: " + "; ".join(",".join(map(str, color)) for color in found)


_SHOWN = 4


def _two(names: tuple[str, ...]) -> Lookup:
    """Two classes of the values 0, 1 and 255; others are strange."""
    lookup = np.full(256, STRANGE, np.uint8)
    lookup[[0, 1, IGNORE]] = (0, 1, 1)
    return names, lookup


def palette_of(listed: ClassList | None, found: Lookup) -> NDArray[np.uint8]:
    """The colors of the classes that count, ``(N, 3)``: those of the list, or some that are told apart."""
    classes, lookup = found
    if listed is None or listed.palette is None:
        return colors(len(classes))
    return listed.palette[[k for k, value in enumerate(listed.numbers) if lookup[value] != IGNORE]]


def is_by_color(pairs: Pairs, palette: NDArray[np.uint8]) -> bool:
    """Whether some mask that can be read holds colors, or gray levels that are colors of the list and no numbers."""
    levels = set(palette[(palette == palette[:, :1]).all(1)][:, 0].tolist())
    numbers = {*range(len(palette)), IGNORE}

    def colored(path: str) -> bool:
        with contextlib.suppress(InputError):
            values = read_values(path)
            seen = set() if values.ndim == 3 else mask_values.values_in(values)
            return values.ndim == 3 or (seen <= levels and not seen <= numbers - ({IGNORE} & levels))
        return False

    paths = [mask for _, masks in pairs.values() for mask in masks]
    return any(in_threads(colored, paths))


def without_ignored(names: Sequence[str], values: Sequence[int], wanted: Wanted, root: Path) -> Lookup:
    """The classes that count, and the class of each value; a value that no class has becomes 254, which is refused.

    Raises:
        InputError: There is no class that is to be ignored, or there are too many.
    """
    unnamed = {str(value): value for value in range(256) if value not in values}
    strange = [entry for entry in wanted.ignore if entry not in {*names, *unnamed, *map(str, values)}]
    if strange and wanted.insist:
        raise InputError(f"There is no class {strange[0]!r} to ignore in {root}; there are {', '.join(names)}.")
    if len(names) > MOST_CLASSES - 1:
        raise InputError(f"{root} has {len(names)} classes; a mask holds up to {MOST_CLASSES - 1}.")
    lookup = np.full(256, STRANGE, np.uint8)
    lookup[[IGNORE, *(unnamed[entry] for entry in wanted.ignore if entry in unnamed)]] = IGNORE
    kept: list[str] = []
    for name, value in zip(names, values, strict=True):
        if name in wanted.ignore or str(value) in wanted.ignore:
            lookup[value] = IGNORE
        else:
            lookup[value] = len(kept)
            kept.append(name)
    return tuple(kept), lookup
