"""``visus explain templates``: what stands for each class in the last layer."""

import json
from pathlib import Path
from typing import Annotated

import typer

from visus.cli.options import (
    PICTURE_ENDINGS,
    AsJson,
    OutPng,
    Source,
    ending,
    pictures_of,
    plural,
    progress,
    save_picture,
    spare,
)

EXAMPLES = """
Examples:

    visus explain templates runs/classify/digits-1             a perceptron: weights as pictures
    visus explain templates efficientnet_lite0 photos          a deep network: the nearest pictures of each class
    visus explain templates efficientnet_lite0 photos --target tabby --target cup -k 8
"""


def templates(
    source: Source,
    place: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER|INDEX]", help="Of a deep network: pictures to compare with.")
    ] = None,
    target: Annotated[list[str] | None, typer.Option(help="Name or number of a class; may be given again.")] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Pictures for each class of a deep network.")] = 5,
    out: OutPng = Path("templates.png"),
    as_json: AsJson = False,
) -> None:
    """Draw the weights of the last layer as templates: on pixels, or by the pictures that lie next to them."""
    ending(out, *PICTURE_ENDINGS)
    from visus.explain import templates as found_for

    files = [] if place is None else pictures_of(place)
    spare(out, *files)
    with progress("looking") as tell:
        found = found_for(source, files, targets=target or (), k=k, progress=tell)
    if as_json:
        typer.echo(json.dumps({**found.to_dict(), "files": files}, ensure_ascii=False))
    elif found.weights is not None:
        typer.echo(f"{found.source}: templates of {plural(len(found.names), 'class', 'classes')} on the pixels")
    else:
        for name, places, alike in zip(found.names, found.places, found.alike, strict=True):
            typer.echo(f"{name}: " + "  ".join(f"{files[p]} {a:.2f}" for p, a in zip(places, alike, strict=True)))
    save_picture(out, found.sheet)
