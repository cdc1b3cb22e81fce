"""Non-maximum suppression: the best box stays, and takes away those that overlap it too much; then the next."""

import torch
from torch import Tensor

from visus.images import draw as drawing
from visus.images import plots
from visus.lessons.sheet import Drawn, Say, show_pixels
from visus.lessons.shipped import photograph
from visus.ops import boxes

FACE, ROCKET = (0.3, 0.12, 0.68, 0.66), (0.7, 0.02, 0.95, 0.6)
"""Two objects of the portrait, as shares of its width and height."""
THRESHOLD = 0.5
_GRAY = (130, 130, 130)


def candidates(width: int, height: int) -> tuple[Tensor, Tensor]:
    """Seven boxes ``(7, 4)`` float32 around two objects, and how well each fits the better one, ``(7,)`` float32."""
    scale = torch.tensor([width, height, width, height], dtype=torch.float32)
    truth = torch.tensor([FACE, ROCKET]) * scale
    shifts = torch.tensor(
        [
            [0.0, 0.0, 0.01, 0.01], [-0.1, 0.07, 0.03, 0.0], [0.09, -0.07, 0.04, 0.02], [-0.03, 0.17, -0.1, 0.1],
            [0.0, 0.0, 0.0, 0.02], [-0.06, 0.09, 0.02, 0.06], [0.05, 0.17, 0.03, 0.0],
        ]
    )  # fmt: skip
    found = truth[[0, 0, 0, 0, 1, 1, 1]] + shifts * scale
    return found, boxes.iou(found, truth).amax(1)


def draw(say: Say) -> Drawn:
    """All boxes, then each step of the greedy suppression."""
    picture = photograph("astronaut-portrait")
    found, scores = candidates(picture.shape[1], picture.shape[0])
    steps = list(boxes.nms_steps(found, scores, THRESHOLD))
    figure = plots.figure(3.6 * (len(steps) + 1), 4.6)
    axes = plots.axes(figure, 1, len(steps) + 1)
    every = drawing.boxes(picture, found.numpy(), [f"{score:.2f}" for score in scores.tolist()], width=3)
    show_pixels(axes[0], every, say(f"{len(found)} boxes with their scores", f"{len(found)} 个框及其得分"))
    for number, (axis, step) in enumerate(zip(axes[1:], steps, strict=True), 1):
        stays = drawing.boxes(picture, found[[step.kept]].numpy(), [f"{scores[step.kept]:.2f}"], width=5)
        shown = drawing.boxes(
            stays, found[step.removed].numpy(), [f"IoU {own:.2f}" for own in step.overlaps], color=_GRAY, width=3
        )
        title = say(f"step {number}: red stays, gray goes", f"第 {number} 步：红色保留，灰色去除")
        show_pixels(axis, shown, title)
    kept = [step.kept for step in steps]
    same = boxes.nms(found, scores, THRESHOLD).tolist() == kept
    first = steps[0]
    return Drawn(
        figure,
        {
            "scores": scores.tolist(),
            "kept": kept,
            "removed": [step.removed for step in steps],
            "overlaps": [step.overlaps for step in steps],
            "as_in_one_go": same,
        },
        (
            (
                f"Of all boxes the one with the best score stays, here {float(scores[first.kept]):.2f}; boxes that "
                f"overlap it by an IoU of more than {THRESHOLD:g} go: {len(first.removed)} of them.",
                f"所有框中得分最高的保留（这里 {float(scores[first.kept]):.2f}），与它 IoU 超过 {THRESHOLD:g} "
                f"的框被去除：{len(first.removed)} 个。",
            ),
            (
                f"Then the best of what is left, and so on: {len(steps)} steps leave {len(kept)} of {len(found)} "
                "boxes.",
                f"再从剩下的框里取最好的，如此反复：{len(steps)} 步后 {len(found)} 个框剩 {len(kept)} 个。",
            ),
            (
                "What overlaps by less stays although it shows the same object, and two objects that stand close can "
                "lose one: the threshold is a bargain.",
                "重叠不足的框即使是同一目标也会留下，而挨得很近的两个目标可能少一个：阈值是一种折中。",
            ),
        ),
    )
