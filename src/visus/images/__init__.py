"""Pictures: reading, writing and drawing.

The contract of a picture in visus: a NumPy array ``(H, W)`` or ``(H, W, C)`` in RGB order, dtype uint8,
uint16, or float in [0, 1].
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from visus.images.decode import MAX_PIXELS, Decoded, decode
from visus.images.io import SUFFIXES, encode_jpeg, is_picture_name, read, read_bytes, write
from visus.images.scale import resize, shrink, square

if TYPE_CHECKING:
    from visus.images import color, draw, noise

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "Decoded",
    "color",
    "decode",
    "draw",
    "encode_jpeg",
    "is_picture_name",
    "noise",
    "read",
    "read_bytes",
    "resize",
    "shrink",
    "square",
    "write",
]


def __getattr__(name: str) -> ModuleType:
    if name not in ("color", "draw", "noise"):
        raise AttributeError(f"module 'visus.images' has no attribute {name!r}")
    return importlib.import_module(f"visus.images.{name}")
