"""``visus explain filters``: the first filters of a network."""

from pathlib import Path

import typer

from visus.cli.options import PICTURE_ENDINGS, OutPng, Source, ending, save_picture

EXAMPLES = """
Examples:

    visus explain filters resnet18 --out filters.png
    visus explain filters runs/classify/flowers-1
"""


def filters(source: Source, out: OutPng = Path("filters.png")) -> None:
    """Draw the filters of the first layer, each at its own contrast: of a perceptron those of its hidden units."""
    ending(out, *PICTURE_ENDINGS)
    from visus.explain import first_filters

    save_picture(out, first_filters(source))
    typer.echo(f"{source}: the filters of its first layer")
