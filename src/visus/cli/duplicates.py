"""``visus duplicates``: groups of pictures that are the same."""

import json
from pathlib import Path
from typing import Annotated

import typer

from visus.cli.options import (
    AsJson,
    IndexPlace,
    Print0,
    default_index,
    human_size,
    plural,
    print_paths,
    save_picture,
    say,
)

EXAMPLES = """
Examples:

    visus duplicates                    all groups; nothing is deleted
    visus duplicates --sheet same.png   and a contact sheet of them
    visus duplicates --threshold 0.9    faster: compares less
    visus duplicates --json             for another program
"""

_SHEET_PICTURES = 60


def duplicates(
    place: IndexPlace = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=-1, max=1, help="Least similarity of pictures to compare.  [default: 0.75]"),
    ] = None,
    verify: Annotated[
        bool, typer.Option(help="Compare the pictures themselves; otherwise similarity alone decides.")
    ] = True,
    sheet: Annotated[Path | None, typer.Option(metavar="PNG", help="Write a contact sheet of the groups.")] = None,
    print0: Print0 = False,
    as_json: AsJson = False,
) -> None:
    """Find pictures that are the same: re-encoded, resized, cropped or mirrored.

    Each group names the picture to keep (most pixels, then the oldest). Nothing is deleted.
    """
    from visus.search import Index
    from visus.search.duplicates import THRESHOLD

    location = place or default_index()
    opened = Index(location)
    groups = opened.duplicates(threshold=THRESHOLD if threshold is None else threshold, verify=verify)
    if as_json:
        answer = {"index": str(location), "groups": [group.to_dict() for group in groups]}
        typer.echo(json.dumps(answer, ensure_ascii=False))
    elif print0:
        print_paths(other.path for group in groups for other in group.others)
    else:
        for group in groups:
            say(f"keep  {group.keep.path}  {group.keep.width}x{group.keep.height}")
            for other in group.others:
                line = f"      {other.path}  {other.width}x{other.height}  {human_size(other.size)}"
                say(line)
        spare = sum(other.size for group in groups for other in group.others)
        copies = sum(len(group.others) for group in groups)
        typer.echo(
            f"{plural(len(groups), 'group')}, {plural(copies, 'copy', 'copies')}, "
            f"{human_size(spare)} that could be let go"
        )
    if sheet and groups:
        save_picture(sheet, opened.sheet_of(groups, limit=_SHEET_PICTURES))
