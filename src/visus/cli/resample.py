"""``visus resample``: volumes at another spacing."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visus._errors import InputError
from visus.cli.options import AsJson, plural, progress, say

if TYPE_CHECKING:
    from visus.data.resample import Spacing

EXAMPLES = """
Examples:

    visus resample scan.nii.gz iso.nii.gz --spacing 1         1 mm along each axis
    visus resample hippocampus same --spacing median          a whole folder with its masks, at the median of its own
    visus resample ct-series ct.nii.gz --spacing 0.8,0.8,2    a folder of DICOM slices
    visus resample mask.nii.gz small.nii.gz --spacing 2 --mask
"""


def resample(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A volume, a DICOM series, or a folder of volumes.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The .nii or .nii.gz file, or the folder to write to.")],
    spacing: Annotated[
        str,
        typer.Option(
            metavar="MM",
            help="Millimeters from left to right, back to front and feet to head: X,Y,Z; one for all, or median.",
        ),
    ],
    mask: Annotated[
        bool, typer.Option("--mask", help="IN is a mask: classes, which are not mixed. In a folder, names tell masks.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Let OUT take the place of files that are there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring volumes to one spacing, so that a network sees the same size of voxel in all of them.

    Volumes are interpolated linearly, masks take the class that weighs most; both lie in space where they lay. Volumes
    are written as float32, masks as uint8. In a folder, what lies in labelsTr, masks, gt and the like is a mask, and so
    is what is called ..._seg. No file that is there is replaced without --force.
    """
    from visus.data import scans

    wanted = _spacing(spacing)
    if not source.exists():
        raise InputError(f"{source} does not exist; check the spelling of the path.")
    if source.is_dir() and not scans.is_series(source):
        _folder(source, target, wanted, mask=mask, force=force, as_json=as_json)
        return
    if wanted is None:
        raise InputError("--spacing median is of the volumes of a folder; name millimeters for one volume.")
    if not target.name.lower().endswith((".nii", ".nii.gz")):
        raise InputError(f"OUT must end in .nii.gz or .nii, not {target.name!r}.")
    if target.exists() and target.samefile(source):
        raise InputError(f"{target} is the volume itself; name another place.")
    if target.exists() and not force:
        raise InputError(f"{target} is there already; name another place, or say --force to replace it.")
    from visus.data.resample_files import resample_file

    remarks = resample_file(source, target, wanted, mask=mask)
    if as_json:
        told = {"spacing": wanted, ("masks" if mask else "volumes"): [str(target)], "remarks": remarks}
        typer.echo(json.dumps(told, ensure_ascii=False))
    say(f"Wrote {target}", error=True)
    for remark in remarks:
        say(f"  {remark}", error=True)


def _spacing(text: str) -> "Spacing | None":
    """Millimeters along x, y and z; None for the median."""
    if text == "median":
        return None
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    found = found * 3 if len(found) == 1 else found
    if len(found) != 3 or not all(math.isfinite(value) and value > 0 for value in found):
        raise InputError(f"--spacing takes 3 numbers above 0 (X,Y,Z in mm), one for all, or median, not {text!r}.")
    x, y, z = found
    return x, y, z


def _folder(source: Path, target: Path, wanted: "Spacing | None", *, mask: bool, force: bool, as_json: bool) -> None:
    if mask:
        raise InputError("--mask is of one file; in a folder, what lies in labelsTr, masks and the like is a mask.")
    if target.is_file():
        raise InputError(f"{target} is a file; a folder of volumes is written to a folder.")
    from visus.data.resample_folder import resample_folder

    with progress("resampling") as show:
        found = resample_folder(source, target, wanted, force=force, progress=show)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False))
    spacing = " x ".join(f"{value:.4g}" for value in found.spacing)
    count = f"{plural(len(found.volumes), 'volume')} and {plural(len(found.masks), 'mask')}"
    say(f"Wrote {count} at {spacing} mm to {target}", error=True)
    for remark in found.remarks:
        say(f"  {remark}", error=True)
    for file, written in found.renamed.items():
        say(f"  {file} is written as {Path(written).name}, since another volume has its name.", error=True)
    for own in found.left_out:
        say(f"  {own.reason}", error=True)
    ends = [f"{plural(len(found.left_out), 'file')} could not be used."] if found.left_out else []
    if found.already_there:
        were = "file that was" if len(found.already_there) == 1 else "files that were"
        left = "was" if len(found.already_there) == 1 else "were"
        ends.append(
            f"{len(found.already_there):,} {were} there already in {target} {left} left; say --force to replace them."
        )
    if ends:
        raise InputError(" ".join(ends))
