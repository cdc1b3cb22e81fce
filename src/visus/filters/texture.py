"""Texture: the Leung-Malik filter bank, its responses, and what they say of a picture.

Leung and Malik (2001), Representing and Recognizing the Visual Appearance of Materials using Three-dimensional
Textons, IJCV 43(1), section 2.1.
"""

import functools
import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visus._errors import InputError
from visus._renamed import renamed
from visus.filters import kernels
from visus.filters._fourier import Spectra, spectrum_of
from visus.filters._threads import corners, each
from visus.filters.convolve import PADDINGS, Padding, pad
from visus.images.check import one_of, picture_of
from visus.images.color import to_float, to_gray

Bank = NDArray[np.float64]
Floats = NDArray[np.float32]
Scales = Literal["small", "large"]

FILTERS = 48
ORIENTATIONS = 6
SIZE = 49  # pixels; side of a kernel
_ELONGATION = 3.0
_TILE = 256  # pixels; side of a tile of the transform: its spectrum stays in the cache
_NO_GRAY = 1e-9  # sum of a filter that does not see the mean


def leung_malik(scales: Scales = "small") -> Bank:
    """The bank of 48 filters (Leung and Malik 2001, section 2.1).

    In this order: 18 first derivatives of Gaussians (3 scales, 6 orientations each, three times longer than wide), 18
    second derivatives likewise, 8 Laplacians of Gaussians (4 scales, and three times these), and 4 Gaussians.

    Args:
        scales: ``"small"`` (LMS): 1, sqrt 2, 2 and 2 sqrt 2 pixels; ``"large"`` (LML): sqrt 2 times as much. The
            oriented filters take the first three.

    Returns:
        ``(48, 49, 49)`` float64. The absolute values of each filter sum to 1; the Gaussians' values sum to 1 and all
        others' to 0. (The authors' code in Oxford makes the Gaussians zero-mean too.)

    >>> bank = leung_malik()
    >>> bank.shape, bool(abs(bank[:44].sum(axis=(1, 2))).max() < 1e-12)
    ((48, 49, 49), True)
    """
    one_of("scales", scales, ("small", "large"))
    sigmas = [math.sqrt(2) ** (k + (scales == "large")) for k in range(4)]
    angles = [180 * k / ORIENTATIONS for k in range(ORIENTATIONS)]
    bank = [
        kernels.gaussian_derivative(sigma, order=order, angle=angle, elongation=_ELONGATION, size=SIZE)
        for order in (1, 2)
        for sigma in sigmas[:3]
        for angle in angles
    ]
    bank += [kernels.laplacian_of_gaussian(sigma, size=SIZE) for sigma in [*sigmas, *(3 * s for s in sigmas)]]
    bank += [kernels.gaussian(sigma, size=SIZE) for sigma in sigmas]
    return np.stack([kernel / abs(kernel).sum() for kernel in bank])


def responses(image: ArrayLike, *, bank: Scales | Bank = "small", padding: Padding = "reflect") -> Floats:
    """Convolve a picture with every filter of a bank (Leung and Malik 2001, section 2.1).

    Args:
        image: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float; of a color picture its luma counts. Values are
            taken as shares of white.
        bank: ``"small"`` or ``"large"`` for :func:`leung_malik`, or kernels ``(N, kh, kw)`` of odd sizes.
        padding: What lies beyond the border; see :mod:`visus.filters.convolve`.

    Returns:
        ``(H, W, N)`` float32, a view of an array with one plane for each filter.

    Raises:
        InputError: The picture or the bank cannot be used.

    >>> responses(np.zeros((4, 5))).shape
    (4, 5, 48)
    """
    picture = gray_of(image)
    parts = _Parts(picture, bank, padding)
    out = np.empty((parts.spectra.count, *picture.shape), np.float32)

    def write(corner: tuple[int, int]) -> None:
        rows, columns = parts.inside(corner)
        part = out[:, rows, columns]
        parts.spectra.answers(parts.tile(corner), part.shape[1:], parts.grays, part)

    each(write, parts.corners)
    return np.moveaxis(out, 0, 2)


def mean_responses(image: ArrayLike, *, bank: Scales | Bank = "small", padding: Padding = "reflect") -> Floats:
    """How strongly each filter answers on average: the mean of its responses' absolute values.

    No response is kept as a whole, so that memory stays near the picture's own size.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float; of a color picture its luma counts.
        bank: As for :func:`responses`.
        padding: What lies beyond the border; see :mod:`visus.filters.convolve`.

    Returns:
        ``(N,)`` float32: 48 numbers for a Leung-Malik bank.

    Raises:
        InputError: The picture or the bank cannot be used.

    >>> mean_responses(np.full((4, 4), 0.5)).round(3)[[0, 47]].tolist()  # an edge filter and a Gaussian
    [0.0, 0.5]
    """
    picture = gray_of(image)
    parts = _Parts(picture, bank, padding)
    sums: dict[tuple[int, int], NDArray[np.float64]] = {}

    def add(corner: tuple[int, int]) -> None:
        rows, columns = parts.inside(corner)
        size = rows.stop - rows.start, columns.stop - columns.start
        sums[corner] = parts.spectra.totals(parts.tile(corner), size, parts.grays)

    each(add, parts.corners)
    total = np.sum([sums[corner] for corner in parts.corners], axis=0)  # in one order, whichever thread came first
    return (total / picture.size).astype(np.float32)


@functools.lru_cache(maxsize=2)
def _known_bank(scales: Scales) -> Bank:
    return leung_malik(scales)


def _bank(bank: Scales | Bank) -> Bank:
    if isinstance(bank, str):
        return _known_bank(bank)
    weights = np.asarray(bank, np.float64)
    if weights.ndim != 3 or not weights.size or not np.isfinite(weights).all():
        raise InputError(f"A bank must be finite numbers of the shape (filters, rows, columns), not {weights.shape}.")
    if weights.shape[1] % 2 == 0 or weights.shape[2] % 2 == 0:
        raise InputError(f"The kernels of a bank must have odd sizes, not {weights.shape[1:]}; pad them with zeros.")
    return weights


def gray_of(image: ArrayLike) -> Floats:
    """The luma of a picture as shares of white (ITU-R BT.601).

    Args:
        image: ``(H, W)``, ``(H, W, 1)``, ``(H, W, 3)`` or ``(H, W, 4)``: uint8, uint16, bool or float.

    Returns:
        ``(H, W)`` float32.

    Raises:
        InputError: The picture, its dtype or its number of channels cannot be used.

    >>> gray_of(np.full((1, 2, 3), 255, np.uint8)).round(3).tolist()
    [[1.0, 1.0]]
    """
    return np.asarray(to_gray(to_float(picture_of(image))), np.float32)


@functools.lru_cache(maxsize=4)
def _known_spectra(scales: Scales, rows: int, columns: int) -> Spectra:
    return _spectra(_known_bank(scales), rows, columns)


def _spectra(bank: Bank, rows: int, columns: int) -> Spectra:
    """The spectra of a bank's filters; they are shifted so that what is wrapped round comes last."""
    wide = np.zeros((2 * -(-len(bank) // 2), rows, columns))
    wide[: len(bank), : bank.shape[1], : bank.shape[2]] = bank / (rows * columns)
    wide = np.roll(wide, (1 - bank.shape[1], 1 - bank.shape[2]), (1, 2))
    return Spectra(np.stack([spectrum_of(*pair) for pair in zip(wide[::2], wide[1::2], strict=True)]), len(bank))


class _Parts:
    """A picture in tiles, to be convolved with a bank by the Fourier transform.

    Overlap and save (Oppenheim and Schafer, Discrete-Time Signal Processing, section 8.7.3). The mean gray is taken off
    first, so that it does not drown the answers of filters that sum to 0.
    """

    def __init__(self, picture: Floats, which: Scales | Bank, padding: Padding) -> None:
        one_of("padding", padding, PADDINGS)
        bank = _bank(which)
        self.shape, size = picture.shape, bank.shape[1:]
        mean = picture.mean(dtype=np.float64)
        reach = (size[0] // 2, size[1] // 2)
        self._wide = pad(picture - np.float32(mean), reach, reach, padding=padding)
        self._tile = tuple(
            _power_of_two(min(max(_TILE, 3 * side), length))
            for side, length in zip(size, self._wide.shape, strict=True)
        )
        self._step = (self._tile[0] - size[0] + 1, self._tile[1] - size[1] + 1)
        self.spectra = _known_spectra(which, *self._tile) if isinstance(which, str) else _spectra(bank, *self._tile)
        grays = mean * bank.sum(axis=(1, 2))  # what taking off the mean takes off each answer
        self.grays = np.where(abs(grays) > _NO_GRAY, grays, 0).astype(np.float32)
        self.corners = corners(self.shape, self._step)

    def inside(self, corner: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of the picture that a tile answers."""
        ends = (min(at + step, length) for at, step, length in zip(corner, self._step, self.shape, strict=True))
        rows, columns = (slice(at, end) for at, end in zip(corner, ends, strict=True))
        return rows, columns

    def tile(self, corner: tuple[int, int]) -> Floats:
        """The tile and what lies around it, zeros beyond."""
        top, left = corner
        part = self._wide[top : top + self._tile[0], left : left + self._tile[1]]
        tile = np.zeros(self._tile, np.float32)
        tile[: part.shape[0], : part.shape[1]] = part
        return tile


def _power_of_two(least: int) -> int:
    """The least one from some number and from eight on."""
    return max(8, 1 << (least - 1).bit_length())


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    return renamed(__name__, name)
