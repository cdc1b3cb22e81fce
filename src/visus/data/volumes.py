"""Volumes of a scanner, and their masks: NIfTI, and what SimpleITK reads (NRRD, MetaImage, series of DICOM slices).

Numbers are scaled as the standard says (nifti1.h: slope * number + intercept where the slope is not zero, and else not
at all), which nibabel follows; SimpleITK adds the intercept even where the slope is zero.

The folders are those of the Medical Segmentation Decathlon (Antonelli et al. 2022): ``imagesTr/*.nii.gz`` with
``labelsTr`` beside it, and a ``splits.json`` or nothing that says which volumes are for validation; ``images`` with
``labels`` and ``train/images`` with ``train/labels`` are read too. nnU-Net (Isensee et
al. 2021) numbers the channels of a volume: ``case_0000.nii.gz`` has the mask ``case.nii.gz``.
"""

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import FormatError, InputError
from visus._files import write_atomically
from visus.data import scans
from visus.data.headers import heard, said_of_header, warn_once
from visus.data.left_out import Notes
from visus.data.masks import IGNORE
from visus.data.resample import MOST_VOXELS, Spacing, resample_mask, resample_volume, spacing_of
from visus.data.splits import files_in, folders_in, split_of
from visus.images.io import SCANS, VOLUMES, is_volume_name

_NEARLY = 1e-3
_FLAT = 1e-6  # of a voxel of the same sides with right angles, in volume
_UNITS = {"meter": 1000.0, "micron": 0.001}  # in mm
_LENGTHS = ("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z")
_PLACE = (
    "pixdim", "xyzt_units", "qform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z",
    "sform_code", "srow_x", "srow_y", "srow_z",
)  # fmt: skip
"""Fields of a NIfTI header that say where a volume lies."""


def read_volume(path: str | os.PathLike[str], spacing: Spacing | None = None) -> NDArray[np.float32]:
    """A volume in canonical orientation, with mean 0 and standard deviation 1: a scanner's numbers have no unit.

    Args:
        path: A file, or a folder with the slices of one series of DICOM.
        spacing: Millimeters between voxels, to which it is resampled; None to leave it as it is.

    Returns:
        ``(D, H, W)`` float32, the axes from feet to head, back to front, left to right.

    Raises:
        InputError: The file is missing.
        FormatError: It is damaged, is no volume, is larger than :data:`MOST_VOXELS`, or holds NaN.
    """
    values, own = _load(path)
    if spacing is not None:
        values = resample_volume(values, own, spacing[::-1])
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise FormatError(f"The volume {os.fspath(path)} holds {count:,} values that are no numbers (NaN); mend it.")
    values = values - values.mean(dtype=np.float64)
    deviation = values.std(dtype=np.float64)
    return np.asarray(values / (deviation if deviation > 0 else 1), np.float32)


def read_label_volume(path: str | os.PathLike[str], spacing: Spacing | None = None) -> NDArray[np.uint8]:
    """The values of a mask ``(D, H, W)`` uint8; what scaling has moved off a whole number by up to 0.001 is rounded.

    Args:
        path: A file.
        spacing: As for :func:`read_volume`; of each voxel the class that weighs most is taken.

    Raises:
        InputError: The file is missing.
        FormatError: It is damaged, or holds other numbers than whole ones from 0 to 255.
    """
    values, own = _load(path)
    labels = labels_in(values, path)
    return labels if spacing is None else resample_mask(labels, own, spacing[::-1])


def labels_in(values: NDArray[np.float32], path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The numbers of a mask, any shape, as uint8; up to 0.001 beside a whole number they are rounded.

    Args:
        values: What the file holds.
        path: The file, for errors.

    Raises:
        FormatError: There are other numbers than whole ones from 0 to 255.
    """
    whole = np.rint(values)
    near = np.isfinite(values).all() and np.abs(values - whole).max() <= _NEARLY
    if not near or whole.min() < 0 or whole.max() > IGNORE:
        raise FormatError(f"The mask {os.fspath(path)} must hold whole numbers from 0 to {IGNORE}; mend it.")
    return whole.astype(np.uint8)


def _load(path: str | os.PathLike[str]) -> tuple[NDArray[np.float32], tuple[float, ...]]:
    """The values of a file ``(D, H, W)``, and the millimeters between them along these axes."""
    import nibabel

    with damaged(os.fspath(path)):
        image = image_of(path)
        upright: Any = nibabel.as_closest_canonical(image)
        return np.asarray(upright.dataobj, dtype=np.float32).transpose(2, 1, 0), spacing_of(image.affine)[::-1]


def read_spacing(path: str | os.PathLike[str]) -> tuple[float, float, float]:
    """Millimeters between the values of a volume along (D, H, W), the axes of :func:`read_volume`.

    Raises:
        InputError: The file is missing.
        FormatError: It is damaged, or is no volume.
    """
    with damaged(os.fspath(path)):
        x, y, z = spacing_of(image_of(path).affine)
    return z, y, x


@contextmanager
def damaged(name: str) -> Iterator[None]:
    """Say of a file that it is damaged, whatever its reader says.

    Raises:
        FormatError: Something was raised within.
    """
    from nibabel.filebasedimages import ImageFileError
    from nibabel.orientations import OrientationError
    from nibabel.spatialimages import HeaderDataError

    try:
        yield
    except InputError:
        raise
    except (
        ImageFileError, HeaderDataError, OrientationError, OSError, EOFError, ValueError, TypeError, KeyError,
        OverflowError, MemoryError, zlib.error,
    ) as error:  # fmt: skip
        raise FormatError(f"The volume {name} is damaged or of another format ({error}); bring it again.") from error


def image_of(path: str | os.PathLike[str]) -> Any:  # noqa: ANN401 - of a library without types
    """A volume with its place in space, as nibabel gives it, in mm; further axes of length 1 are taken away.

    Raises:
        InputError: The file is missing.
        FormatError: It is no volume of real numbers, or is larger than :data:`MOST_VOXELS`.
        Exception: It is damaged: see :func:`damaged`.
    """
    with heard() as mended:
        image = _in_millimeters(_as_written(path))
    for sentence in said_of_header(os.fspath(path), mended):
        warn_once(sentence)
    own = np.asarray(image.affine, np.float64)[:3, :3]
    lengths = np.linalg.norm(own, axis=0)
    if not (np.isfinite(own).all() and lengths.min() > 0 and abs(np.linalg.det(own / lengths)) > _FLAT):
        raise FormatError(
            f"The matrix of {os.fspath(path)} is singular: it does not say where the voxels lie; mend the header."
        )
    return image


def _as_written(path: str | os.PathLike[str]) -> Any:  # noqa: ANN401
    """As :func:`image_of`, in the unit of the file."""
    import nibabel

    name = os.fspath(path)
    if not Path(name).is_file() and not scans.is_series(Path(name)):
        raise InputError(f"{name} does not exist; check the spelling of the path.")
    foreign = name.lower().endswith(SCANS) or Path(name).is_dir() or scans.is_slice(Path(name))
    image: Any = scans.image_of(Path(name)) if foreign else nibabel.load(name)
    if image.get_data_dtype().kind not in "buif":
        what = "complex numbers" if image.get_data_dtype().kind == "c" else "colors"
        raise FormatError(f"{name} holds {what}; a volume has one real number a voxel.")
    while len(image.shape) > 3 and image.shape[-1] == 1:
        image = image.slicer[..., 0]
    voxels = int(np.prod(np.array(image.shape, dtype=object)))
    if len(image.shape) != 3 or not 0 < voxels <= MOST_VOXELS or min(image.shape) < 1:
        raise FormatError(f"{name} has the shape {image.shape}; a volume has three axes and at most 512^3 values.")
    return image


def _in_millimeters(image: Any) -> Any:  # noqa: ANN401
    """The same volume with a header in mm, where that of NIfTI has another unit (nifti1.h, xyzt_units)."""
    import nibabel

    if not isinstance(image.header, nibabel.Nifti1Header):
        return image
    space, time = map(str, image.header.get_xyzt_units())
    if space not in _UNITS:
        return image
    header: Any = image.header.copy()
    for field in _LENGTHS:
        header[field] = header[field] * _UNITS[space]
    header["pixdim"][1:4] *= _UNITS[space]
    header.set_xyzt_units("mm", time)
    return type(image)(image.dataobj, header.get_best_affine(), header)


def write_volume(path: str | os.PathLike[str], mask: NDArray[np.uint8], like: str | os.PathLike[str]) -> None:
    """Write a mask as a volume that lies in space as another does, for every reader.

    NIfTI has two matrices, each with a code that says what it means, and readers choose differently among them: both
    are those of the other volume.

    Args:
        path: Where to write, ``.nii.gz``.
        mask: ``(D, H, W)`` uint8, its axes as :func:`read_volume` gives them.
        like: The volume that the mask belongs to.
    """
    import nibabel
    from nibabel import orientations

    with heard():  # what was read of it was said
        source = _as_written(like)
    own = orientations.io_orientation(source.affine)
    back = orientations.ornt_transform([[0, 1], [1, 1], [2, 1]], own)
    values = np.ascontiguousarray(orientations.apply_orientation(mask.transpose(2, 1, 0), back))
    written = nibabel.Nifti1Image(values, source.affine)
    if isinstance(source.header, nibabel.Nifti1Header):
        for field in _PLACE:
            written.header[field] = source.header[field]
        written.header["pixdim"][4:] = 1  # further axes were taken away
    save_nifti(Path(path), written)


def save_nifti(path: Path, image: Any) -> None:  # noqa: ANN401 - of a library without types
    """Write a volume of nibabel's, whole or not at all; compressed where the name ends in ``.gz``."""
    content = image.to_bytes()
    write_atomically(path, gzip.compress(content) if path.name.lower().endswith(".gz") else content)


def has_volumes(root: Path) -> bool:
    """Whether a folder holds volumes with masks."""
    return bool(_places(root))


_IMAGES = ("imagestr", "images", "image", "imgs", "volumes", "volume", "data", "ct", "mri")
_LABELS = ("labelstr", "labels", "label", "masks", "mask", "segmentations", "segmentation", "gt")
_CHANNEL = re.compile(r"(.+)_(\d{4})(\.nii(?:\.gz)?)", re.IGNORECASE)
_ENDINGS = ("_seg", "_mask", "_label", "_labels", "_segmentation", "-seg", "-mask", "-label")
_SWAPPED = (("volume", "segmentation"), ("image", "label"), ("img", "label"), ("image", "mask"), ("ct", "mask"))


def is_mask_name(file: Path) -> bool:
    """Whether a file holds a mask, by the names of its folders or by its own.

    Args:
        file: Its path in the data set.

    >>> [is_mask_name(Path(name)) for name in ("masks/a.nii", "labelsTs/a.nii", "a/a_seg.nii.gz", "ct/a.nii")]
    [True, True, True, False]
    """
    folders = [part.lower() for part in file.parts[:-1]]
    stem = Path(file.name.lower().removesuffix(".gz")).stem
    return any(name in _LABELS or name.startswith("labels") for name in folders) or stem.endswith((*_ENDINGS, ".seg"))


def _places(root: Path) -> dict[str, tuple[Path, Path]]:
    """The folders of volumes and of masks, by split; ``""`` where the folder is not parted into splits."""
    whole = _sides(root)
    if whole:
        return {"": whole}
    inner = {split: _sides(own) for own in folders_in(root) if (split := split_of(own.name))}
    return {split: sides for split, sides in inner.items() if sides}


def _sides(folder: Path) -> tuple[Path, Path] | None:
    named = {own.name.lower(): own for own in folders_in(folder)}
    images, labels = (
        next((named[name] for name in names if name in named and _holds_volumes(named[name])), None)
        for names in (_IMAGES, _LABELS)
    )
    return (images, labels) if images and labels else None


def _holds_volumes(folder: Path) -> bool:
    return any(is_volume_name(own.name) for own in files_in(folder)) or any(map(scans.is_series, folders_in(folder)))


def volume_pairs(root: Path, notes: Notes) -> dict[str, tuple[list[str], list[str]]]:
    """Volumes and their masks, by split; ``""`` where there is no ``splits.json`` and no folder for each.

    Args:
        root: The folder.
        notes: Told of volumes without a mask, of masks without a volume, and of channels that are not read.

    Raises:
        InputError: The list of splits is damaged.
    """
    listed = root / "splits.json"
    pairs: dict[str, tuple[list[str], list[str]]] = {}
    for place, (images, labels) in _places(root).items():
        masks = _masks_of([p.name for p in files_in(images) if is_volume_name(p.name)], labels, notes)
        masks |= _masks_of_series([p.name for p in folders_in(images) if scans.is_series(p)], labels)
        used = {*masks.values()}
        for own in files_in(labels):
            if is_volume_name(own.name) and own.name not in used:
                notes.drop_alone(own, "volume")
        splits = {place: sorted(masks)} if place or not listed.is_file() else _listed(listed)
        for split, members in splits.items():
            files, found = pairs.setdefault(split, ([], []))
            for name in members:
                if name not in masks:
                    notes.drop(images / name, f"{listed} names {name} in {split}, which is not in {images}; bring it.")
                elif not (labels / masks[name]).is_file():
                    notes.unlabeled.append((split, str(images / name)))
                else:
                    files.append(str(images / name))
                    found.append(str(labels / masks[name]))
    return pairs


def _masks_of_series(names: list[str], labels: Path) -> dict[str, str]:
    """The name of the mask of each folder of DICOM slices."""
    there = {own.name for own in files_in(labels)}
    endings = [own + ending for own in ("", *_ENDINGS) for ending in (".nii.gz", *VOLUMES)]
    spelled = {name: [name + ending for ending in endings] for name in names}
    return {name: next((own for own in each if own in there), each[0]) for name, each in spelled.items()}


def _listed(path: Path) -> dict[str, list[str]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {str(split): [str(name) for name in members] for split, members in content.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise FormatError(f"{path} must be {{split: [file, ...]}} ({error}); mend it.") from error


def _masks_of(names: list[str], labels: Path, notes: Notes) -> dict[str, str]:
    """The name of the mask of each volume; nnU-Net's further channels are told and left out."""
    there = {own.name for own in files_in(labels)}
    masks = {}
    for name in names:
        match = None if name in there else _CHANNEL.fullmatch(name)
        if match and int(match[2]):
            notes.mends["of a further channel, which is not read"] += 1
            continue
        plain = match[1] + match[3] if match else name
        stem, dot, ending = plain.partition(".")
        spelled = [plain, *(f"{stem}{own}{dot}{ending}" for own in _ENDINGS)]
        spelled += [plain.replace(*swap) for swap in _SWAPPED if swap[0] in plain]
        masks[name] = next((own for own in spelled if own in there), plain)
    return masks
