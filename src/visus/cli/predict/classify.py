"""What ``visus predict`` shows of a classifier."""

import csv
import sys
from pathlib import Path
from typing import Any

import typer

from visus.cli.predict.asked import Asked

MOST = 3  # classes of a picture


def predict(asked: Asked, *, k: int, as_csv: bool, fiftyone: Path | None = None) -> None:
    """Print the likeliest classes of each picture, and write them as FiftyOne reads them where that is asked for.

    Raises:
        InputError: None of them could be read.
    """
    from visus.runs.answers import files_of
    from visus.runs.fiftyone import class_label, write

    files = [file for place in asked.places for file in files_of(place)]
    rows, answered = [], 0
    labels: dict[str, Any] = {}
    table = csv.writer(sys.stdout)
    if as_csv:
        count = min(k, len(asked.saved.list_of("classes")))
        table.writerow(["file", *(f"{what}{n}" for n in range(1, count + 1) for what in ("class", "probability"))])
    for _, answer in asked.answers(files, {"k": k}, batch=32):
        answered += 1
        if fiftyone:
            labels[answer.path] = class_label(answer)
        pairs = list(zip(answer.classes, answer.probabilities, strict=True))
        if asked.as_json:
            rows.append(answer.to_dict())
        elif as_csv:
            table.writerow([answer.path, *(value for name, p in pairs for value in (name, f"{p:.6f}"))])
        else:
            typer.echo(f"{answer.path}  " + "  ".join(f"{name} {p:.1%}" for name, p in pairs))
    if fiftyone and labels:
        write(fiftyone, list(labels), list(labels.values()))
    asked.close(rows, answered=answered)
    if fiftyone:
        typer.echo(f"Wrote {fiftyone}", err=True)
