"""Networks that give each position of a picture or volume a class."""

from visus.nets.segmentation import registry, torchvision
from visus.nets.segmentation.registry import NETS, create, names
from visus.nets.segmentation.segmenter import Segmenter

__all__ = ["NETS", "Segmenter", "create", "names", "registry", "torchvision"]
