"""How boxes are proposed, pooled and suppressed.

python -m docs.gallery.detection     writes docs/pictures/{proposals,roi-shift,suppression}.jpg
"""

from pathlib import Path

import numpy as np
import torch
from tests.support.photographs import photographs

from visus import read, write
from visus.images import draw, plots
from visus.ops import boxes, proposals, roi

STRIDE = 16
FACE = (170.0, 60.0, 280.0, 210.0)
"""The face of the astronaut, x and y of two corners in pixels."""


def proposed() -> np.ndarray:
    """The first boxes of selective search, and those of them that frame the cup best."""
    picture = read(photographs()["coffee"])
    found = proposals.selective_search(picture)
    cup = np.array([[170, 18, 432, 290]], np.float32)
    overlaps = boxes.iou(torch.from_numpy(found), torch.from_numpy(cup))[:, 0].numpy()
    best = found[np.argsort(-overlaps)[:1]]
    shown = [draw.boxes(picture, found[:n], [""] * n) for n in (10, 60)]
    shown.append(draw.boxes(picture, best, [f"IoU {overlaps.max():.2f}"]))
    captions = ["the first 10 proposals", "the first 60", f"the best for the cup, of {len(found):,}"]
    return draw.contact_sheet(shown, captions, columns=3, tile=330)


def shifted() -> object:
    """What one bin answers while its box moves by fractions of a cell of the map."""
    torch.manual_seed(4)
    coarse = torch.rand(1, 1, 6, 6)
    fine = torch.nn.functional.interpolate(coarse, 24, mode="bicubic", align_corners=True)
    shifts = np.linspace(0, 3 * STRIDE, 145)
    moved = [torch.tensor([[64.0 + s, 64.0, 176.0 + s, 176.0]]) for s in shifts]
    kinds = {
        "RoI pooling (edges rounded to cells)": lambda box: roi.pool(fine, [box], 7, scale=1 / STRIDE),
        "RoIAlign, average of four samples": lambda box: roi.align(fine, [box], 7, scale=1 / STRIDE),
        "RoIAlign, their maximum": lambda box: roi.align(fine, [box], 7, scale=1 / STRIDE, reduce="maximum"),
    }
    figure = plots.figure(9, 3.4)
    (axis,) = plots.axes(figure, 1, 1)
    for title, pooled in kinds.items():
        axis.plot(shifts, [float(pooled(box)[0, 0, 3, 3]) for box in moved], label=f" {title}")
    axis.set_xlabel("shift of the box in pixels of the picture; a cell of the map has 16", fontsize=9)
    axis.set_ylabel("the middle bin of 7x7", fontsize=9)
    axis.legend(frameon=False, fontsize=8)
    return figure


def suppressed() -> np.ndarray:
    """Boxes around a face, and which of them greedy suppression takes away at each step."""
    picture = read(photographs()["astronaut"])
    truth = torch.tensor([FACE, (360.0, 10.0, 500.0, 330.0)])
    torch.manual_seed(1)
    jittered = truth[[0, 0, 0, 0, 0, 1, 1]] + 22 * torch.randn(7, 4)
    scores = boxes.iou(jittered, truth).amax(1)
    shown = [draw.boxes(picture, jittered.numpy(), [f"{s:.2f}" for s in scores.tolist()])]
    captions = ["seven boxes with their scores"]
    for number, step in enumerate(boxes.nms_steps(jittered, scores, 0.4), 1):
        gone = draw.boxes(picture, jittered[step.removed].numpy(), [f"{o:.2f}" for o in step.overlaps], color=GRAY)
        kept = [f"{scores[step.kept]:.2f}"]
        shown.append(draw.boxes(gone, jittered[[step.kept]].numpy(), kept))
        captions.append(f"step {number}: the best stays; in gray, with their IoU,\nthose that it takes away")
    return draw.contact_sheet(shown, captions, columns=3, tile=330)


GRAY = (120, 120, 120)


def main() -> None:
    """Write them."""
    here = Path(__file__).parents[1] / "pictures"
    write(here / "proposals.jpg", proposed(), quality=85)
    plots.save(shifted(), here / "roi-shift.png")  # pyright: ignore[reportArgumentType]
    write(here / "roi-shift.jpg", read(here / "roi-shift.png"), quality=85)
    (here / "roi-shift.png").unlink()
    write(here / "suppression.jpg", suppressed(), quality=85)


if __name__ == "__main__":
    main()
