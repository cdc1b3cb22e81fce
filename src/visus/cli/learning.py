"""What the commands that train have in common: options, the bar, and how a training is started."""

import contextlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import typer

from visus._errors import InputError
from visus.cluster import Cluster

if TYPE_CHECKING:
    from visus.runs.progress import Progress

Optimizers = Literal["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]
Schedules = Literal["constant", "step", "cosine", "one_cycle", "plateau"]

WANTED = {
    "classify": "labelled pictures",
    "localize": "pictures with boxes",
    "segment": "pictures with masks",
    "detect": "pictures with boxes",
}

DATA, NET, LEARN, LOSS, PLACE = "Data", "Network", "Learning", "Loss and balance", "Machine and place"

Augment = Annotated[
    Literal["none", "light", "strong"] | None,
    typer.Option(help="Random changes of training pictures.  [default: light]", rich_help_panel=DATA),
]
Flip = Annotated[
    bool | None,
    typer.Option("--flip/--no-flip", help="Whether mirrored pictures are of the same kind.", rich_help_panel=DATA),
]
Val = Annotated[
    float | None, typer.Option(help="Share for val where there is none.  [default: 0.15]", rich_help_panel=DATA)
]
Test = Annotated[
    float | None,
    typer.Option(help="Share for test where there are no splits.  [default: 0.15]", rich_help_panel=DATA),
]
Patience = Annotated[
    int | None,
    typer.Option(min=0, help="Stop after this many epochs without progress; 0: never.", rich_help_panel=LEARN),
]
Rate = Annotated[float | None, typer.Option(help="Learning rate.  [default: 0.001 for adamw]", rich_help_panel=LEARN)]
FindRate = Annotated[
    bool | None, typer.Option("--find-lr", help="Find the learning rate first.", rich_help_panel=LEARN)
]
Optimizer = Annotated[Optimizers | None, typer.Option(help="[default: adamw]", rich_help_panel=LEARN)]
Momentum = Annotated[
    float | None, typer.Option(help="Of momentum and nesterov.  [default: 0.9]", rich_help_panel=LEARN)
]
WeightDecay = Annotated[float | None, typer.Option(help="[default: 0.01]", rich_help_panel=LEARN)]
Schedule = Annotated[
    Schedules | None, typer.Option(help="Of the learning rate.  [default: cosine]", rich_help_panel=LEARN)
]
Warmup = Annotated[
    float | None, typer.Option(help="Share of the training in which it grows from 0.", rich_help_panel=LEARN)
]
ClipNorm = Annotated[float | None, typer.Option(help="Clip the gradient's norm.", rich_help_panel=LEARN)]
ClipValue = Annotated[float | None, typer.Option(help="Clip its values.", rich_help_panel=LEARN)]
Seed = Annotated[int | None, typer.Option(min=0, help="[default: 0]", rich_help_panel=PLACE)]
Device = Annotated[Literal["auto", "cpu", "cuda"] | None, typer.Option(help="[default: auto]", rich_help_panel=PLACE)]
Precision = Annotated[
    Literal["auto", "f32", "bf16"] | None,
    typer.Option(help="auto takes bf16 where it is faster.", rich_help_panel=PLACE),
]
Workers = Annotated[int | None, typer.Option(min=0, help="Processes that read pictures ahead.", rich_help_panel=PLACE)]
Health = Annotated[
    bool | None,
    typer.Option("--health/--no-health", help="Watch gradients, updates and dead units.", rich_help_panel=PLACE),
]
Config = Annotated[
    Path | None,
    typer.Option(metavar="TOML", help="Settings from a file; options go before it.", rich_help_panel=PLACE),
]
Runs = Annotated[Path, typer.Option(help="Where runs are kept.", rich_help_panel=PLACE)]
Resume = Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with a stopped run.", rich_help_panel=PLACE)]


def given(options: dict[str, Any], *but: str) -> dict[str, Any]:
    """The options that the user gave, without some.

    >>> given({"lr": 0.1, "epochs": None, "data": "x"}, "data")
    {'lr': 0.1}
    """
    return {name: value for name, value in options.items() if value is not None and name not in but}


def from_file(config: Path | None, task: str) -> dict[str, Any]:
    """The settings of a file, if one is named."""
    if config is None:
        return {}
    from visus.runs.learning import read_values
    from visus.runs.training import task_of

    return read_values(config, task_of(task).settings)


def source_of(task: str, data: Path | None, values: dict[str, Any]) -> str:
    """The data that is named on the command line, or in a file of settings.

    Raises:
        InputError: There is none.
    """
    named = values.pop("data", None)
    if data is None and named is None:
        raise InputError(f"Name a folder of {WANTED[task]}, for example: visus train {task} pictures")
    return str(data or named)


CLUSTER = ("engine", "address", "processes", "cluster")
"""Options that say where the training is done, not how."""


def run_training(task: str, source: str, values: dict[str, Any], runs: Path, cluster: Cluster | None) -> None:
    """Train, with a bar."""
    with TrainingBar() as bar, _stoppable(task, bar):
        from visus.runs import train

        train(task, source, runs=runs, say=bar.say, progress=bar, cluster=cluster, **values)


def go_on(task: str, run: Path, data: Path | None, others: dict[str, Any], cluster: Cluster | None) -> None:
    """Go on with a stopped training, with a bar.

    Raises:
        InputError: There are other options, or the run is of another task.
    """
    if others:
        raise InputError("--resume goes on with the settings of the run; leave the other options away.")
    with TrainingBar() as bar, _stoppable(task, bar):
        from visus.runs import Run, resume

        own = Run(run).task
        if own != task:
            raise InputError(f"{run} is a run of the task {own}; say visus train {own} --resume {run}.")
        resume(run, data, say=bar.say, progress=bar, cluster=cluster)


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
