"""How a training is started from the command line, shown, and stopped."""

import contextlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import typer

from visus._errors import InputError
from visus.cluster import Cluster

if TYPE_CHECKING:
    from visus.runs.engine.progress import Progress


def run_training(task: str, source: str, values: dict[str, Any], runs: Path, cluster: Cluster | None) -> None:
    """Train, with a bar."""
    with TrainingBar() as bar, _stoppable(task, bar):
        from visus.runs import train

        train(task, source, runs=runs, say=bar.say, progress=bar, cluster=cluster, **values)


def go_on(task: str, run: Path, data: Path | None, cluster: Cluster | None, *, workers: int | None) -> None:
    """Go on with a stopped training, with a bar.

    Raises:
        InputError: The run is of another task.
    """
    with TrainingBar() as bar, _stoppable(task, bar):
        from visus.runs import Run, resume

        own = Run(run).task
        if own != task:
            raise InputError(f"{run} is a run of the task {own}; say visus train {own} --resume {run}.")
        resume(run, data, workers=workers, say=bar.say, progress=bar, cluster=cluster)


@contextlib.contextmanager
def _stoppable(task: str, bar: "TrainingBar") -> Iterator[None]:
    """Turn Ctrl-C into a sentence and the exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        bar.say(f"visus: stopped; visus train {task} --resume RUN goes on from the end of the last epoch.")
        raise typer.Exit(130) from None


class TrainingBar:
    """A bar for each epoch on standard error, with lines of text above it."""

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(file=sys.stderr)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar.__enter__()
        self._task = self._bar.add_task("starting", total=None, loss="")
        return self

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        if self._bar.disable:
            typer.echo(text)
        else:
            self._bar.console.print(text, markup=False, highlight=False)

    def __call__(self, progress: "Progress") -> None:
        """Show how far it is."""
        where = f"epoch {progress.epoch}/{progress.epochs}" if progress.epoch else progress.phase
        loss = "" if math.isnan(progress.loss) else f"loss {progress.loss:.4f}"
        fresh = self._bar.tasks[0].description != where
        if fresh:
            self._bar.reset(self._task)
        self._bar.update(self._task, description=where, completed=progress.done, total=progress.total, loss=loss)

    def __exit__(self, *error: object) -> None:
        self._bar.__exit__(None, None, None)
