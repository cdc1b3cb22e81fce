"""Volumes of other formats than NIfTI, as SimpleITK reads them: NRRD, MetaImage, and series of DICOM slices.

SimpleITK sorts the slices of a series by their place in space and applies their rescale. Its axes point to the left,
the back and the head (LPS); those of NIfTI to the right, the front and the head (RAS).
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from visus._errors import FormatError, InputError
from visus._optional import require

_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def is_series(path: Path) -> bool:
    """Whether a folder holds slices of DICOM."""
    return path.is_dir() and any(file.suffix.lower() == ".dcm" for file in path.iterdir())


def image_of(path: Path) -> Any:  # noqa: ANN401 - of a library without types
    """A volume as nibabel would give it: numbers ``(x, y, z)``, and the matrix to millimeters in RAS.

    Args:
        path: A file, or a folder with the slices of one series.

    Raises:
        DependencyError: SimpleITK is not installed.
        InputError: The folder holds several series.
        FormatError: It is damaged, or holds several numbers a voxel.
    """
    import nibabel

    itk = require("SimpleITK")
    itk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with warnings.catch_warnings(action="ignore"):
            image = itk.ReadImage(_slices(itk, path) if path.is_dir() else str(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise FormatError(f"The volume {path} is damaged or of another format ({reason}); bring it again.") from error
    if image.GetNumberOfComponentsPerPixel() != 1 or image.GetDimension() != 3:
        what = f"{image.GetDimension()} axes, {image.GetNumberOfComponentsPerPixel()} numbers a voxel"
        raise FormatError(f"{path} holds {what}; a volume has three axes and one number a voxel.")
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    values = itk.GetArrayFromImage(image).transpose(2, 1, 0)
    values = values if values.dtype.itemsize < 8 else values.astype(np.float64)
    return nibabel.Nifti1Image(values, _TO_RAS @ matrix)


def _slices(itk: Any, folder: Path) -> list[str]:  # noqa: ANN401
    series = itk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if len(series) != 1:
        raise InputError(
            f"{folder} holds {len(series)} series of DICOM slices; a volume is one: put each into a folder of its own."
        )
    return list(itk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series[0]))
