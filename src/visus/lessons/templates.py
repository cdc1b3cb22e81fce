"""The weights of a classifier as pictures: of a linear one a template for each class, of a perceptron parts of them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from visus.images import plots
from visus.lessons import practice
from visus.lessons.sheet import Drawn, Say, show_pixels
from visus.nets.classification.mlp import mlp

_HIDDEN = 10


def draw(say: Say) -> Drawn:
    """The rows of a linear classifier of digits, and those of a perceptron's first layer."""
    x, labels, test, truth = practice.digits()
    shown, shares = [], []
    for hidden in ((), (_HIDDEN,)):
        torch.manual_seed(0)
        net = mlp(classes=practice.CLASSES, size=practice.SIDE, channels=1, hidden=hidden)
        practice.learn(net, list(net.parameters()), x, labels, epochs=15, lr=0.01, weight_decay=1e-3)
        first = next(own for own in net.modules() if isinstance(own, nn.Linear))
        shown.append(first.weight.detach().view(-1, practice.SIDE, practice.SIDE).numpy())
        shares.append(practice.accuracy(net, test, truth))
    means = np.stack([x[labels == digit, 0].mean(0).numpy() for digit in range(practice.CLASSES)])
    figure = plots.figure(13, 4.9)
    axes = plots.axes(figure, 3, practice.CLASSES)
    rows = (means, *shown)
    for row, pictures in enumerate(rows):
        for k, own in enumerate(pictures):
            reach = float(abs(own).max())
            show_pixels(
                axes[row * practice.CLASSES + k], own, "", cmap="gray" if row == 0 else "RdBu", vmin=-reach, vmax=reach
            )
    for k in range(practice.CLASSES):
        axes[k].set_title(str(k), fontsize=10)
        axes[2 * practice.CLASSES + k].set_title(say(f"unit {k + 1}", f"单元 {k + 1}"), fontsize=9)
    names = (say("mean", "均值"), say("linear", "线性"), say("hidden units", "隐藏单元"))
    for row, name in enumerate(names):
        axes[row * practice.CLASSES].set_ylabel(name, fontsize=10)
    alike = [_correlation(shown[0][k], means[k] - means.mean(0)) for k in range(practice.CLASSES)]
    return Drawn(
        figure,
        {"linear": shares[0], "perceptron": shares[1], "correlation_with_the_mean": alike},
        (
            (
                "A linear classifier multiplies a picture with one row of weights a class: the row is a template, blue "
                "where ink speaks for the class and red where it speaks against.",
                "线性分类器把图像与每类的一行权重相乘：这一行就是模板，蓝色处的笔画支持该类，红色处则反对。",
            ),
            (
                f"The templates resemble what sets the mean of a class apart from the mean of all (correlation "
                f"{min(alike):.2f} to {max(alike):.2f}); they get {shares[0]:.1%} of new digits right.",
                f"模板与该类均值减去总均值相像（相关系数 {min(alike):.2f} 到 {max(alike):.2f}），新数字正确率 "
                f"{shares[0]:.1%}。",
            ),
            (
                f"A perceptron's {_HIDDEN} hidden units are templates of parts that several classes share; the "
                "second layer "
                f"weighs them: {shares[1]:.1%}.",
                f"感知机的 {_HIDDEN} 个隐藏单元是多类共用的部件模板，由第二层加权：{shares[1]:.1%}。",
            ),
        ),
    )


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])
