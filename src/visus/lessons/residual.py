"""A residual network as an ensemble of paths: blocks are taken away, and it goes on; a plain network does not.

Veit, Wilber and Belongie, NIPS 2016, sections 3 and 4: n blocks are 2^n paths, and without one of them half are left.
"""

import contextlib
import itertools

import numpy as np
import torch
from torch import Tensor, nn

from visus.explain.blocks import removable, without
from visus.images import plots
from visus.lessons import practice
from visus.lessons.sheet import Drawn, Say

BLOCKS, WIDTH, EPOCHS = 5, 8, 4
_SETS = 5  # sets of blocks of each size, at most
_LEARNED = 800  # digits


class Block(nn.Module):
    """Two 3x3 convolutions, and where it is residual the path around them (He et al. 2016, figure 2)."""

    def __init__(self, width: int, *, residual: bool) -> None:
        super().__init__()
        self.residual = residual
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """``(N, width, H, W)`` float to the same shape."""
        return (x + self.body(x) if self.residual else self.body(x)).relu()


def trained(*, residual: bool) -> nn.Sequential:
    """A network of five blocks that has learned digits, in evaluation mode."""
    torch.manual_seed(0)
    blocks = [Block(WIDTH, residual=residual) for _ in range(BLOCKS)]
    net = nn.Sequential(
        nn.Conv2d(1, WIDTH, 3, padding=1), nn.ReLU(), *blocks,
        nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * WIDTH, practice.CLASSES),
    )  # fmt: skip
    x, labels, _, _ = practice.digits()
    practice.learn(net, list(net.parameters()), x[:_LEARNED], labels[:_LEARNED], epochs=EPOCHS, lr=5e-3)
    return net.eval()


def shares_without(net: nn.Sequential, x: Tensor, labels: Tensor) -> tuple[float, list[float], list[float]]:
    """The accuracy of the whole network, without each of its blocks, and on average without 0, 1, 2, ... of them.

    Args:
        net: The network.
        x: ``(N, 1, 8, 8)`` float32.
        labels: ``(N,)`` int64.
    """
    parts = list(removable(net, x[:1])[1].values())
    random = np.random.default_rng(0)
    by_size = []
    for size in range(len(parts) + 1):
        sets = list(itertools.combinations(parts, size))
        if size > 1:
            sets = [sets[place] for place in random.permutation(len(sets))[:_SETS]]
        found = []
        for chosen in sets:
            with contextlib.ExitStack() as stack:
                for module in chosen:
                    stack.enter_context(without(module))
                found.append(practice.accuracy(net, x, labels))
        by_size.append(found)
    return by_size[0][0], by_size[1], [float(np.mean(found)) for found in by_size]


def draw(say: Say) -> Drawn:
    """The accuracy of a residual and of a plain network without each block, and without more and more of them."""
    _, _, x, labels = practice.digits()
    kinds = {say("residual", "残差网络"): True, say("plain", "普通网络"): False}
    found = {name: shares_without(trained(residual=residual), x, labels) for name, residual in kinds.items()}
    figure = plots.figure(12, 4)
    left, right = plots.axes(figure, 1, 2)
    place = np.arange(BLOCKS)
    for k, (name, (whole, each, by_size)) in enumerate(found.items()):
        color = (plots.SECOND, plots.ACCENT)[k]
        left.bar(place + 0.4 * (k - 0.5), each, 0.4, color=color, label=name)
        left.axhline(whole, color=color, linestyle="--", linewidth=1)
        right.plot(range(BLOCKS + 1), by_size, marker="o", color=color, label=name)
    left.set_xticks(place, [str(1 + k) for k in place])
    left.set_xlabel(say("block that is taken away; dashed: none", "被去掉的块；虚线：不去掉"), fontsize=9)
    right.set_xlabel(say("how many blocks are taken away", "去掉几个块"), fontsize=9)
    for axis in (left, right):
        axis.set_ylim(0, 1.03)
        axis.set_title(say("accuracy on new digits", "新数字上的正确率"), fontsize=10)
        axis.legend(fontsize=8)
    residual, plain = found.values()
    return Drawn(
        figure,
        {
            "paths": 2**BLOCKS,
            "residual": {"whole": residual[0], "without_one": residual[1], "without_more": residual[2]},
            "plain": {"whole": plain[0], "without_one": plain[1], "without_more": plain[2]},
        },
        (
            (
                f"Each residual block can be passed by, so {BLOCKS} blocks are {2**BLOCKS} paths, and without one of "
                f"them {2 ** (BLOCKS - 1)} are left.",
                f"每个残差块都可以绕过，{BLOCKS} 个块就是 {2**BLOCKS} 条路径，去掉一块还剩 {2 ** (BLOCKS - 1)} 条。",
            ),
            (
                f"Without one block the residual network gets {np.mean(residual[1]):.0%} right on average, "
                f"{residual[0]:.0%} before; the plain one, {plain[0]:.0%} before, gets {np.mean(plain[1]):.0%}.",
                f"去掉一块，残差网络的正确率平均为 {np.mean(residual[1]):.0%}（原为 {residual[0]:.0%}），"
                f"普通网络为 {np.mean(plain[1]):.0%}（原为 {plain[0]:.0%}）。",
            ),
            (
                "With each block more the residual network loses a little, as an ensemble loses voices; the plain one "
                "has one path, and it is cut.",
                "再多去几块，残差网络逐渐变差，像集成失去成员；普通网络只有一条路径，断了就断了。",
            ),
        ),
    )
