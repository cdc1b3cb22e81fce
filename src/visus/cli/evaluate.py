"""``visus evaluate``: how well a trained network answers."""

import json
from pathlib import Path
from typing import Annotated

import typer

from visus.cli.options import AsJson

EXAMPLES = """
Examples:

    visus evaluate runs/classify/flowers-1               the test split that it was not trained on
    visus evaluate runs/classify/flowers-1 more-flowers  other pictures
    visus evaluate runs/classify/flowers-1 --split val --json
"""


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or its best.safetensors.")],
    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="Labelled pictures.  [default: those of the training]")
    ] = None,
    split: Annotated[str | None, typer.Option(help="train, val or test.  [default: test]")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the pictures.  [default: in the run]")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a trained network: accuracy, each class, confusion, calibration, worst mistakes."""
    from visus.runs.evaluate import evaluate as measure

    found = measure(run, data, split=split, out=out)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False))
        return
    typer.echo(found.describe())
    place = out or (run if run.is_dir() else run.parent) / f"evaluation-{found.split}"
    typer.echo(f"Wrote {place}", err=True)
