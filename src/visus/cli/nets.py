"""``visus nets``: which networks there are, and what they are made of."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from visus._errors import InputError
from visus.cli.options import AsJson

EXAMPLES = """
Examples:

    visus nets                              all of them
    visus nets alexnet_paper                layer by layer
    visus nets resnet18 --size 3,512,512    at another size
    visus nets convnext_tiny                any network of timm
    visus nets vnet --size 1,64,64,64       volumes
"""


_LARGEST = 100_000


def nets(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A network; none: list them.")] = None,
    size: Annotated[
        str | None, typer.Option(metavar="C,H,W", help="Shape of the input.  [default: what it was designed for]")
    ] = None,
    classes: Annotated[int | None, typer.Option(min=1, help="Classes.  [default: 1000, of a segmenter 21]")] = None,
    as_json: AsJson = False,
) -> None:
    """List the networks, or print one layer by layer: output, parameters, multiply-adds, receptive field."""
    from visus.nets import overview

    if name is None:
        rows = overview.overview(classes=classes)
        typer.echo(json.dumps([asdict(row) for row in rows]) if as_json else overview.table(rows))
        return
    shape = None if size is None else _shape(size)
    table = overview.layers(name, shape, classes=classes)
    typer.echo(json.dumps(asdict(table)) if as_json else str(table))


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if len(shape) not in (3, 4):
        raise InputError(f"--size must be three whole numbers such as 3,224,224, four for volumes, not {text!r}.")
    if not 1 <= min(shape) <= max(shape) <= _LARGEST:
        raise InputError(f"--size must be from 1 to {_LARGEST:,} in each place, not {text}.")
    return shape
