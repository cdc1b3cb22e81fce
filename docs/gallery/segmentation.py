"""Five ways to make a coarse map fine, and what a dense CRF makes of a rough outline.

python -m docs.gallery.segmentation     writes docs/pictures/upsampling.jpg and docs/pictures/crf.jpg
"""

from pathlib import Path

import cv2
import numpy as np
import torch
from tests.support.photographs import photographs

from visus import read, write
from visus.images import draw, plots
from visus.ops import crf, upsample

STRIDE = 4
OUTLINE = ((200, 90), (400, 60), (480, 200), (420, 330), (270, 380), (150, 280))
"""A rough outline of the flower, x and y in pixels."""


def upsampling() -> object:
    """A small map and what each operator makes of it."""
    fine = torch.zeros(1, 1, 16, 16)
    fine[0, 0, 3, 2], fine[0, 0, 6, 13], fine[0, 0, 9, 9], fine[0, 0, 14, 5], fine[0, 0, 1, 9] = 1.0, 0.7, 0.9, 0.5, 0.4
    coarse, positions = upsample.max_pool(fine, STRIDE)
    kernel = upsample.bilinear_kernel(1, STRIDE)
    learned = upsample.transposed_convolution(coarse, kernel, STRIDE, padding=upsample.bilinear_padding(STRIDE))
    maps = {
        "map before pooling": fine,
        "maxima of 4x4": coarse,
        "nearest": upsample.nearest(coarse, STRIDE),
        "bed of nails": upsample.bed_of_nails(coarse, STRIDE),
        "max unpooling": upsample.max_unpool(coarse, positions, (16, 16)),
        "bilinear": upsample.bilinear(coarse, STRIDE),
        "transposed convolution": learned,
    }
    figure = plots.figure(14, 2.4)
    for axis, (title, values) in zip(plots.axes(figure, 1, len(maps)), maps.items(), strict=True):
        axis.imshow(values[0, 0].numpy(), cmap="magma", vmin=0, vmax=1)
        axis.set_title(title, fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.grid(False)
    return figure


def rough_outline() -> np.ndarray:
    """A photograph, a rough outline as what a network might answer, and the answer after the CRF."""
    picture = read(photographs()["flower"])
    inside = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.array(OUTLINE, np.int32)], 1)
    likely = cv2.GaussianBlur(np.where(inside, 0.8, 0.2).astype(np.float32), (0, 0), 12)
    answers = np.stack([1 - likely, likely])
    refined = crf.refine(answers, picture, crf.Settings(appearance=10, alpha=60, beta=15, iterations=10))
    shown = [picture]
    for p in (answers, refined):
        red = np.array([200, 30, 40]) * (p.argmax(0) == 1)[..., None]
        shown.append(np.where(red.any(-1, keepdims=True), 0.45 * picture + 0.55 * red, picture).astype(np.uint8))
    captions = ["photograph", "rough outline", "after ten rounds of messages"]
    return draw.contact_sheet(shown, captions, columns=3, tile=330)


def main() -> None:
    """Write both."""
    here = Path(__file__).parents[1] / "pictures"
    plots.save(upsampling(), here / "upsampling.png")  # pyright: ignore[reportArgumentType]
    write(here / "upsampling.jpg", read(here / "upsampling.png"), quality=85)
    (here / "upsampling.png").unlink()
    write(here / "crf.jpg", rough_outline(), quality=85)


if __name__ == "__main__":
    main()
