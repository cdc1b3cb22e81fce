"""Options and output that ``visus predict`` and ``visus evaluate`` have for segmenters."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from visus._errors import InputError
from visus.cli.predict.asked import Asked

if TYPE_CHECKING:
    from visus.ops.crf import Settings

_PANEL = "Segmenters"
Crf = Annotated[
    bool,
    typer.Option(
        "--crf",
        help="Refine by the dense CRF, as visus tune crf found it, or with its defaults.",
        rich_help_panel=_PANEL,
    ),
]
Scales = Annotated[
    str | None, typer.Option(metavar="S,S,...", help="Sizes that are averaged: 0.75,1,1.25.", rich_help_panel=_PANEL)
]
Flip = Annotated[bool, typer.Option("--flip", help="Average with the mirrored picture.", rich_help_panel=_PANEL)]


def how(run: Path, *, crf: bool, scales: str | None, flip: bool) -> dict[str, Any]:
    """The options as the library takes them.

    Raises:
        InputError: The scales are no numbers.
    """
    try:
        numbers = tuple(float(part) for part in scales.split(",")) if scales else (1.0,)
    except ValueError:
        raise InputError(f"--scales must be numbers such as 0.75,1,1.25, not {scales!r}.") from None
    return {"crf_settings": _crf(run) if crf else None, "scales": numbers, "flip": flip}


def _crf(run: Path) -> "Settings":
    from visus.runs.segment.tune_crf import crf_of

    return crf_of(run)


def predict(asked: Asked, out: Path, options: dict[str, Any]) -> None:
    """Write mask, overlay and contours of each picture, or the mask of each volume.

    Raises:
        InputError: None of the files could be used.
    """
    from visus.images.io import is_picture_name, is_volume_name
    from visus.runs.answers import files_beside, names_for
    from visus.runs.record.folder import make_folder

    wanted, endings = is_picture_name, (".png", ".jpg", ".json")
    if len(asked.saved.list_of("window")) == 3:
        wanted, endings = is_volume_name, (".nii.gz", ".jpg")
    files = files_beside(asked.places, out, wanted)
    make_folder(out)
    rows, names = [], names_for(files)
    for place, answer in asked.answers(files, options):
        for ending in endings:
            answer.save(out / f"{names[place]}{ending}")
        rows.append(answer.to_dict())
        for note in answer.notes:
            typer.echo(f"  {files[place]}: {note}", err=True)
        if not asked.as_json:
            shares = sorted(answer.shares().items(), key=lambda item: -item[1])
            typer.echo(f"{files[place]}  " + "  ".join(f"{label} {share:.1%}" for label, share in shares[:6]))
    asked.close(rows, answered=len(rows))
    typer.echo(f"Wrote {out}", err=True)
