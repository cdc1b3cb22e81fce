"""Pooling: fewer values, which change less when the picture moves a little."""

import torch
import torch.nn.functional as F
from torch import Tensor

from visus.images import draw as drawing
from visus.images import plots
from visus.images.color import to_gray
from visus.lessons.sheet import Drawn, Say, show_pixels
from visus.lessons.shipped import photograph
from visus.ops import upsample

STRIDE, SHIFTS = 8, 9
BLOCK = ((1.0, 4.0), (2.0, 3.0))
_SIDE = 256


def pooled(x: Tensor, stride: int) -> dict[str, Tensor]:
    """A map ``(N, C, H, W)`` float as it is, and max and average pooled, ``(N, C, H / stride, W / stride)``."""
    return {"none": x, "average": F.avg_pool2d(x, stride), "max": upsample.max_pool(x, stride)[0]}


def draw(say: Say) -> Drawn:
    """Edges of a photograph pooled in both ways, and how far each changes while the picture moves."""
    gray = to_gray(drawing.fit(photograph("dutch-windmills"), _SIDE))
    x = torch.tensor(gray, dtype=torch.float32)[None, None] / 255
    edges = F.conv2d(x, torch.tensor([[[[-1.0, 0.0, 1.0]]]])).abs()
    height, width = (STRIDE * (n // STRIDE) for n in (edges.shape[2], edges.shape[3] - SHIFTS))
    changes: dict[str, list[float]] = {name: [] for name in ("none", "average", "max")}
    first = pooled(edges[:, :, :height, :width], STRIDE)
    for shift in range(SHIFTS):
        moved = pooled(edges[:, :, :height, shift : shift + width], STRIDE)
        for name, own in moved.items():
            changes[name].append(float((own - first[name]).abs().mean() / first[name].mean()))
    names = {
        "none": say("edges, not pooled", "边缘，未池化"),
        "average": say("average pooling", "平均池化"),
        "max": say("max pooling", "最大池化"),
    }
    figure = plots.figure(14, 3.6)
    axes = plots.axes(figure, 1, 4)
    for axis, (name, own) in zip(axes, first.items(), strict=False):
        size = f"{own.shape[3]} x {own.shape[2]}"
        show_pixels(axis, own[0, 0].numpy(), f"{names[name]}: {size}", cmap="inferno")
    for name, own in changes.items():
        axes[3].plot(range(SHIFTS), own, marker=".", label=names[name])
    axes[3].set_xlabel(say("the picture moves by, in pixels", "图像平移（像素）"), fontsize=9)
    axes[3].set_title(say("change, as a share of the mean", "变化量与均值之比"), fontsize=9)
    axes[3].legend(fontsize=8)
    block = torch.tensor([[BLOCK]])
    both = {name: float(own.max()) for name, own in pooled(block, 2).items() if name != "none"}
    return Drawn(
        figure,
        {"changes": changes, "block": both},
        (
            (
                f"Of each {STRIDE} x {STRIDE} values one is left: the largest, or the mean; of 1, 4, 2, 3 that is "
                f"{both['max']:g} or {both['average']:g}.",
                f"每 {STRIDE} x {STRIDE} 个值只留一个：最大值或平均值；1、4、2、3 得到 {both['max']:g} 或 "
                f"{both['average']:g}。",
            ),
            (
                f"Moved by one pixel, the edges change by {changes['none'][1]:.0%} of their mean, max pooled ones by "
                f"{changes['max'][1]:.0%}, averaged ones by {changes['average'][1]:.0%}: pooling bears small shifts.",
                f"平移一个像素，未池化的边缘变化为均值的 {changes['none'][1]:.0%}，最大池化为 "
                f"{changes['max'][1]:.0%}，平均池化为 "
                f"{changes['average'][1]:.0%}：池化容忍小平移。",
            ),
            (
                f"Moved by a whole cell, {STRIDE} pixels, they change by {changes['max'][STRIDE]:.0%} and "
                f"{changes['average'][STRIDE]:.0%}: what lies beyond a cell is seen, and where in it is forgotten.",
                f"平移整整一格（{STRIDE} 像素），变化为 {changes['max'][STRIDE]:.0%} 与 "
                f"{changes['average'][STRIDE]:.0%}："
                "跨格的移动看得见，格内的位置则被忘掉。",
            ),
        ),
    )
