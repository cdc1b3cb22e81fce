"""``visus explain invert``: what the layers of a network remember of a picture."""

import json
from pathlib import Path
from typing import Annotated

import typer

from visus.cli.options import PICTURE_ENDINGS, AsJson, OutPng, Source, ending, progress, save_picture

EXAMPLES = """
Examples:

    visus explain invert efficientnet_lite0 cat.jpg              every stage, and the embedding
    visus explain invert runs/classify/flowers-1 rose.jpg --layer blocks.1 --layer blocks.4 --steps 600
"""


def invert(
    source: Source,
    picture: Annotated[Path, typer.Argument(metavar="PICTURE")],
    layer: Annotated[
        list[str] | None, typer.Option(help="Its name in visus nets; may be given again.  [default: all stages]")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Of the descent, for each layer.")] = 300,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    curves: Annotated[
        Path | None, typer.Option(metavar="PICTURE", help="A plot of what each layer keeps: details, outlines.")
    ] = None,
    out: OutPng = Path("inverted.png"),
    as_json: AsJson = False,
) -> None:
    """Recover a picture from its features at some layers: early ones keep the detail, later ones the outline."""
    ending(out, *PICTURE_ENDINGS)
    if curves is not None:
        ending(curves, *PICTURE_ENDINGS, what="--curves")
    from visus.explain import invert as recover

    with progress("recovering") as tell:
        found = recover(source, picture, layer or (), steps=steps, seed=seed, progress=tell)
    rows = zip(found.layers, found.errors, found.differences, found.details, found.outlines, strict=True)
    if as_json:
        values = [{"layer": n, "features": e, "pixels": d, "details": f, "outlines": o} for n, e, d, f, o in rows]
        typer.echo(json.dumps(values, ensure_ascii=False))
    else:
        typer.echo("layer         error of the features  of the pixels  details  outlines")
        for name, error, difference, fine, coarse in rows:
            typer.echo(f"{name:12}  {error:21.4f}  {difference:13.4f}  {fine:7.2f}  {coarse:8.2f}")
    if curves is not None:
        save_picture(curves, found.curves())
    save_picture(out, found.sheet())
