"""Detection networks, one file each, in the order of their papers: R-CNN, Fast, Faster and Mask R-CNN."""

from visus.nets.detection.detector import Detector, Found, Limits, Target
from visus.nets.detection.registry import NETS, create, names

__all__ = ["NETS", "Detector", "Found", "Limits", "Target", "create", "names"]
