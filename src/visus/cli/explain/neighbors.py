"""``visus explain neighbors``: the pictures that a network takes for most alike."""

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
    progress,
    save_picture,
    spare,
)

EXAMPLES = """
Examples:

    visus explain neighbors runs/classify/flowers-1 rose.jpg flowers/train
    visus explain neighbors efficientnet_lite0 cat.jpg photos.visus -k 20 --out alike.png
"""


def neighbors(
    source: Source,
    picture: Annotated[Path, typer.Argument(metavar="PICTURE")],
    place: Annotated[Path, typer.Argument(metavar="FOLDER|INDEX", help="Pictures among which it is looked.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many.")] = 9,
    out: OutPng = Path("neighbors.png"),
    as_json: AsJson = False,
) -> None:
    """Find the nearest neighbors of a picture in the last hidden layer."""
    ending(out, *PICTURE_ENDINGS)
    from visus.explain import neighbors as nearest

    files = pictures_of(place)
    spare(out, picture, *files)
    with progress("looking") as tell:
        found = nearest(source, picture, files, k=k, progress=tell)
    rows = [
        {"file": files[place], "class": name, "distance": round(distance, 6)}
        for place, name, distance in zip(found.places, found.names, found.distances, strict=True)
    ]
    if as_json:
        typer.echo(json.dumps({"file": str(picture), "class": found.name, "neighbors": rows}, ensure_ascii=False))
    else:
        typer.echo(f"{picture}  {found.name}")
        typer.echo("\n".join(f"{row['distance']:.3f}  {row['file']}  {row['class']}" for row in rows))
    save_picture(out, found.sheet())
