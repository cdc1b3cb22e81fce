"""All volumes of a folder at one spacing, masks as masks; see :mod:`visus.data.resample`."""

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus.data.left_out import LeftOut
from visus.data.resample import Spacing
from visus.data.resample_files import median_spacing, resample_file
from visus.data.splits import files_below, files_in
from visus.data.volumes import read_spacing
from visus.images.io import SCANS, is_volume_name

_LISTS = (".json", ".txt", ".csv")  # files beside the folders that say what volumes and classes are


@dataclass(frozen=True, slots=True)
class Resampled:
    """What became of the volumes of a folder.

    Attributes:
        spacing: Millimeters between the values along (x, y, z).
        volumes: Files that were written, without masks.
        masks: Masks that were written.
        left_out: Files that cannot be used.
    """

    spacing: Spacing
    volumes: list[str]
    masks: list[str]
    left_out: list[LeftOut]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self)


def resample_folder(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    spacing: Spacing | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Resampled:
    """Write all volumes of a folder at one spacing, under the same names; other formats than NIfTI become ``.nii.gz``.

    What lies in a folder whose name begins with ``labels`` is a mask, as in the Medical Segmentation Decathlon and for
    nnU-Net. Lists at the top (``splits.json``, ``classes.txt`` ...) are copied.

    Args:
        source: The folder.
        target: Where to write; nothing of it is read.
        spacing: Millimeters between the values along (x, y, z); None for the median of the volumes.
        progress: Called with how many are done, of how many.

    Raises:
        InputError: There are no volumes, or both folders are one.
    """
    root, place = Path(source), Path(target)
    if root.resolve() == place.resolve():
        raise InputError(f"{place} is the folder of the volumes themselves; name another folder to write to.")
    files = [file for file in files_below(root) if is_volume_name(file.name) and place not in file.parents]
    if not files:
        raise InputError(f"There are no volumes in {root}; name a folder with .nii.gz, .nrrd or .mha files.")
    left_out: list[LeftOut] = []
    wanted = spacing or median_spacing(list(_readable((f for f in files if not _is_mask(f, root)), left_out)))
    broken = {own.path for own in left_out}
    written: dict[bool, list[str]] = {False: [], True: []}
    for done, file in enumerate(files, 1):
        end = place / _named(file.relative_to(root))
        end.parent.mkdir(parents=True, exist_ok=True)
        try:
            if str(file) not in broken:
                resample_file(file, end, wanted, mask=_is_mask(file, root))
                written[_is_mask(file, root)].append(str(end))
        except InputError as error:
            left_out.append(LeftOut(str(file), str(error)))
        if progress:
            progress(done, len(files))
    for file in files_in(root):
        if file.suffix.lower() in _LISTS:
            shutil.copyfile(file, place / file.name)
    return Resampled(wanted, written[False], written[True], left_out)


def _is_mask(file: Path, root: Path) -> bool:
    return any(part.lower().startswith("labels") for part in file.relative_to(root).parts[:-1])


def _named(file: Path) -> Path:
    return file.with_name(f"{file.stem}.nii.gz") if file.name.lower().endswith(SCANS) else file


def _readable(files: Iterable[Path], left_out: list[LeftOut]) -> Iterable[Path]:
    for file in files:
        try:
            read_spacing(file)
        except InputError as error:
            left_out.append(LeftOut(str(file), str(error)))
        else:
            yield file
