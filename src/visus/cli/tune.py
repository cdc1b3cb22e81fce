"""``visus tune``: search for good settings of a training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from visus._errors import InputError
from visus.cli.options import Address, Engine, Processes
from visus.cli.settings import file_of_settings, whole_numbers
from visus.cli.train.running import TrainingBar
from visus.cluster import cluster_for

EXAMPLES = """
Examples:

    visus tune classify flowers --trials 20 --mode probe
    visus tune classify digits --net cnn --epochs 5 --space space.toml
    visus tune classify flowers --trials 40 --study runs/tune/flowers-1   go on, or help another process
    visus train classify flowers --config runs/tune/flowers-1/best.toml
    visus tune segment camvid --backbone efficientnet_lite0 --epochs 5 --trials 10
    visus tune classify flowers --trials 40 --engine ray  several trials at once
    visus tune crf runs/segment/camvid-1                 weights and widths of the dense CRF

A space is a TOML file with a range or a list of choices for each setting:

    lr = { low = 1e-4, high = 1e-1, log = true }
    optimizer = ["adamw", "nesterov"]
"""


def tune(
    task: Annotated[
        Literal["classify", "segment", "crf"], typer.Argument(metavar="TASK", help="classify, segment or crf")
    ],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Labeled pictures, pictures with masks; for crf: a run of segment.")
    ],
    trials: Annotated[int, typer.Option(min=1, help="Trials in all.")] = 20,
    space: Annotated[
        Path | None,
        typer.Option(
            metavar="TOML", help="What is searched.  [default: rates around that of visus train, and weight_decay]"
        ),
    ] = None,
    study: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="A study to go on with, or to share.  [default: a new one]")
    ] = None,
    net: Annotated[str | None, typer.Option(help="The network.  [default: as for visus train]")] = None,
    mode: Annotated[Literal["probe", "finetune", "scratch"] | None, typer.Option(help="As for visus train.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of each trial.")] = None,
    size: Annotated[str | None, typer.Option(metavar="N", help="As for visus train.")] = None,
    backbone: Annotated[str | None, typer.Option(help="segment: as for visus train.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="segment: as for visus train.")] = None,
    hidden: Annotated[str | None, typer.Option(help="mlp: units of each layer.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="[default: 0]")] = None,
    config: Annotated[Path | None, typer.Option(metavar="TOML", help="Settings that all trials share.")] = None,
    runs: Annotated[Path, typer.Option(help="Where studies are kept.")] = Path("runs"),
    engine: Engine = "local",
    address: Address = None,
    processes: Processes = None,
) -> None:
    """Search at random, then around the best; hopeless trials are given up early.

    The best settings are written to best.toml, for visus train --config.
    """
    if task == "crf":
        own = ("task", "data", "trials", "seed", "runs")
        others = [
            name for name, value in locals().items() if name not in (*own, "own") and value not in (None, "local")
        ]
        _tune_crf(data, trials, seed or 0, others)
        return
    from visus.runs import tune as search
    from visus.runs.registry import task_of
    from visus.runs.tuning.space import read_space

    options = {"net": net, "mode": mode, "epochs": epochs, "seed": seed, "backbone": backbone, "ignore": ignore}
    values = {
        **file_of_settings(config, task_of(task).settings),
        **{name: value for name, value in options.items() if value is not None},
    }
    if size is not None:
        first, *others = whole_numbers("--size", size)
        if task == "classify" and others:
            raise InputError(f"--size of a classifier is one whole number, not {size}.")
        values |= {"window": (first, *others)} if task == "segment" else {"size": first}
    if hidden is not None:
        values["hidden"] = whole_numbers("--hidden", hidden, empty=True)
    values.pop("data", None)
    ranges = read_space(space, task) if space else None
    with TrainingBar() as bar:
        try:
            found = search(
                task,
                data,
                trials=trials,
                space=ranges,
                study=study,
                runs=runs,
                say=bar.say,
                progress=bar,
                cluster=cluster_for(engine, address, processes),
                **values,
            )
        except KeyboardInterrupt:
            bar.say("visus: stopped; the same command with --study FOLDER goes on from here.")
            raise typer.Exit(130) from None
    typer.echo(
        f"Best: {found.accuracy:.2%} on val; train with: "
        f"visus train {task} {data} --config {found.folder / 'best.toml'}"
    )


def _tune_crf(run: Path, trials: int, seed: int, others: Sequence[str]) -> None:
    """Search for the weights and widths of a CRF.

    Raises:
        InputError: There are options that it does not take.
    """
    if others:
        raise InputError(f"visus tune crf RUN takes no --{others[0]}; it takes --trials and --seed.")
    from visus.runs.segment.tune_crf import tune_crf

    found = tune_crf(run, trials=trials, seed=seed, say=typer.echo)
    typer.echo(f"Wrote {found}; visus predict and visus evaluate use it with --crf.")
