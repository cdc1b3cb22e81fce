"""The part of ``visus index`` that looks at a whole index and mends it."""

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from visus._errors import InputError
from visus.cli.options import plural, say

if TYPE_CHECKING:
    from visus.search import Index
    from visus.search.verify import Verified


def verify_index(opened: "Index", location: str, *, mend: bool, as_json: bool, alone: bool) -> dict[str, Any]:
    """Look at every byte of an index.

    Args:
        opened: The index.
        location: Its name, as the user wrote it.
        mend: Whether what is damaged is described again.
        as_json: Whether the answer is one of JSON, and nothing else is printed.
        alone: Whether the command does nothing else, so that the answer is printed here.

    Returns:
        The answer for JSON.

    Raises:
        InputError: There is damage that is not mended; it has been told.
    """
    from visus.search.duplicates import decisions

    with nullcontext(lambda *_: None) if as_json else _bytes_bar() as show:
        found = opened.verify(mend=mend, progress=show)
    answer = {"index": str(location), "sound": found.sound, **asdict(found)}
    if not as_json:
        _say(found, location)
    elif alone or not found.sound:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    if found.lost:
        raise InputError(
            f"Some rows of {location} could not be mended, and are listed as lost; bring their pictures back and index "
            "them again."
        )
    if found.decisions_lost:
        raise InputError(
            f"The decisions on duplicates in {location} could not be mended, for their copy is damaged or missing; "
            f"remove {decisions.FILE} and {decisions.COPY} there and decide again."
        )
    if not found.sound:
        command = shlex.join(["visus", "index", "--verify", "--mend", "-i", str(location)])
        raise InputError(f"{location} is damaged; to mend it, run: {command}")
    return answer


def _say(found: "Verified", location: str) -> None:
    typer.echo(f"Read {plural(found.files, 'file')} and {plural(found.rows, 'row')} of {location}.")
    if found.note:
        typer.echo(found.note, err=True)
    for name in found.damaged_files:
        typer.echo(f"  damaged file: {name}", err=True)
    for path in found.damaged_rows:
        say(f"  damaged row: {path}", error=True)
    for path in found.lost:
        say(f"  lost, since its file is not there: {path}", error=True)
    if found.decisions_restored:
        typer.echo("The decisions on duplicates and their copy are whole again.")
    if found.was_mended:
        typer.echo(f"{plural(found.mended, 'picture')} described again.")
    elif found.sound:
        typer.echo("Everything is as it was written.")


@contextmanager
def _bytes_bar() -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=sys.stderr)
    columns = (TextColumn("reading the index"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
