"""``visus export``: a trained network for other programs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from visus._errors import InputError
from visus.cli.options import AsJson, spare
from visus.cli.settings import whole_numbers

EXAMPLES = """
Examples:

    visus export runs/classify/flowers-1                        RUN/model.onnx
    visus export runs/classify/flowers-1 --format torchscript --out flowers.pt
    visus export runs/segment/camvid-1 --size 360,480           a segmenter, for pictures of 480x360 pixels
    visus export runs/detect/cells-1 --format openvino          a detector, for pictures of any size
    visus export runs/classify/flowers-1 --int8                 numbers of 8 bits too: size, speed and accuracy of both
"""


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or its best.safetensors.")],
    form: Annotated[
        Literal["onnx", "openvino", "torchscript"], typer.Option("--format", help="What to write.")
    ] = "onnx",
    size: Annotated[
        str | None,
        typer.Option(metavar="N", help="Segmenters: the one height,width that the graph takes.  [default: any]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write.  [default: RUN/model.onnx, model.xml or model.pt]")
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Write RUN/model-int8.onnx too, and compare size, speed and accuracy on val.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a trained network as a graph, and check that the graph answers the same.

    Its input is pixels (N, height, width, 3) uint8 RGB, or volumes (N, depth, height, width) float32; its output the
    probability of each class, of a segmenter for each position. A detector's takes one picture of any size and gives
    boxes, scores, labels and masks; its AP on the val split is printed beside the network's.
    """
    told = (lambda text: typer.echo(text, err=True)) if as_json else typer.echo
    if int8:
        _quantize(run, told, as_json, others=form != "onnx" or size is not None or out is not None)
        return
    from visus.runs.export import export as write_graph
    from visus.runs.record.folder import BEST, CONFIG, LAST

    home = run if run.is_dir() else run.parent
    spare(out, *(home / name for name in (BEST, CONFIG, LAST)))
    sides = None if size is None else whole_numbers("--size", size)
    written = write_graph(run, form, out, size=sides, say=told)
    if as_json:
        typer.echo(json.dumps({"file": str(written), "format": form}))
    else:
        typer.echo(f"Wrote {written}; it answers as the network does.")


def _quantize(run: Path, told: Callable[[str], None], as_json: bool, *, others: bool) -> None:
    """Write both graphs of a run, and compare them.

    Raises:
        InputError: Another format, size or place was asked for.
    """
    if others:
        raise InputError("--int8 writes RUN/model.onnx and RUN/model-int8.onnx; leave --format, --size and --out away.")
    from visus.runs.quantize import quantize

    found = quantize(run, say=told)
    typer.echo(json.dumps(found.to_dict()) if as_json else found.describe())
    if as_json and found.warning:
        told(found.warning)
    if not as_json:
        typer.echo(f"Wrote {found.int8.path}; visus predict --engine onnx --int8 answers by it.")
