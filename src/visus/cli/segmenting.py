"""Options and output that ``visus predict`` and ``visus evaluate`` have for segmenters."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from visus._errors import InputError
from visus.cluster import Cluster

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


def refuse(task: str, kinds: str = "segmenters", **options: object) -> None:
    """Refuse what only networks of other tasks take.

    Raises:
        InputError: Some is there.
    """
    for name, value in options.items():
        if value:
            raise InputError(
                f"--{name.replace('_', '-')} is for {kinds}, and this network is of the task {task}; leave it away."
            )


def _crf(run: Path) -> "Settings":
    from visus.runs.tune_crf import crf_of

    return crf_of(run)


def predict(
    run: Path,
    places: list[Path],
    out: Path,
    *,
    as_json: bool,
    options: dict[str, Any],
    cluster: Cluster | None = None,
) -> None:
    """Write mask, overlay and contours of each picture, or the mask of each volume.

    Raises:
        InputError: None of the files could be used.
    """
    from visus.data.volumes import is_volume_name
    from visus.images import is_picture_name
    from visus.nets.file import list_of
    from visus.runs.answers import answers, one_by_one
    from visus.runs.predict import Unreadable, files_beside
    from visus.runs.run import make_folder
    from visus.runs.segment_predict import names_for

    wanted, endings = is_picture_name, (".png", ".jpg", ".json")
    if len(list_of(run, "window")) == 3:
        wanted, endings = is_volume_name, (".nii.gz", ".jpg")
    files = files_beside(places, out, wanted)
    make_folder(out)
    rows, lost = [], []
    given = answers(partial(one_by_one, run.absolute(), "segment", options), files, cluster=cluster)
    for file, name, answer in zip(files, names_for(files), given, strict=True):
        if isinstance(answer, Unreadable):
            lost.append({"file": file, "error": answer.message})
            typer.echo(f"Could not use a file: {answer.message}", err=True)
            continue
        for ending in endings:
            answer.save(out / f"{name}{ending}")
        rows.append(answer.to_dict())
        if not as_json:
            shares = sorted(answer.shares().items(), key=lambda item: -item[1])
            typer.echo(f"{file}  " + "  ".join(f"{label} {share:.1%}" for label, share in shares[:6]))
    if as_json:
        typer.echo(json.dumps({"predictions": rows, "unreadable": lost}, ensure_ascii=False))
    typer.echo(f"Wrote {out}", err=True)
    if not rows:
        raise InputError("None of the files could be used.")
