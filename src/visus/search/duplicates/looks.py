"""What is looked at of a small picture before it is compared: the part without a border, a card, corners.

A card is the gray picture shrunk to 32 x 32: two whole pictures agree if their cards do, in one of the eight turns of
a square. Corners are ORB features (Rublee et al., "ORB: an efficient alternative to SIFT or SURF", ICCV 2011): of
crops and tilted copies they agree in one similarity.
"""

import functools
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from visus._once import once

Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]
Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, the last ones outside."""

CARD = 32
"""Side of a card."""

TURNS = tuple((mirrored, quarters) for mirrored in (False, True) for quarters in range(4))
"""The eight turns of a square: mirrored left to right or not, then so many quarter turns counterclockwise."""

_LEAST_SPREAD = 3.0  # standard deviation of a card, in gray levels, below which it says nothing
_FLAT = 8  # gray levels between the pixels of a border
_BORDER = 0.97  # share of a line's pixels that must be so alike
_SAMPLES = 64  # of a line
_LEAST_PART = 0.15  # of a side that the part without a border must have
_TALL, _SIDES = 1.2, 5  # times its width, from which a picture may stand between bars; parts of it beside its middle
_LEAST_BAR, _MOST_BAR, _LEAST_SIDE = 0.1, 0.42, 0.02  # of the height that each such bar has, and of the width at a side
_SHARPER = 3.0  # times the difference between pixels of bars that others have
_LINE = 10.0  # gray levels between both sides of the line at which a bar ends
_NEAR = 48  # parts of the height: so far from that line encoders leave rings
_CORNERS = 100
_PATCH, _STEP = 21, 1.3  # side of a corner's patch in pixels, and how much coarser each level is


@dataclass(frozen=True, slots=True, eq=False)
class Corners:
    """Local features of a small picture.

    Attributes:
        points: ``(N, 4)`` float32: x, y, size in pixels, angle in degrees.
        bits: ``(N, 4)`` uint64: their descriptions of 256 bits.
    """

    points: Floats
    bits: NDArray[np.uint64]


class Look:
    """A small picture, ready to be compared; its pixels are asked for where they are needed, so that many can be kept.

    Args:
        picture: Gives the picture, ``(h, w)`` uint8 (see :func:`decoded`).

    Attributes:
        shape: Its height and width in pixels.
        boxes: The whole, and the part without a border where there is one.
        cards: ``(len(boxes), 32, 32)`` float32, each of mean 0 and length 1; zeros for one that says nothing.
    """

    def __init__(self, picture: Callable[[], Gray]) -> None:
        self._picture = picture
        gray = self.gray
        self.shape = gray.shape
        whole = (0, 0, gray.shape[1], gray.shape[0])
        self.boxes = [whole] if (inner := without_border(gray)) == whole else [whole, inner]
        self.cards = np.stack([_card(gray, box) for box in self.boxes])

    @property
    def gray(self) -> Gray:
        """The picture, ``(h, w)`` uint8."""
        return self._picture()

    def detail(self, box: int) -> Floats:
        """What a card shows beside large shapes, ``(28, 28)`` float32 of length 1.

        Args:
            box: Which one.
        """
        import cv2

        card = self.cards[box]
        fine = (card - np.asarray(cv2.blur(card, (5, 5)), np.float32))[2:-2, 2:-2]
        return fine / max(float(np.linalg.norm(fine)), 1e-9)

    @property
    def turns(self) -> Floats:
        """The cards in all turns, ``(len(boxes) * 8, 1024)`` float32."""
        return self.cards.reshape(len(self.cards), -1)[:, _places()].reshape(-1, CARD * CARD)

    @once
    def corners(self) -> Corners:
        """Features of the picture."""
        return _corners(*_detector().detectAndCompute(self.gray, None))

    @once
    def mirrored(self) -> Corners:
        """Features of the picture mirrored left to right: at the same places."""
        import cv2

        last = self.shape[1] - 1
        points = [
            cv2.KeyPoint(last - x, y, size, (180 - angle) % 360, 0, round(math.log(size / _PATCH, _STEP)))
            for x, y, size, angle in self.corners.points.tolist()
        ]
        return _corners(*_detector().compute(np.ascontiguousarray(self.gray[:, ::-1]), points))


def decoded(thumbnail: bytes) -> Gray:
    """The gray levels of a small picture.

    Args:
        thumbnail: A JPEG; one that cannot be read is black, and says nothing.

    Returns:
        ``(h, w)`` uint8.

    >>> decoded(b"").shape
    (32, 32)
    """
    try:
        return simplejpeg.decode_jpeg(thumbnail, colorspace="GRAY")[:, :, 0]
    except ValueError:
        return np.zeros((CARD, CARD), np.uint8)


def without_border(gray: Gray) -> Box:
    """The part of a picture inside a border of one color, or a letterbox: the longest run of lines that are not flat.

    Args:
        gray: ``(h, w)`` uint8.

    Returns:
        The whole where there is no border, or where hardly anything would remain.

    >>> picture = np.full((40, 60), 255, np.uint8)
    >>> picture[10:30, 5:50] = np.arange(45 * 20).reshape(20, 45) * 77 % 251
    >>> without_border(picture)
    (5, 10, 50, 30)
    """
    height, width = gray.shape
    x0, y0, x1, y1 = whole = (0, 0, width, height)
    down, across = np.linspace(0, height - 1, _SAMPLES).astype(int), np.linspace(0, width - 1, _SAMPLES).astype(int)
    if not _flat(np.stack([gray[0, across], gray[-1, across], gray[down, 0], gray[down, -1]])).any():
        return between_blur(gray)
    for _ in range(2):  # a frame around a letterbox
        top, bottom = _longest(~_flat(gray[y0:y1, x0:x1]))
        y0, y1 = y0 + top, y0 + bottom
        left, right = _longest(~_flat(gray[y0:y1, x0:x1].T))
        x0, x1 = x0 + left, x0 + right
        if y1 - y0 < _LEAST_PART * height or x1 - x0 < _LEAST_PART * width:
            return whole
    return x0, y0, x1, y1


def between_blur(gray: Gray) -> Box:
    """The part of a picture between bars of one size that show only blur, or within such a frame, as stories have it.

    Args:
        gray: ``(h, w)`` uint8.

    Returns:
        The whole where there are no such bars: they begin at straight lines.
    """
    height, width = gray.shape
    if width > height:
        x0, y0, x1, y1 = between_blur(gray.T)
        return y0, x0, y1, x1
    middle = gray[:, width // _SIDES : width - width // _SIDES]
    if width < CARD or height < _TALL * width or not (top := _blurred_until(middle, _LEAST_BAR)):
        return 0, 0, width, height
    left = _blurred_until(gray[top : height - top].T, _LEAST_SIDE)
    return left, top, width - left, height - top


def _blurred_until(lines: Gray, least: float) -> int:
    """How many lines ``(N, length)`` at both ends show only blur, up to where all at once something begins.

    Args:
        lines: Of a picture.
        least: The share of them that does at least.

    Returns:
        0 for none.
    """
    import cv2

    count, near = len(lines), max(3, len(lines) // _NEAR)
    values = lines.astype(np.int16)
    steps = np.abs(np.diff(values, axis=0)).mean(axis=1).astype(np.float32)
    around = np.asarray(cv2.dilate(steps, np.ones((3, 1), np.uint8))).ravel()  # lines may end within a pixel
    both = np.minimum(steps, around[::-1])[: round(_MOST_BAR * count)]
    both[: round(least * count)] = 0
    first = int((both >= max(_LINE, both.max() / 2)).argmax())
    end = first + int(both[first : first + 3].argmax()) + 1
    bars = np.concatenate([values[: end - near], values[count - end + near :]])
    steps[end - 1 - near : count - end + near] = 0
    if both[end - 1] < max(_LINE, _SHARPER * steps.max()) or end <= near:
        return 0
    rough, inside = (float(np.abs(np.diff(part, axis=1)).mean()) for part in (bars, values[end : count - end]))
    return end if inside >= _SHARPER * rough else 0


def _flat(lines: Gray) -> NDArray[np.bool_]:
    """Which lines ``(N, length)`` have one color but for a few pixels."""
    if not lines.size:
        return np.ones(len(lines), bool)
    some = lines[:, :: max(1, lines.shape[1] // _SAMPLES)].astype(np.int16)
    middle = np.partition(some, some.shape[1] // 2, axis=1)[:, some.shape[1] // 2]
    return (np.abs(some - middle[:, None]) <= _FLAT).mean(axis=1) >= _BORDER


def _longest(wanted: NDArray[np.bool_]) -> tuple[int, int]:
    """Begin and end of the longest run of True."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], wanted.astype(np.int8), [0]])))
    if not len(steps):
        return 0, 0
    best = int(np.argmax(steps[1::2] - steps[::2]))
    return int(steps[2 * best]), int(steps[2 * best + 1])


def _card(gray: Gray, box: Box) -> Floats:
    import cv2

    x0, y0, x1, y1 = box
    card = np.asarray(cv2.resize(gray[y0:y1, x0:x1], (CARD, CARD), interpolation=cv2.INTER_AREA), np.float32)
    card -= card.mean()
    length = float(np.linalg.norm(card))
    return card / length if length >= _LEAST_SPREAD * CARD else np.zeros_like(card)


@functools.cache
def _places() -> NDArray[np.int64]:
    """Where each value of a turned card comes from, ``(8, 1024)``."""
    own = np.arange(CARD * CARD).reshape(CARD, CARD)
    return np.stack([turned(own, turn).ravel() for turn in TURNS])


def turned(card: NDArray[Any], turn: tuple[bool, int]) -> NDArray[Any]:
    """A card in one of :data:`TURNS`."""
    mirrored, quarters = turn
    return np.rot90(card[:, ::-1] if mirrored else card, quarters)


_own = threading.local()


def _detector() -> Any:  # noqa: ANN401 - of OpenCV; each thread has its own
    import cv2

    if not hasattr(_own, "detector"):
        _own.detector = cv2.ORB_create(  # pyright: ignore[reportAttributeAccessIssue]
            nfeatures=_CORNERS, scaleFactor=_STEP, nlevels=4, edgeThreshold=15, patchSize=_PATCH, fastThreshold=15
        )
    return _own.detector


def _corners(found: Sequence[Any], bits: NDArray[np.uint8] | None) -> Corners:
    """Features as OpenCV gives them."""
    points = np.array([(*corner.pt, corner.size, corner.angle) for corner in found], np.float32).reshape(-1, 4)
    return Corners(points, np.zeros((0, 4), np.uint64) if bits is None else bits.view(np.uint64))
