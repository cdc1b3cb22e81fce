"""``visus suggest``: which pictures to label next."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from visus._errors import InputError
from visus._optional import require
from visus.cli.options import PICTURE_ENDINGS, AsJson, ending, phases, say, spare

EXAMPLES = """
Examples:

    visus suggest photos --n 50                               nothing is labeled yet: pictures that differ
    visus suggest photos --labeled flowers --n 50             those of which a probe on flowers is unsure
    visus suggest photos --run runs/detect/cells-1 --n 50     those of which a trained network is unsure
    visus suggest photos --labeled flowers --out next --to label-studio
    visus suggest photos --labeled flowers --out next --to cvat
"""


def suggest(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of pictures without labels.")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="How many.")] = 50,
    labeled: Annotated[
        Path | None, typer.Option(metavar="SET", help="Pictures with classes, as visus train classify reads them.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(metavar="RUN", help="A trained network of any task that tells what it is unsure of.")
    ] = None,
    model: Annotated[
        str,
        typer.Option(metavar="RUN|NET", help="What the probe learns from, and what tells whether pictures differ."),
    ] = "efficientnet_lite0",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the choice.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write copies there with what they probably show; needs --to.")
    ] = None,
    to: Annotated[
        Literal["label-studio", "cvat"] | None, typer.Option(help="The annotation tool that --out is for.")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(metavar="PICTURE", help="Draw the pictures.")] = None,
    as_json: AsJson = False,
) -> None:
    """Choose the pictures that are most useful to label next: uncertain, and unlike one another.

    Copies of one another, and of what is labeled, are passed over. What is written has the likeliest class of each
    picture, or the boxes and masks of --run, as a suggestion that people confirm or change.
    """
    from visus.review import suggest as choose

    if (out is None) != (to is None):
        raise InputError("--out and --to go together: a folder, and the tool that will read it.")
    if sheet:
        ending(sheet, *PICTURE_ENDINGS, what="--sheet")
        spare(sheet, folder, what="--sheet")
    if run and labeled:
        raise InputError("--run and --labeled both tell what is uncertain; leave one of them out.")
    judge = require("visus.runs.doubts").judge_of(run) if run else None
    with phases() as tell:
        found = choose(folder, labeled=labeled, judge=judge, n=n, model=model, seed=seed, progress=tell)
    if out and to:
        found.export(out, to)
    if sheet:
        found.save(sheet)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        say(found.describe())
    for place in filter(None, (out, sheet)):
        say(f"Wrote {place}", error=True)
