"""Region proposals by selective search: boxes that may hold an object, whatever it is.

Uijlings, van de Sande, Gevers and Smeulders, "Selective search for object recognition", IJCV 2013, as OpenCV has it:
regions of like color, texture, size and fill are merged step by step, and the box of every region is a proposal.

The paper ranks regions by the step of their merger times a random number, so that large ones come first and not only
they. OpenCV draws that number anew in each call; here the same boxes are ranked by their area and a seeded number, so
that the answer is the same each time.

What it finds depends on the size of a picture, and its time grows faster than the pixels. The authors of R-CNN bring
all pictures to a width of 500; here larger ones are brought to a longer side of 640.
"""

import contextlib
import hashlib
import io
import os
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from visus._errors import InputError
from visus._files import write_atomically
from visus.images.check import colors_of, whole
from visus.images.scale import shrink
from visus.ops import boxes

Mode = Literal["fast", "quality"]
MODES = ("fast", "quality")
MOST = 2000
"""Proposals of a picture, of R-CNN and Fast R-CNN."""
_SMALLEST = 8  # pixels of a side
_LONGEST = 640
_SEED = 0

Boxes = NDArray[np.float32]


def selective_search(picture: NDArray[np.uint8], mode: Mode = "fast", *, most: int = MOST) -> Boxes:
    """Boxes that may hold an object (Uijlings et al., IJCV 2013).

    Args:
        picture: ``(H, W, 3)`` uint8 RGB.
        mode: ``"fast"`` merges in 2 color spaces from 2 scales, ``"quality"`` in 5 from 4: three times as many boxes
            in three times the time.
        most: How many at most.

    Returns:
        ``(n, 4)`` float32: x0, y0, x1, y1 in pixels, the first ones the best. The whole picture where a side is below
        8 pixels, or where nothing is found.

    Raises:
        InputError: It is no such picture, the mode is unknown, or ``most`` is below 1.

    >>> selective_search(np.zeros((4, 6, 3), np.uint8)).tolist()
    [[0.0, 0.0, 6.0, 4.0]]
    """
    import cv2

    colors_of(picture)
    if mode not in MODES or most < 1:
        raise InputError(f"The mode must be one of {', '.join(MODES)} and most at least 1, not {mode!r} and {most}.")
    height, width = picture.shape[:2]
    if min(height, width) < _SMALLEST:
        return np.array([[0, 0, width, height]], np.float32)
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(np.ascontiguousarray(shrink(picture, _LONGEST)[..., ::-1]))
    if mode == "fast":
        search.switchToSelectiveSearchFast()
    else:
        search.switchToSelectiveSearchQuality()
    found = np.asarray(search.process(), np.float32).reshape(-1, 4)
    if not len(found):  # one color all over
        return np.array([[0, 0, width, height]], np.float32)
    found[:, 2:] += found[:, :2]  # (x, y, w, h) to edges
    found *= max(1, max(height, width) / _LONGEST)
    found = np.minimum(found, np.array([width, height] * 2, np.float32))
    return _ranked(np.unique(found, axis=0))[:most]


def _ranked(found: Boxes) -> Boxes:
    """The largest first, but for chance."""
    areas = (found[:, 2] - found[:, 0]) * (found[:, 3] - found[:, 1])
    places = np.empty(len(found))
    places[np.argsort(-areas, kind="stable")] = np.arange(1, len(found) + 1)
    chance = np.random.default_rng(_SEED).random(len(found))
    return found[np.argsort(places * chance, kind="stable")]


def remembered(
    picture: NDArray[np.uint8], folder: str | os.PathLike[str], mode: Mode = "fast", *, most: int = MOST
) -> Boxes:
    """The same as :func:`selective_search`, from a folder where it was found before for this picture, or written there.

    Args:
        picture: ``(H, W, 3)`` uint8 RGB.
        folder: One file for each picture, named after its content.
        mode: See :func:`selective_search`.
        most: See there.

    Returns:
        ``(n, 4)`` float32, as :func:`selective_search`.

    Raises:
        InputError: It is no such picture, the mode is unknown, or ``most`` is below 1.
    """
    whole("most", most)
    content = hashlib.sha256(repr((picture.shape, mode, _LONGEST)).encode() + picture.tobytes()).hexdigest()[:32]
    path = Path(folder) / content[:2] / f"{content}.npy"
    found = _read(path)
    if found is None:
        found = selective_search(picture, mode, most=1_000_000)
        buffer = io.BytesIO()
        np.save(buffer, found.astype(np.float32))
        with contextlib.suppress(OSError):  # where it cannot be kept, it is found again the next time
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, buffer.getvalue())
    return found[:most]


def _read(path: Path) -> Boxes | None:
    """What was written before; None where there is nothing, or something else."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    fine = found.ndim == 2 and found.shape[1] == 4 and found.dtype == np.float32 and np.isfinite(found).all()
    return found if fine else None


def recall(proposals: Boxes, truth: Boxes, threshold: float = 0.5) -> float:
    """Which share of the true boxes some proposal overlaps by at least an IoU (Hosang et al., PAMI 2016).

    Args:
        proposals: ``(n, 4)`` float32 in pixels.
        truth: ``(m, 4)`` float32 in pixels.
        threshold: The IoU, from 0 to 1.

    Returns:
        In [0, 1]; NaN where there are no true boxes.

    >>> truth = np.array([[0, 0, 4, 4], [8, 8, 9, 9]], np.float32)
    >>> recall(np.array([[0, 0, 4, 3]], np.float32), truth)
    0.5
    """
    if not len(truth):
        return float("nan")
    if not len(proposals):
        return 0.0
    overlaps = boxes.iou(torch.as_tensor(truth, dtype=torch.float32), torch.as_tensor(proposals, dtype=torch.float32))
    return float((overlaps.amax(1) >= threshold).float().mean())
