"""Bring volumes to other distances between their voxels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Spacing = tuple[float, float, float]
"""Millimeters between voxels: left to right, back to front, feet to head."""


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


def to_spacing(values: NDArray[Any], own: Spacing, wanted: Spacing, *, is_mask: bool) -> NDArray[Any]:
    """A volume with another distance between its voxels; its outer borders stay where they are.

    Args:
        values: ``(D, H, W)``.
        own: The distance that it has.
        wanted: The distance that is wanted.
        is_mask: Whether it holds classes, of which the nearest is taken; other values are mixed linearly.

    Returns:
        ``(D, H, W)`` of other sizes, at least 1 each, in the same dtype.
    """
    factors = [a / b for a, b in zip(reversed(own), reversed(wanted), strict=True)]
    return resized(values, [max(1, round(n * f)) for n, f in zip(values.shape, factors, strict=True)], is_mask=is_mask)


def resized(values: NDArray[Any], size: Sequence[int], *, is_mask: bool) -> NDArray[Any]:
    """A volume with other numbers of voxels over the same space.

    Args:
        values: ``(D, H, W)``.
        size: The numbers that are wanted.
        is_mask: See :func:`to_spacing`.
    """
    if tuple(size) == values.shape:
        return values
    factors = [new / old for new, old in zip(size, values.shape, strict=True)]
    found: Any = ndimage.zoom(values, factors, order=0 if is_mask else 1, mode="nearest", grid_mode=True)
    return np.ascontiguousarray(found)
