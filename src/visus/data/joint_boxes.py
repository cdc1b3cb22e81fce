"""Change a picture, its boxes and the shapes of its objects in the same way at random."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus.data.augment import Strength
from visus.data.boxes import box_of
from visus.data.joint import recolored

VISIBLE = 0.3
"""Share of an object; one of which less is left is taken away."""

_WHOLE = 0.97  # of the pixels of a shape, with which it was not cut
# Half the range of the zoom (in the logarithm), the stretch (likewise), the shift (shares of the sides), and of
# brightness, contrast and saturation (shares).
_RANGES: dict[str, tuple[float, float, float, float]] = {
    "none": (0, 0, 0, 0),
    "light": (0.2, 0.05, 0.1, 0.15),
    "strong": (0.5, 0.15, 0.25, 0.3),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture with its objects, ready for a network.

    Attributes:
        picture: ``(H, W, 3)`` uint8.
        boxes: ``(n, 4)`` float32.
        labels: ``(n,)`` int64.
        masks: ``(n, H, W)`` bool, or None where shapes are not wanted.
        proposals: ``(m, 4)`` float32, or None where they are not wanted.
    """

    picture: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    masks: NDArray[np.bool_] | None = None
    proposals: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class JointBoxes:
    """What may happen to a picture and its objects.

    ``light`` zooms by up to 22 %, stretches by up to 5 %, shifts by up to a tenth, mirrors, and changes brightness,
    contrast and saturation by up to 15 %; ``strong`` zooms by up to 65 %, stretches by up to 16 %, shifts by up to a
    quarter, mirrors and changes colors by up to 30 %. Nothing is turned, since a turned box is a larger one.

    Attributes:
        strength: ``"none"``, ``"light"`` or ``"strong"``.
        flip: Whether mirrored objects are of the same class.
    """

    strength: Strength = "none"
    flip: bool = True

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        """A sample of the same size, changed at random; beyond the picture lies its mean color."""
        zoom, stretch, shift, change = _RANGES[self.strength]
        if self.strength == "none":
            return sample
        height, width = sample.picture.shape[:2]
        scale = np.exp(random.uniform(-zoom, zoom) + random.uniform(-stretch, stretch, 2))  # x, y
        side = np.array([width, height])
        offset = (side - scale * side) / 2 + random.uniform(-shift, shift, 2) * side
        if self.flip and random.random() < 0.5:
            scale[0], offset[0] = -scale[0], width - offset[0]
        moved = _moved(sample, scale, offset)
        return Sample(recolored(moved.picture, change, random), moved.boxes, moved.labels, moved.masks, moved.proposals)


def _moved(sample: Sample, scale: NDArray[np.float64], offset: NDArray[np.float64]) -> Sample:
    """Edges x become scale x + offset, in the picture and in all that belongs to it."""
    import cv2

    height, width = sample.picture.shape[:2]
    # Pixels are squares: the middle of pixel k lies at k + 0.5.
    affine = np.array([
        [scale[0], 0, offset[0] + 0.5 * scale[0] - 0.5],
        [0, scale[1], offset[1] + 0.5 * scale[1] - 0.5],
    ])  # fmt: skip
    mean = sample.picture.mean((0, 1)).tolist()
    picture = cv2.warpAffine(sample.picture, affine, (width, height), flags=cv2.INTER_LINEAR, borderValue=mean)
    boxes, visible = _mapped(sample.boxes, scale, offset, (height, width))
    masks = None
    if sample.masks is not None:
        warped = [
            cv2.warpAffine(mask.astype(np.uint8), affine, (width, height), flags=cv2.INTER_NEAREST)
            for mask in sample.masks
        ]
        masks = np.array(warped, bool).reshape(len(warped), height, width)
        boxes, shown = _fitted(boxes, masks, sample.masks.sum(axis=(1, 2)) * abs(scale.prod()))
        visible &= shown
        masks = masks[visible]
    proposals = None
    if sample.proposals is not None:
        own, there = _mapped(sample.proposals, scale, offset, (height, width))
        proposals = own[there]
    return Sample(np.asarray(picture, np.uint8), boxes[visible], sample.labels[visible], masks, proposals)


def _fitted(
    boxes: NDArray[np.float32], masks: NDArray[np.bool_], areas: NDArray[np.floating]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Boxes of shapes that were cut, around what is left of them; and of which shapes enough is left.

    Args:
        boxes: ``(n, 4)``, cut to the picture.
        masks: ``(n, H, W)``, what is left.
        areas: ``(n,)``, pixels that whole shapes have there; 0 for an object without a shape.
    """
    found, left = boxes.copy(), masks.sum(axis=(1, 2))
    cut = (left > 0) & (left < _WHOLE * areas)
    for place in np.flatnonzero(cut):
        found[place] = box_of(masks[place])
    return found, left >= VISIBLE * areas


def _mapped(
    boxes: NDArray[np.float32], scale: NDArray[np.float64], offset: NDArray[np.float64], size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Boxes after the change, cut to the picture, and of which enough is left."""
    corners = boxes.reshape(-1, 2, 2) * scale + offset  # (n, corner, x and y)
    whole = np.concatenate([corners.min(1), corners.max(1)], 1)
    cut = np.clip(whole, 0, np.array([size[1], size[0]] * 2))
    left, before = (np.prod(b[:, 2:] - b[:, :2], axis=1) for b in (cut, whole))
    return cut.astype(np.float32), (left >= VISIBLE * before) & ((cut[:, 2:] - cut[:, :2]) >= 1).all(1)
