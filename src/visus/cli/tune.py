"""``visus tune``: search for good settings of a training."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from visus.cli.train import TrainingBar, units

EXAMPLES = """
Examples:

    visus tune classify flowers --trials 20 --mode probe
    visus tune classify digits --net cnn --epochs 5 --space space.toml
    visus tune classify flowers --trials 40 --study runs/tune/flowers-1   go on, or help another process
    visus train classify flowers --config runs/tune/flowers-1/best.toml

A space is a TOML file with a range or a list of choices for each setting:

    lr = { low = 1e-4, high = 1e-1, log = true }
    optimizer = ["adamw", "nesterov"]
"""


def tune(
    task: Annotated[Literal["classify"], typer.Argument(metavar="TASK", help="classify")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Labelled pictures.")],
    trials: Annotated[int, typer.Option(min=1, help="Trials in all.")] = 20,
    space: Annotated[
        Path | None, typer.Option(metavar="TOML", help="What is searched.  [default: lr and weight_decay]")
    ] = None,
    study: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="A study to go on with, or to share.  [default: a new one]")
    ] = None,
    net: Annotated[str | None, typer.Option(help="The network.  [default: efficientnet_lite0]")] = None,
    mode: Annotated[Literal["probe", "finetune", "scratch"] | None, typer.Option(help="As for visus train.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of each trial.")] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Side of the input in pixels.")] = None,
    hidden: Annotated[str | None, typer.Option(help="mlp: units of each layer.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="[default: 0]")] = None,
    config: Annotated[Path | None, typer.Option(metavar="TOML", help="Settings that all trials share.")] = None,
    runs: Annotated[Path, typer.Option(help="Where studies are kept.")] = Path("runs"),
) -> None:
    """Search at random, then around the best; hopeless trials are given up early.

    The best settings are written to best.toml, for visus train --config.
    """
    from visus.runs import tune as search
    from visus.runs.settings import read_settings
    from visus.runs.tuning import read_space

    options = {"net": net, "mode": mode, "epochs": epochs, "size": size, "seed": seed}
    given = {name: value for name, value in options.items() if value is not None}
    if hidden is not None:
        given["hidden"] = units(hidden)
    values = {**(read_settings(config) if config else {}), **given}
    values.pop("data", None)
    ranges = read_space(space) if space else None
    with TrainingBar() as bar:
        try:
            found = search(
                task, data, trials=trials, space=ranges, study=study, runs=runs, say=bar.say, progress=bar, **values
            )
        except KeyboardInterrupt:
            bar.say("visus: stopped; the same command with --study FOLDER goes on from here.")
            raise typer.Exit(130) from None
    typer.echo(
        f"Best: {found.accuracy:.2%} on val; train with: "
        f"visus train {task} {data} --config {found.folder / 'best.toml'}"
    )
