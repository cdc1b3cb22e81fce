"""Objects of another picture, pasted into a picture: other scenes of the same objects.

Ghiasi et al., "Simple copy-paste is a strong data augmentation method for instance segmentation", CVPR 2021. Objects
are cut out along their shapes and laid at random places, without regard to what is there; what they cover of other
objects is taken from those (section 3). Here both pictures count as of one size, objects are scaled by up to 65 % and
mirrored, and edges are blended by half a pixel.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visus.data.boxes import box_of
from visus.data.joint_boxes import VISIBLE, Sample

MOST = 3
"""Objects that are pasted at once."""

_ZOOM = 0.5  # half the range of the scale, in the logarithm
_LEAST = 0.025  # of the picture's shorter side, that the longer side of an object has
_BEYOND = 4  # so many parts has a side, of which one may lie beyond the picture

Cut = tuple[NDArray[np.float32], NDArray[np.float32]]
"""An object cut out: pixels ``(h, w, 3)`` in [0, 255], and how much each belongs to it, ``(h, w)`` in [0, 1]."""


def paste(sample: Sample, other: Sample, random: np.random.Generator, *, flip: bool = True) -> Sample:
    """A picture with the objects of another one, each laid over those before.

    Args:
        sample: The picture, with the shapes of its objects.
        other: What is cut out, likewise.
        random: Chooses scales and places.
        flip: Whether mirrored objects are of the same class.

    Returns:
        Objects of which less than 30 % can be seen any more are left out; boxes of those that are covered in part hold
        what can be seen. Proposals are left out.
    """
    assert sample.masks is not None
    assert other.masks is not None
    picture, masks, labels = sample.picture.copy(), list(sample.masks), sample.labels.tolist()
    areas = [int(mask.sum()) for mask in masks]
    for mask, label in zip(other.masks, other.labels.tolist(), strict=True):
        cut = _cut(other.picture, mask, random, picture.shape, flip=flip)
        if cut is not None:
            new = _lay(picture, cut, random)
            masks = [own & ~new for own in masks] + [new]
            areas.append(int((cut[1] >= 0.5).sum()))
            labels.append(label)
    return _seen(Sample(picture, sample.boxes, np.array(labels, np.int64)), masks, areas)


def _cut(
    picture: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    random: np.random.Generator,
    within: tuple[int, ...],
    *,
    flip: bool,
) -> Cut | None:
    """An object at another scale, no larger than a picture; None for one that shows nothing."""
    import cv2

    if not mask.any():
        return None
    x0, y0, x1, y1 = box_of(mask)
    pixels, inside = picture[y0:y1, x0:x1], mask[y0:y1, x0:x1].astype(np.float32)
    height, width = inside.shape
    short = min(within[:2])
    scale = np.exp(random.uniform(-_ZOOM, _ZOOM)) * short / min(picture.shape[:2])
    scale = min(scale, within[0] / height, within[1] / width)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    if max(size) < _LEAST * short:
        return None
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(pixels, size, interpolation=kind), np.float32)
    share = np.asarray(cv2.resize(inside, size, interpolation=kind), np.float32)
    if flip and random.random() < 0.5:
        return small[:, ::-1], share[:, ::-1]
    return small, share


def _lay(picture: NDArray[np.uint8], cut: Cut, random: np.random.Generator) -> NDArray[np.bool_]:
    """Lay an object somewhere over a picture, which is changed; where it is, ``(H, W)``."""
    pixels, share = cut
    (height, width), (h, w) = picture.shape[:2], share.shape
    y = int(random.integers(-(h // _BEYOND), height - h + h // _BEYOND + 1))
    x = int(random.integers(-(w // _BEYOND), width - w + w // _BEYOND + 1))
    rows, columns = slice(max(0, y), min(height, y + h)), slice(max(0, x), min(width, x + w))
    own = slice(rows.start - y, rows.stop - y), slice(columns.start - x, columns.stop - x)
    below, part = picture[rows, columns], share[own]
    picture[rows, columns] = np.rint(below + (pixels[own] - below) * part[..., None]).astype(np.uint8)
    found = np.zeros((height, width), bool)
    found[rows, columns] = part >= 0.5
    return found


def _seen(sample: Sample, masks: Sequence[NDArray[np.bool_]], areas: Sequence[int]) -> Sample:
    """The objects of which enough can be seen; boxes of those that were there and are whole stay as they are."""
    kept: list[int] = []
    boxes: list[Sequence[float]] = []
    for place, (mask, area) in enumerate(zip(masks, areas, strict=True)):
        left = int(mask.sum())
        was_there = place < len(sample.boxes)
        if left < VISIBLE * area or (not left and not was_there):
            continue
        kept.append(place)
        boxes.append(sample.boxes[place].tolist() if was_there and left == area else box_of(mask))
    found = np.array([masks[place] for place in kept], bool).reshape(-1, *sample.picture.shape[:2])
    return Sample(sample.picture, np.array(boxes, np.float32).reshape(-1, 4), sample.labels[kept], found)
