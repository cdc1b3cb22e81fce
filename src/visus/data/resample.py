"""Volumes at another spacing: other values over the same place in space.

The old grid and the new one have the same center. Along each axis the new one has the number of values whose length
comes nearest to the old one's, as nnU-Net has it (Isensee et al. 2021), and the spacing that is asked for, exactly.
What lies beyond the old grid, less than half a value, repeats its border.

Values are interpolated linearly. Where the new grid is coarser, each new value is the mean of what is interpolated
around it, so that no old one is passed over: as smooth as Pillow's and torch's antialiasing, but a slope stays where it
is. What would be interpolated from a value that is no number, NaN or infinite, is NaN. Each value of a mask is the
class that weighs most.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError

Spacing = tuple[float, float, float]
"""Millimeters between voxels: left to right, back to front, feet to head."""

MOST_VOXELS = 1 << 27
"""Larger volumes are refused."""


def spacing_of(matrix: NDArray[np.float64]) -> Spacing:
    """Millimeters between voxels, whatever the order of the axes in a file.

    Args:
        matrix: ``(4, 4)``, from positions in the file to millimeters.

    >>> spacing_of(np.array([[0, 0, 5.0, 0], [1.0, 0, 0, 0], [0, -2.0, 0, 0], [0, 0, 0, 1]]))
    (5.0, 1.0, 2.0)
    """
    from nibabel.orientations import io_orientation

    own = np.linalg.norm(matrix[:3, :3], axis=0)
    order = io_orientation(matrix)[:, 0].astype(int)
    found = np.empty(3)
    found[order] = own
    x, y, z = found.tolist()
    return x, y, z


def shape_at(shape: Sequence[int], spacing: Sequence[float], target: Sequence[float]) -> tuple[int, ...]:
    """How many values a volume has along each axis at another spacing (Isensee et al. 2021).

    Args:
        shape: How many it has.
        spacing: Millimeters between them.
        target: Millimeters between the new ones.

    Raises:
        InputError: A spacing is no number above 0, or there would be more than :data:`MOST_VOXELS`.

    >>> shape_at((10, 64, 64), (5.0, 0.5, 0.5), (2.5, 1.0, 1.0))
    (20, 32, 32)
    """
    if not all(math.isfinite(value) and value > 0 for value in (*spacing, *target)):
        raise InputError(f"A spacing must be numbers above 0, in mm, not {said(spacing)} and {said(target)}.")
    lengths = zip(shape, spacing, target, strict=True)
    found = tuple(max(1, math.floor(min(count * old / new, 1e9) + 0.5)) for count, old, new in lengths)
    if math.prod(found) > MOST_VOXELS:
        raise InputError(
            f"At {said(target)} mm a volume {said(shape)} with {said(spacing)} mm would have {said(found)} values, "
            "more than 512^3; take a wider spacing."
        )
    return found


def resample_volume(
    values: NDArray[np.floating],
    spacing: Sequence[float],
    target: Sequence[float],
    *,
    shape: Sequence[int] | None = None,
) -> NDArray[np.float32]:
    """A volume at another spacing, interpolated linearly.

    Args:
        values: ``(D, H, W)`` float.
        spacing: Millimeters between the values along D, H and W.
        target: Millimeters between those of the result.
        shape: Of the result; None for what comes nearest. An answer goes back to the grid of its volume with both
            spacings exchanged and the volume's shape.

    Returns:
        ``(D', H', W')`` float32; NaN where a value that is NaN or infinite has any weight.

    Raises:
        InputError: A spacing is no number above 0, or the result is too large.

    >>> resample_volume(np.arange(4.0).reshape(1, 1, 4), (1, 1, 1), (1, 1, 0.5)).tolist()
    [[[0.0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.0]]]
    """
    wanted = shape_at(values.shape, spacing, target) if shape is None else tuple(shape)
    found = np.asarray(values, np.float32)
    axes = [
        (axis, _weights(found.shape[axis], count, new / old))
        for axis, (count, old, new) in enumerate(zip(wanted, spacing, target, strict=True))
        if count != found.shape[axis] or old != new
    ]
    if not axes:
        return np.ascontiguousarray(found)
    none = ~np.isfinite(found)
    if not none.any():
        return _mixed(found, axes)
    # A sum over all values, with weights of which most are 0: 0 x NaN is NaN.
    mixed = _mixed(np.where(none, np.float32(0), found), axes)
    reached = [(axis, (weights > _ALIKE).astype(np.float32)) for axis, weights in axes]
    mixed[_mixed(none.astype(np.float32), reached) > 0] = np.nan
    return mixed


def _mixed(values: NDArray[np.float32], axes: list[tuple[int, NDArray[np.float32]]]) -> NDArray[np.float32]:
    """Sums along some axes with weights ``(new, old)``."""
    for axis, weights in axes:
        values = np.moveaxis(np.tensordot(weights, values, (1, axis)), 0, axis)
    return np.ascontiguousarray(values)


def resample_mask(
    mask: NDArray[np.uint8],
    spacing: Sequence[float],
    target: Sequence[float],
    *,
    shape: Sequence[int] | None = None,
) -> NDArray[np.uint8]:
    """A mask at another spacing: of each value the class that weighs most; of two alike the smaller number.

    Args:
        mask: ``(D, H, W)`` uint8.
        spacing: As for :func:`resample_volume`.
        target: As for :func:`resample_volume`.
        shape: As for :func:`resample_volume`.

    Returns:
        ``(D', H', W')`` uint8.

    Raises:
        InputError: A spacing is no number above 0, or the result is too large.

    >>> resample_mask(np.array([[[0, 2, 2, 2, 0, 0]]], np.uint8), (1, 1, 1), (1, 1, 2)).tolist()
    [[[0, 2, 0]]]
    """
    wanted = shape_at(mask.shape, spacing, target) if shape is None else tuple(shape)
    found, most = np.zeros(wanted, np.uint8), np.full(wanted, _ALIKE, np.float32)
    for label in np.unique(mask):
        weight = resample_volume((mask == label).astype(np.float32), spacing, target, shape=wanted)
        better = weight > most
        found[better] = label
        most[better] = weight[better] + _ALIKE
    return found


_ALIKE = np.float32(1e-5)  # of all weights; rounding errors are smaller


def _weights(count: int, wanted: int, step: float) -> NDArray[np.float32]:
    """``(wanted, count)``: how much each old value counts in each new one, which lie some old values apart."""
    place = (np.arange(wanted) - (wanted - 1) / 2) * step + (count - 1) / 2
    width = math.sqrt(2 * max(step**2 - 1, 0))  # the variance is that of a triangle as wide as the new spacing
    reach = width / 2 + 1
    place = np.clip(place, -reach, count - 1 + reach)  # farther away nothing but the border is seen
    beyond = math.ceil(2 * reach)
    away = place[:, None] - np.arange(-beyond, count + beyond)
    if width > 1e-6:
        weight = (_hats(away + width / 2) - _hats(away - width / 2)) / width
    else:
        weight = np.maximum(0, 1 - np.abs(away))
    matrix = weight[:, beyond : beyond + count].copy()
    matrix[:, 0] += weight[:, :beyond].sum(1)
    matrix[:, -1] += weight[:, beyond + count :].sum(1)
    return np.asarray(matrix, np.float32)


def _hats(place: NDArray[np.floating]) -> NDArray[np.floating]:
    """The integral of linear interpolation's weight max(0, 1 - abs(x)) up to some places."""
    x = np.clip(place, -1, 1)
    return 0.5 + x - np.sign(x) * x**2 / 2


def said(numbers: Sequence[float]) -> str:
    """A spacing, or a shape, in words.

    >>> said([1.0, 1.0, 2.5])
    '1 x 1 x 2.5'
    """
    return " x ".join(f"{value:.4g}" if isinstance(value, float) else str(value) for value in numbers)
