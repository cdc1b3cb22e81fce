"""Networks that were not trained, and yet answer with objects and masks: for what is drawn."""

from pathlib import Path
from typing import Any

import torch

from tests.support.boxed import CLASSES
from visus.nets import detection, segmentation, trained
from visus.nets.detection.trained import About as DetectorAbout
from visus.nets.detection.trained import Trained as TrainedDetector
from visus.nets.segmentation.trained import About as SegmenterAbout
from visus.nets.segmentation.trained import Trained as TrainedSegmenter
from visus.ops import Normalize


def finder(folder: Path) -> Path:
    """A run with a Mask R-CNN that takes every proposal for a disc."""
    torch.manual_seed(0)
    options: dict[str, Any] = {"backbone": "efficientnet_lite0", "side": 96}
    net: Any = detection.create("mask_rcnn", classes=2, **options)
    with torch.no_grad():
        net.heads.box_predictor.cls_score.bias.copy_(torch.tensor([0.0, 2.0, 0.0]))
    folder.mkdir()
    trained.write(folder / "best.safetensors", TrainedDetector(DetectorAbout("mask_rcnn", options, CLASSES), net))
    return folder


def painter(folder: Path) -> Path:
    """A run with a fully convolutional network that paints pictures in three colors."""
    return _segmenter(folder, "fcn8s", {"backbone": "efficientnet_lite0"}, weights="imagenet")


def small_painter(folder: Path) -> Path:
    """The same with a small U-Net, which is quick."""
    return _segmenter(folder, "unet", {"channels": 3, "padded": True, "width": 2})


def _segmenter(folder: Path, name: str, options: dict[str, Any], **beside: Any) -> Path:
    torch.manual_seed(0)
    net = segmentation.create(name, classes=3, **options, **beside)
    palette = ((30, 30, 30), (230, 159, 0), (86, 180, 233))
    about = SegmenterAbout(name, options, ("ground", "disc", "square"), (64, 64), palette)
    folder.mkdir()
    normalize = Normalize.of_channels((0.5,) * 3, (0.25,) * 3)
    trained.write(folder / "best.safetensors", TrainedSegmenter(about, net, normalize))
    return folder
