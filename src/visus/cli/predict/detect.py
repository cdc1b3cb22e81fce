"""Options and output that ``visus predict`` has for detectors."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visus._errors import InputError
from visus.cli.predict.asked import Asked

if TYPE_CHECKING:
    from visus.graphs.boxes import Limits

_PANEL = "Detectors"
Confidence = Annotated[
    float | None,
    typer.Option("--conf", help="Least score of an object.  [default: 0.5; of a localizer 0]", rich_help_panel=_PANEL),
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
    from visus.graphs.boxes import Limits

    if soft and overlap is not None:
        raise InputError("--iou does nothing beside --soft-nms, which takes no boxes away; leave one of them.")
    return Limits(
        score=usual if confidence is None else confidence,
        overlap=0.5 if overlap is None else overlap,
        most=100 if most is None else most,
        soft=soft,
    )


def predict(asked: Asked, out: Path, allowed: "Limits", fiftyone: Path | None = None) -> None:
    """Draw the objects of each picture, and write all of them as COCO's results (``results.json``, ``pictures.json``).

    For FiftyOne they are written too, where that is asked for.

    Raises:
        InputError: None of the pictures could be read.
    """
    from visus.runs.answers import files_beside, names_for
    from visus.runs.detect.coco_results import write_coco
    from visus.runs.fiftyone import box_labels, write
    from visus.runs.record.folder import make_folder

    files = files_beside(asked.places, out)
    make_folder(out)
    good, sizes, found, rows, labels = [], [], [], [], []
    beaten: list[tuple[float, str, str]] = []  # score, class and file of the best that was not sure enough
    names = names_for(files)
    for place, answer in asked.answers(files, {"limits": allowed}):
        answer.save(out / f"{names[place]}.jpg")
        good.append(files[place])
        sizes.append(answer.picture.shape[:2])
        found.append(answer.answers)
        if fiftyone:
            labels.append(box_labels(answer))
        if asked.as_json:
            rows.append(answer.to_dict())
            continue
        if answer.best is not None:
            beaten.append((answer.best[1], answer.best[0], files[place]))
        nothing = f"nothing; the best is {answer.best[0]} {answer.best[1]:.2f}" if answer.best else "nothing"
        pairs = zip(answer.names, answer.scores.tolist(), strict=True)
        typer.echo(f"{files[place]}  " + ("  ".join(f"{label} {score:.2f}" for label, score in pairs) or nothing))
    if fiftyone and good:
        write(fiftyone, good, labels)
    write_coco(out, good, sizes, found, classes=tuple(asked.saved.list_of("classes")))
    if beaten and not any(map(len, found)):
        score, label, file = max(beaten)
        typer.echo(
            f"No answer reaches --conf {allowed.score:g}; the best is {label} with {score:.2f} on {file}: say "
            f"--conf {_below(score):g} to see it.",
            err=True,
        )
    asked.close(rows, answered=len(good))
    typer.echo(f"Wrote {out}" + (f" and {fiftyone}" if fiftyone else ""), err=True)


def _below(score: float) -> float:
    """A round number that a score reaches.

    >>> _below(0.3178), _below(0.0042)
    (0.31, 0.004)
    """
    digits = 2 if score >= 0.01 else 3
    return math.floor(score * 10**digits) / 10**digits
