"""Pictures with labels, masks or boxes: formats, splits, preprocessing, augmentation, batches."""

from typing import Any

from visus._renamed import renamed
from visus.data.augment import Augmentation
from visus.data.batches import Batches, Features, Order, loader, plain_errors
from visus.data.boxes import Boxed, BoxSet
from visus.data.load import load, load_whole
from visus.data.load_boxes import load_boxes, load_boxes_whole
from visus.data.load_masks import load_masks, load_masks_whole
from visus.data.masks import Masked, MaskSet
from visus.data.samples import LabelSet, Pictures

__all__ = [
    "Augmentation",
    "Batches",
    "BoxSet",
    "Boxed",
    "Features",
    "LabelSet",
    "MaskSet",
    "Masked",
    "Order",
    "Pictures",
    "load",
    "load_boxes",
    "load_boxes_whole",
    "load_masks",
    "load_masks_whole",
    "load_whole",
    "loader",
    "plain_errors",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    return renamed(__name__, name)
