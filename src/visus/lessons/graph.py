"""A computational graph: values go forward through each operation, gradients come back by the chain rule.

The expression is that of Stanford's CS231n, lecture 4: f = 1 / (1 + exp(-(w0 x0 + w1 x1 + w2))). In small grain the
sigmoid is four operations, in large grain one, whose derivative is s (1 - s); both give the same gradients, and so does
PyTorch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from visus.images import plots
from visus.lessons.sheet import Drawn, Say

INPUTS = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}

OPERATIONS: dict[str, tuple[Callable[..., float], Callable[..., tuple[float, ...]]]] = {
    "×": (lambda a, b: a * b, lambda a, b: (b, a)),
    "+": (lambda a, b: a + b, lambda a, b: (1.0, 1.0)),
    "× -1": (lambda a: -a, lambda a: (-1.0,)),
    "exp": (math.exp, lambda a: (math.exp(a),)),
    "+ 1": (lambda a: a + 1, lambda a: (1.0,)),
    "1 / x": (lambda a: 1 / a, lambda a: (-1 / a**2,)),
    "sigmoid": (
        lambda a: 1 / (1 + math.exp(-a)),
        lambda a: ((1 / (1 + math.exp(-a))) * (1 - 1 / (1 + math.exp(-a))),),
    ),
}
"""What an operation gives, and its derivative by each of its inputs."""


@dataclass
class Node:
    """A place of the graph: an input, or an operation on others.

    Attributes:
        name: Of the input, or of the operation.
        at: x and y in the drawing.
        parents: What it takes.
        value: What it gives.
        gradient: The derivative of the result by that.
    """

    name: str
    at: tuple[float, float]
    parents: list["Node"] = field(default_factory=list)
    value: float = 0.0
    gradient: float = 0.0


def expression(*, small: bool) -> list[Node]:
    """The nodes of the expression, each behind what it takes.

    Args:
        small: Whether the sigmoid is four operations.
    """
    inputs = {name: Node(name, (0, -1.5 * k), value=value) for k, (name, value) in enumerate(INPUTS.items())}
    first = Node("×", (1.5, -0.75), [inputs["w0"], inputs["x0"]])
    second = Node("×", (1.5, -3.75), [inputs["w1"], inputs["x1"]])
    both = Node("+", (3.0, -2.25), [first, second])
    total = Node("+", (4.5, -3.75), [both, inputs["w2"]])
    nodes = [*inputs.values(), first, second, both, total]
    for k, name in enumerate(("× -1", "exp", "+ 1", "1 / x") if small else ("sigmoid",)):
        nodes.append(Node(name, (6.0 + 1.5 * k, -3.75), [nodes[-1]]))
    return nodes


def run(nodes: list[Node]) -> None:
    """Values forward, then gradients back: each node hands its own, times its local derivative, to what it takes."""
    for node in nodes:
        if node.parents:
            node.value = OPERATIONS[node.name][0](*(own.value for own in node.parents))
        node.gradient = 0.0
    nodes[-1].gradient = 1.0
    for node in reversed(nodes):
        if node.parents:
            local = OPERATIONS[node.name][1](*(own.value for own in node.parents))
            for parent, slope in zip(node.parents, local, strict=True):
                parent.gradient += node.gradient * slope


def by_autograd() -> list[float]:
    """The gradients of the inputs as PyTorch has them."""
    w0, x0, w1, x1, w2 = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in INPUTS.values())
    (w0 * x0 + w1 * x1 + w2).sigmoid().backward()
    return [float(own.grad) for own in (w0, x0, w1, x1, w2) if own.grad is not None]


def draw(say: Say) -> Drawn:
    """The graph twice, in small grain and in large."""
    small, large = expression(small=True), expression(small=False)
    figure = plots.figure(12.5, 8.4)
    titles = (
        say("small grain: each operation by itself", "小粒度：逐个运算"),
        say(
            "large grain: the sigmoid is one operation, s(1 - s) its derivative",
            "大粒度：sigmoid 是一个运算，导数为 s(1 - s)",
        ),
    )
    for axis, nodes, title in zip(plots.axes(figure, 2, 1), (small, large), titles, strict=True):
        run(nodes)
        _drawn(axis, nodes, title)
    figure.text(0.78, 0.955, say("blue: value   red: gradient", "蓝：数值   红：梯度"), fontsize=10)
    gradients = [node.gradient for node in small[: len(INPUTS)]]
    apart = max(abs(a - b) for a, b in zip(gradients, by_autograd(), strict=True))
    both = max(abs(a.gradient - b.gradient) for a, b in zip(small[:5], large[:5], strict=True))
    s = small[-1].value
    return Drawn(
        figure,
        {"value": s, "gradients": dict(zip(INPUTS, gradients, strict=True)), "from_autograd": apart, "grains": both},
        (
            (
                f"Values go forward, here to {s:.2f}; gradients start with 1 at the end and come back, at each node "
                "times "
                "its local derivative.",
                f"数值向前传，这里得到 {s:.2f}；梯度从末端的 1 开始向后传，每个结点乘上它的局部导数。",
            ),
            (
                "A sum hands its gradient on to both inputs, a product hands each the gradient times the other one: "
                f"w0 gets {gradients[0]:.2f}, x0 gets {gradients[1]:.2f}.",
                f"加法把梯度原样传给两个输入，乘法把梯度乘以另一个输入：w0 得到 {gradients[0]:.2f}，x0 得到 "
                f"{gradients[1]:.2f}。",
            ),
            (
                f"Four operations or one sigmoid with s(1 - s) = {s * (1 - s):.3f}: the gradients differ by "
                f"{both:.1g}, "
                f"and from PyTorch's by {apart:.1g}.",
                f"四个运算，或一个导数为 s(1 - s) = {s * (1 - s):.3f} 的 sigmoid：两者梯度相差 {both:.1g}，与 "
                f"PyTorch 相差 {apart:.1g}。",
            ),
        ),
    )


def _drawn(axis: Any, nodes: list[Node], title: str) -> None:  # noqa: ANN401
    axis.set_axis_off()
    axis.set(xlim=(-0.5, 11), ylim=(-6.8, 0.9))
    axis.set_title(title, fontsize=10, loc="left")
    for node in nodes:
        for parent in node.parents:
            # Shrunk at both ends, in points, so that boxes stay free.
            arrow = {"arrowstyle": "->", "color": "#999999", "shrinkA": 16, "shrinkB": 14 + 3 * len(node.name)}
            axis.annotate("", node.at, parent.at, arrowprops=arrow)
    for node in nodes:
        shape = {
            "boxstyle": "round,pad=0.35",
            "facecolor": "white",
            "edgecolor": plots.INK if node.parents else "#bbbbbb",
        }
        axis.text(*node.at, node.name, ha="center", va="center", fontsize=9, bbox=shape)
        x, y = node.at[0], node.at[1]
        axis.text(x, y + 0.46, f"{node.value:.2f}", color=plots.SECOND, fontsize=9, ha="center", va="center")
        axis.text(x, y - 0.48, f"{node.gradient:.2f}", color=plots.ACCENT, fontsize=9, ha="center", va="center")
