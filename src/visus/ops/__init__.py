"""Operators on tensors."""

from visus.ops.normalise import Normalise

__all__ = ["Normalise"]
