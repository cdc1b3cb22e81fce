"""``visus explain units``: the pictures that excite a unit most."""

import json
from pathlib import Path
from typing import Annotated

import typer

from visus.cli.options import (
    PICTURE_ENDINGS,
    AsJson,
    Layer,
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

    visus explain units efficientnet_lite0 photos --layer blocks.2 --channel 7
    visus explain units runs/classify/flowers-1 photos.visus --layer blocks.4 --channel 0 --most 16
"""


def units(
    source: Source,
    place: Annotated[Path, typer.Argument(metavar="FOLDER|INDEX", help="Pictures to look at.")],
    layer: Layer,
    channel: Annotated[int, typer.Option(min=0, help="Number of the channel.")],
    most: Annotated[int, typer.Option(min=1, help="How many patches.")] = 9,
    out: OutPng = Path("units.png"),
    as_json: AsJson = False,
) -> None:
    """Find the pictures that excite a channel of a layer most, each cut to what the unit sees of it."""
    ending(out, *PICTURE_ENDINGS)
    from visus.explain import exciting

    files = pictures_of(place)
    spare(out, *files)
    with progress("looking") as tell:
        found = exciting(source, files, layer, channel, most=most, progress=tell)
    pairs = [(files[place], value) for place, value in zip(found.places, found.values, strict=True)]
    if as_json:
        rows = [{"file": file, "activation": value} for file, value in pairs]
        typer.echo(json.dumps({"layer": layer, "channel": channel, "field": found.field, "pictures": rows}))
    else:
        typer.echo("\n".join(f"{value:8.3f}  {file}" for file, value in pairs))
    save_picture(out, found.sheet())
