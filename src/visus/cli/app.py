"""The command ``visus``."""

import sys

import typer

from visus import __version__
from visus._errors import VisusError
from visus._optional import missing
from visus.cli import (
    check,
    convert,
    data,
    demo,
    doctor,
    duplicates,
    evaluate,
    export,
    filter,
    index,
    lesson,
    mcp,
    nets,
    resample,
    search,
    serve,
    suggest,
    tune,
)
from visus.cli.explain import app as explain
from visus.cli.predict import app as predict
from visus.cli.train import app as train

app = typer.Typer(
    name="visus",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start here:  **visus index ~/Pictures**  and then  **visus search cat.jpg**",
)
app.command(name="index", epilog=index.EXAMPLES)(index.index)
app.command(name="search", cls=search.Signed, epilog=search.EXAMPLES)(search.search)
app.command(name="duplicates", epilog=duplicates.EXAMPLES)(duplicates.duplicates)
app.command(name="filter", epilog=filter.EXAMPLES)(filter.filter_)
app.command(name="check", epilog=check.EXAMPLES)(check.check)
app.command(name="suggest", epilog=suggest.EXAMPLES)(suggest.suggest)
app.command(name="data", epilog=data.EXAMPLES)(data.data)
app.command(name="resample", epilog=resample.EXAMPLES)(resample.resample)
app.command(name="convert", epilog=convert.EXAMPLES)(convert.convert)
app.add_typer(train.app, name="train", epilog=train.EXAMPLES)
app.command(name="tune", epilog=tune.EXAMPLES)(tune.tune)
app.command(name="evaluate", epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command(name="predict", epilog=predict.EXAMPLES)(predict.predict)
app.add_typer(explain.app, name="explain", epilog=explain.EXAMPLES)
app.command(name="export", epilog=export.EXAMPLES)(export.export)
app.command(name="serve", epilog=serve.EXAMPLES)(serve.serve)
app.command(name="mcp", epilog=mcp.EXAMPLES)(mcp.mcp)
app.command(name="nets", epilog=nets.EXAMPLES)(nets.nets)
app.command(name="lesson", epilog=lesson.EXAMPLES)(lesson.lesson)
app.command(name="doctor", epilog=doctor.EXAMPLES)(doctor.doctor)
app.command(name="demo", epilog=demo.EXAMPLES)(demo.demo)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"visus {__version__}")
        raise typer.Exit


@app.callback()
def visus(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Find pictures that look alike, and train networks on your own, offline, on your own machine."""


def main() -> None:
    """Run the command line; a known error becomes one sentence and exit code 2."""
    try:
        app()
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
