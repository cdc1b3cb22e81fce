"""``visus check``: what is wrong with a set of pictures, and with its labels."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from visus.cli.options import PICTURE_ENDINGS, AsJson, ending, phases, say, spare

EXAMPLES = """
Examples:

    visus check flowers                              what is wrong with pictures and labels
    visus check flowers --out check.csv              a line for each picture that should be looked at
    visus check flowers --only wrong-label --only leak --top 20
    visus check flowers --sheet check.jpg            the gravest of each problem
    visus train classify flowers --without check.csv
"""


def check(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder or table of pictures, with or without labels.")
    ],
    task: Annotated[
        Literal["classify", "segment", "detect", "none"] | None,
        typer.Option(help="What the labels are for; none passes them over.  [default: what the format is for]"),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="PROBLEM", help="Look for this problem alone; may be said again.")
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="RUN|NET", help="What tells which pictures look alike: a network, or a trained run.")
    ] = "efficientnet_lite0",
    size: Annotated[
        int | None,
        typer.Option(min=1, help="Shorter side that a detector will see.  [default: as visus train detect]"),
    ] = None,
    certainty: Annotated[
        float, typer.Option(min=0.5, max=1, help="Name wrong labels from this certainty on; see docs/check.md.")
    ] = 0.8,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the parts that the probe is asked about.")] = 0,
    top: Annotated[int, typer.Option(min=0, help="Pictures of each problem that are named.")] = 3,
    out: Annotated[Path | None, typer.Option(metavar="CSV", help="Write all findings to a table.")] = None,
    sheet: Annotated[Path | None, typer.Option(metavar="PICTURE", help="Draw the gravest of each problem.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look for wrong labels, leaks between splits, copies, outliers, and pictures and marks that are of no use.

    Nothing is changed. The table has a line for each finding; visus train --without leaves out what it names. Write
    keep into its column decision, or relabel and a class into new_label, where you see it otherwise.
    """
    from visus.review import check as look_through
    from visus.review.findings import spare_decisions

    if out:
        ending(out, ".csv")
        spare(out, *([folder] if folder.is_file() else []))
        spare_decisions(out)
    if sheet:
        ending(sheet, *PICTURE_ENDINGS, what="--sheet")
        spare(sheet, folder, what="--sheet")
    with phases() as tell:
        found = look_through(
            folder, task=task, only=only or (), model=model, side=size, certainty=certainty, seed=seed, progress=tell
        )
    if out:
        found.save(out)
    drawn = any(own.problem != "unreadable" for own in found.findings)
    if sheet and drawn:
        found.save(sheet)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        say(found.describe(top=top))
    for place in filter(None, (out, sheet if drawn else None)):
        say(f"Wrote {place}", error=True)
    if sheet and not drawn:
        say(f"There is no picture to draw, so {sheet} was not written.", error=True)
