"""What a lesson draws: a figure, its numbers, and three sentences in each language."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Lang = Literal["en", "zh"]
LANGUAGES: tuple[Lang, ...] = ("en", "zh")

Say = Callable[[str, str], str]
"""Of a label in English and in Chinese, the one that is drawn."""

Sentence = tuple[str, str]
"""One sentence in English and in Chinese."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a lesson gives.

    Attributes:
        figure: The picture, in the language that was asked for.
        numbers: What was computed, as plain values: the figures of the sentences among them.
        sentences: Three of them, in both languages.
    """

    figure: "Figure"
    numbers: dict[str, Any]
    sentences: tuple[Sentence, Sentence, Sentence]


def show_pixels(axis: Any, picture: Any, title: str = "", **how: Any) -> None:  # noqa: ANN401 - axes of matplotlib
    """A picture or a map on its axes, with neither ticks nor a grid nor lines around it.

    Args:
        axis: Where to draw.
        picture: ``(H, W)`` or ``(H, W, 3)``, uint8 or float.
        title: What stands above it.
        how: For ``imshow`` of matplotlib.
    """
    axis.grid(False)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    axis.imshow(picture, interpolation="nearest", **how)
    axis.set_title(title, fontsize=9)
