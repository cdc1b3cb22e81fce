"""Volumes of other formats than NIfTI, as SimpleITK reads them: NRRD, MetaImage, and series of DICOM slices.

SimpleITK sorts the slices of a series by their place in space and applies their rescale; of MONOCHROME1, where small
numbers are white, it gives numbers that are turned round, so that large ones are. Its axes point to the left,
the back and the head (LPS); those of NIfTI to the right, the front and the head (RAS).
"""

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import FormatError, InputError
from visus._optional import require

_ENDINGS = (".dcm", ".dicom", ".ima", ".img", "")
_NUMBERED = re.compile(r"\.\d+")  # 1.2.840.113619
_MARK, _MARK_END = b"DICM", 132
_PLACE, _AXES = "0020|0032", "0020|0037"  # ImagePositionPatient, ImageOrientationPatient
_UNEVEN = 0.1  # of the distance between slices, by which one may lie elsewhere
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def is_series(path: Path) -> bool:
    """Whether a folder holds slices of DICOM; scanners name them as they like."""
    return path.is_dir() and any(is_slice(file) for file in path.iterdir())


def is_slice(file: Path) -> bool:
    """Whether a file is a slice of DICOM, by its content (DICOM PS3.10, section 7.1)."""
    if file.suffix.lower() not in _ENDINGS and not _NUMBERED.fullmatch(file.suffix):
        return False
    try:
        with file.open("rb") as opened:
            return opened.read(_MARK_END)[-len(_MARK) :] == _MARK and file.name.upper() != "DICOMDIR"
    except OSError:
        return False


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
            # Each slice may have a rescale of its own, and the first one's type need not hold the numbers of all.
            image = itk.ReadImage(_slices(itk, path), itk.sitkFloat32) if path.is_dir() else itk.ReadImage(str(path))
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
    """The slices of the one series in a folder, in their order along its axis."""
    series = itk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if len(series) != 1:
        raise InputError(
            f"{folder} holds {len(series)} series of DICOM slices; a volume is one: put each into a folder of its own."
        )
    names = list(itk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series[0]))
    if left := sorted({str(file) for file in folder.iterdir() if is_slice(file)} - set(names)):
        what = "slice is" if len(left) == 1 else "slices are"
        raise FormatError(f"{len(left)} {what} damaged, {left[0]} first; bring them again, or take them out.")
    if len(names) > 1:
        _check_places(*_places(itk, names), names)
    return names


def _places(itk: Any, names: list[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # noqa: ANN401
    """Where the first voxel of each slice lies ``(N, 3)`` in mm, and the slices' normal (DICOM PS3.3, C.7.6.2)."""
    places, normal, reader = [], np.zeros(3), itk.ImageFileReader()
    for name in names:
        reader.SetFileName(name)
        reader.ReadImageInformation()
        if not (reader.HasMetaDataKey(_PLACE) and reader.HasMetaDataKey(_AXES)):
            raise FormatError(f"{name} does not say where it lies (ImagePositionPatient); a volume needs that.")
        places.append(_numbers(reader.GetMetaData(_PLACE)))
        axes = _numbers(reader.GetMetaData(_AXES))
        normal = np.cross(axes[:3], axes[3:])
    return np.array(places), normal


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split("\\")]


def _check_places(places: NDArray[np.float64], normal: NDArray[np.float64], names: list[str]) -> None:
    """Refuse slices that are no regular volume: SimpleITK would space them evenly, wherever they lie."""
    steps = np.diff(places, axis=0)
    along = steps @ normal
    middle = float(np.median(np.abs(along)))
    uneven = np.flatnonzero(np.abs(np.abs(along) - middle) > _UNEVEN * max(middle, _UNEVEN))
    if len(uneven):
        k = int(uneven[0])
        raise FormatError(
            f"The slices in {Path(names[0]).parent} are not evenly apart: {middle:.3g} mm, but {abs(along[k]):.3g} mm "
            f"from {Path(names[k]).name} to {Path(names[k + 1]).name} ({len(uneven)} such places); bring those that "
            "are missing, or take out those that are there twice."
        )
    aside = float(np.abs(steps - along[:, None] * normal).max())
    if aside > _UNEVEN * max(middle, _UNEVEN):
        raise FormatError(
            f"The slices in {Path(names[0]).parent} lie {aside:.3g} mm aside of one another (a tilted gantry); make an "
            "upright volume of them first, for example with dcm2niix."
        )
