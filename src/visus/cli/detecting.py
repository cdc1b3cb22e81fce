"""Options and output that ``visus predict`` has for detectors."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visus._errors import InputError
from visus.cluster import Cluster

if TYPE_CHECKING:
    from visus.nets.detection import Limits

_PANEL = "Detectors"
Confidence = Annotated[
    float | None,
    typer.Option("--conf", help="Least score of an object.  [default: 0.5; of a localiser 0]", rich_help_panel=_PANEL),
]
Overlap = Annotated[
    float | None,
    typer.Option(
        "--iou", help="Of two boxes of a class that overlap by more, one stays.  [default: 0.5]", rich_help_panel=_PANEL
    ),
]
Most = Annotated[
    int | None,
    typer.Option("--max-det", min=1, help="Objects of a picture.  [default: 100]", rich_help_panel=_PANEL),
]


Soft = Annotated[
    bool,
    typer.Option(
        "--soft-nms", help="Lower the scores of overlapping boxes in place of taking them away.", rich_help_panel=_PANEL
    ),
]


def limits(
    confidence: float | None, overlap: float | None, most: int | None, *, usual: float, soft: bool = False
) -> "Limits":
    """Which answers are given: those of at least the usual score where none is named.

    Raises:
        InputError: One cannot be.
    """
    from visus.nets.detection import Limits

    if soft and overlap is not None:
        raise InputError("--iou does nothing beside --soft-nms, which takes no boxes away; leave one of them.")
    return Limits(
        score=usual if confidence is None else confidence,
        overlap=0.5 if overlap is None else overlap,
        most=100 if most is None else most,
        soft=soft,
    )


def predict(
    run: Path, places: list[Path], out: Path, *, as_json: bool, allowed: "Limits", cluster: Cluster | None = None
) -> None:
    """Draw the objects of each picture, and write all of them as COCO's results (``results.json``, ``pictures.json``).

    Raises:
        InputError: None of the pictures could be read.
    """
    from visus.nets.file import list_of
    from visus.runs.answers import answers, one_by_one
    from visus.runs.coco_results import write_coco
    from visus.runs.predict import Unreadable, files_beside
    from visus.runs.run import make_folder
    from visus.runs.segment_predict import names_for

    files = files_beside(places, out)
    make_folder(out)
    good, sizes, found, predictions, lost = [], [], [], [], []
    given = answers(partial(one_by_one, run.absolute(), "detect", {"limits": allowed}), files, cluster=cluster)
    for file, name, answer in zip(files, names_for(files), given, strict=True):
        if isinstance(answer, Unreadable):
            lost.append({"file": file, "error": answer.message})
            typer.echo(f"Could not use a file: {answer.message}", err=True)
            continue
        answer.save(out / f"{name}.jpg")
        good.append(file)
        sizes.append(answer.picture.shape[:2])
        found.append(answer.answers)
        predictions.append(answer.to_dict() if as_json else file)
        if not as_json:
            objects = [
                f"{label} {score:.2f}" for label, score in zip(answer.names, answer.scores.tolist(), strict=True)
            ]
            typer.echo(f"{file}  " + ("  ".join(objects) or "nothing"))
    write_coco(out, good, sizes, found, classes=tuple(list_of(run, "classes")))
    if as_json:
        typer.echo(json.dumps({"predictions": predictions, "unreadable": lost}, ensure_ascii=False))
    typer.echo(f"Wrote {out}", err=True)
    if not predictions:
        raise InputError("None of the pictures could be read.")
