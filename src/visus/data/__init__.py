"""Pictures with labels, masks or boxes: formats, splits, preprocessing, augmentation, batches.

What reads labels needs no PyTorch; what makes batches does, and is imported at its first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

from visus._renamed import renamed
from visus.data.boxes import Boxed, BoxSet
from visus.data.load import load, load_whole
from visus.data.load_boxes import load_boxes, load_boxes_whole
from visus.data.load_masks import load_masks, load_masks_whole
from visus.data.masks import Masked, MaskSet
from visus.data.samples import LabelSet, Pictures

if TYPE_CHECKING:
    from visus.data.augment import Augmentation
    from visus.data.batches import Batches, Features, Order, loader, plain_errors

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

_OF_TORCH = {
    "Augmentation": "augment",
    "Batches": "batches",
    "Features": "batches",
    "Order": "batches",
    "loader": "batches",
    "plain_errors": "batches",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    if name in _OF_TORCH:
        return getattr(importlib.import_module(f"visus.data.{_OF_TORCH[name]}"), name)
    return renamed(__name__, name)
