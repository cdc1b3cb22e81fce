"""``visus train detect``: from pictures with boxes to a trained detector."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from visus._errors import InputError
from visus.cli import learning
from visus.cli.options import Address, Engine, Processes
from visus.cluster import cluster_for

EXAMPLES = """
Examples:

    visus train detect cells                                      Faster R-CNN on EfficientNet-Lite0
    visus train detect cells --net fast_rcnn --proposals quality  boxes proposed by selective search
    visus train detect coco --net mask_rcnn --epochs 30           shapes too
    visus train detect voc --backbone vgg16 --pooling pool --size 600    as in the paper
    visus train detect voc --anchors 128,256,512 --size 600       anchors of the paper
    visus train detect --resume runs/detect/cells-1
"""

_OWN = "Options of networks"


def detect(
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA", help="VOC (JPEGImages, Annotations), COCO (train.json) or YOLO (images, labels)."
        ),
    ] = None,
    net: Annotated[
        str | None,
        typer.Option(
            help="rcnn, fast_rcnn, faster_rcnn, mask_rcnn, fasterrcnn_resnet50_fpn or maskrcnn_resnet50_fpn.  "
            "[default: faster_rcnn]",
            rich_help_panel=learning.NET,
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
            help="vgg16, zfnet, a resnet or an EfficientNet.  [default: efficientnet_lite0]", rich_help_panel=_OWN
        ),
    ] = None,
    pooling: Annotated[
        Literal["pool", "align", "align_maximum"] | None,
        typer.Option(help="How boxes are pooled.  [default: align]", rich_help_panel=_OWN),
    ] = None,
    width: Annotated[
        int | None, typer.Option(min=1, help="mask_rcnn: channels of the mask branch.", rich_help_panel=_OWN)
    ] = None,
    proposals: Annotated[
        Literal["fast", "quality"] | None,
        typer.Option(help="rcnn, fast_rcnn: mode of selective search.", rich_help_panel=_OWN),
    ] = None,
    most: Annotated[
        int | None,
        typer.Option(min=1, help="rcnn, fast_rcnn: proposals of a picture.  [default: 2000]", rich_help_panel=_OWN),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=64,
            help="Shorter side that pictures are brought to.  [default: theirs, at most 600]",
            rich_help_panel=learning.NET,
        ),
    ] = None,
    boxes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Boxes of each picture that a step sees.  [default: 64, with EfficientNets 32]",
            rich_help_panel=_OWN,
        ),
    ] = None,
    anchors: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Sizes of the anchors in pixels of the resized pictures.  [default: as the objects are]",
            rich_help_panel=_OWN,
        ),
    ] = None,
    augment: learning.Augment = None,
    flip: learning.Flip = None,
    val: learning.Val = None,
    test: learning.Test = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="[default: 20]", rich_help_panel=learning.LEARN)] = None,
    patience: learning.Patience = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="[default: 4]", rich_help_panel=learning.LEARN)] = None,
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
    """Train a detector on your own pictures with boxes.

    The run lands in RUNS/detect/NAME-N with its best weights, metrics and plots. Stop it at any time, even with
    kill -9, and go on with --resume.
    """
    cluster = cluster_for(engine, address, processes)
    options = learning.given(locals(), *learning.CLUSTER, "data", "config", "runs", "resume", "size", "anchors")
    if size is not None:
        options["side"] = size
    if anchors is not None:
        options["sizes"] = sizes(anchors)
    if resume:
        learning.go_on("detect", resume, data, {**options, **learning.given({"config": config})}, cluster)
        return
    values = {**learning.from_file(config, "detect"), **options}
    learning.run_training("detect", learning.source_of("detect", data, values), values, runs, cluster)


def sizes(text: str) -> tuple[int, ...]:
    """Sizes of anchors.

    >>> sizes("16,48,96")
    (16, 48, 96)

    Raises:
        InputError: They are no whole numbers above 0.
    """
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"--anchors wants whole numbers such as 32,64,128, not {text!r}.")
    return tuple(int(part) for part in parts)
