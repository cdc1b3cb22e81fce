"""Optimizers on one narrow valley and on one network.

python -m docs.gallery.optimizers     writes docs/pictures/optimizers.jpg
"""

import numpy as np
import torch
from torch import nn

from visus.images import plots
from visus.lessons import practice
from visus.lessons.optimizers import STEEP, STEPS, path
from visus.nets.classification.mlp import mlp
from visus.tasks import optimizers

VALLEY: dict[optimizers.Name, float] = {
    "sgd": 0.047,
    "momentum": 0.012,
    "nesterov": 0.012,
    "adagrad": 0.25,
    "rmsprop": 0.05,
    "adam": 0.12,
}
NETWORK: dict[optimizers.Name, float] = {
    "sgd": 0.05,
    "momentum": 0.02,
    "nesterov": 0.02,
    "adagrad": 0.01,
    "rmsprop": 1e-3,
    "adam": 1e-3,
}


def losses(name: optimizers.Name, lr: float, epochs: int = 15) -> list[float]:
    """The training loss of a perceptron on the digits of scikit-learn after each epoch."""
    first, own, rest, others = practice.digits()
    x, labels = torch.cat([first, rest]), torch.cat([own, others])  # (1797, 1, 8, 8)
    torch.manual_seed(0)
    net = mlp(classes=10, size=8, channels=1, hidden=(64, 32))
    optimizer = optimizers.build(name, [(list(net.parameters()), 1.0)], lr=lr)
    curve = []
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(x)).split(64):
            loss = nn.functional.cross_entropy(net(x[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        curve.append(total / len(x))
    return curve


def draw() -> object:
    """The figure: the valley on the left of the first row and below, the network in the last panel."""
    figure = plots.figure(13, 7)
    panels = plots.axes(figure, 2, 4)
    x, y = np.meshgrid(np.linspace(-2.3, 1.2, 120), np.linspace(-0.6, 0.6, 120))
    paths = {f"{name}, lr {lr:g}": path(name, lr=lr) for name, lr in VALLEY.items()}
    paths["adam without its correction"] = path("adam", lr=VALLEY["adam"], bias_correction=False)
    for axis, (title, places) in zip(panels, paths.items(), strict=False):
        axis.contour(
            x, y, (x**2 + STEEP * y**2) / 2, levels=np.geomspace(0.02, 12, 10), colors="#bbbbbb", linewidths=0.7
        )
        axis.plot(*places.T, color=plots.ACCENT, marker=".", markersize=3, linewidth=0.8)
        axis.plot(0, 0, marker="+", color=plots.INK)
        axis.set_xlim(-2.3, 1.2)
        axis.set_ylim(-0.6, 0.6)
        axis.grid(False)
        end = float((places[-1][0] ** 2 + STEEP * places[-1][1] ** 2) / 2)
        axis.set_title(f"{title}\nafter {STEPS} steps: {end:.1e}", fontsize=9)
    last = panels[-1]
    for color, (name, lr) in zip(plots.COLORS, NETWORK.items(), strict=False):
        last.semilogy(losses(name, lr), color=color, label=f"{name}, lr {lr:g}", linewidth=1.2)
    last.set_title("a perceptron on digits: training loss", fontsize=9)
    last.set_xlabel("epoch", fontsize=8)
    last.legend(frameon=False, fontsize=7)
    return figure
