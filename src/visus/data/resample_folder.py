"""All volumes of a folder at one spacing, masks as masks; see :mod:`visus.data.resample`."""

import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus._files import write_atomically
from visus.data.headers import heard
from visus.data.left_out import LeftOut
from visus.data.resample import Spacing
from visus.data.resample_files import median_spacing, resample_file
from visus.data.scans import series_below
from visus.data.splits import files_below, files_in
from visus.data.texts import decoded
from visus.data.volumes import is_mask_name, read_spacing
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
        already_there: Files that would have been written, were there before, and were left.
        renamed: From a file to what was written of it, where another of its folder has the name that it would have.
        remarks: What else a user should know, each one sentence.
    """

    spacing: Spacing
    volumes: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    already_there: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self)


def resample_folder(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    spacing: Spacing | None = None,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Resampled:
    """Write all volumes of a folder at one spacing, under the same names.

    Other formats than NIfTI become ``.nii.gz``, a folder of DICOM slices the file of its name; where another volume of
    its folder has that name, a number follows. What lies in a folder whose name is ``masks``, ``gt``, begins with
    ``labels``, or is otherwise one that data sets give to masks, is a mask, and so is what is called ``..._seg`` and
    the like. Lists at the top (``splits.json``, ``classes.txt`` ...) are copied and name the files that were written.

    Args:
        source: The folder.
        target: Where to write; nothing of it is read.
        spacing: Millimeters between the values along (x, y, z); None for the median of the volumes.
        force: Whether files that are there are replaced.
        progress: Called with how many are done, of how many.

    Raises:
        InputError: There are no volumes, or both folders are one.
    """
    root, place = Path(source), Path(target)
    if root.resolve() == place.resolve():
        raise InputError(f"{place} is the folder of the volumes themselves; name another folder to write to.")
    files = _volumes(root, place)
    if not files:
        raise InputError(
            f"There are no volumes in {root}; name a folder with .nii.gz, .nrrd or .mha files, or with folders of "
            "DICOM slices."
        )
    masks = {file for file in files if is_mask_name(file.relative_to(root))}
    left_out: list[LeftOut] = []
    wanted = spacing or median_spacing(list(_readable((file for file in files if file not in masks), left_out)))
    found, names = Resampled(wanted, left_out=left_out), _names(files)
    broken = {own.path for own in left_out}
    for done, file in enumerate(files, 1):
        end = place / file.relative_to(root).with_name(names[file])
        if str(file) not in broken:
            _write(file, end, found, mask=file in masks, force=force)
        if names[file] != _plain(file):
            found.renamed[str(file)] = str(end)
        if progress:
            progress(done, len(files))
    changed = {file.name: names[file] for file in files if file.name != names[file] and file not in masks}
    for file in files_in(root):
        if file.suffix.lower() in _LISTS:
            _copy_list(file, place / file.name, changed, found, force=force)
    return found


def _volumes(root: Path, place: Path) -> list[Path]:
    """The volumes below a folder, files and folders of DICOM slices, without those of a folder in it."""
    end = place.resolve()
    inside = end.is_relative_to(root.resolve())
    files = [*(file for file in files_below(root) if is_volume_name(file.name)), *series_below(root)]
    return sorted(file for file in files if not (inside and file.resolve().is_relative_to(end)))


def _write(file: Path, end: Path, found: Resampled, *, mask: bool, force: bool) -> None:
    if end.exists() and not force:
        found.already_there.append(str(end))
        return
    try:
        end.parent.mkdir(parents=True, exist_ok=True)
        found.remarks.extend(resample_file(file, end, found.spacing, mask=mask))
    except InputError as error:
        found.left_out.append(LeftOut(str(file), str(error)))
    else:
        (found.masks if mask else found.volumes).append(str(end))


def _plain(file: Path) -> str:
    """What is written of a volume, if no other has the name."""
    if file.is_dir():
        return f"{file.name}.nii.gz"
    return f"{file.stem}.nii.gz" if file.name.lower().endswith(SCANS) else file.name


def _names(files: list[Path]) -> dict[Path, str]:
    """The name of what is written of each volume, all different within a folder; those of NIfTI stay."""
    found: dict[Path, str] = {}
    taken: set[Path] = set()
    for file in sorted(files, key=lambda own: (_plain(own) != own.name, own)):
        plain, number = _plain(file), 1
        name = plain
        while file.with_name(name) in taken:
            number += 1
            name = f"{plain.removesuffix('.nii.gz')}-{number}.nii.gz"
        taken.add(file.with_name(name))
        found[file] = name
    return found


def _copy_list(file: Path, end: Path, changed: dict[str, str], found: Resampled, *, force: bool) -> None:
    """Copy a list, in which volumes are called what they are called now."""
    if end.exists() and not force:
        found.already_there.append(str(end))
        return
    content = file.read_bytes()
    if changed:
        try:
            content = _with_new_names(content, changed)
        except ValueError as error:
            found.remarks.append(f"{file.name} is copied as it is, for it cannot be read as text: {error}.")
    end.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(end, content)


def _with_new_names(content: bytes, changed: dict[str, str]) -> bytes:
    """The text of a list with new names of files in place of old ones, also where JSON spells letters by number.

    Raises:
        ValueError: It is no text.
    """
    spelled = changed | {json.dumps(old)[1:-1]: json.dumps(new)[1:-1] for old, new in changed.items()}
    words = "|".join(map(re.escape, sorted(spelled, key=len, reverse=True)))
    text, coding = decoded(content)
    text, count = re.subn(rf"(?<![\w.-])(?:{words})(?![\w.-])", lambda match: spelled[match[0]], text)
    return text.encode(coding) if count else content


def _readable(files: Iterable[Path], left_out: list[LeftOut]) -> Iterable[Path]:
    for file in files:
        try:
            with heard():  # who resamples it says it
                read_spacing(file)
        except InputError as error:
            left_out.append(LeftOut(str(file), str(error)))
        else:
            yield file
