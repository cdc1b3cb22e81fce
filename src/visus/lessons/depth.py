"""What width, depth and activations of a perceptron can separate: decision regions on points of a plane."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from visus.images import plots
from visus.lessons import practice
from visus.lessons.sheet import Drawn, Say
from visus.nets.backbones import StagedBackbone
from visus.nets.classification.mlp import mlp

POINTS = 240
NETS: dict[str, tuple[tuple[int, ...], str]] = {
    "2": ((2,), "relu"),
    "4": ((4,), "relu"),
    "8": ((8,), "relu"),
    "8+8": ((8, 8), "relu"),
    "32+32": ((32, 32), "identity"),
}
_GRID = 140


def spirals() -> tuple[Tensor, Tensor]:
    """Points ``(N, 2, 1, 1)`` float32 of two arms that wind around each other, and their classes ``(N,)`` int64."""
    random = np.random.default_rng(0)
    labels = np.arange(POINTS) % 2
    radius = np.sqrt(random.uniform(0.02, 1, POINTS))
    angle = 5.5 * radius + np.pi * labels + random.normal(0, 0.12, POINTS)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return torch.tensor(points, dtype=torch.float32)[..., None, None], torch.tensor(labels)


def as_one_layer(net: StagedBackbone) -> tuple[Tensor, Tensor]:
    """The one linear layer that equals a row of them: weight ``(2, 2)`` and bias ``(2,)``, float64."""
    weight, bias = torch.eye(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    for layer in (own for own in net.modules() if isinstance(own, nn.Linear)):
        own = layer.weight.detach().double()
        weight, bias = own @ weight, own @ bias + layer.bias.detach().double()
    return weight, bias


def draw(say: Say) -> Drawn:
    """Decision regions of perceptrons with ever more hidden units, with two layers, and without an activation."""
    x, labels = spirals()
    titles = {
        "2": say("2 hidden units", "2 个隐藏单元"),
        "4": say("4 hidden units", "4 个隐藏单元"),
        "8": say("8 hidden units", "8 个隐藏单元"),
        "8+8": say("two layers of 8", "两层，每层 8 个"),
        "32+32": say("two layers of 32, no activation", "两层各 32 个，无激活函数"),
    }
    figure = plots.figure(15, 3.6)
    shares, apart = {}, 0.0
    for axis, (name, (hidden, activation)) in zip(plots.axes(figure, 1, len(NETS)), NETS.items(), strict=True):
        torch.manual_seed(1)
        net = mlp(classes=2, size=1, channels=2, hidden=hidden, activation=activation)
        practice.learn(net, list(net.parameters()), x, labels, epochs=200, lr=0.05, batch=POINTS)
        shares[name] = practice.accuracy(net, x, labels)
        _regions(axis, net, x, labels, f"{titles[name]}\n{say('right', '正确')}: {shares[name]:.0%}")
        if activation == "identity":
            weight, bias = as_one_layer(net)
            with torch.no_grad():
                apart = float((net(x).double() - (x.flatten(1).double() @ weight.T + bias)).abs().max())
    return Drawn(
        figure,
        {"right": shares, "one_layer_differs_by": apart},
        (
            (
                f"Each hidden unit folds the plane once: 2 units get {shares['2']:.0%} of the points right, "
                f"4 get {shares['4']:.0%}, 8 get {shares['8']:.0%}.",
                f"每个隐藏单元把平面折一次：2 个单元对 {shares['2']:.0%}，4 个对 {shares['4']:.0%}，8 个对 "
                f"{shares['8']:.0%}。",
            ),
            (
                f"A second layer folds what is folded already: two layers of 8 get {shares['8+8']:.0%}.",
                f"第二层在已折叠的平面上再折：两层各 8 个单元对 {shares['8+8']:.0%}。",
            ),
            (
                f"Without an activation two layers of 32 are one linear layer, to within {apart:.1g}, and the border "
                "is "
                f"a straight line: {shares['32+32']:.0%}.",
                f"没有激活函数时，两层各 32 个单元就是一个线性层（相差不到 {apart:.1g}），边界是一条直线："
                f"{shares['32+32']:.0%}。",
            ),
        ),
    )


def _regions(axis: Any, net: StagedBackbone, x: Tensor, labels: Tensor, title: str) -> None:  # noqa: ANN401
    line = torch.linspace(-1.25, 1.25, _GRID)
    down, across = torch.meshgrid(line, line, indexing="ij")
    with torch.no_grad():
        share = net(torch.stack([across, down], -1).view(-1, 2, 1, 1)).softmax(1)[:, 1].view(_GRID, _GRID)
    axis.contourf(line, line, share, levels=np.linspace(0, 1, 11), cmap="RdBu", alpha=0.55)
    axis.contour(line, line, share, levels=[0.5], colors=plots.INK, linewidths=1)
    for k, color in enumerate((plots.ACCENT, plots.SECOND)):
        own = x[labels == k, :, 0, 0]
        axis.scatter(own[:, 0], own[:, 1], s=9, color=color, linewidths=0)
    axis.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), aspect="equal", xticks=[], yticks=[])
    axis.set_title(title, fontsize=9)
