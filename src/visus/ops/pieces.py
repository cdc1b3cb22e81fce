"""Batches of large pictures in pieces: less memory, and on a processor no more time."""

from torch import Tensor

PIXELS = 8 * 224 * 224
"""Of a piece."""


def pieces(x: Tensor) -> tuple[Tensor, ...]:
    """A batch in parts that a processor takes one by one; a GPU takes it as a whole.

    Args:
        x: Pictures ``(N, C, H, W)`` of any dtype; anything else is left as it is.

    Returns:
        Views of it, one at least.

    >>> import torch
    >>> [len(piece) for piece in pieces(torch.zeros(20, 3, 224, 224))], len(pieces(torch.zeros(256, 1, 28, 28)))
    ([8, 8, 4], 1)
    """
    if x.ndim != 4 or x.device.type != "cpu":
        return (x,)
    return x.split(max(1, PIXELS // (x.shape[2] * x.shape[3])))
