"""``visus data``: what a folder of pictures with labels is, before anything learns from it."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from visus.cli.options import PICTURE_ENDINGS, AsJson, ending, progress, say, spare

EXAMPLES = """
Examples:

    visus data cells                         format, classes, splits, counts, sizes, problems
    visus data cells --sheet cells.png       some of its pictures with their labels drawn
    visus data camvid --task segment --json
"""


def data(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder or table of pictures with labels.")],
    task: Annotated[
        Literal["classify", "segment", "detect"] | None,
        typer.Option(help="What would be learned.  [default: what the format is for]"),
    ] = None,
    multilabel: Annotated[
        bool, typer.Option("--multilabel", help="classify: a picture may have several classes, or none.")
    ] = False,
    binary: Annotated[bool, typer.Option("--binary", help="Masks: all that is not 0 is one class.")] = False,
    unlabeled: Annotated[
        Literal["negative", "leave_out"] | None,
        typer.Option(help="Boxes and masks: what pictures without an annotation are.  [default: as for training]"),
    ] = None,
    first_pixel: Annotated[
        int | None,
        typer.Option(
            min=0, max=1, help="Pascal VOC: what its files call the first pixel, 0 or 1.  [default: as they tell]"
        ),
    ] = None,
    sheet: Annotated[Path | None, typer.Option(metavar="PICTURE", help="Draw some pictures with their labels.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look at a set of pictures with labels: what it is, its classes, splits, counts and sizes, and what is wrong.

    Nothing is changed. Each file that cannot be used is listed with its reason; training would stop where these are
    more than a tenth.
    """
    from visus.data.overview import overview

    if sheet:
        ending(sheet, *PICTURE_ENDINGS)
        spare(sheet, folder, what="--sheet")
    with progress("looking") as show:
        found = overview(
            folder,
            task=task,
            multilabel=multilabel,
            binary=binary,
            unlabeled=unlabeled,
            first_pixel=first_pixel,
            progress=show,
        )
    if sheet:
        from visus.images import write

        write(sheet, found.drawn())
        say(f"Wrote {sheet}", error=True)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False))
        return
    say(found.describe())
