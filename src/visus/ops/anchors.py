"""Anchors: boxes of several sizes and shapes around each point of a map.

Ren, He, Girshick and Sun, "Faster R-CNN", NIPS 2015, section 3.1.1.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from visus._errors import InputError

SIZES = (128.0, 256.0, 512.0)
"""Of the paper: roots of the areas in pixels, for pictures whose shorter side is 600."""

RATIOS = (0.5, 1.0, 2.0)
"""Of the paper: heights over widths."""


def around_origin(sizes: Sequence[float] = SIZES, ratios: Sequence[float] = RATIOS) -> Tensor:
    """A box of each size and shape around (0, 0) (Ren et al. 2015, section 3.1.1).

    Args:
        sizes: Roots of the areas in pixels.
        ratios: Heights over widths.

    Returns:
        ``(ratios * sizes, 4)`` float32, x0, y0, x1, y1 in pixels: all sizes of the first shape, then of the second.

    Raises:
        InputError: There is no size or ratio, or one is not above 0.

    >>> around_origin([32.0, 64.0], [0.25, 1.0, 4.0])[0].tolist()
    [-32.0, -8.0, 32.0, 8.0]
    """
    if not sizes or not ratios or min(*sizes, *ratios) <= 0:
        raise InputError(f"Sizes and ratios of anchors must be above 0, not {list(sizes)} and {list(ratios)}.")
    heights = torch.tensor(ratios).sqrt()
    side = torch.tensor(sizes)
    half_width, half_height = (1 / heights)[:, None] * side / 2, heights[:, None] * side / 2
    return torch.stack([-half_width, -half_height, half_width, half_height], dim=-1).view(-1, 4)


def grid(
    size: Sequence[int], stride: float, sizes: Sequence[float] = SIZES, ratios: Sequence[float] = RATIOS
) -> Tensor:
    """Anchors around each point of a map (Ren et al. 2015, section 3.1.1).

    Args:
        size: Height and width of the map.
        stride: Pixels between its points; the first lies at (0, 0).
        sizes: See :func:`around_origin`.
        ratios: See there.

    Returns:
        ``(height * width * ratios * sizes, 4)`` float32 in pixels, row by row.

    Raises:
        InputError: There is no size or ratio, or one is not above 0.

    >>> grid((1, 2), 16, [32.0], [1.0]).tolist()
    [[-16.0, -16.0, 16.0, 16.0], [0.0, -16.0, 32.0, 16.0]]
    """
    y, x = torch.meshgrid(torch.arange(size[0]) * stride, torch.arange(size[1]) * stride, indexing="ij")
    points = torch.stack([x, y, x, y], dim=-1).view(-1, 1, 4)
    return (points + around_origin(sizes, ratios)).view(-1, 4)


def inside(anchors: Tensor, size: Sequence[int]) -> Tensor:
    """Which anchors do not cross the border of a picture; training ignores the others (Ren et al. 2015, section 3.3).

    Args:
        anchors: ``(N, 4)`` float in pixels.
        size: Height and width of the picture in pixels.

    Returns:
        ``(N,)`` bool.

    >>> inside(torch.tensor([[0.0, 0.0, 8.0, 8.0], [-1.0, 0.0, 7.0, 8.0]]), (8, 8)).tolist()
    [True, False]
    """
    height, width = size
    x0, y0, x1, y1 = anchors.unbind(-1)
    return (x0 >= 0) & (y0 >= 0) & (x1 <= width) & (y1 <= height)
