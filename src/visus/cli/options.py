"""Options that several commands share."""

import contextlib
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from visus._errors import InputError

if TYPE_CHECKING:
    from visus.search import Index


def default_index() -> str:
    """Where the index is unless ``--index`` says otherwise: ``$VISUS_INDEX``, or the user's data folder."""
    import platformdirs

    place = os.environ.get("VISUS_INDEX")
    return place or str(platformdirs.user_data_path("visus") / "pictures.visus")


IndexPlace = Annotated[
    str | None,
    typer.Option(
        "--index",
        "-i",
        metavar="PLACE",
        help="Folder of the index, or s3://BUCKET/NAME.  [default: $VISUS_INDEX, or a folder of the user]",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for another program.")]

CLUSTER_PANEL = "Cluster"
Engine = Annotated[
    Literal["local", "ray"],
    typer.Option(help="Where the work is done: here, or by the processes of Ray.", rich_help_panel=CLUSTER_PANEL),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="Of a running Ray cluster: auto, or ray://HOST:10001.  [default: $RAY_ADDRESS, or this machine]",
        rich_help_panel=CLUSTER_PANEL,
    ),
]
Processes = Annotated[
    int | None, typer.Option(min=1, help="Processes of Ray.  [default: all cores]", rich_help_panel=CLUSTER_PANEL)
]

CLUSTER: dict[str, tuple[Any, Any]] = {
    "engine": (Engine, "local"),
    "address": (Address, None),
    "processes": (Processes, None),
}
"""Options that say where work is done: type and default."""

Print0 = Annotated[
    bool, typer.Option("--print0", "-0", help="Print paths alone, each ended by a zero byte, as xargs -0 reads them.")
]


def shown(text: str, *, error: bool = True) -> str:
    """A text with a file's name in it: for a terminal, what would move its cursor is escaped; a pipe gets it exact.

    Args:
        text: What is printed.
        error: Whether it goes to standard error.
    """
    if not (sys.stderr if error else sys.stdout).isatty():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def say(text: str, *, error: bool = False) -> None:
    """Print a line with names of files in it; see :func:`shown`."""
    typer.echo(shown(text, error=error), err=error, color=True)  # otherwise typer takes escapes out of names


def print_paths(paths: Iterable[str]) -> None:
    """Print paths with a zero byte behind each."""
    for path in paths:
        typer.echo(path + "\0", nl=False, color=True)  # otherwise typer takes escapes out of names


Source = Annotated[str, typer.Argument(metavar="RUN|NET", help="A run, or a network with ImageNet weights.")]
Layer = Annotated[str, typer.Option(help="Name of a layer, as visus nets NET prints it.")]
OutPng = Annotated[Path, typer.Option(metavar="PICTURE", help="Where the picture goes.")]


def ending(path: Path, *known: str, what: str = "--out") -> None:
    """Whether the name of what will be written ends as it should; asked before the work begins.

    Args:
        path: Where it goes.
        known: Endings that it may have.
        what: What the command line calls it.

    Raises:
        InputError: It does not.
    """
    if path.suffix.lower() not in known:
        raise InputError(f"{what} must end in {', '.join(known)}, not {path.suffix!r}.")


def spare(out: Path | None, *inputs: str | os.PathLike[str], index: "Index | None" = None, what: str = "--out") -> None:
    """See that what will be written takes the place of nothing that the command reads; asked before the work begins.

    Args:
        out: Where it goes; None for nothing.
        inputs: Files that are read, and folders whose files are.
        index: Whose pictures are spared too.
        what: What the command line calls it.

    Raises:
        InputError: It would.
    """
    place = out and out.expanduser()
    if place is None or not place.exists():
        return
    for source in (Path(own).expanduser() for own in inputs):
        below = source.is_dir() and place.resolve().is_relative_to(source.resolve())
        if below or (source.exists() and place.samefile(source)):
            raise InputError(f"{out} is there and is among what is read; name another place with {what}.")
    if index is not None and index.holds(place):
        raise InputError(f"{out} is a picture of the index {index.location}; name another place with {what}.")


PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")


def pixel(option: str, text: str) -> tuple[int, int]:
    """Two whole numbers from ``120,40``.

    Raises:
        InputError: They are not.

    >>> pixel("--at", "120,40")
    (120, 40)
    """
    x, y = numbers(option, text, 2)
    if x != int(x) or y != int(y):
        raise InputError(f"{option} takes whole numbers, not {text!r}.")
    return int(x), int(y)


def numbers(option: str, text: str, count: int) -> tuple[float, ...]:
    """So many finite numbers from ``1,2,3``.

    Raises:
        InputError: They are not.

    >>> numbers("--at", "12,40", 2)
    (12.0, 40.0)
    """
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) != count or not all(math.isfinite(value) for value in found):
        raise InputError(f"{option} takes {count} numbers with commas between them, not {text!r}.")
    return found


def fraction(option: str, text: str) -> float:
    """A number such as ``0.01``, or a share such as ``2/255``.

    Raises:
        InputError: It is neither.

    >>> fraction("--epsilon", "2/255") == 2 / 255
    True
    """
    above, _, below = text.partition("/")
    try:
        return float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        raise InputError(f"{option} takes a number such as 0.01 or 2/255, not {text!r}.") from None


def pictures_of(place: Path) -> list[str]:
    """The picture files below a folder, or of an index."""
    from visus.runs.answers import files_of
    from visus.search import Index
    from visus.search.place import exists

    return Index(place).paths_below("/") if exists(place) else files_of(place)


@contextlib.contextmanager
def progress(text: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal's standard error; what it gives is told how much is done, of how much."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextlib.contextmanager
def phases() -> Iterator[Callable[[str, int, int], None]]:
    """A line for each thing that is done, on a terminal's standard error: what it is, how far, of how much."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield tell


def human_size(size: float) -> str:
    """A number of bytes for people.

    >>> human_size(1_500_000)
    '1.5 MB'
    """
    units = ("B", "kB", "MB", "GB", "TB")
    power = min(len(units) - 1, max(0, (len(f"{size:.0f}") - 1) // 3))
    return f"{size:.0f} B" if power == 0 else f"{size / 1000**power:.1f} {units[power]}"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """A count with its noun.

    >>> plural(1, "picture"), plural(2, "picture"), plural(2, "copy", "copies")
    ('1 picture', '2 pictures', '2 copies')
    """
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def save_picture(path: Path, picture: object) -> None:
    """Write a picture and say where it is."""
    import numpy as np

    from visus.images import write

    write(path, np.asarray(picture))
    typer.echo(f"Wrote {path}", err=True)
