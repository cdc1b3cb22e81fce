"""Palettes of masks: a color that stands for one number here and for another there mixes two classes."""

from collections import Counter
from pathlib import Path

from PIL import Image

from visus._errors import InputError
from visus.data.mask_values import Survey
from visus.data.masks import is_black_and_white, palette_in
from visus.data.threads import in_threads
from visus.images.draw import Color

_SAMPLE = 24  # masks of which one at least has a palette, if any has


def refuse_shuffled(seen: Survey) -> None:
    """Stop where palettes disagree, as those do that a program makes anew for each mask.

    Palettes in which other colors stand for the same numbers are fine: numbers count.

    Args:
        seen: The masks, and the numbers in each.

    Raises:
        InputError: A color stands for two numbers.
    """
    some = seen.paths[:: max(1, len(seen.paths) // _SAMPLE)]
    if not any(_palette_of(path) for path in some):
        return
    known: dict[Color, tuple[int, str]] = {}
    for path, values, palette in zip(seen.paths, seen.each, in_threads(_palette_of, seen.paths), strict=True):
        shown = {value: palette[value] for value in values if value < len(palette)}
        often = Counter(shown.values())
        for value, color in shown.items():
            first, where = known.setdefault(color, (value, path)) if often[color] == 1 else (value, path)
            if first != value:
                raise InputError(
                    f"The palettes of the masks disagree: rgb{color} is {first} in {Path(where).name} and {value} in "
                    f"{Path(path).name}, so numbers mix two classes; save all masks with one palette, or as RGB with a "
                    "classes.csv (name,red,green,blue)."
                )


def _palette_of(path: str) -> list[Color]:
    """The colors of a mask's palette; none where it has none, or only black and white, or cannot be read."""
    try:
        with Image.open(path) as picture:
            colors = palette_in(picture) if picture.mode == "P" else []
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return []
    return [] if is_black_and_white(colors) else colors
