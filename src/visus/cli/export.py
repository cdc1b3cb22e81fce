"""``visus export``: a trained network for other programs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from visus.cli.settings import whole_numbers

EXAMPLES = """
Examples:

    visus export runs/classify/flowers-1                        RUN/model.onnx
    visus export runs/classify/flowers-1 --format torchscript --out flowers.pt
    visus export runs/segment/camvid-1 --size 360,480           a segmenter, for pictures of 480x360 pixels
    visus export runs/detect/cells-1 --format openvino          a detector, for pictures of any size
"""


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or its best.safetensors.")],
    form: Annotated[
        Literal["onnx", "openvino", "torchscript"], typer.Option("--format", help="What to write.")
    ] = "onnx",
    size: Annotated[
        str | None,
        typer.Option(metavar="N", help="Segmenters: height,width that the graph takes.  [default: as in training]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write.  [default: RUN/model.onnx, model.xml or model.pt]")
    ] = None,
) -> None:
    """Write a trained network as a graph, and check that the graph answers the same.

    Its input is pixels (N, height, width, 3) uint8 RGB, or volumes (N, depth, height, width) float32; its output the
    probability of each class, of a segmenter for each position. A detector's takes one picture of any size and gives
    boxes, scores, labels and masks; its AP on the val split is printed beside the network's.
    """
    from visus.runs.export import export as write_graph

    sides = None if size is None else whole_numbers("--size", size)
    written = write_graph(run, form, out, size=sides, say=typer.echo)
    typer.echo(f"Wrote {written}; it answers as the network does.")
