"""``visus explain blocks``: what becomes of the answers without each block of a network."""

import json
from pathlib import Path
from typing import Annotated

import typer

from visus.cli.options import PICTURE_ENDINGS, AsJson, OutPng, Source, ending, pictures_of, plural, save_picture, spare

EXAMPLES = """
Examples:

    visus explain blocks resnet18 photos                       a residual network: paths around each block
    visus explain blocks efficientnet_lite0 photos --beside runs/classify/flowers-1
"""


def blocks(
    source: Source,
    place: Annotated[Path, typer.Argument(metavar="FOLDER|INDEX", help="Pictures that are asked about.")],
    beside: Annotated[
        str | None, typer.Option(metavar="RUN|NET", help="Another network below it, for example a plain one.")
    ] = None,
    out: OutPng = Path("blocks.png"),
    as_json: AsJson = False,
) -> None:
    """Take the blocks of a network away, one at a time, and count the pictures whose answer stays."""
    ending(out, *PICTURE_ENDINGS)
    from visus.explain import deletion
    from visus.explain.blocks import drawn_together

    files = pictures_of(place)
    spare(out, *files)
    found = [deletion(own, files) for own in (source, beside) if own is not None]
    if as_json:
        typer.echo(json.dumps([own.to_dict() for own in found], ensure_ascii=False))
    else:
        for own in found:
            typer.echo(f"{own.source}, {plural(own.pictures, 'picture')}:")
            typer.echo(
                "\n".join(
                    f"  without {name:24} {share:7.1%} of answers stay"
                    for name, share in zip(own.names, own.kept, strict=True)
                )
            )
    save_picture(out, drawn_together(found))
