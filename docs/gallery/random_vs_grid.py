"""Random search against a grid at equal cost.

python -m docs.gallery.random_vs_grid     prints the figures of the guide

A perceptron on the digits of scikit-learn, trained for 3 epochs; the learning rate matters much, the weight decay
little. Both searches pay for 9 trainings: the grid tries 3 rates with 3 decays, random search 9 rates.
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from visus.images import plots
from visus.nets.classification.mlp import mlp
from visus.tasks import optimizers

RATES, DECAYS = (1e-5, 1.0), (1e-6, 1e-1)
SIDE = 3
REPEATS = 20


def accuracy(lr: float, weight_decay: float) -> float:
    """Share of the held-out half that is right after training on the other half."""
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 8 - 1
    labels = torch.tensor(digits.target)
    torch.manual_seed(0)
    net = mlp(classes=10, size=8, channels=1, hidden=(32,))
    optimizer = optimizers.build("adamw", [(list(net.parameters()), 1.0)], lr=lr, weight_decay=weight_decay)
    half = len(x) // 2
    for _ in range(3):
        for batch in torch.randperm(half).split(64):
            loss = nn.functional.cross_entropy(net(x[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.inference_mode():
        return float((net(x[half:]).argmax(1) == labels[half:]).float().mean())


def grid(shift: float) -> np.ndarray:
    """The points of a grid, moved by a share of its spacing, ``(9, 2)``: where a grid lies is chance too."""
    steps = (np.arange(SIDE) + shift) / SIDE
    return np.array([(a, b) for a in steps for b in steps])


def values(points: np.ndarray) -> np.ndarray:
    """Points in [0, 1]^2 to learning rates and decays, in the logarithm."""
    low, high = np.log([RATES[0], DECAYS[0]]), np.log([RATES[1], DECAYS[1]])
    return np.exp(low + points * (high - low))


def compare() -> dict[str, list[float]]:
    """The best accuracy of each search, over repetitions."""
    random = np.random.default_rng(0)
    best: dict[str, list[float]] = {"grid": [], "random": []}
    for _ in range(REPEATS):
        for name, points in (("grid", grid(random.random())), ("random", random.random((SIDE * SIDE, 2)))):
            best[name].append(max(accuracy(*row) for row in values(points)))
    return best


def draw(best: dict[str, list[float]]) -> object:
    """The figure: where both look, and what they find."""
    figure = plots.figure(12, 3.6)
    left, middle, right = plots.axes(figure, 1, 3)
    random = np.random.default_rng(3)
    for axis, name, points in ((left, "grid", grid(0.5)), (middle, "random", random.random((SIDE * SIDE, 2)))):
        found = [accuracy(*row) for row in values(points)]
        lr, decay = values(points).T
        axis.scatter(lr, decay, c=found, cmap="viridis", vmin=0, vmax=1, s=60)
        for rate in lr:
            axis.axvline(rate, color=plots.INK, linewidth=0.5, alpha=0.4)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_title(f"{name}: {len(set(lr.tolist()))} learning rates, best {max(found):.1%}", fontsize=10)
        axis.set_xlabel("learning rate", fontsize=8)
        axis.set_ylabel("weight decay", fontsize=8)
    right.boxplot([best["grid"], best["random"]], tick_labels=["grid", "random"])
    right.set_title(f"best of 9 trainings, {REPEATS} times", fontsize=10)
    right.set_ylabel("accuracy", fontsize=8)
    return figure


if __name__ == "__main__":
    for name, found in compare().items():
        print(f"{name:7} median {np.median(found):.4f}   worst {min(found):.4f}   best {max(found):.4f}")
