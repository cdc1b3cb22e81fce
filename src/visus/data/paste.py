"""Objects of another picture, pasted into a picture: other scenes of the same objects.

Ghiasi et al., "Simple copy-paste is a strong data augmentation method for instance segmentation", CVPR 2021. Objects
are cut out along their shapes and laid at random places, without regard to what is there; what they cover of other
objects is taken from those (section 3). Here objects are scaled by up to 65 % and mirrored, and edges are blended by
half a pixel.
"""

import numpy as np
from numpy.typing import NDArray

from visus.data.joint_boxes import VISIBLE, Sample

MOST = 3
"""Objects that are pasted at once."""

_ZOOM = 0.5  # half the range of the scale, in the logarithm
_LEAST = 8  # pixels of a side
_BEYOND = 4  # so many parts has a side, of which one may lie beyond the picture

Cut = tuple[NDArray[np.float32], NDArray[np.float32]]
"""An object cut out: pixels ``(h, w, 3)`` in [0, 255], and how much each belongs to it, ``(h, w)`` in [0, 1]."""


def paste(sample: Sample, other: Sample, random: np.random.Generator, *, flip: bool = True) -> Sample:
    """A picture with one to three objects of another one, each after the others.

    Args:
        sample: The picture, with the shapes of its objects.
        other: The other one, likewise.
        random: Chooses objects, scales and places.
        flip: Whether mirrored objects are of the same class.

    Returns:
        Objects of which less than 30 % can be seen any more are left out; boxes of those that are covered in part hold
        what can be seen. Proposals are left out.
    """
    found = sample
    chosen = random.permutation(len(other.boxes))[: random.integers(1, MOST + 1)]
    for place in chosen.tolist():
        cut = _cut(other, place, random, sample.picture.shape[:2], flip=flip)
        if cut is not None:
            found = _laid(found, cut, int(other.labels[place]), random)
    return found


def _cut(other: Sample, place: int, random: np.random.Generator, within: tuple[int, ...], *, flip: bool) -> Cut | None:
    """An object at another scale, no larger than a picture; None for one that shows nothing."""
    import cv2

    assert other.masks is not None
    mask = other.masks[place]
    if not mask.any():
        return None
    x0, y0, x1, y1 = box_of(mask)
    pixels, inside = other.picture[y0:y1, x0:x1], mask[y0:y1, x0:x1].astype(np.float32)
    height, width = inside.shape
    scale = min(np.exp(random.uniform(-_ZOOM, _ZOOM)), within[0] / height, within[1] / width)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    if max(size) < _LEAST:
        return None
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(pixels, size, interpolation=kind), np.float32)
    share = np.asarray(cv2.resize(inside, size, interpolation=kind), np.float32)
    if flip and random.random() < 0.5:
        return small[:, ::-1], share[:, ::-1]
    return small, share


def _laid(sample: Sample, cut: Cut, label: int, random: np.random.Generator) -> Sample:
    """A picture with an object more."""
    assert sample.masks is not None
    pixels, share = cut
    (height, width), (h, w) = sample.picture.shape[:2], share.shape
    y = int(random.integers(-(h // _BEYOND), height - h + h // _BEYOND + 1))
    x = int(random.integers(-(w // _BEYOND), width - w + w // _BEYOND + 1))
    rows, columns = slice(max(0, y), min(height, y + h)), slice(max(0, x), min(width, x + w))
    own = slice(rows.start - y, rows.stop - y), slice(columns.start - x, columns.stop - x)
    part = share[own]
    new = np.zeros((height, width), bool)
    new[rows, columns] = part >= 0.5
    if not new.any():
        return sample
    picture = sample.picture.copy()
    below = picture[rows, columns]
    picture[rows, columns] = np.rint(below + (pixels[own] - below) * part[..., None]).astype(np.uint8)
    left = _uncovered(sample, new)
    assert left.masks is not None
    boxes = np.concatenate([left.boxes, np.array([box_of(new)], np.float32)])
    labels = np.append(left.labels, np.int64(label))
    return Sample(picture, boxes, labels, np.concatenate([left.masks, new[None]]))


def _uncovered(sample: Sample, cover: NDArray[np.bool_]) -> Sample:
    """The objects of which enough can be seen, as far as they can be seen."""
    assert sample.masks is not None
    masks, boxes = sample.masks & ~cover, sample.boxes.copy()
    before, after = (own.sum(axis=(1, 2)) for own in (sample.masks, masks))
    kept = (after >= VISIBLE * before) & ((after > 0) | (before == 0))
    for place in np.flatnonzero(kept & (after < before)):
        boxes[place] = box_of(masks[place])
    return Sample(sample.picture, boxes[kept], sample.labels[kept], masks[kept])


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """The box x0, y0, x1, y1 around what a mask ``(H, W)`` shows, in pixels; the last ones lie outside.

    >>> box_of(np.eye(4, 5, dtype=bool))
    (0, 0, 4, 4)
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
