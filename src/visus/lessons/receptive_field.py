"""The receptive field: how far a unit can see, and how much it really looks at each pixel.

Luo, Li, Urtasun and Zemel, NIPS 2016: the gradient of a unit by the picture is large in the middle of its field and
fades toward the border, like a Gaussian.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from visus import nets
from visus.images import plots
from visus.lessons.sheet import Drawn, Say, show_pixels

NETS = {"alexnet_paper": 227, "vgg16": 224, "resnet18": 224}
DEPTH, SIDE, DRAWS = 10, 33, 60


def grown(name: str, side: int) -> list[int]:
    """The receptive field after each convolution of a network, in pixels, as :func:`visus.nets.summary` has it."""
    with torch.device("meta"):
        layers = nets.summary(nets.create(name), (3, side, side)).layers
    own = [layer for layer in layers if layer.kind == "Conv2d" and "downsample" not in layer.name]  # no shortcuts
    return [layer.receptive_field[0] for layer in own if layer.receptive_field]


def looked_at() -> NDArray[np.float64]:
    """How strongly the middle unit behind ten 3x3 convolutions depends on each pixel, ``(33, 33)`` float64.

    The mean of the gradient's square over random weights.
    """
    torch.manual_seed(0)
    total = torch.zeros(SIDE, SIDE, dtype=torch.float64)
    for _ in range(DRAWS):
        stack = nn.Sequential(*(nn.Conv2d(4 if k else 1, 4, 3, padding=1, bias=False) for k in range(DEPTH)))
        x = torch.zeros(1, 1, SIDE, SIDE, requires_grad=True)
        stack(x)[0, 0, SIDE // 2, SIDE // 2].backward()
        if x.grad is not None:
            total += x.grad[0, 0].double().square()
    return (total / DRAWS).numpy()


def draw(say: Say) -> Drawn:
    """Fields of three networks layer by layer, and what a unit really looks at."""
    figure = plots.figure(13, 4.2)
    chart, pixels, line = plots.axes(figure, 1, 3)
    fields = {name: grown(name, side) for name, side in NETS.items()}
    for name, own in fields.items():
        chart.plot(range(1, len(own) + 1), own, marker=".", label=name)
    chart.set_xlabel(say("convolution", "第几个卷积"), fontsize=9)
    chart.set_title(say("receptive field in pixels", "感受野（像素）"), fontsize=10)
    chart.legend(fontsize=8)
    weight = looked_at()
    seen = int((weight.sum(0) > 0).sum())
    root = np.sqrt(weight)
    show_pixels(
        pixels, root, say("ten 3x3 convolutions: pull of each pixel", "十个 3x3 卷积：各像素的影响"), cmap="inferno"
    )
    middle = weight.sum(0) / weight.sum()
    place = np.arange(SIDE) - SIDE // 2
    line.plot(place, middle, color=plots.ACCENT, marker=".")
    line.axvspan(-(seen // 2) - 0.5, seen // 2 + 0.5, color=plots.SECOND, alpha=0.12)
    line.set_title(say("share of each column; blue: the field", "每列所占份额；蓝色为感受野"), fontsize=10)
    line.set_xlabel(say("pixels from the middle", "离中心的像素"), fontsize=9)
    half = float(middle[abs(place) <= seen // 4].sum())
    return Drawn(
        figure,
        {"fields": fields, "ten_convolutions": seen, "share_of_the_inner_half": half},
        (
            (
                f"Each 3x3 convolution adds 2 pixels times the stride before it: in VGG-16 {fields['vgg16'][0]}, "
                f"{fields['vgg16'][1]}, then behind the first pooling {fields['vgg16'][2]}, at last "
                f"{fields['vgg16'][-1]}.",
                f"每个 3x3 卷积使感受野增加 2 乘以此前的步幅：VGG-16 依次为 {fields['vgg16'][0]}、"
                f"{fields['vgg16'][1]}，"
                f"第一次池化后为 {fields['vgg16'][2]}，最后为 {fields['vgg16'][-1]}。",
            ),
            (
                f"Ten 3x3 convolutions with stride 1 see 1 + 10 x 2 = {seen} pixels, as the gradient of the middle "
                "unit shows.",
                f"十个步幅为 1 的 3x3 卷积看到 1 + 10 x 2 = {seen} 个像素，中心单元的梯度正是如此。",
            ),
            (
                f"They do not count alike: the inner half of the columns has {half:.0%} of the pull.",
                f"但各像素并不同等：中间一半的列占了影响的 {half:.0%}。",
            ),
        ),
    )
