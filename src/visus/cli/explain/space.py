"""``visus explain space``: all pictures on one map, alike ones near each other."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from visus.cli.options import (
    PICTURE_ENDINGS,
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

    visus explain space runs/classify/flowers-1 flowers/test
    visus explain space efficientnet_lite0 photos.visus --layout pca --out map.png
"""


def space(
    source: Source,
    place: Annotated[Path, typer.Argument(metavar="FOLDER|INDEX", help="The pictures.")],
    layout: Annotated[Literal["tsne", "pca"], typer.Option(help="How the features become two numbers.")] = "tsne",
    side: Annotated[int, typer.Option(min=100, max=20_000, help="Of the map, in pixels.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of t-SNE.")] = 0,
    out: OutPng = Path("space.png"),
) -> None:
    """Lay thumbnails out so that pictures lie near each other that are alike in the last hidden layer."""
    ending(out, *PICTURE_ENDINGS)
    from visus.explain import features_of

    files = pictures_of(place)
    spare(out, *files)
    with progress("looking") as tell:
        found = features_of(source, files, progress=tell)
    save_picture(out, found.map(layout, side=side, seed=seed))
    typer.echo(f"{plural(len(found.names), 'picture')} by {layout}")
