"""``visus explain maps``: what a layer makes of a picture."""

from pathlib import Path
from typing import Annotated

import typer

from visus.cli.options import PICTURE_ENDINGS, Layer, Source, ending, save_picture, spare

EXAMPLES = """
Examples:

    visus explain maps efficientnet_lite0 cat.jpg --layer blocks.1
    visus explain maps runs/classify/flowers-1 rose.jpg --layer blocks.4 --out maps.npy
"""


def maps(
    source: Source,
    picture: Annotated[Path, typer.Argument(metavar="PICTURE")],
    layer: Layer,
    most: Annotated[int, typer.Option(min=1, help="Maps on the sheet, the strongest first.")] = 64,
    out: Annotated[Path, typer.Option(metavar="PNG|NPY", help="A sheet, or all maps as an array.")] = Path("maps.png"),
) -> None:
    """Draw the maps that a layer gives for a picture."""
    ending(out, *PICTURE_ENDINGS, ".npy")
    spare(out, picture)
    from visus.explain import maps as maps_of
    from visus.explain.subject import save_array

    found, sheet = maps_of(source, picture, layer, most=most)
    typer.echo(f"{layer}: {found.shape[0]} maps of {found.shape[2]}x{found.shape[1]}")
    if out.suffix.lower() != ".npy":
        save_picture(out, sheet)
        return
    save_array(out, found)
    typer.echo(f"Wrote {out}", err=True)
