"""Operators on tensors."""

from visus.ops import upsample
from visus.ops.normalise import Normalise

__all__ = ["Normalise", "upsample"]
