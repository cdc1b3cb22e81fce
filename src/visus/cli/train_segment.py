"""``visus train segment``: from pictures or volumes with masks to a trained segmenter."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from visus._errors import InputError
from visus.cli import learning
from visus.cli.options import Address, Engine, Processes
from visus.cluster import cluster_for

EXAMPLES = """
Examples:

    visus train segment camvid --ignore 11 --backbone efficientnet_lite0          FCN-8s
    visus train segment camvid --net fcn32s --backbone efficientnet_lite0
    visus train segment camvid --net fcn16s --backbone efficientnet_lite0 --weights runs/segment/camvid-1
    visus train segment cells --net unet --elastic 10 --border 10                 touching cells
    visus train segment hippocampus --net vnet --loss dice --batch-norm           volumes
    visus train segment camvid --net segnet --class-weights median_frequency
    visus train segment --resume runs/segment/camvid-1
"""

_OWN = "Options of networks"


def segment(
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA", help="{train,val,test}/images with masks, VOC, COCO, or NIfTI (imagesTr, labelsTr)."
        ),
    ] = None,
    net: Annotated[
        str | None, typer.Option(help="A name of visus nets.  [default: fcn8s]", rich_help_panel=learning.NET)
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="'imagenet', 'none', or an earlier run, such as that of fcn32s for fcn16s.  [default: imagenet "
            "where there are such]",
            rich_help_panel=learning.NET,
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="fcn and deeplab; on a CPU take efficientnet_lite0.  [default: vgg16]", rich_help_panel=_OWN),
    ] = None,
    head: Annotated[Literal["large_fov", "aspp"] | None, typer.Option(help="deeplab.", rich_help_panel=_OWN)] = None,
    padded: Annotated[
        bool | None, typer.Option("--padded/--unpadded", help="unet.  [default: unpadded]", rich_help_panel=_OWN)
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(min=1, help="unet, vnet: channels of the first level.  [default: 64, 16]", rich_help_panel=_OWN),
    ] = None,
    batch_norm: Annotated[
        bool | None, typer.Option("--batch-norm/--no-batch-norm", help="segnet, deconvnet, vnet.", rich_help_panel=_OWN)
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="N|H,W|D,H,W",
            help="Windows that the network sees.  [default: 256, or 64 of volumes]",
            rich_help_panel=learning.NET,
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            help="A class that does not count, by name or value; may be repeated.", rich_help_panel=learning.DATA
        ),
    ] = None,
    augment: learning.Augment = None,
    flip: learning.Flip = None,
    elastic: Annotated[
        float | None,
        typer.Option(help="Random smooth displacements, pixels (U-Net: 10).", rich_help_panel=learning.DATA),
    ] = None,
    val: learning.Val = None,
    test: learning.Test = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="[default: 30]", rich_help_panel=learning.LEARN)] = None,
    patience: learning.Patience = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="[default: 8, of volumes 2]", rich_help_panel=learning.LEARN)
    ] = None,
    lr: learning.Rate = None,
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
    loss: Annotated[
        str | None,
        typer.Option(
            help="cross_entropy, cross_entropy_sum, focal, dice, or a sum: cross_entropy+dice.",
            rich_help_panel=learning.LOSS,
        ),
    ] = None,
    class_weights: Annotated[
        Literal["none", "median_frequency"] | None,
        typer.Option(help="Let rare classes count more.", rich_help_panel=learning.LOSS),
    ] = None,
    border: Annotated[
        float | None,
        typer.Option(help="Weight of positions between touching regions (U-Net: 10).", rich_help_panel=learning.LOSS),
    ] = None,
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
    """Train a segmenter on your own pictures or volumes with masks.

    The run lands in RUNS/segment/NAME-N with its best weights, metrics and plots. Stop it at any time, even with
    kill -9, and go on with --resume.
    """
    cluster = cluster_for(engine, address, processes)
    options = learning.given(locals(), *learning.CLUSTER, "data", "config", "runs", "resume", "size", "ignore")
    if size is not None:
        options["window"] = sides(size)
    if ignore:
        options["ignore"] = tuple(ignore)
    if resume:
        learning.go_on("segment", resume, data, {**options, **learning.given({"config": config})}, cluster)
        return
    values = {**learning.from_file(config, "segment"), **options}
    learning.run_training("segment", learning.source_of("segment", data, values), values, runs, cluster)


def sides(text: str) -> tuple[int, ...]:
    """Sides of a window from ``256`` or ``240,320``.

    >>> sides("240,320")
    (240, 320)
    """
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or min(found) < 1:
        raise InputError(f"--size must be whole numbers above 0 such as 256 or 240,320, not {text!r}.")
    return found
