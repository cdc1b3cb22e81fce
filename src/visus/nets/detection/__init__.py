"""Detection networks, one file each, in the order of their papers: R-CNN, Fast, Faster and Mask R-CNN."""

from visus.nets.detection.detector import Detector, Found, Limits, Target

__all__ = ["Detector", "Found", "Limits", "Target"]
