"""Volumes of other formats than NIfTI, as SimpleITK reads them: NRRD, MetaImage, and series of DICOM slices.

SimpleITK sorts the slices of a series by their place in space and applies their rescale; of MONOCHROME1, where small
numbers are white, it gives numbers that are turned round, so that large ones are. Its axes point to the left,
the back and the head (LPS); those of NIfTI to the right, the front and the head (RAS). Of a file with several frames
it believes the first one's place and rescale; see :mod:`visus.data.frames`.
"""

import os
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import FormatError, InputError
from visus._optional import require
from visus.data.frames import frames_of
from visus.data.slices import Slice, check_alike, check_places, matrix_of, numbers_in
from visus.data.splits import is_passed_over

_ENDINGS = (".dcm", ".dicom", ".ima", ".img", "")
_NUMBERED = re.compile(r"\.\d+")  # 1.2.840.113619
_MARK, _MARK_END = b"DICM", 132
_PLACE, _AXES = "0020|0032", "0020|0037"  # ImagePositionPatient, ImageOrientationPatient
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def is_series(path: Path) -> bool:
    """Whether a folder holds slices of DICOM; scanners name them as they like."""
    return path.is_dir() and any(is_slice(file) for file in path.iterdir())


def series_below(root: Path) -> list[Path]:
    """The folders that hold slices of DICOM, sorted: the folder itself, and those below it."""
    found = []
    for place, folders, _ in os.walk(root):
        folders[:] = sorted(name for name in folders if not is_passed_over(name))
        if is_series(Path(place)):
            found.append(Path(place))
    return found


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
        InputError: The folder holds several series, or the file is one slice of several.
        FormatError: It is damaged, or holds several numbers a voxel.
    """
    import nibabel

    itk = require("SimpleITK")
    itk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with warnings.catch_warnings(action="ignore"):
            names = _slices(itk, path) if path.is_dir() else [str(path)]
            # Each slice may have a rescale of its own, and the first one's type need not hold the numbers of all.
            kind = itk.sitkFloat32 if path.is_dir() else itk.sitkUnknown
            image = itk.ReadImage(names if len(names) > 1 else names[0], kind)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise FormatError(f"The volume {path} is damaged or of another format ({reason}); bring it again.") from error
    if image.GetNumberOfComponentsPerPixel() != 1 or image.GetDimension() != 3:
        numbers = image.GetNumberOfComponentsPerPixel()
        what = f"{image.GetDimension()} axes, {numbers} {'number' if numbers == 1 else 'numbers'} a voxel"
        raise FormatError(f"{path} holds {what}; a volume has three axes and one number a voxel.")
    values = itk.GetArrayFromImage(image).transpose(2, 1, 0)
    values = values if values.dtype.itemsize < 8 else values.astype(np.float64)
    alone = len(names) == 1 and is_slice(Path(names[0]))
    matrix = _of_frames(Path(names[0]), image.GetDepth()) if alone and image.GetDepth() > 1 else _matrix(image)
    if alone and image.GetDepth() == 1 and not path.is_dir():
        raise InputError(f"{path} is one slice of DICOM; name the folder with the slices of its series.")
    return nibabel.Nifti1Image(values, _TO_RAS @ matrix)


def _matrix(image: Any) -> NDArray[np.float64]:  # noqa: ANN401
    """From positions to millimeters in LPS, ``(4, 4)``, as SimpleITK says."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def _of_frames(path: Path, count: int) -> NDArray[np.float64]:
    """The same of a file of several frames, as each of these says.

    Raises:
        FormatError: They are no regular volume.
    """
    frames = frames_of(path)
    if len(frames) != count:
        raise FormatError(f"The header of {path} tells of {len(frames)} frames, and it has {count}; bring it again.")
    check_alike(frames)
    check_places(frames)
    return matrix_of(frames)


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
        slices = _read_headers(itk, names)
        check_alike(slices)
        check_places(slices)
    return names


def _read_headers(itk: Any, names: list[str]) -> list[Slice]:  # noqa: ANN401
    """What the headers of several slices say.

    Raises:
        FormatError: One does not say where it lies.
    """
    slices, reader = [], itk.ImageFileReader()
    for name in names:
        reader.SetFileName(name)
        reader.ReadImageInformation()
        if not (reader.HasMetaDataKey(_PLACE) and reader.HasMetaDataKey(_AXES)):
            raise FormatError(f"{name} does not say where it lies (ImagePositionPatient); a volume needs that.")
        place, axes = (numbers_in(reader.GetMetaData(key)) for key in (_PLACE, _AXES))
        width, height = reader.GetSize()[:2]
        slices.append(Slice(name, place, axes, np.array(reader.GetSpacing()[:2]), (width, height)))
    return slices
