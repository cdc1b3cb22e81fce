"""Anchors: boxes of several sizes and shapes around each point of a map, and which of them learn to be an object."""

import torch

from visus.images import draw as drawing
from visus.images import plots
from visus.lessons.sheet import Drawn, Say, show_pixels
from visus.lessons.shipped import photograph
from visus.ops import anchors, boxes

STRIDE, SIZES, RATIOS = 32, (64.0, 128.0, 256.0), (0.5, 1.0, 2.0)
CUP = (0.13, 0.04, 0.8, 0.97)
"""The cup on the saucer of the photograph, as shares of its width and height."""
POSITIVE, NEGATIVE = 0.7, 0.3
_SIDE = 384


def draw(say: Say) -> Drawn:
    """The anchors of one point, the best one for an object, and the kinds of all of them."""
    picture = drawing.fit(photograph("coffee-cup"), _SIDE)
    height, width = picture.shape[:2]
    size = (height // STRIDE, width // STRIDE)
    grid = anchors.grid(size, STRIDE, SIZES, RATIOS)
    truth = torch.tensor([CUP]) * torch.tensor([width, height, width, height])
    overlap = boxes.iou(grid, truth)[:, 0]
    best = int(overlap.argmax())
    offsets = boxes.encode(truth, grid[[best]])[0]
    count = len(SIZES) * len(RATIOS)
    middle = (size[0] // 2 * size[1] + size[1] // 2) * count
    figure = plots.figure(14, 4)
    left, right, bars = plots.axes(figure, 1, 3)
    around = drawing.boxes(picture, grid[middle : middle + count].numpy(), width=2)
    show_pixels(left, around, say(f"{count} anchors around one point", f"一个点周围的 {count} 个锚框"))
    shown = drawing.boxes(picture, truth.numpy(), color=(40, 120, 220), width=3)
    shown = drawing.boxes(shown, grid[[best]].numpy(), [f"IoU {float(overlap[best]):.2f}"], width=3)
    show_pixels(right, shown, say("blue: the object; red: its best anchor", "蓝：目标；红：最好的锚框"))
    bars.hist(overlap.numpy(), bins=40, range=(0, 1), color=plots.SECOND)
    bars.set_yscale("log")
    for edge in (NEGATIVE, POSITIVE):
        bars.axvline(edge, color=plots.ACCENT, linestyle="--")
    bars.set_title(say(f"IoU of all {len(grid):,} anchors", f"全部 {len(grid):,} 个锚框的 IoU"), fontsize=10)
    positive = int(((overlap > POSITIVE) | (overlap == overlap.max())).sum())
    negative = int((overlap < NEGATIVE).sum())
    inside = int(anchors.inside(grid, (height, width)).sum())
    return Drawn(
        figure,
        {
            "anchors": len(grid),
            "positive": positive,
            "negative": negative,
            "inside": inside,
            "best_iou": float(overlap[best]),
            "offsets": offsets.tolist(),
            "around_origin": anchors.around_origin(SIZES, RATIOS).tolist(),
        },
        (
            (
                f"Around each of {size[0]} x {size[1]} points of the map stand {len(SIZES)} sizes in {len(RATIOS)} "
                f"shapes: {len(grid):,} anchors, {inside:,} of them inside the picture.",
                f"特征图的 {size[0]} x {size[1]} 个点上各有 {len(SIZES)} 种大小、{len(RATIOS)} 种形状：共 "
                f"{len(grid):,} 个锚框，"
                f"其中 {inside:,} 个完全在图内。",
            ),
            (
                f"The best and those with an IoU above {POSITIVE:g} learn to be the object, {positive}; those below "
                f"{NEGATIVE:g} learn to be background, {negative:,}; the others teach nothing.",
                f"最好的以及 IoU 高于 {POSITIVE:g} 的锚框学作目标（{positive} 个），低于 {NEGATIVE:g} "
                f"的学作背景（{negative:,} 个），其余不参与训练。",
            ),
            (
                "What leads from the best anchor to the object is learned as four offsets: "
                f"{', '.join(f'{value:.2f}' for value in offsets.tolist())} for x, y, width and height.",
                "从最好的锚框到目标的变换作为四个偏移来学习：x、y、宽、高依次为 "
                f"{', '.join(f'{value:.2f}' for value in offsets.tolist())}。",
            ),
        ),
    )
