"""Files of volumes at another spacing, and the spacing that many of them have."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data.headers import heard, said_of_header
from visus.data.resample import Spacing, resample_mask, resample_volume
from visus.data.volumes import damaged, image_of, labels_in, read_spacing, save_nifti


def resample_file(
    source: str | os.PathLike[str], target: str | os.PathLike[str], spacing: Sequence[float], *, mask: bool = False
) -> list[str]:
    """Write a volume, or a mask, at another spacing; it lies in space where it lay, for every reader.

    Args:
        source: The file, or a folder with the slices of one series of DICOM.
        target: Where to write, ``.nii`` or ``.nii.gz``: float32, or uint8 for a mask.
        spacing: Millimeters from left to right, from back to front and from feet to head: (x, y, z).
        mask: Whether it holds classes.

    Returns:
        What was guessed, and values that are no numbers, one sentence each.

    Raises:
        InputError: The file, or the folder to write to, is missing, or the result would be too large.
        FormatError: The file is damaged, is no volume, or a mask holds other numbers than whole ones from 0 to 255.
    """
    import nibabel
    from nibabel import orientations

    end = Path(target)
    if not end.parent.is_dir():
        raise InputError(f"The folder {end.parent} does not exist; make it, or name another place.")
    with damaged(os.fspath(source)), heard() as mended, np.errstate(over="ignore"):  # too large becomes infinite
        image = image_of(source)
        values = np.asarray(image.dataobj, np.float32)
        space = orientations.io_orientation(image.affine)[:, 0]  # which of x, y, z each axis of the file is nearest to
        new = [float(spacing[int(axis)]) for axis in space]
        old = np.linalg.norm(image.affine[:3, :3], axis=0).tolist()
    if mask:
        found: NDArray[Any] = resample_mask(labels_in(values, source), old, new)
    else:
        found = resample_volume(values, old, new)
    steps = np.array(new) / old

    def moved(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """The matrix of the new grid, whose center lies where the old one's did."""
        own = matrix.copy()
        own[:3, :3] *= steps
        own[:3, 3] += matrix[:3, :3] @ (np.array(values.shape) - 1) / 2 - own[:3, :3] @ (np.array(found.shape) - 1) / 2
        return own

    written = nibabel.Nifti1Image(found, moved(image.affine))
    if isinstance(image.header, nibabel.Nifti1Header):
        written.header.set_xyzt_units(*image.header.get_xyzt_units())
        for told, tell in ((image.header.get_qform, written.set_qform), (image.header.get_sform, written.set_sform)):
            matrix, code = told(coded=True)
            tell(moved(image.affine if matrix is None else matrix), code)
    save_nifti(end, written)
    return [*said_of_header(os.fspath(source), mended), *_said_of_no_numbers(values, found, source)]


def _said_of_no_numbers(values: NDArray[np.float32], found: NDArray[Any], source: str | os.PathLike[str]) -> list[str]:
    """One sentence on values that are NaN or infinite, of which nothing can be interpolated; none if there are none."""
    if not (count := int((~np.isfinite(values)).sum())):
        return []
    values_are = "1 value is no number" if count == 1 else f"{count:,} values are no numbers"
    return [
        f"{os.fspath(source)}: {values_are} (NaN or infinite); {int(np.isnan(found).sum()):,} of the new ones are NaN."
    ]


def median_spacing(volumes: Sequence[str | os.PathLike[str]]) -> Spacing:
    """The median spacing of volumes along (x, y, z), in mm, each axis by itself (Isensee et al. 2021).

    Raises:
        InputError: There are none, or a file is missing.
        FormatError: A file is damaged, or is no volume.
    """
    if not volumes:
        raise InputError("There are no volumes whose spacing could be taken.")
    with heard():  # who resamples them says it
        z, y, x = np.median([read_spacing(volume) for volume in volumes], axis=0).tolist()
    return x, y, z
