"""What ``visus predict`` shows of a classifier."""

import csv
import sys

import typer

from visus.cli.predict.asked import Asked

MOST = 3  # classes of a picture


def predict(asked: Asked, *, k: int, as_csv: bool) -> None:
    """Print the likeliest classes of each picture.

    Raises:
        InputError: None of them could be read.
    """
    from visus.runs.answers import files_of

    files = [file for place in asked.places for file in files_of(place)]
    rows, answered = [], 0
    table = csv.writer(sys.stdout)
    if as_csv:
        count = min(k, len(asked.saved.list_of("classes")))
        table.writerow(["file", *(f"{what}{n}" for n in range(1, count + 1) for what in ("class", "probability"))])
    for _, answer in asked.answers(files, {"k": k}, batch=32):
        answered += 1
        pairs = list(zip(answer.classes, answer.probabilities, strict=True))
        if asked.as_json:
            rows.append(answer.to_dict())
        elif as_csv:
            table.writerow([answer.path, *(value for name, p in pairs for value in (name, f"{p:.6f}"))])
        else:
            typer.echo(f"{answer.path}  " + "  ".join(f"{name} {p:.1%}" for name, p in pairs))
    asked.close(rows, answered=answered)
