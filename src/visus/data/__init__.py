"""Pictures with labels, masks or boxes: formats, splits, preprocessing, augmentation, batches."""

from visus.data.augment import Augmentation
from visus.data.batches import Batches, Features, Order, loader, plain_errors
from visus.data.boxes import Boxed, BoxSet
from visus.data.load import load, load_whole
from visus.data.load_boxes import load_boxes, load_boxes_whole
from visus.data.load_masks import load_masks, load_masks_whole
from visus.data.masks import Masked, MaskSet
from visus.data.samples import Dataset, Pictures

__all__ = [
    "Augmentation",
    "Batches",
    "BoxSet",
    "Boxed",
    "Dataset",
    "Features",
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
