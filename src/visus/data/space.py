"""Where volumes lie in space: whether a mask lies where its volume does, and how far apart voxels are."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from visus._errors import FormatError
from visus.data.resample import said, spacing_of
from visus.data.volumes import damaged, image_of

_APART = 0.01  # of a voxel, by which the corner of a mask may lie beside that of its volume
_MIXED = 1.25  # how many times wider than the narrowest a spacing is before it is said


def _matrix(path: str) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Shape and matrix to millimeters of a file.

    Raises:
        InputError: It cannot be read.
    """
    with damaged(path):
        image = image_of(path)
        return tuple(image.shape), np.asarray(image.affine, np.float64)


def refuse_elsewhere(volume: str, mask: str) -> None:
    """Refuse a mask that does not lie where its volume lies, though it has as many values.

    Args:
        volume: The file of the volume.
        mask: That of its mask.

    Raises:
        FormatError: It lies elsewhere, or a file is damaged.
    """
    shape, of_volume = _matrix(volume)
    _, of_mask = _matrix(mask)
    corners = np.array([[x, y, z, 1] for x in (0, shape[0]) for y in (0, shape[1]) for z in (0, shape[2])], float)
    off = float(np.abs(corners @ (of_volume - of_mask).T).max())
    if not off <= _APART * max(spacing_of(of_volume)):
        raise FormatError(
            f"The mask {mask} lies up to {off:.3g} mm beside its volume: its voxels are {said(spacing_of(of_mask))} mm "
            f"and begin at {_point(of_mask)}, those of the volume {said(spacing_of(of_volume))} mm and at "
            f"{_point(of_volume)}; resample the mask onto the volume."
        )


def mixed_spacing(volumes: Iterable[str]) -> list[str]:
    """One sentence on volumes whose values are not equally far apart; none where they are."""
    found = np.array([spacing_of(_matrix(volume)[1]) for volume in volumes])
    if not len(found) or (found.max(0) < _MIXED * found.min(0)).all():
        return []
    least, most, middle = (said(own.tolist()) for own in (found.min(0), found.max(0), np.median(found, 0)))
    option = middle.replace(" x ", ",")
    return [
        f"The spacing of the volumes differs, from {least} to {most} mm, and a network sees voxels only; say --spacing "
        f"{option} to resample all to the median, {middle} mm."
    ]


def _point(matrix: NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in matrix[:3, 3]) + ")"
