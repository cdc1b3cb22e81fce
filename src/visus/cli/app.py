"""The command ``visus``."""

import sys
from collections.abc import Iterable
from importlib import import_module

import typer

from visus import __version__
from visus._errors import VisusError
from visus._optional import missing

COMMANDS = {
    "index": ("visus.cli.index", "index"),
    "search": ("visus.cli.search", "search"),
    "duplicates": ("visus.cli.duplicates", "duplicates"),
    "filter": ("visus.cli.filter", "filter_"),
    "check": ("visus.cli.check", "check"),
    "suggest": ("visus.cli.suggest", "suggest"),
    "data": ("visus.cli.data", "data"),
    "resample": ("visus.cli.resample", "resample"),
    "convert": ("visus.cli.convert", "convert"),
    "train": ("visus.cli.train.app", "app"),
    "tune": ("visus.cli.tune", "tune"),
    "evaluate": ("visus.cli.evaluate", "evaluate"),
    "predict": ("visus.cli.predict.app", "predict"),
    "explain": ("visus.cli.explain.app", "app"),
    "export": ("visus.cli.export", "export"),
    "serve": ("visus.cli.serve", "serve"),
    "mcp": ("visus.cli.mcp", "mcp"),
    "nets": ("visus.cli.nets", "nets"),
    "lesson": ("visus.cli.lesson", "lesson"),
    "doctor": ("visus.cli.doctor", "doctor"),
    "demo": ("visus.cli.demo", "demo"),
}
"""Each command, in the order of ``visus --help``: its module, and the function or the group in it."""


def command_line(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with some of its commands: a search waits for no setting of a training.

    >>> [command.name for command in command_line(["search"]).registered_commands]
    ['search']
    """
    app = typer.Typer(
        name="visus",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="Start here:  **visus index ~/Pictures**  and then  **visus search cat.jpg**",
    )
    app.callback()(visus)
    for name in names:
        place, member = COMMANDS[name]
        module = import_module(place)
        found = getattr(module, member)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name, epilog=module.EXAMPLES)
        else:
            app.command(name=name, cls=getattr(module, "Command", None), epilog=module.EXAMPLES)(found)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"visus {__version__}")
        raise typer.Exit


def visus(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Find pictures that look alike, and train networks on your own, offline, on your own machine."""


def main() -> None:
    """Run the command line; a known error becomes one sentence and exit code 2."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        command_line([first] if first in COMMANDS else COMMANDS)()
    except VisusError as error:
        typer.echo(f"visus: {error}", err=True)
        sys.exit(2)
    except ModuleNotFoundError as error:
        if (error.name or "visus").startswith("visus"):  # that would be a fault of ours
            raise
        typer.echo(f"visus: {missing(error)}", err=True)
        sys.exit(2)
    except MemoryError:
        typer.echo("visus: There is not enough memory; end other programs, or say fewer or smaller pictures.", err=True)
        sys.exit(2)
    except OSError as error:  # the disk is full, a file may not be written
        place = f"{error.filename}: " if error.filename else ""
        typer.echo(f"visus: {place}{error.strerror or error}; make room or check the disk, and say it again.", err=True)
        sys.exit(2)
