"""How a training is started from the command line, shown, and stopped."""

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import typer

from visus._errors import InputError
from visus.cluster import Cluster

if TYPE_CHECKING:
    from visus.runs.engine.progress import Event, Progress
    from visus.runs.run import AnyRun


def run_training(
    task: str, source: str, values: dict[str, Any], runs: Path, cluster: Cluster | None, bar: "TrainingBar"
) -> None:
    """Train, and tell how far it is."""
    with bar, _stoppable(task):
        from visus.runs import train

        run = train(task, source, runs=runs, say=bar.say, progress=bar, events=bar.events, cluster=cluster, **values)
        bar.finish(run)


def go_on(
    task: str, run: Path, data: Path | None, cluster: Cluster | None, bar: "TrainingBar", *, workers: int | None
) -> None:
    """Go on with a stopped training, and tell how far it is.

    Raises:
        InputError: The run is of another task.
    """
    with bar, _stoppable(task, run):
        from visus.runs import Run, resume

        own = Run(run).task
        if own != task:
            raise InputError(f"{run} is a run of the task {own}; say visus train {own} --resume {run}.")
        bar.finish(resume(run, data, workers=workers, say=bar.say, progress=bar, events=bar.events, cluster=cluster))


@contextlib.contextmanager
def _stoppable(task: str, run: Path | None = None) -> Iterator[None]:
    """Turn Ctrl-C into a sentence and the exit code 130.

    Args:
        task: What is trained.
        run: The run that goes on; None for a new one.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        run = run or getattr(stop, "folder", None)
        goes_on = f"visus train {task} --resume {run} goes on from the end of the last epoch"
        typer.echo(f"visus: stopped; {goes_on if run else 'nothing had begun'}.", err=True)
        raise typer.Exit(130) from None


class TrainingBar:
    """A bar for each epoch on a terminal's standard error, and lines of text: above it, or in a file.

    Args:
        quiet: Say nothing but where the run is, at the end.
        as_json: Print each line as a JSON object.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        self.quiet, self.as_json = quiet, as_json

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        console = Console(file=sys.stderr)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[loss]}"),
            console=console,
            transient=True,
            disable=self.quiet or not console.is_terminal,
        )
        self._bar.__enter__()
        self._task = self._bar.add_task("starting", total=None, loss="", left="")
        return self

    @property
    def events(self) -> "Callable[[Event], None] | None":
        """What is told the plan and each epoch as values; None where they are said as lines."""
        return (lambda event: self._json(event.to_dict())) if self.as_json else None

    def say(self, text: str) -> None:
        """Print a line: above the bar if both are on a terminal."""
        if self.quiet:
            return
        if self.as_json:
            self._json({"event": "said", "text": text})
        elif self._bar.disable or not sys.stdout.isatty():
            typer.echo(text)
        else:
            self._bar.console.print(text, markup=False, highlight=False)

    def finish(self, run: "AnyRun") -> None:
        """Say where the run is, for a program that goes on with it."""
        if self.as_json:
            typer.echo(json.dumps({"event": "finished", "run": str(run.folder), "summary": run.summary}))
        elif self.quiet:
            typer.echo(str(run.folder))

    def _json(self, values: dict[str, Any]) -> None:
        if not self.quiet:
            typer.echo(json.dumps(values))

    def __call__(self, progress: "Progress") -> None:
        """Show how far it is."""
        from visus.runs.engine.progress import duration

        where = f"epoch {progress.epoch}/{progress.epochs}" if progress.epoch else progress.phase
        loss = "" if math.isnan(progress.loss) else f"loss {progress.loss:.4f}"
        left = "" if math.isnan(progress.left) else f"{duration(progress.left)} left"
        fresh = self._bar.tasks[0].description != where
        if fresh:
            self._bar.reset(self._task)
        self._bar.update(
            self._task, description=where, completed=progress.done, total=progress.total, loss=loss, left=left
        )

    def __exit__(self, *error: object) -> None:
        self._bar.__exit__(None, None, None)
