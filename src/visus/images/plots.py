"""Plots: curves, matrices and maps as pictures, drawn by matplotlib."""

import functools
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus._optional import require
from visus.images import fonts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, ACCENT, SECOND = "#222222", "#c8102e", "#1f5fa8"
COLORS = (ACCENT, SECOND, "#2e8b57", "#8a5a00", "#6a3d9a", "#008b8b", "#7f7f7f")


def figure(width: float, height: float) -> "Figure":
    """An empty figure of a size in inches, without any global state of matplotlib's.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    return require("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")


def axes(plot: "Figure", rows: int, columns: int) -> list[Any]:
    """A grid of axes with a light look, row by row."""
    made = np.atleast_1d(plot.subplots(rows, columns)).ravel().tolist()
    for axis in made:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25, linewidth=0.6)
        axis.tick_params(labelsize=8)
    return made


def save(plot: "Figure", path: str | os.PathLike[str]) -> None:
    """Write a figure; the file appears whole or not at all.

    Raises:
        InputError: The place cannot be written.
    """
    from visus._files import write_atomically

    target = Path(path)
    content = _rendered(plot, target.suffix.lstrip(".") or "png")
    try:
        write_atomically(target, content)
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error.strerror}); choose another place.") from error


def picture_of(plot: "Figure") -> NDArray[np.uint8]:
    """A figure as a picture ``(H, W, 3)`` uint8."""
    from visus.images.decode import decode

    return decode(_rendered(plot, "png"), name="the figure").pixels


def _rendered(plot: "Figure", form: str) -> bytes:
    """A figure as the content of a file."""
    _give_fonts(plot)
    buffer = io.BytesIO()
    plot.savefig(buffer, format=form, dpi=110)
    return buffer.getvalue()


def _give_fonts(plot: "Figure") -> None:
    """Give each text of a figure a font that has its letters; see :mod:`visus.images.fonts`."""
    texts: list[Any] = plot.findobj(require("matplotlib.text").Text)
    for text in texts:
        family, shown = _family(text.get_text())
        if family:
            text.set_fontfamily(family)
        if shown != text.get_text():
            text.set_text(shown)


def _family(text: str) -> tuple[list[str], str]:
    """Names of fonts that have the letters of a text, none for matplotlib's own; and the text as it can be written."""
    if text.isascii():
        return [], text
    own = Path(require("matplotlib.font_manager").findfont("DejaVu Sans"))
    path, shown = fonts.font_for(text, own)
    return ([] if path in (None, own) else ["DejaVu Sans", _known_name(path)]), shown


@functools.cache
def _known_name(path: Path) -> str:
    """The name by which matplotlib knows a font from now on."""
    font_manager = require("matplotlib.font_manager")
    font_manager.fontManager.addfont(path)
    return font_manager.FontProperties(fname=path).get_name()


def matrix(
    axis: Any,  # noqa: ANN401 - axes of matplotlib, imported at use
    values: NDArray[np.number],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    write: bool = True,
) -> None:
    """Draw a matrix of counts with its numbers, dark where a row has most of its share.

    Args:
        axis: Where to draw.
        values: ``(R, C)``, integer or float from 0 on.
        rows: Names of the rows.
        columns: Names of the columns.
        write: Whether the numbers are written into the cells.
    """
    shares = values / np.maximum(values.sum(axis=1, keepdims=True), 1)
    axis.grid(False)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    words = {"fontsize": 8, "parse_math": False}  # a name may hold a $
    rows, columns = ([_family(name)[1] for name in names] for names in (rows, columns))
    axis.set_xticks(range(len(columns)), columns, rotation=90 if len(columns) > 6 else 0, **words)
    axis.set_yticks(range(len(rows)), rows, **words)
    if write:
        for r, c in np.ndindex(*values.shape):
            if values[r, c]:
                ink = "white" if shares[r, c] > 0.55 else INK
                axis.text(c, r, f"{values[r, c]:g}", ha="center", va="center", color=ink, fontsize=7)
