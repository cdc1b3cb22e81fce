"""Slices of DICOM that are one regular volume: parallel, of one size, one spacing, evenly apart (PS3.3, C.7.6.2)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visus._errors import FormatError
from visus.data.resample import said

_UNEVEN = 0.1  # of the distance between slices, by which one may lie elsewhere
_TURNED = 1e-3  # of a vector of length 1, by which the axes of slices may differ
_STRETCHED = 0.01  # of the distance between pixels, by which that of slices may differ


@dataclass(frozen=True, slots=True)
class Slice:
    """What the header says of a slice.

    Attributes:
        name: Its file; or that of all frames, a slash, and which frame it is.
        place: Where its first voxel lies ``(3,)``, in mm.
        axes: Where its rows and its columns point to ``(6,)``, two vectors of length 1.
        spacing: Millimeters between its voxels ``(2,)``, along a row and along a column.
        size: Its columns and rows.
        rescale: Slope and intercept of its numbers, where one is used for all slices.
    """

    name: str
    place: NDArray[np.float64]
    axes: NDArray[np.float64]
    spacing: NDArray[np.float64]
    size: tuple[int, int]
    rescale: tuple[float, float] = (1.0, 0.0)


def numbers_in(text: str) -> NDArray[np.float64]:
    r"""The numbers of a value of several.

    >>> numbers_in(r"0.5\1").tolist()
    [0.5, 1.0]
    """
    return np.array([float(part) for part in text.split("\\")])


def check_alike(slices: list[Slice]) -> None:
    """Refuse slices of several sizes, axes or spacings, where SimpleITK would take the first one's for all.

    Raises:
        FormatError: They are such.
    """
    first = slices[0]
    for own in slices[1:]:
        if own.size != first.size:
            what = f"have not one size: {said(own.size)} pixels, but {said(first.size)}"
        elif np.abs(own.axes - first.axes).max() > _TURNED:
            what = f"are not parallel: they have the axes {_listed(own.axes)}, but {_listed(first.axes)}"
        elif np.abs(own.spacing - first.spacing).max() > _STRETCHED * first.spacing.min():
            what = f"have not one spacing: {said(own.spacing.tolist())} mm, but {said(first.spacing.tolist())} mm"
        elif own.rescale != first.rescale:
            what = f"have not one rescale: {own.rescale}, but {first.rescale}"
        else:
            continue
        raise FormatError(
            f"The slices in {Path(own.name).parent} {what} ({Path(own.name).name} and {Path(first.name).name}); a "
            "volume is of one scan: bring each by itself."
        )


def _listed(values: NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{value:.3g}" for value in values.tolist()) + ")"


def check_places(slices: list[Slice]) -> None:
    """Refuse slices that are no regular volume: SimpleITK would space them evenly, wherever they lie.

    Raises:
        FormatError: They are none.
    """
    names = [own.name for own in slices]
    normal = np.cross(slices[0].axes[:3], slices[0].axes[3:])
    steps = np.diff([own.place for own in slices], axis=0)
    along = steps @ normal
    if along.sum() < 0:
        normal, along = -normal, -along
    middle = float(np.median(np.abs(along)))
    uneven = np.flatnonzero(np.abs(along - middle) > _UNEVEN * max(middle, _UNEVEN))
    if len(uneven):
        k = int(uneven[0])
        places = "1 such place" if len(uneven) == 1 else f"{len(uneven):,} such places"
        raise FormatError(
            f"The slices in {Path(names[0]).parent} are not evenly apart: {middle:.3g} mm, but {along[k]:.3g} mm "
            f"from {Path(names[k]).name} to {Path(names[k + 1]).name} ({places}); bring those that are missing, or "
            "take out those that are there twice."
        )
    aside = float(np.abs(steps - along[:, None] * normal).max())
    if aside > _UNEVEN * max(middle, _UNEVEN):
        raise FormatError(
            f"The slices in {Path(names[0]).parent} lie {aside:.3g} mm aside of one another (a tilted gantry); make an "
            "upright volume of them first, for example with dcm2niix."
        )


def matrix_of(slices: list[Slice]) -> NDArray[np.float64]:
    """From columns, rows and slices to millimeters, ``(4, 4)``; the axes point to the left, the back and the head.

    Args:
        slices: Two at least, evenly apart.
    """
    first, last = slices[0], slices[-1]
    matrix = np.eye(4)
    matrix[:3, 0] = first.axes[:3] * first.spacing[0]
    matrix[:3, 1] = first.axes[3:] * first.spacing[1]
    matrix[:3, 2] = (last.place - first.place) / (len(slices) - 1)
    matrix[:3, 3] = first.place
    return matrix
