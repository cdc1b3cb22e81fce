"""From a box to a small map: RoI pooling rounds its edges, RoIAlign samples where they are."""

import itertools
import math
from typing import Any

import torch

from visus.images import plots
from visus.lessons.sheet import Drawn, Say, show_pixels
from visus.ops import roi

SIDE = 8
BOX = (1.3, 1.6, 5.5, 5.2)
"""x0, y0, x1, y1, in cells of the map."""
BINS = 2


def values() -> torch.Tensor:
    """A map ``(1, 1, 8, 8)`` float32, r + 1.25 c in row r and column c, so that samples are known by hand."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    return (rows + 1.25 * columns)[None, None].float()


def samples() -> list[list[tuple[float, float]]]:
    """The four places x, y, in cells, at which RoIAlign looks in each bin, row by row."""
    x0, y0, x1, y1 = BOX
    wide, high = (x1 - x0) / BINS, (y1 - y0) / BINS
    return [
        [
            (
                x0 + (column + (2 * i + 1) / (2 * roi.SAMPLES)) * wide,
                y0 + (row + (2 * j + 1) / (2 * roi.SAMPLES)) * high,
            )
            for j in range(roi.SAMPLES)
            for i in range(roi.SAMPLES)
        ]
        for row in range(BINS)
        for column in range(BINS)
    ]


def draw(say: Say) -> Drawn:
    """A box on a map of numbers, its bins, and what both give; then one bin while the box moves."""
    x, box = values(), torch.tensor([BOX])
    pooled, aligned = roi.pool(x, [box], BINS), roi.align(x, [box], BINS)
    shift = torch.linspace(0, 2, 81)
    moved = [box + torch.tensor([s, 0.0, s, 0.0]) for s in shift.tolist()]
    curves = {
        say("RoI pooling", "RoI 池化"): [float(roi.pool(x, [own], BINS)[0, 0, 0, 0]) for own in moved],
        "RoIAlign": [float(roi.align(x, [own], BINS)[0, 0, 0, 0]) for own in moved],
    }
    figure = plots.figure(14, 4.8)
    left, middle, right = plots.axes(figure, 1, 3)
    x0, y0, x1, y1 = BOX
    rounded = [math.floor(edge + 0.5) for edge in BOX]
    _map(left, x, say("RoI pooling: edges go to whole cells", "RoI 池化：边取整到格子"))
    _box(left, [edge - 0.5 for edge in BOX], "--")
    _box(left, [rounded[0] - 0.5, rounded[1] - 0.5, rounded[2] + 0.5, rounded[3] + 0.5], "-")
    _map(middle, x, say("RoIAlign: four samples in each bin", "RoIAlign：每个小格四个采样点"))
    _box(middle, [edge - 0.5 for edge in BOX], "-")
    middle.plot([(x0 + x1) / 2 - 0.5] * 2, [y0 - 0.5, y1 - 0.5], color=plots.ACCENT, linewidth=1)
    middle.plot([x0 - 0.5, x1 - 0.5], [(y0 + y1) / 2 - 0.5] * 2, color=plots.ACCENT, linewidth=1)
    for bin_ in samples():
        middle.scatter([x - 0.5 for x, _ in bin_], [y - 0.5 for _, y in bin_], color=plots.SECOND, s=22, zorder=3)
    for name, own in curves.items():
        right.plot(shift.tolist(), own, label=name)
    right.set_xlabel(say("the box moves to the right, in cells", "框向右移动（格）"), fontsize=9)
    right.set_title(say("the first bin", "第一个小格的值"), fontsize=10)
    right.legend(fontsize=8)
    own = _list(aligned)
    jumps = [max(abs(b - a) for a, b in itertools.pairwise(curve)) for curve in curves.values()]
    return Drawn(
        figure,
        {"pooled": _list(pooled), "aligned": own, "largest_jumps": jumps},
        (
            (
                f"The box {', '.join(f'{edge:g}' for edge in BOX)} lies between the cells: RoI pooling rounds it to "
                f"{', '.join(f'{edge:g}' for edge in rounded)} and takes maxima, {_said(_list(pooled))}.",
                f"框 {', '.join(f'{edge:g}' for edge in BOX)} 不在格线上：RoI 池化取整为 "
                f"{', '.join(f'{edge:g}' for edge in rounded)}，"
                f"再取最大值，得 {_said(_list(pooled))}。",
            ),
            (
                f"RoIAlign rounds nothing: four bilinear samples in each bin and their mean, {_said(own)}.",
                f"RoIAlign 不取整：每个小格取四个双线性采样的平均，得 {_said(own)}。",
            ),
            (
                f"While the box moves, pooling jumps by up to {jumps[0]:.2f} at once and then stands still; RoIAlign "
                f"follows, by {jumps[1]:.3f} a step.",
                f"框移动时，池化一次跳变可达 {jumps[0]:.2f}，之后不动；RoIAlign 平滑跟随，每步 {jumps[1]:.3f}。",
            ),
        ),
    )


def _list(x: torch.Tensor) -> list[float]:
    return [round(value, 6) for value in x.flatten().tolist()]


def _said(own: list[float]) -> str:
    return " ".join(f"{value:.2f}" for value in own)


def _map(axis: Any, x: torch.Tensor, title: str) -> None:  # noqa: ANN401
    show_pixels(axis, x[0, 0].numpy(), title, cmap="Greys", vmin=0, vmax=40)
    for r in range(SIDE):
        for c in range(SIDE):
            axis.text(c, r, f"{float(x[0, 0, r, c]):g}", ha="center", va="center", fontsize=7, color="#555555")


def _box(axis: Any, edges: list[float], style: str) -> None:  # noqa: ANN401
    x0, y0, x1, y1 = edges
    axis.plot([x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0], color=plots.ACCENT, linestyle=style, linewidth=1.6)
