"""``visus export``: a trained network for other programs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

EXAMPLES = """
Examples:

    visus export runs/classify/flowers-1                        RUN/model.onnx
    visus export runs/classify/flowers-1 --format torchscript --out flowers.pt
"""


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or its best.safetensors.")],
    form: Annotated[Literal["onnx", "torchscript"], typer.Option("--format", help="What to write.")] = "onnx",
    out: Annotated[Path | None, typer.Option(help="Where to write.  [default: RUN/model.onnx or model.pt]")] = None,
) -> None:
    """Write a trained network as a graph, and check that the graph answers the same.

    Its input is pixels (N, size, size, 3) uint8 RGB, its output the probability of each class.
    """
    from visus.runs.export import export as write_graph

    typer.echo(f"Wrote {write_graph(run, form, out)}; it answers as the network does.")
