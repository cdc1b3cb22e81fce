"""Operators on tensors."""

from typing import Any

from visus._renamed import renamed
from visus.ops import upsample
from visus.ops.entropy import cross_entropy, entropy, relative_entropy
from visus.ops.normalize import Normalize

__all__ = ["Normalize", "cross_entropy", "entropy", "relative_entropy", "upsample"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    return renamed(__name__, name)
