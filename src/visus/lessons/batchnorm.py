"""Batch normalization: what it does to the values between layers, and to the gradients of a deep perceptron.

Ioffe and Szegedy, ICML 2015, algorithm 1: of each unit, over the batch, (x - mean) / sqrt(variance + epsilon).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from visus.images import plots
from visus.lessons import practice
from visus.lessons.sheet import Drawn, Say
from visus.nets.classification.mlp import mlp

LAYERS, UNITS = 8, 64


def normalized(x: Tensor) -> Tensor:
    """A batch ``(N, units)`` float, normalized by the layer that networks here use, before it has learned."""
    return nn.BatchNorm1d(x.shape[1], dtype=x.dtype)(x).detach()


def gradients(*, batch_norm: bool) -> tuple[list[float], Tensor]:
    """A deep perceptron with sigmoids before its training, and one batch of digits.

    Args:
        batch_norm: Whether values are normalized between linear layer and sigmoid.

    Returns:
        The root mean square of the gradient of each linear layer's weights; and what the last sigmoid is given,
        ``(N, units)`` float32.
    """
    torch.manual_seed(0)
    net = mlp(
        classes=10,
        size=practice.SIDE,
        channels=1,
        hidden=(UNITS,) * LAYERS,
        activation="sigmoid",
        batch_norm=batch_norm,
    ).train()
    seen: list[Tensor] = []
    sigmoids = [own for own in net.modules() if isinstance(own, nn.Sigmoid)]
    hook = sigmoids[-1].register_forward_hook(lambda _, given, __: seen.append(given[0].detach()))
    x, labels, _, _ = practice.digits()
    F.cross_entropy(net(x[:256]), labels[:256]).backward()
    hook.remove()
    linear = [own for own in net.modules() if isinstance(own, nn.Linear)][:-1]
    return [float(own.weight.grad.square().mean().sqrt()) for own in linear if own.weight.grad is not None], seen[0]


def draw(say: Say) -> Drawn:
    """Gradients layer by layer, and the values before the last sigmoid, with batch normalization and without."""
    plain, values = gradients(batch_norm=False)
    normed, normed_values = gradients(batch_norm=True)
    figure = plots.figure(12, 4)
    left, right = plots.axes(figure, 1, 2)
    names = {
        say("without", "无批归一化"): (plain, values, plots.ACCENT),
        say("with", "有批归一化"): (normed, normed_values, plots.SECOND),
    }
    for name, (slopes, given, color) in names.items():
        left.semilogy(range(1, LAYERS + 1), slopes, marker="o", color=color, label=name)
        right.hist(given.flatten().numpy(), bins=60, range=(-4, 4), density=True, color=color, alpha=0.6, label=name)
    left.set_xlabel(say("layer, the first one at the left", "层，最左为第一层"), fontsize=9)
    left.set_title(say("gradient of the weights, root mean square", "权重梯度的均方根"), fontsize=10)
    right.set_title(say("what the last sigmoid is given", "最后一个 sigmoid 的输入"), fontsize=10)
    place = torch.linspace(-4, 4, 200)
    slope = place.sigmoid() * (1 - place.sigmoid())
    right.plot(place, slope, color=plots.INK, label=say("slope of the sigmoid", "sigmoid 的斜率"))
    right.set_ylim(0, 1.5)
    for axis in (left, right):
        axis.legend(fontsize=8)
    gain = normed[0] / plain[0]
    spread, normed_spread = (float(own.std(0).mean()) for own in (values, normed_values))
    return Drawn(
        figure,
        {"plain": plain, "normalized": normed, "gain": gain, "spread": spread, "normalized_spread": normed_spread},
        (
            (
                f"Through {LAYERS} sigmoids the gradient shrinks from layer to layer: in the first it is "
                f"{plain[0]:.1g}, in the last {plain[-1]:.1g}.",
                f"穿过 {LAYERS} 个 sigmoid，梯度逐层变小：第一层为 {plain[0]:.1g}，最后一层为 {plain[-1]:.1g}。",
            ),
            (
                f"Batch normalization makes the gradient of the first layer {gain:,.0f} times as large.",
                f"批归一化使第一层的梯度变为原来的 {gain:,.0f} 倍。",
            ),
            (
                f"Each unit's values over the batch get mean 0 and deviation {normed_spread:.2f} in place of "
                f"{spread:.1e}: pictures differ again, where the sigmoid is steep.",
                f"每个单元在批内的均值变为 0，标准差由 {spread:.1e} 变为 {normed_spread:.2f}：不同图片重新拉开，"
                "且落在 sigmoid 的陡处。",
            ),
        ),
    )
