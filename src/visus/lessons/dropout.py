"""Dropout: scaled at test, as it was proposed, or in training, as libraries do it; both are equal in the mean.

Srivastava et al., JMLR 2014, section 4: in training each unit stays with probability 1 - p; at test all stay, and what
they give is multiplied by 1 - p. Inverted dropout divides by 1 - p in training, and leaves the test alone.
"""

import torch
from torch import Tensor, nn

from visus.images import plots
from visus.lessons.sheet import Drawn, Say

UNITS, P, MASKS = 20, 0.5, 4000


def sums(values: Tensor, masks: int, p: float) -> tuple[Tensor, Tensor]:
    """The sum of units under random masks, scaled at test and scaled in training.

    Args:
        values: ``(units,)`` float, what each adds.
        masks: How many.
        p: Share of units that are dropped, in [0, 1).

    Returns:
        Each ``(masks,)`` float: the second is PyTorch's layer, which the networks of visus use.
    """
    inverted = nn.Dropout(p).train()(values.expand(masks, -1)).sum(1)
    return inverted * (1 - p), inverted


def draw(say: Say) -> Drawn:
    """What a unit is given under four thousand masks, in both ways, and at test."""
    torch.manual_seed(0)
    values = torch.rand(UNITS, dtype=torch.float64) + 0.5
    at_test, in_training = sums(values, MASKS, P)
    whole = float(values.sum())
    tests = ((1 - P) * whole, whole)
    titles = (
        say("scaled at test: training adds what stays", "测试时缩放：训练时只加留下的"),
        say("scaled in training (inverted)", "训练时缩放（反向 dropout）"),
    )
    figure = plots.figure(12, 4)
    means = []
    for axis, own, test, title in zip(plots.axes(figure, 1, 2), (at_test, in_training), tests, titles, strict=True):
        mean = float(own.mean())
        means.append(mean)
        axis.hist(
            own.numpy(),
            bins=50,
            color=plots.SECOND,
            alpha=0.6,
            label=say("in training, 4000 masks", "训练，4000 个掩码"),
        )
        axis.axvline(mean, color=plots.SECOND, label=f"{say('their mean', '其均值')} {mean:.2f}")
        axis.axvline(test, color=plots.ACCENT, linestyle="--", label=f"{say('at test', '测试')} {test:.2f}")
        axis.set_title(title, fontsize=10)
        axis.set_xlim(0, 1.7 * whole)
        axis.legend(fontsize=8)
    ratios = [mean / test for mean, test in zip(means, tests, strict=True)]
    spread = float(in_training.std()) / whole
    return Drawn(
        figure,
        {"test": list(tests), "mean": means, "mean_over_test": ratios, "spread": spread},
        (
            (
                f"Scaled at test: training gives {means[0]:.2f} on average, the test {tests[0]:.2f}, which is "
                f"{1 - P:g} times the sum {whole:.2f} of all units.",
                f"测试时缩放：训练的平均为 {means[0]:.2f}，测试为 {tests[0]:.2f}，即全部单元之和 {whole:.2f} 的 "
                f"{1 - P:g} 倍。",
            ),
            (
                f"Scaled in training: what stays is divided by {1 - P:g}, gives {means[1]:.2f} on average, and the "
                "test "
                f"adds all, {tests[1]:.2f}, untouched.",
                f"训练时缩放：留下的值除以 {1 - P:g}，平均为 {means[1]:.2f}，测试时直接全部相加，{tests[1]:.2f}。",
            ),
            (
                f"Both agree in the mean, by a factor of {ratios[0]:.3f} and {ratios[1]:.3f}; a single mask differs by "
                f"{spread:.0%}, which is the noise that dropout trains against.",
                f"两者的均值都与测试一致（比值 {ratios[0]:.3f} 与 {ratios[1]:.3f}）；单个掩码偏差 {spread:.0%}，"
                "这正是 dropout 注入的噪声。",
            ),
        ),
    )
