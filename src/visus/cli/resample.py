"""``visus resample``: volumes at another spacing."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visus._errors import InputError
from visus.cli.options import AsJson, numbers, plural, progress, say

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
        bool, typer.Option("--mask", help="IN is a mask: classes, which are not mixed. In folders labels* are masks.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring volumes to one spacing, so that a network sees the same size of voxel in all of them.

    Volumes are interpolated linearly, masks take the class that weighs most; both lie in space where they lay. Volumes
    are written as float32, masks as uint8. In a folder, what lies in labelsTr and the like is a mask.
    """
    from visus.data import scans

    wanted = _spacing(spacing)
    if not source.exists():
        raise InputError(f"{source} does not exist; check the spelling of the path.")
    if source.is_dir() and not scans.is_series(source):
        _folder(source, target, wanted, mask=mask, as_json=as_json)
        return
    if wanted is None:
        raise InputError("--spacing median is of the volumes of a folder; name millimeters for one volume.")
    if not target.name.lower().endswith((".nii", ".nii.gz")):
        raise InputError(f"OUT must end in .nii.gz or .nii, not {target.name!r}.")
    if target.exists() and target.samefile(source):
        raise InputError(f"{target} is the volume itself; name another place.")
    from visus.data.resample_files import resample_file

    resample_file(source, target, wanted, mask=mask)
    if as_json:
        typer.echo(json.dumps({"spacing": wanted, ("masks" if mask else "volumes"): [str(target)]}))
    say(f"Wrote {target}", error=True)


def _spacing(text: str) -> "Spacing | None":
    """Millimeters along x, y and z; None for the median."""
    if text == "median":
        return None
    x, y, z = numbers("--spacing", text, 3) if "," in text else numbers("--spacing", text, 1) * 3
    if min(x, y, z) <= 0:
        raise InputError(f"--spacing takes numbers above 0, not {text!r}.")
    return x, y, z


def _folder(source: Path, target: Path, wanted: "Spacing | None", *, mask: bool, as_json: bool) -> None:
    if mask:
        raise InputError("--mask is of one file; in a folder, what lies in labelsTr and the like is a mask.")
    if target.is_file():
        raise InputError(f"{target} is a file; a folder of volumes is written to a folder.")
    from visus.data.resample_folder import resample_folder

    with progress("resampling") as show:
        found = resample_folder(source, target, wanted, progress=show)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False))
    spacing = " x ".join(f"{value:.4g}" for value in found.spacing)
    count = f"{plural(len(found.volumes), 'volume')} and {plural(len(found.masks), 'mask')}"
    say(f"Wrote {count} at {spacing} mm to {target}", error=True)
    for own in found.left_out:
        say(f"  {own.reason}", error=True)
    if found.left_out:
        raise InputError(f"{plural(len(found.left_out), 'file')} could not be used.")
