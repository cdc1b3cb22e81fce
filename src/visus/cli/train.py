"""``visus train``: from a folder of labelled pictures to a trained network."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import typer

from visus._errors import InputError

if TYPE_CHECKING:
    from visus.runs import Run
    from visus.runs.progress import Progress

EXAMPLES = """
Examples:

    visus train classify flowers                              fine-tune EfficientNet-Lite0 from ImageNet weights
    visus train classify flowers --mode probe                 the last layer only: seconds
    visus train classify flowers --net resnet18 --mode scratch --epochs 30
    visus train classify digits --net mlp --hidden 256,128 --activation sigmoid --no-flip
    visus train classify flowers --show-batch batch.png       draw what the network will see, and stop
    visus train classify flowers --config best.toml --lr 0.0003
    visus train classify --resume runs/classify/flowers-1     go on after an interruption
"""

Task = Annotated[Literal["classify"], typer.Argument(metavar="TASK", help="classify")]
Loss = Literal["cross_entropy", "hinge", "relative_entropy"]
Optimizer = Literal["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]
Schedule = Literal["constant", "step", "cosine", "one_cycle", "plateau"]
Preprocess = Literal["weights", "none", "mean_picture", "channel_mean", "zscore", "pca", "pca_whiten", "zca_whiten"]
Activation = Literal["identity", "sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu"]

_DATA, _NET, _LEARN, _LOSS, _MLP, _PLACE = (
    "Data", "Network", "Learning", "Loss and balance", "Options of mlp and cnn", "Machine and place",
)  # fmt: skip


def train(
    task: Task,
    data: Annotated[
        Path | None,
        typer.Argument(metavar="DATA", help="CLASS/*.jpg, {train,val,test}/CLASS/*.jpg, CSV, or idx files."),
    ] = None,
    net: Annotated[
        str | None,
        typer.Option(help="A name of visus nets, or of timm.  [default: efficientnet_lite0]", rich_help_panel=_NET),
    ] = None,
    mode: Annotated[
        Literal["probe", "finetune", "scratch"] | None,
        typer.Option(
            help="Train the last layer on cached features, all layers from weights, or all from random.",
            rich_help_panel=_NET,
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="'imagenet', a file of weights, or an earlier run.  [default: imagenet]", rich_help_panel=_NET
        ),
    ] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Side of the input in pixels.", rich_help_panel=_NET)] = None,
    augment: Annotated[
        Literal["none", "light", "strong"] | None,
        typer.Option(
            help="Random changes of training pictures.  [default: light; none for probe]", rich_help_panel=_DATA
        ),
    ] = None,
    flip: Annotated[
        bool | None,
        typer.Option(
            "--flip/--no-flip", help="Whether mirrored pictures are of the same class.", rich_help_panel=_DATA
        ),
    ] = None,
    preprocess: Annotated[
        Preprocess | None,
        typer.Option(
            help="Fitted on the training pictures.  [default: what the weights expect, or zscore]",
            rich_help_panel=_DATA,
        ),
    ] = None,
    val: Annotated[
        float | None, typer.Option(help="Share for val where there is none.  [default: 0.15]", rich_help_panel=_DATA)
    ] = None,
    test: Annotated[
        float | None,
        typer.Option(help="Share for test where there are no splits.  [default: 0.15]", rich_help_panel=_DATA),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="[default: 6 finetune, 15 scratch, 100 probe]", rich_help_panel=_LEARN),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(min=0, help="Stop after this many epochs without progress; 0: never.", rich_help_panel=_LEARN),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="[default: 32 finetune, 64 scratch, 256 probe]", rich_help_panel=_LEARN),
    ] = None,
    lr: Annotated[
        float | None, typer.Option(help="Learning rate.  [default: 0.001 for adamw]", rich_help_panel=_LEARN)
    ] = None,
    find_lr: Annotated[
        bool | None, typer.Option("--find-lr", help="Find the learning rate first.", rich_help_panel=_LEARN)
    ] = None,
    lr_decay: Annotated[
        float | None,
        typer.Option(
            help="finetune: factor from each third of the network to the one below.  [default: 0.3]",
            rich_help_panel=_LEARN,
        ),
    ] = None,
    optimizer: Annotated[Optimizer | None, typer.Option(help="[default: adamw]", rich_help_panel=_LEARN)] = None,
    momentum: Annotated[
        float | None, typer.Option(help="Of momentum and nesterov.  [default: 0.9]", rich_help_panel=_LEARN)
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(help="[default: 0.01]", rich_help_panel=_LEARN)] = None,
    schedule: Annotated[
        Schedule | None, typer.Option(help="Of the learning rate.  [default: cosine]", rich_help_panel=_LEARN)
    ] = None,
    warmup: Annotated[
        float | None, typer.Option(help="Share of the training in which it grows from 0.", rich_help_panel=_LEARN)
    ] = None,
    clip_norm: Annotated[float | None, typer.Option(help="Clip the gradient's norm.", rich_help_panel=_LEARN)] = None,
    clip_value: Annotated[float | None, typer.Option(help="Clip its values.", rich_help_panel=_LEARN)] = None,
    loss: Annotated[Loss | None, typer.Option(help="[default: cross_entropy]", rich_help_panel=_LOSS)] = None,
    label_smoothing: Annotated[float | None, typer.Option(help="In [0, 1).", rich_help_panel=_LOSS)] = None,
    balance: Annotated[
        Literal["none", "weights", "sampling"] | None,
        typer.Option(help="Let rare classes count more, or show them more often.", rich_help_panel=_LOSS),
    ] = None,
    hidden: Annotated[
        str | None, typer.Option(help="mlp: units of each layer.  [default: 256,128]", rich_help_panel=_MLP)
    ] = None,
    activation: Annotated[Activation | None, typer.Option(help="mlp.  [default: relu]", rich_help_panel=_MLP)] = None,
    batch_norm: Annotated[bool | None, typer.Option("--batch-norm", help="mlp.", rich_help_panel=_MLP)] = None,
    dropout: Annotated[float | None, typer.Option(help="mlp and cnn.", rich_help_panel=_MLP)] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="[default: 0]", rich_help_panel=_PLACE)] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"] | None, typer.Option(help="[default: auto]", rich_help_panel=_PLACE)
    ] = None,
    precision: Annotated[
        Literal["auto", "f32", "bf16"] | None,
        typer.Option(help="auto takes bf16 where it is faster.", rich_help_panel=_PLACE),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes that read pictures ahead.", rich_help_panel=_PLACE)
    ] = None,
    health: Annotated[
        bool | None,
        typer.Option("--health/--no-health", help="Watch gradients, updates and dead units.", rich_help_panel=_PLACE),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="TOML", help="Settings from a file; options go before it.", rich_help_panel=_PLACE),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Where runs are kept.", rich_help_panel=_PLACE)] = Path("runs"),
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with a stopped run.", rich_help_panel=_PLACE)
    ] = None,
    show_batch: Annotated[
        Path | None, typer.Option(metavar="PICTURE", help="Draw a training batch, and stop.", rich_help_panel=_DATA)
    ] = None,
) -> None:
    """Train a network on your own labelled pictures.

    The run lands in RUNS/TASK/NAME-N with its best weights, metrics and plots. Stop it at any time, even with kill -9,
    and go on with --resume.
    """
    given = {
        name: value
        for name, value in locals().items()
        if value is not None and name not in ("task", "data", "config", "runs", "resume", "show_batch", "hidden")
    }
    if hidden is not None:
        given["hidden"] = units(hidden)
    if resume and (given or config or show_batch):
        raise InputError("--resume goes on with the settings of the run; leave the other options away.")
    values = {**_from_file(config), **given}
    source = data or values.pop("data", None)
    values.pop("data", None)
    if not resume and source is None:
        raise InputError("Name a folder of labelled pictures, for example: visus train classify flowers")
    if show_batch:
        from visus.runs.preview import preview

        preview(str(source), show_batch, values, say=typer.echo)
        typer.echo(f"Wrote {show_batch}", err=True)
        return
    with TrainingBar() as bar:
        try:
            if resume:
                from visus.runs import resume as go_on

                go_on(resume, data, say=bar.say, progress=bar)
            else:
                _train(task, str(source), values, runs, bar)
        except KeyboardInterrupt:
            bar.say("visus: stopped; visus train classify --resume RUN goes on from the end of the last epoch.")
            raise typer.Exit(130) from None


def _train(task: str, data: str, values: dict[str, Any], runs: Path, bar: "TrainingBar") -> "Run":
    from visus.runs import train as run_training

    return run_training(task, data, runs=runs, say=bar.say, progress=bar, **values)


def units(text: str) -> tuple[int, ...]:
    """Units of hidden layers from ``256,128``; ``none`` for no hidden layer.

    >>> units("256,128"), units("none")
    ((256, 128), ())
    """
    if text.strip().lower() == "none":
        return ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--hidden must be whole numbers such as 256,128, or none, not {text!r}.") from None


def _from_file(config: Path | None) -> dict[str, Any]:
    if config is None:
        return {}
    from visus.runs.settings import read_settings

    return read_settings(config)


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
