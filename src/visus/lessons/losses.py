"""Entropy and two losses, side by side on the scores that a classifier gives three pictures.

The example is that of Stanford's CS231n, lecture 3: rows of scores for cat, car and frog. Lecture notes give the frog
a cross-entropy of 6.157, which is -log(0.045 / 21.25) of powers rounded by hand; that of the scores is 6.1565.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from visus import ops
from visus.images import plots
from visus.lessons.sheet import Drawn, Say
from visus.tasks import losses

SCORES = ((3.2, 5.1, -1.7), (1.3, 4.9, 2.0), (2.2, 2.5, -3.1))
RIGHT = (0, 1, 2)
BY_HAND = (0.045, 21.25)
"""exp(-3.1), and the sum of the frog's powers, rounded as with pencil and paper."""
_REACH = 14.0  # how far the right score is pushed


def draw(say: Say) -> Drawn:
    """The losses of three pictures, what pushing the right score does to each, and how uncertain the answers are."""
    scores, labels = torch.tensor(SCORES, dtype=torch.float64), torch.tensor(RIGHT)
    hinge = _each("hinge", scores, labels)
    entropy = _each("cross_entropy", scores, labels)
    shares = scores.softmax(1)
    uncertain = ops.entropy(shares, unit="bits").tolist()
    certain = torch.eye(3, dtype=torch.float64)[labels]
    apart = ops.relative_entropy(certain, shares, unit="bits").tolist()

    names = [say("cat", "猫"), say("car", "汽车"), say("frog", "青蛙")]
    figure = plots.figure(13, 4.2)
    table, curves, bars = plots.axes(figure, 1, 3)
    _table(table, say, names, hinge, entropy)
    push = np.linspace(0, _REACH, 141)
    for k, name in enumerate(names):
        moved = scores[k].repeat(len(push), 1)
        moved[:, RIGHT[k]] += torch.from_numpy(push)
        own = labels[k].repeat(len(push))
        curves.plot(push, _each("hinge", moved, own), color=plots.COLORS[k], label=f"{name}, {say('hinge', '铰链')}")
        softmax = f"{name}, {say('cross-entropy', '交叉熵')}"
        curves.plot(push, _each("cross_entropy", moved, own), color=plots.COLORS[k], ls="--", label=softmax)
    curves.set_title(say("the right score is pushed up", "把正确类的得分往上推"), fontsize=10)
    curves.set_xlabel(say("added to the right score", "正确类得分的增量"), fontsize=9)
    curves.set_ylabel(say("loss", "损失"), fontsize=9)
    curves.legend(fontsize=8)
    place = np.arange(3)
    bars.bar(place - 0.2, uncertain, 0.4, color=plots.SECOND, label=say("entropy of the answer", "预测的熵"))
    relative = say("relative entropy: truth to answer", "相对熵：真值相对预测")
    bars.bar(place + 0.2, apart, 0.4, color=plots.ACCENT, label=relative)
    for k in range(3):
        bars.text(k - 0.2, uncertain[k], f"{uncertain[k]:.2f}", ha="center", va="bottom", fontsize=8)
        bars.text(k + 0.2, apart[k], f"{apart[k]:.2f}", ha="center", va="bottom", fontsize=8)
    bars.set_xticks(place, names)
    bars.set_ylabel(say("bits", "比特"), fontsize=9)
    bars.set_title(say("how sure, and how wrong", "有多确定，又错多少"), fontsize=10)
    bars.legend(fontsize=8)
    frog = scores[2].clone()
    frog[2] += 20
    beyond = [_each(name, frog[None], labels[2:])[0] for name in ("hinge", "cross_entropy")]
    rounded = -math.log(BY_HAND[0] / BY_HAND[1])
    return Drawn(
        figure,
        {
            "hinge": [round(value, 9) + 0.0 for value in hinge],
            "cross_entropy": entropy,
            "frog_by_hand": rounded,
            "entropy_bits": uncertain,
            "relative_entropy_bits": apart,
            "frog_pushed_by_20": beyond,
        },
        (
            (
                f"Hinge asks each wrong score to stay 1 below the right one: {_list(hinge, 1)}; "
                f"cross-entropy is -log of the right share: {_list(entropy, 3)} nats; by hand, the frog's share "
                f"rounded to {BY_HAND[0]:g} / {BY_HAND[1]:g}, the last is {rounded:.3f}.",
                f"铰链损失要求每个错误得分比正确得分低 1：{_list(hinge, 1)}；"
                f"交叉熵是正确类概率的负对数：{_list(entropy, 3)} 奈特；"
                f"手算时把青蛙的概率取作 {BY_HAND[0]:g} / {BY_HAND[1]:g}，最后一个便是 {rounded:.3f}。",
            ),
            (
                f"Pushed by 20, the frog's hinge loss is {beyond[0]:.0f} and stays so, its cross-entropy "
                f"{beyond[1]:.1e}: small, but never 0, so that it pushes for ever.",
                f"把青蛙的得分提高 20，铰链损失变为 {beyond[0]:.0f} 并保持不变，交叉熵为 {beyond[1]:.1e}："
                "很小但永不为 0，"
                "因此会一直推下去。",
            ),
            (
                f"Entropy says how sure an answer is, not whether it is right: the cat's has {uncertain[0]:.2f} "
                "bits, the "
                f"truth is {apart[0]:.2f} bits away from it; where the truth is sure, that is the cross-entropy in "
                "bits.",
                f"熵只说明预测有多确定，不说明是否正确：猫的预测熵为 {uncertain[0]:.2f} 比特，真值相对它的相对熵却为 "
                f"{apart[0]:.2f} 比特；真值确定时，相对熵就是以比特计的交叉熵。",
            ),
        ),
    )


def _each(loss: str, scores: Tensor, labels: Tensor) -> list[float]:
    """The loss of each row."""
    one = losses.multi_class_hinge if loss == "hinge" else losses.softmax_cross_entropy
    return [float(one(row[None], label[None])) for row, label in zip(scores, labels, strict=True)]


def _list(values: list[float], digits: int) -> str:
    return ", ".join(f"{abs(value):.{digits}f}" for value in values)


def _table(axis: Any, say: Say, names: list[str], hinge: list[float], entropy: list[float]) -> None:  # noqa: ANN401
    """The scores, a column for each picture, the right ones in color, and below them what each loss says."""
    axis.set_axis_off()
    axis.set(xlim=(-1.6, 3), ylim=(-6.2, 0.6))
    heads = [*names, say("hinge", "铰链"), say("cross-entropy", "交叉熵")]
    for row, head in enumerate(heads, 1):
        axis.text(-1.5, -row, head, fontsize=10, va="center")
    axis.text(-1.5, 0, say("picture of a", "图片中是"), fontsize=10, va="center")
    for k, own in enumerate(SCORES):
        axis.text(k + 0.3, 0, names[k], fontsize=10, ha="center", va="center")
        cells = [*(f"{score:.1f}" for score in own), f"{abs(hinge[k]):.1f}", f"{entropy[k]:.3f}"]
        for row, cell in enumerate(cells, 1):
            right = row == 1 + RIGHT[k]
            ink = plots.SECOND if right else plots.ACCENT if row > 3 else plots.INK
            frame = {"boxstyle": "round", "facecolor": "none", "edgecolor": plots.SECOND} if right else None
            axis.text(k + 0.3, -row, cell, fontsize=11, ha="center", va="center", color=ink, bbox=frame)
    axis.axhline(-3.5, color=plots.INK, linewidth=0.8)
    axis.set_title(say("scores, and what each loss says", "得分，以及两种损失"), fontsize=10)
