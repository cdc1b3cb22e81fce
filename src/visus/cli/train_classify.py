"""``visus train classify``: from a folder of labelled pictures to a trained classifier."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from visus._errors import InputError
from visus.cli import learning
from visus.cli.options import Address, Engine, Processes, fraction
from visus.cluster import cluster_for

EXAMPLES = """
Examples:

    visus train classify flowers                              fine-tune EfficientNet-Lite0 from ImageNet weights
    visus train classify flowers --mode probe                 the last layer only: seconds
    visus train classify flowers --net resnet18 --mode scratch --epochs 30
    visus train classify digits --net mlp --hidden 256,128 --activation sigmoid --no-flip
    visus train classify flowers --adversarial 2/255           harder to fool; see visus explain robustness
    visus train classify flowers --show-batch batch.png       draw what the network will see, and stop
    visus train classify flowers --config best.toml --lr 0.0003
    visus train classify --resume runs/classify/flowers-1     go on after an interruption
"""

Loss = Literal["cross_entropy", "hinge", "relative_entropy"]
Preprocess = Literal["weights", "none", "mean_picture", "channel_mean", "zscore", "pca", "pca_whiten", "zca_whiten"]
Activation = Literal["identity", "sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu"]

_MLP = "Options of mlp and cnn"


def classify(
    data: Annotated[
        Path | None,
        typer.Argument(metavar="DATA", help="CLASS/*.jpg, {train,val,test}/CLASS/*.jpg, CSV, or idx files."),
    ] = None,
    net: Annotated[
        str | None,
        typer.Option(
            help="A name of visus nets, or of timm.  [default: efficientnet_lite0]", rich_help_panel=learning.NET
        ),
    ] = None,
    mode: Annotated[
        Literal["probe", "finetune", "scratch"] | None,
        typer.Option(
            help="Train the last layer on cached features, all layers from weights, or all from random.",
            rich_help_panel=learning.NET,
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="'imagenet', a file of weights, or an earlier run.  [default: imagenet]", rich_help_panel=learning.NET
        ),
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=1, help="Side of the input in pixels.", rich_help_panel=learning.NET)
    ] = None,
    augment: learning.Augment = None,
    flip: learning.Flip = None,
    preprocess: Annotated[
        Preprocess | None,
        typer.Option(
            help="Fitted on the training pictures.  [default: what the weights expect, or zscore]",
            rich_help_panel=learning.DATA,
        ),
    ] = None,
    val: learning.Val = None,
    test: learning.Test = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="[default: 6 finetune, 15 scratch, 100 probe]", rich_help_panel=learning.LEARN),
    ] = None,
    patience: learning.Patience = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="[default: 32 finetune, 64 scratch, 256 probe]", rich_help_panel=learning.LEARN),
    ] = None,
    lr: learning.Rate = None,
    find_lr: learning.FindRate = None,
    lr_decay: Annotated[
        float | None,
        typer.Option(
            help="finetune: factor from each third of the network to the one below.  [default: 0.3]",
            rich_help_panel=learning.LEARN,
        ),
    ] = None,
    optimizer: learning.Optimizer = None,
    momentum: learning.Momentum = None,
    weight_decay: learning.WeightDecay = None,
    schedule: learning.Schedule = None,
    warmup: learning.Warmup = None,
    clip_norm: learning.ClipNorm = None,
    clip_value: learning.ClipValue = None,
    loss: Annotated[Loss | None, typer.Option(help="[default: cross_entropy]", rich_help_panel=learning.LOSS)] = None,
    label_smoothing: Annotated[float | None, typer.Option(help="In [0, 1).", rich_help_panel=learning.LOSS)] = None,
    balance: Annotated[
        Literal["none", "weights", "sampling"] | None,
        typer.Option(help="Let rare classes count more, or show them more often.", rich_help_panel=learning.LOSS),
    ] = None,
    adversarial: Annotated[
        str | None,
        typer.Option(
            metavar="EPS",
            help="Learn from pictures changed by up to EPS, such as 4/255, to fool it; twice the time.",
            rich_help_panel=learning.LOSS,
        ),
    ] = None,
    hidden: Annotated[
        str | None, typer.Option(help="mlp: units of each layer.  [default: 256,128]", rich_help_panel=_MLP)
    ] = None,
    activation: Annotated[Activation | None, typer.Option(help="mlp.  [default: relu]", rich_help_panel=_MLP)] = None,
    batch_norm: Annotated[bool | None, typer.Option("--batch-norm", help="mlp.", rich_help_panel=_MLP)] = None,
    dropout: Annotated[float | None, typer.Option(help="mlp and cnn.", rich_help_panel=_MLP)] = None,
    seed: learning.Seed = None,
    device: learning.Device = None,
    precision: learning.Precision = None,
    workers: learning.Workers = None,
    health: learning.Health = None,
    config: learning.Config = None,
    runs: learning.Runs = Path("runs"),
    resume: learning.Resume = None,
    engine: Engine = "local",
    address: Address = None,
    processes: Processes = None,
    show_batch: Annotated[
        Path | None,
        typer.Option(metavar="PICTURE", help="Draw a training batch, and stop.", rich_help_panel=learning.DATA),
    ] = None,
) -> None:
    """Train a classifier on your own labelled pictures.

    The run lands in RUNS/classify/NAME-N with its best weights, metrics and plots. Stop it at any time, even with
    kill -9, and go on with --resume.
    """
    cluster = cluster_for(engine, address, processes)
    options = learning.given(
        locals(), *learning.CLUSTER, "data", "config", "runs", "resume", "show_batch", "hidden", "adversarial"
    )
    if hidden is not None:
        options["hidden"] = units(hidden)
    if adversarial is not None:
        options["adversarial"] = fraction("--adversarial", adversarial)
    if resume:
        learning.go_on("classify", resume, data, {**options, **learning.given({"c": config, "s": show_batch})}, cluster)
        return
    values = {**learning.from_file(config, "classify"), **options}
    source = learning.source_of("classify", data, values)
    if show_batch:
        from visus.runs.preview import preview

        preview(source, show_batch, values, say=typer.echo)
        typer.echo(f"Wrote {show_batch}", err=True)
        return
    learning.run_training("classify", source, values, runs, cluster)


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
