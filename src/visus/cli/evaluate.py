"""``visus evaluate``: how well a trained network answers."""

import json
from pathlib import Path
from typing import Annotated

import typer

from visus.cli.options import AsJson
from visus.cli.predict import segment
from visus.cli.predict.takes import refuse_others

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
        Path | None, typer.Argument(metavar="DATA", help="Labeled pictures.  [default: those of the training]")
    ] = None,
    split: Annotated[str | None, typer.Option(help="train, val or test.  [default: test]")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the pictures.  [default: in the run]")] = None,
    as_json: AsJson = False,
    crf: segment.Crf = False,
    scales: segment.Scales = None,
    flip: segment.Flip = False,
) -> None:
    """Measure a trained network.

    Of a classifier: accuracy, each class, confusion, calibration, worst mistakes. Of a segmenter: IoU, Dice and
    accuracy of each class, confusion, worst answers. Of a detector: COCO's and VOC's average precision, precision over
    recall, confusion, what was missed and what is wrong. Of a localizer: right classes, right boxes, and both.
    """
    from visus.graphs.saved import open_saved
    from visus.runs.record.folder import decoded_before
    from visus.runs.run import evaluate as measure

    saved = open_saved(run)
    if said := decoded_before(saved.home):
        typer.echo(said, err=True)
    refuse_others(saved.task, crf=crf, scales=scales, flip=flip)
    how = segment.how(run, crf=crf, scales=scales, flip=flip) if saved.task == "segment" else {}
    found = measure(saved, data, split=split, out=out, **how)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False))
        return
    typer.echo(found.describe())
    place = out or saved.home / f"evaluation-{found.split}{'-crf' if crf else ''}"
    typer.echo(f"Wrote {place}", err=True)
