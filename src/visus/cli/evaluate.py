"""``visus evaluate``: how well a trained network answers."""

import json
from pathlib import Path
from typing import Annotated

import typer

from visus.cli import segmenting
from visus.cli.options import AsJson

EXAMPLES = """
Examples:

    visus evaluate runs/classify/flowers-1               the test split that it was not trained on
    visus evaluate runs/classify/flowers-1 more-flowers  other pictures
    visus evaluate runs/classify/flowers-1 --split val --json
    visus evaluate runs/segment/camvid-1 --crf --scales 0.75,1,1.25 --flip
    visus evaluate runs/detect/cells-1
"""


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or its best.safetensors.")],
    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="Labelled pictures.  [default: those of the training]")
    ] = None,
    split: Annotated[str | None, typer.Option(help="train, val or test.  [default: test]")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the pictures.  [default: in the run]")] = None,
    as_json: AsJson = False,
    crf: segmenting.Crf = False,
    scales: segmenting.Scales = None,
    flip: segmenting.Flip = False,
) -> None:
    """Measure a trained network.

    Of a classifier: accuracy, each class, confusion, calibration, worst mistakes. Of a segmenter: IoU, Dice and
    accuracy of each class, confusion, worst answers. Of a detector: COCO's and VOC's average precision, precision over
    recall, confusion, what was missed and what is wrong. Of a localiser: right classes, right boxes, and both.
    """
    from visus.nets.file import task_of

    task = task_of(run)
    if task == "segment":
        from visus.runs import segment_evaluate

        how = segmenting.how(run, crf=crf, scales=scales, flip=flip)
        found = segment_evaluate.evaluate(run, data, split=split, out=out, **how)
    elif task in ("detect", "localize"):
        from visus.runs import detect_evaluate

        segmenting.refuse(task, crf=crf, scales=scales, flip=flip)
        found = detect_evaluate.evaluate(run, data, split=split, out=out)
    else:
        from visus.runs.evaluate import evaluate as measure

        segmenting.refuse(task, crf=crf, scales=scales, flip=flip)
        found = measure(run, data, split=split, out=out)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False))
        return
    typer.echo(found.describe())
    place = out or (run if run.is_dir() else run.parent) / f"evaluation-{found.split}{'-crf' if crf else ''}"
    typer.echo(f"Wrote {place}", err=True)
