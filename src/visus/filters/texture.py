"""Texture: the Leung-Malik filter bank, its responses, and what they say of a picture.

Leung and Malik (2001), Representing and Recognizing the Visual Appearance of Materials using Three-dimensional
Textons, IJCV 43(1), section 2.1.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visus._errors import InputError
from visus._renamed import renamed
from visus.filters import kernels
from visus.filters._fourier import fast_length
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
    weights = _bank(bank)
    picture = gray_of(image)
    out = np.empty((len(weights), *picture.shape), np.float32)

    def store(index: int, rows: slice, columns: slice, part: Floats) -> None:
        out[index, rows, columns] = part

    _in_parts(picture, bank, padding, store)
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
    weights = _bank(bank)
    picture = gray_of(image)
    sums: list[dict[tuple[int, int], float]] = [{} for _ in weights]

    def add(index: int, rows: slice, columns: slice, part: Floats) -> None:
        lines = np.abs(part).sum(axis=0)
        sums[index][rows.start, columns.start] = float(lines.sum(dtype=np.float64))

    _in_parts(picture, bank, padding, add)
    totals = [math.fsum(parts.values()) for parts in sums]  # exact, whichever thread came first
    return (np.array(totals) / picture.size).astype(np.float32)


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


# What takes a part of a filter's answer: index of the filter, rows, columns, and the values there.
Take = Callable[[int, slice, slice, Floats], None]


@functools.lru_cache(maxsize=4)
def _known_spectra(scales: Scales, rows: int, columns: int) -> NDArray[np.complex64]:
    return _spectra(_known_bank(scales), rows, columns)


def _spectra(bank: Bank, rows: int, columns: int) -> NDArray[np.complex64]:
    """The transforms ``(N / 2, rows, columns)`` of a bank's filters, two by two as a + i b.

    They are shifted so that what is wrapped round comes last, and hold the scale of the inverse transform.
    """
    import cv2

    paired = bank[::2] / (rows * columns) + 0j
    paired[: len(bank) // 2] += 1j * bank[1::2] / (rows * columns)
    spectra = np.empty((len(paired), rows, columns), np.complex64)

    def transform(pair: int) -> None:
        wide = np.zeros((rows, columns), np.complex64)
        wide[: bank.shape[1], : bank.shape[2]] = paired[pair]
        cv2.dft(_parts(np.roll(wide, (1 - bank.shape[1], 1 - bank.shape[2]), (0, 1))), _parts(spectra[pair]))

    each(transform, range(len(paired)))
    return spectra


def _parts(numbers: NDArray[np.complex64]) -> Floats:
    """The real and the imaginary parts ``(rows, columns, 2)`` of ``(rows, columns)``, as OpenCV has them."""
    return numbers.view(np.float32).reshape(*numbers.shape, 2)


def _in_parts(picture: Floats, which: Scales | Bank, padding: Padding, take: Take) -> None:
    """Convolve a picture with a bank by the Fourier transform, and hand over each filter's answer tile by tile.

    Overlap and save (Oppenheim and Schafer, Discrete-Time Signal Processing, section 8.7.3). Two real filters go
    through one complex transform: with the kernel a + i b, the real part is the answer of a and the imaginary part
    that of b. The mean gray is taken off first, so that it does not drown the answers of filters that sum to 0.
    """
    import cv2

    one_of("padding", padding, PADDINGS)
    bank = _bank(which)
    (height, width), (_, *size) = picture.shape, bank.shape
    mean = picture.mean(dtype=np.float64)
    reach = (size[0] // 2, size[1] // 2)
    wide = pad(picture - np.float32(mean), reach, reach, padding=padding)
    grays = (mean * bank.sum(axis=(1, 2))).astype(np.float32)  # what taking off the mean takes off each answer
    tile = [fast_length(min(max(_TILE, 3 * size[axis]), wide.shape[axis])) for axis in (0, 1)]
    step = [tile[axis] - size[axis] + 1 for axis in (0, 1)]
    spectra = _known_spectra(which, *tile) if isinstance(which, str) else _spectra(bank, *tile)

    def work(corner: tuple[int, int]) -> None:
        top, left = corner
        rows, columns = slice(top, min(top + step[0], height)), slice(left, min(left + step[1], width))
        part = wide[top : top + tile[0], left : left + tile[1]]
        padded = np.zeros(tile, np.float32)
        padded[: part.shape[0], : part.shape[1]] = part
        spectrum = cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT).view(np.complex64)[:, :, 0]
        product = np.empty_like(spectrum)
        parts = _parts(product)
        inside = np.moveaxis(parts[: rows.stop - rows.start, : columns.stop - columns.start], 2, 0)
        for pair, kernel in enumerate(spectra):
            np.multiply(spectrum, kernel, out=product)
            cv2.dft(parts, parts, cv2.DFT_INVERSE)
            for index, part in zip(range(2 * pair, len(bank)), inside, strict=False):
                take(index, rows, columns, part + grays[index] if abs(grays[index]) > _NO_GRAY else part)

    each(work, corners(picture.shape, (step[0], step[1])))


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    return renamed(__name__, name)
