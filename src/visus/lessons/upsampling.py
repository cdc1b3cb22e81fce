"""Upsampling: from a coarse map back to a fine one, without learning and with it."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from visus.images import draw as drawing
from visus.images import plots
from visus.lessons.sheet import Drawn, Say, show_pixels
from visus.lessons.shipped import photograph
from visus.ops import upsample

STRIDE = 6
VALUES, KERNEL = (1.0, 2.0, 3.0), (0.25, 0.75, 0.75, 0.25)
"""A small row, and a kernel that interpolates at stride 2."""
_SIDE = 192


def as_matrix(length: int, kernel: Tensor, stride: int) -> Tensor:
    """The matrix of a transposed convolution of rows: what it makes of each unit row, ``(output, length)`` float.

    Args:
        length: Of the row.
        kernel: ``(k,)`` float.
        stride: Distance between neighboring kernels.
    """
    rows = torch.eye(length, dtype=kernel.dtype)[:, None, None]  # (length, 1, 1, length)
    return upsample.transposed_convolution(rows, kernel[None, None, None], stride)[:, 0, 0].T


def draw(say: Say, *, picture: NDArray[np.uint8] | None = None) -> Drawn:
    """A picture made coarse, and made fine again in five ways; and the matrix of a transposed convolution."""
    fine = drawing.fit(photograph("scarlet-macaw") if picture is None else picture, _SIDE)
    height, width = (STRIDE * max(1, n // STRIDE) for n in fine.shape[:2])
    if min(fine.shape[:2]) < STRIDE:
        fine = np.asarray(np.resize(fine, (max(height, STRIDE), max(width, STRIDE), 3)), np.uint8)
    x = torch.tensor(fine[:height, :width]).permute(2, 0, 1)[None].float() / 255  # (1, 3, H, W)
    coarse, places = upsample.max_pool(x, STRIDE)
    kernel, cut = upsample.bilinear_kernel(3, STRIDE), upsample.bilinear_padding(STRIDE)
    ways = {
        say("nearest", "最近邻"): upsample.nearest(coarse, STRIDE),
        say("bed of nails", "钉床"): upsample.bed_of_nails(coarse, STRIDE),
        say("max unpooling", "最大反池化"): upsample.max_unpool(coarse, places, (height, width)),
        say("bilinear", "双线性"): upsample.bilinear(coarse, STRIDE),
        say("transposed convolution,\nbilinear kernel", "转置卷积，双线性核"): upsample.transposed_convolution(
            coarse, kernel, STRIDE, padding=cut
        ),
    }
    figure = plots.figure(14, 6.6)
    axes = plots.axes(figure, 2, 4)
    show_pixels(axes[0], _pixels(x), say("the picture", "原图"))
    pooled = say(
        f"max pooling, stride {STRIDE}: {coarse.shape[3]} x {coarse.shape[2]}",
        f"最大池化，步幅 {STRIDE}：{coarse.shape[3]} x {coarse.shape[2]}",
    )
    show_pixels(axes[1], _pixels(coarse), pooled)
    for axis, (title, own) in zip(axes[2:7], ways.items(), strict=True):
        show_pixels(axis, _pixels(own), title)
    matrix = as_matrix(len(VALUES), torch.tensor(KERNEL), 2)
    row = matrix @ torch.tensor(VALUES)
    _matrix(axes[7], matrix, say("a transposed convolution as a matrix", "转置卷积写成矩阵"))
    nearest, _, unpooled, bilinear, transposed = ways.values()
    inner = (..., slice(STRIDE, -STRIDE), slice(STRIDE, -STRIDE))
    apart = float((bilinear - transposed)[inner].abs().max()) if min(height, width) > 2 * STRIDE else 0.0
    same = float((F.max_pool2d(unpooled, STRIDE) - coarse).abs().max())
    return Drawn(
        figure,
        {
            "matrix": matrix.tolist(),
            "row": row.tolist(),
            "transposed_differs_from_bilinear_by": apart,
            "unpooled_and_pooled_again_differs_by": same,
            "nearest_error": float((nearest - x).abs().mean()),
        },
        (
            (
                "Nearest and bed of nails need nothing but the coarse map; max unpooling remembers where each maximum "
                f"was, so that pooling it again gives the map back (largest difference {same:.1g}).",
                f"最近邻和钉床只需要粗图；最大反池化记得每个最大值的位置，再池化一次就得回粗图（相差 {same:.1g}）。",
            ),
            (
                "A transposed convolution lays a kernel at each value and adds: with the bilinear kernel it is the "
                f"bilinear picture (largest difference off the border {apart:.1g}), and from there it can learn.",
                f"转置卷积在每个值处放一个核再相加：用双线性核时，除边界外与双线性结果相差 {apart:.1g}，"
                "学习可以由此开始。",
            ),
            (
                f"As a matrix it has a column for each value: {', '.join(f'{v:g}' for v in VALUES)} becomes "
                f"{', '.join(f'{v:g}' for v in row.tolist())}; its transpose is the convolution of stride 2.",
                f"写成矩阵，每个输入值对应一列：{'、'.join(f'{v:g}' for v in VALUES)} 变为 "
                f"{'、'.join(f'{v:g}' for v in row.tolist())}；矩阵转置就是步幅为 2 的卷积。",
            ),
        ),
    )


def _pixels(x: Tensor) -> NDArray[np.float32]:
    return x[0].permute(1, 2, 0).clamp(0, 1).numpy()


def _matrix(axis: Any, matrix: Tensor, title: str) -> None:  # noqa: ANN401
    show_pixels(axis, matrix.numpy(), title, cmap="Blues", vmin=0, vmax=1.6)
    for (r, c), value in np.ndenumerate(matrix.numpy()):
        if value:
            axis.text(c, r, f"{value:g}", ha="center", va="center", fontsize=9)
