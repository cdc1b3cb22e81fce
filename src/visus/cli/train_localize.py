"""``visus train localize``: from pictures with one object each to a network that names and frames it."""

from pathlib import Path
from typing import Annotated

import typer

from visus.cli import learning
from visus.cli.options import Address, Engine, Processes
from visus.cluster import cluster_for

EXAMPLES = """
Examples:

    visus train localize birds                         class, then box, then both
    visus train localize cells --crops                 each object of pictures with several is cut out
    visus train localize birds --joint --epochs 12     both from the beginning
    visus train localize --resume runs/localize/birds-1
"""


def localize(
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA", help="VOC (JPEGImages, Annotations), COCO (train.json) or YOLO (images, labels)."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="'imagenet' for the backbone, 'none', or an earlier run.  [default: imagenet]",
            rich_help_panel=learning.NET,
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="vgg16, zfnet, a resnet or an EfficientNet.  [default: efficientnet_lite0]",
            rich_help_panel=learning.NET,
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=64,
            help="Side of the square that pictures are brought to.  [default: theirs, at most 224]",
            rich_help_panel=learning.NET,
        ),
    ] = None,
    staged: Annotated[
        bool | None,
        typer.Option(
            "--staged/--joint",
            help="Class, then box, then both; or both from the beginning.  [default: staged]",
            rich_help_panel=learning.LEARN,
        ),
    ] = None,
    box_weight: Annotated[
        float | None, typer.Option(help="Of the box in the loss.  [default: 5]", rich_help_panel=learning.LOSS)
    ] = None,
    crops: Annotated[
        bool | None, typer.Option("--crops", help="Cut out the objects of pictures.", rich_help_panel=learning.DATA)
    ] = None,
    augment: learning.Augment = None,
    flip: learning.Flip = None,
    val: learning.Val = None,
    test: learning.Test = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="[default: 18]", rich_help_panel=learning.LEARN)] = None,
    patience: learning.Patience = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="[default: 16]", rich_help_panel=learning.LEARN)] = None,
    lr: Annotated[
        float | None,
        typer.Option(help="Learning rate.  [default: 0.0005 for adamw]", rich_help_panel=learning.LEARN),
    ] = None,
    find_lr: learning.FindRate = None,
    lr_decay: Annotated[
        float | None,
        typer.Option(
            help="Factor of the rate of what was trained before.  [default: 0.3]", rich_help_panel=learning.LEARN
        ),
    ] = None,
    optimizer: learning.Optimizer = None,
    momentum: learning.Momentum = None,
    weight_decay: learning.WeightDecay = None,
    schedule: learning.Schedule = None,
    warmup: learning.Warmup = None,
    clip_norm: learning.ClipNorm = None,
    clip_value: learning.ClipValue = None,
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
) -> None:
    """Train a localiser on pictures with one object each.

    It answers with one class and one box. The run lands in RUNS/localize/NAME-N with its best weights, metrics and
    plots. Stop it at any time, even with kill -9, and go on with --resume.
    """
    cluster = cluster_for(engine, address, processes)
    options = learning.given(locals(), *learning.CLUSTER, "data", "config", "runs", "resume", "size")
    if size is not None:
        options["side"] = size
    if resume:
        learning.go_on("localize", resume, data, {**options, **learning.given({"config": config})}, cluster)
        return
    values = {**learning.from_file(config, "localize"), **options}
    learning.run_training("localize", learning.source_of("localize", data, values), values, runs, cluster)
