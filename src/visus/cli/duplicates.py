"""``visus duplicates``: groups of pictures that are the same."""

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from visus._errors import InputError
from visus.cli.options import (
    AsJson,
    IndexPlace,
    Print0,
    default_index,
    human_size,
    phases,
    plural,
    print_paths,
    save_picture,
    say,
    spare,
)

if TYPE_CHECKING:
    from visus.search import Index
    from visus.search.duplicates.aside import Moved
    from visus.search.duplicates.members import Duplicates

EXAMPLES = """
Examples:

    visus duplicates                        all groups; nothing is deleted
    visus duplicates --sheet same.png       and a contact sheet of them
    visus duplicates --scenes               also bursts and other pictures of one scene
    visus duplicates --keep folder:best     from this folder nothing goes
    visus duplicates --move-to aside        move what may go; --undo aside moves it back
    visus duplicates --decide not-copies a.jpg b.jpg   never name these as copies again
    visus duplicates --json                 for another program
"""

_SHEET_PICTURES = 60

_NAMED = "PICTURE"
_BESIDE = {
    "--undo": ("--json",),
    "--decide": (_NAMED, "--json"),
    "--move-to": ("--threshold", "--keep", "--sheet", "--json"),
    "--print0": ("--threshold", "--keep", "--sheet"),
}
"""What does something beside an option; all do beside none of these. The index may always be named."""


def duplicates(
    pictures: Annotated[
        list[str] | None,
        typer.Argument(metavar="PICTURE", help="What --decide is about.", show_default=False),
    ] = None,
    place: IndexPlace = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=-1, max=1, help="Least similarity of pictures to compare.  [default: 0.65]"),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="Which one is kept: best, largest, oldest, or folder:PATH.  [default: best]"),
    ] = None,
    scenes: Annotated[
        bool, typer.Option("--scenes", help="List pictures of one scene too, which are no copies: bursts, brackets ...")
    ] = False,
    sheet: Annotated[Path | None, typer.Option(metavar="PNG", help="Write a contact sheet of the groups.")] = None,
    move_to: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Move what may go there, with a journal that undoes it.")
    ] = None,
    undo: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Move back what --move-to FOLDER moved, and do nothing else.")
    ] = None,
    decide: Annotated[
        Literal["not-copies", "keep-both", "undecided"] | None,
        typer.Option(help="Note this about the pictures that are named: they are no copies, or all of them stay."),
    ] = None,
    print0: Print0 = False,
    as_json: AsJson = False,
) -> None:
    """Find pictures that are the same: re-encoded, resized, cropped, turned, mirrored, recolored or framed.

    Each group names the picture to keep and says why, and how each copy differs from it. Nothing is deleted.
    """
    from visus.images.io import check_name
    from visus.search import Index
    from visus.search.duplicates import THRESHOLD
    from visus.search.duplicates.aside import folder_for, move_aside, move_back

    _check_beside(
        {
            "--undo": undo is not None,
            "--decide": decide is not None,
            "--move-to": move_to is not None,
            "--print0": print0,
            "--json": as_json,
            "--threshold": threshold is not None,
            "--keep": keep is not None,
            "--scenes": scenes,
            "--sheet": sheet is not None,
            _NAMED: bool(pictures),
        }
    )
    if sheet is not None:
        check_name(sheet)
    location = place or default_index()
    opened = Index(location)
    if undo is not None:
        _say_moved(moved := move_back(undo), undo, opened, as_json, back=True)
        _end(moved)
        return
    if decide or pictures:
        _decide(opened, pictures or [], decide, as_json)
        return
    spare(sheet, index=opened, what="--sheet")
    if move_to is not None:
        folder_for(move_to)
    moved = None
    with phases() as tell:
        found = opened.duplicates(threshold=THRESHOLD if threshold is None else threshold, keep=keep, tell=tell)
    if move_to is not None:
        _say_moved(moved := move_aside(found, move_to), move_to, opened, as_json)
    elif as_json:
        answer = {"index": str(location), "groups": [group.to_dict() for group in found], "notes": found.notes}
        stacks = {"stacks": [stack.to_dict() for stack in found.stacks]} if scenes else {}
        typer.echo(json.dumps(answer | stacks, ensure_ascii=False))
    elif print0:
        print_paths(copy.path for group in found for copy in group.others if copy.may_go)
    else:
        _print(found, scenes)
    if sheet and found:
        save_picture(sheet, opened.sheet_of(found, limit=_SHEET_PICTURES))
    elif sheet:
        typer.echo(f"There is no group to show, so {sheet} is not written.", err=True)
    _end(moved)


def _check_beside(given: dict[str, bool]) -> None:
    """See that no option is given that does nothing beside another.

    Args:
        given: Whether each option is.

    Raises:
        InputError: One does nothing.
    """
    if given["--json"] and given["--print0"]:
        raise InputError("--json and --print0 are two forms of one answer; leave one of them out.")
    for option, beside in _BESIDE.items():
        idle = [other for other, is_given in given.items() if is_given and other not in (option, *beside)]
        if given[option] and idle:
            what = "the name of a picture" if idle[0] == _NAMED else idle[0]
            raise InputError(f"{option} leaves nothing for {what} to do; leave one of them out.")


def _decide(
    opened: "Index",
    pictures: list[str],
    decide: Literal["not-copies", "keep-both", "undecided"] | None,
    as_json: bool,
) -> None:
    if decide is None or len(pictures) < 2:
        raise InputError(
            "A decision takes two pictures or more, for example: visus duplicates --decide not-copies a.jpg b.jpg"
        )
    paths = [os.path.abspath(os.path.expanduser(picture)) for picture in pictures]
    for picture, path in zip(pictures, paths, strict=True):
        if paths.count(path) > 1:
            raise InputError(f"{picture} is named twice; a decision is about pictures that are not the same file.")
    changed = opened.decide(pictures, decide)
    if as_json:
        typer.echo(json.dumps({"decision": decide, "changed": changed}))
    else:
        typer.echo(f"Noted for {plural(changed, 'pair')} of pictures.")


def _print(found: "Duplicates", scenes: bool) -> None:
    for group in found:
        why = f"  ({group.why})" if group.why else ""
        say(f"keep  {group.keep.path}  {group.keep.width}x{group.keep.height}{why}")
        for copy in group.others:
            stays = f"; stays: {copy.stays}" if copy.stays else ""
            say(f"      {copy.path}  {copy.width}x{copy.height}  {human_size(copy.size)}  {copy.relation}{stays}")
    for stack in found.stacks if scenes else []:
        say(f"{stack.kind}, no copies:")
        for member in stack.members:
            say(f"      {member.path}  {member.width}x{member.height}")
    for note in found.notes:
        typer.echo(f"Note: {note}", err=True)
    may_go = [copy for group in found for copy in group.others if copy.may_go]
    copies = sum(len(group.others) for group in found)
    spare = human_size(sum(copy.size for copy in may_go))
    stacks = "" if scenes or not found.stacks else f"; {plural(len(found.stacks), 'stack')} of one scene (--scenes)"
    typer.echo(
        f"{plural(len(found), 'group')}, {plural(copies, 'copy', 'copies')}, {spare} in {len(may_go):,} of them "
        f"could be let go{stacks}"
    )


def _say_moved(moved: "Moved", folder: str, opened: "Index", as_json: bool, *, back: bool = False) -> None:
    if as_json:
        typer.echo(json.dumps(moved.to_dict(), ensure_ascii=False))
        return
    for sentence in (*moved.notes, *moved.left):
        say(sentence, error=True)
    where = "back" if back else f"to {folder}"
    left = f"; {len(moved.left):,} left, as said above" if moved.left else ""
    say(f"Moved {plural(len(moved.files), 'file')}, {human_size(moved.size)}, {where}{left}.")
    at = ["-i", str(opened.location)]
    if moved.files and not back:
        say(f"To undo it: {shlex.join(['visus', 'duplicates', '--undo', folder, *at])}")
    if not moved.files:
        return
    from visus.search.place import exists

    homes = [to if back else origin for origin, to in moved.files]
    roots = opened.roots_of(homes) if exists(opened.location) else []
    if roots:
        say(f"Then bring the index up to date: {shlex.join(['visus', 'index', *roots, *at])}")
    else:  # of --undo without the index
        folders = shlex.join(_outermost({Path(home).parent for home in homes}))
        say(f"Then bring the index that they are in up to date: visus index {folders} -i INDEX")


def _outermost(folders: set[Path]) -> list[str]:
    """The folders that lie in none of the others.

    >>> _outermost({Path("a/b"), Path("a"), Path("ab")}) == ["a", "ab"]
    True
    """
    return sorted(str(folder) for folder in folders if folders.isdisjoint(folder.parents))


def _end(moved: "Moved | None") -> None:
    """End with exit code 2 where files were left."""
    if moved is not None and moved.left:
        raise typer.Exit(2)
