"""Labelled pictures: formats, splits, preprocessing, augmentation, batches."""

from visus.data.augment import Augmentation
from visus.data.batches import Batches, Features, Order, loader, plain_errors
from visus.data.load import load, load_whole
from visus.data.samples import Dataset, Pictures

__all__ = [
    "Augmentation",
    "Batches",
    "Dataset",
    "Features",
    "Order",
    "Pictures",
    "load",
    "load_whole",
    "loader",
    "plain_errors",
]
