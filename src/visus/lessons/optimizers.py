"""How optimizers walk down a valley that is flat along one axis and forty times as steep along the other."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visus.images import plots
from visus.lessons.sheet import Drawn, Say
from visus.tasks import optimizers

STEEP = 40.0
START = (-2.0, 0.35)
STEPS = 60
_RATES = {"sgd": 0.047, "momentum": 0.012, "rmsprop": 0.05, "adam": 0.12}


def height(x: Tensor) -> Tensor:
    """Of the valley: (x^2 + 40 y^2) / 2, a scalar float; ``(2,)`` float to there."""
    return (x[0] ** 2 + STEEP * x[1] ** 2) / 2


def path(name: optimizers.Name, *, lr: float | None = None, **options: object) -> NDArray[np.float64]:
    """The places that an optimizer comes to, ``(steps + 1, 2)`` float64.

    Args:
        name: One of :data:`visus.tasks.optimizers.OPTIMIZERS`.
        lr: Learning rate; None for one that suits this valley.
        options: For :func:`visus.tasks.optimizers.build`.
    """
    place = nn.Parameter(torch.tensor([START], dtype=torch.float64).T)  # (2, 1): it may be decayed, a vector may not
    rate = _RATES[name] if lr is None else lr
    optimizer = optimizers.build(name, [([place], 1.0)], lr=rate, **options)  # pyright: ignore[reportArgumentType]
    places = [place.detach().flatten().numpy().copy()]
    for _ in range(STEPS):
        optimizer.zero_grad()
        height(place[:, 0]).backward()
        optimizer.step()
        places.append(place.detach().flatten().numpy().copy())
    return np.array(places)


def draw(
    say: Say,
    *,
    momentum: float = 1.0,
    rho: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
    bias_correction: bool = False,
) -> Drawn:
    """Each optimizer as it usually is, and beside it with the numbers that were asked for."""
    low, high = betas
    cold = say("corrected", "有修正") if bias_correction else say("not corrected", "无修正")
    plain, usual = path("sgd"), path("adam")
    free, now = path("momentum", momentum=momentum), path("rmsprop", rho=rho)
    asked = path("adam", betas=betas, bias_correction=bias_correction)
    paths = [
        (say("plain descent", "普通梯度下降"), plain),
        (say("momentum 0.9", "动量 0.9"), path("momentum")),
        ("RMSProp, rho 0.99", path("rmsprop")),
        (say("Adam, corrected", "Adam，有修正"), usual),
        (say("plain descent: y at each step", "普通梯度下降：每步的 y"), plain),
        (f"{say('momentum', '动量')} {momentum:g}", free),
        (f"RMSProp, rho {rho:g}", now),
        (f"Adam, {low:g} {say('and', '与')} {high:g}, {cold}", asked),
    ]
    figure = plots.figure(14, 6.4)
    x, y = np.meshgrid(np.linspace(-2.4, 2.4, 120), np.linspace(-0.7, 0.7, 120))
    for k, (axis, (title, places)) in enumerate(zip(plots.axes(figure, 2, 4), paths, strict=True)):
        end = float(height(torch.from_numpy(places[-1])))
        axis.set_title(f"{title}\n{say(f'height after {STEPS} steps', f'{STEPS} 步后的高度')}: {end:.1e}", fontsize=9)
        if k == 4:
            axis.plot(places[:, 1], color=plots.ACCENT, marker=".", markersize=4, linewidth=0.8)
            axis.set_xlabel(say("step", "步"), fontsize=8)
            axis.axhline(0, color=plots.INK, linewidth=0.6)
            continue
        axis.contour(x, y, (x**2 + STEEP * y**2) / 2, np.geomspace(0.02, 12, 10), colors="#bbbbbb", linewidths=0.7)
        axis.plot(*places.T, color=plots.ACCENT, marker=".", markersize=3, linewidth=0.8)
        axis.plot(0, 0, marker="+", color=plots.INK)
        axis.set(xlim=(-2.4, 2.4), ylim=(-0.7, 0.7))
        axis.grid(False)
    turns = int((np.diff(np.sign(plain[:, 1])) != 0).sum())
    swing = float(np.abs(free[-20:, 0]).max())
    stride = float(np.abs(np.diff(now[-3:, 1])).mean())
    first = float(np.linalg.norm(asked[1] - asked[0]) / np.linalg.norm(usual[1] - usual[0]))
    return Drawn(
        figure,
        {
            "zigzag_turns": turns,
            "momentum_swing": swing,
            "rmsprop_last_stride": stride,
            "adam_first_step": first,
            "heights": [float(height(torch.from_numpy(own[-1]))) for _, own in paths],
        },
        (
            (
                f"Plain descent crosses the valley at {turns} of {STEPS} steps: the rate that the flat direction "
                "needs is "
                "almost too large for the steep one.",
                f"普通梯度下降在 {STEPS} 步中有 {turns} 步跨过谷底：平缓方向所需的学习率，对陡峭方向几乎过大。",
            ),
            (
                f"Momentum {momentum:g} still swings {swing:.2f} to the side at the end; RMSProp with rho {rho:g} "
                f"still steps {stride:.3f} across the valley, where its rate is {_RATES['rmsprop']:g}.",
                f"动量 {momentum:g} 到最后仍摆动 {swing:.2f}；rho 为 {rho:g} 的 RMSProp 到最后每步横跨 {stride:.3f}，"
                f"而学习率为 {_RATES['rmsprop']:g}。",
            ),
            (
                f"Adam with betas {low:g} and {high:g}, {'corrected' if bias_correction else 'not corrected'}, takes a "
                f"first step {first:.2f} times as long as the usual one: the moments begin at 0.",
                f"Adam（beta 为 {low:g} 与 {high:g}，{'有' if bias_correction else '无'}修正）的第一步是通常的 "
                f"{first:.2f} 倍，"
                "因为它的矩从 0 开始。",
            ),
        ),
    )
