"""The 48 numbers that the Leung-Malik filters give: of a whole picture, or of one of its pixels.

Leung and Malik (2001), Representing and Recognizing the Visual Appearance of Materials using Three-dimensional
Textons, IJCV 43(1), section 2.1.
"""

import csv
import io
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus._files import write_atomically
from visus.filters.texture import ORIENTATIONS, Scales, leung_malik, mean_responses, responses
from visus.images import draw
from visus.images.color import to_rgb
from visus.images.result import Result

_BRIGHTNESS = 44  # filters from here on are Gaussians, which see how bright a picture is
_TILE = 300  # pixels of the drawn kernel and of the response


@dataclass(frozen=True, slots=True)
class Filter:
    """One of the 48 filters (Leung and Malik 2001, section 2.1).

    Attributes:
        number: From 1 to 48, as ``visus filter texture --stages`` counts them.
        kind: ``"edge"`` (first derivative), ``"bar"`` (second), ``"spot"`` (Laplacian) or ``"mean"`` (Gaussian).
        sigma: Of its Gaussian in pixels, across an edge or bar.
        degrees: Direction of the derivative, 0 right and 90 down; None for spots and means.
    """

    number: int
    kind: str
    sigma: float
    degrees: float | None

    def __str__(self) -> str:
        turned = "" if self.degrees is None else f" at {self.degrees:g} degrees"
        return f"filter {self.number}, {self.kind} of sigma {self.sigma:.3g}{turned}"


def bank_of(scales: Scales = "small") -> list[Filter]:
    """What each of the 48 filters is, in the order of :func:`visus.filters.leung_malik` (Leung and Malik 2001).

    Args:
        scales: ``"small"`` or ``"large"``.

    >>> print(bank_of()[2])
    filter 3, edge of sigma 1 at 60 degrees
    """
    sigmas = [2 ** ((k + (scales == "large")) / 2) for k in range(4)]
    angles = [180.0 * k / ORIENTATIONS for k in range(ORIENTATIONS)]
    found: list[tuple[str, float, float | None]] = [
        (kind, sigma, angle) for kind in ("edge", "bar") for sigma in sigmas[:3] for angle in angles
    ]
    found += [("spot", sigma, None) for sigma in (*sigmas, *(3 * own for own in sigmas))]
    found += [("mean", sigma, None) for sigma in sigmas]
    return [Filter(number, *own) for number, own in enumerate(found, 1)]


@dataclass(frozen=True, slots=True, repr=False)
class TextureNumbers(Result):
    """48 numbers, and the filter that answers most (Leung and Malik 2001, section 2.1).

    Attributes:
        values: ``(48,)`` float32: of a picture the mean of each response's absolute values, of a pixel its responses.
        at: x and y of the pixel; None for the whole picture.
        bank: What each filter is.
        strongest: The one that answers most, of those that do not see brightness alone.
        picture: Its kernel, and beside it its response, ``(H, W, 3)`` uint8.
    """

    values: NDArray[np.float32]
    at: tuple[int, int] | None
    bank: list[Filter]
    strongest: Filter
    picture: NDArray[np.uint8]

    def __repr__(self) -> str:
        return f"TextureNumbers({'a pixel' if self.at else 'a picture'}, strongest: {self.strongest})"

    def drawn(self) -> NDArray[np.uint8] | None:
        """The strongest filter and its response, ``(H, W, 3)`` uint8."""
        return self.picture

    def rows(self) -> list[dict[str, Any]]:
        """One row a filter."""
        return [{**asdict(own), "value": float(value)} for own, value in zip(self.bank, self.values, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {"at": self.at, "strongest": self.strongest.number, "filters": self.rows()}

    def to_csv(self) -> str:
        """The rows as CSV, with a line of names above."""
        text = io.StringIO()
        table = csv.DictWriter(text, list(self.rows()[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(self.rows())
        return text.getvalue()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what the ending of the name says.

        Args:
            path: ``.csv`` or ``.json`` for the numbers with what each filter is, ``.npy`` for ``(48,)`` float32, an
                ending of pictures for the strongest filter.

        Raises:
            InputError: The ending is another, or the place cannot be written.
        """
        place = Path(path)
        if place.suffix.lower() not in (".csv", ".npy"):
            Result.save(self, place)
            return
        try:
            if place.suffix.lower() == ".csv":
                write_atomically(place, self.to_csv().encode())
            else:
                write_atomically(place, lambda file: np.save(file, self.values))
        except OSError as error:
            raise InputError(f"{place} cannot be written ({error.strerror}); choose another place.") from error


def texture_numbers(
    image: NDArray[Any], *, scales: Scales = "small", at: tuple[int, int] | None = None
) -> TextureNumbers:
    """The 48 numbers of a picture, or of one of its pixels (Leung and Malik 2001, section 2.1).

    Args:
        image: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float; of a color picture its luma counts.
        scales: ``"small"`` or ``"large"`` filters.
        at: x and y of a pixel; None for the whole picture.

    Raises:
        InputError: The picture cannot be used, or the pixel lies beyond it.

    >>> stripes = np.tile([0.0, 0.0, 1.0, 1.0], (40, 10))  # upright ones: they change to the right
    >>> print(texture_numbers(stripes).strongest)
    filter 19, bar of sigma 1 at 0 degrees
    """
    maps = responses(image, bank=scales)
    height, width = maps.shape[:2]
    if at is not None and not (0 <= at[0] < width and 0 <= at[1] < height):
        raise InputError(f"The pixel {at[0]},{at[1]} lies beyond a picture of {width} x {height}; count from 0,0.")
    values = mean_responses(image, bank=scales) if at is None else maps[at[1], at[0]].copy()
    bank = bank_of(scales)
    place = int(np.abs(values[:_BRIGHTNESS]).argmax())
    kernel = leung_malik(scales)[place]
    shown = [_signed(kernel), _signed(maps[..., place])]
    captions = [str(bank[place]).replace(", ", "\n"), f"response\n{values[place]:.4f}"]
    return TextureNumbers(values, at, bank, bank[place], draw.contact_sheet(shown, captions, columns=2, tile=_TILE))


def _signed(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Values as gray levels, 0 in the middle."""
    reach = max(float(np.abs(values).max()), 1e-12)
    return to_rgb(np.rint(127.5 + 127.5 * values / reach).astype(np.uint8))
