"""What ``visus predict`` shows of a network whose task has no face of its own: its answers as plain values."""

import json

import typer

from visus.cli.predict.asked import Asked


def predict(asked: Asked) -> None:
    """Print the answer to each picture, one line of JSON each.

    Raises:
        InputError: None of them could be read.
    """
    from visus.runs.answers import files_of

    files = [file for place in asked.places for file in files_of(place)]
    rows = []
    for _, answer in asked.answers(files, {}):
        rows.append(answer.to_dict())
        if not asked.as_json:
            typer.echo(json.dumps(rows[-1], ensure_ascii=False))
    asked.close(rows, answered=len(rows))
