"""Marks and writing: what was laid over a picture, and whether that is all that differs."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visus.search.duplicates.blocks import grown
from visus.search.duplicates.looks import Floats

_MARKED = 20.0  # gray levels that a mark changes at least
_UNTOUCHED, _BESIDE_MARK = 6.0, 0.05  # gray levels, and share of the pixels in blocks with a mark that change no more
_SEEN = 8.0  # standard deviation of the gray levels under a mark, with less of which nothing is seen through it
_INNER, _SHOWS = 8, 0.5  # pixels inside of a mark, and their correlation with what is under it
_THIN = 0.85  # share of what writing changes that lies in thin strokes
_VISIBLE = 30.0  # gray levels by which something differs that no mark explains
_AGAINST = 0.75  # times the standard deviation of the gray levels around it, by which it must differ too
_AROUND = 25  # side of what counts as around, pixels
_RIM = 3  # pixels beside the end of a picture that are not looked at


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark through which a picture is seen, with less contrast.

    Attributes:
        which: The picture that has it.
        slope: What is left of the contrast where the mark is strongest.
        offset: Gray levels that are added there.
    """

    which: Literal["first", "second"]
    slope: float
    offset: float


def mark_in(x: Floats, y: Floats) -> Mark | None:
    """The mark that one of two pictures has, if it is one through which the other is seen.

    Under such a mark a picture is still there, with less contrast: marked = a clean + b, with one a and b wherever the
    mark is strongest. Under writing or another object it is not.

    Args:
        x: ``(N, s, s)`` blocks of the first picture that do not quite agree.
        y: The same blocks of the second.
    """
    busy = [np.abs(np.diff(part, axis=2)).mean() for part in (x, y)]
    clean, marked = (x, y) if busy[1] > busy[0] else (y, x)
    change = np.abs(marked - clean)
    core = (change >= _MARKED) & (change >= 0.8 * change.max(axis=(1, 2), keepdims=True))
    under, above = clean[core], marked[core]
    if core.sum() < 50 or under.std() < _SEEN:
        return None
    a, b = np.polyfit(under, above, 1)
    fits = np.abs(a * under + b - above) < _MARKED
    if not 0.25 < a < 0.95 or fits.mean() < 0.8 or not _is_seen_through(clean, marked, core):
        return None
    would_change = np.abs((a - 1) * clean + b) >= _MARKED
    if np.count_nonzero(would_change & (change <= _UNTOUCHED)) < _BESIDE_MARK * np.count_nonzero(would_change):
        return None  # all of it is darker or lighter: tones, and no mark
    return Mark("second" if marked is y else "first", float(a), float(b))


def _is_seen_through(clean: Floats, marked: Floats, core: NDArray[np.bool_]) -> bool:
    """Whether a picture shows inside of a mark too: at the edge of what hides it, a point of a plot, both are mixed."""
    import cv2

    near = np.ones((3, 3), np.uint8)
    inner = np.stack([cv2.erode(part.astype(np.uint8), near, borderValue=1) > 0 for part in core])
    if np.count_nonzero(inner) < _INNER:
        return False
    x, y = clean[inner] - clean[inner].mean(), marked[inner] - marked[inner].mean()
    return float((x * y).sum()) > _SHOWS * float(np.sqrt((x * x).sum() * (y * y).sum()))


def explains(
    mark: Mark, pictures: tuple[Floats, Floats], where: NDArray[np.bool_], calm: tuple[Floats, Floats]
) -> bool:
    """Whether a mark is all that differs: each pixel lies between what it is without the mark and right under it.

    Args:
        mark: What was found.
        pictures: The first, laid over the second, and the second, ``(H, W)`` both.
        where: The pixels that both have.
        calm: Blocks of both that agree, ``(N, s, s)``: how the tones differ beside the mark.
    """
    import cv2

    order = 1 if mark.which == "second" else -1
    clean, marked = pictures[::order]
    slope, offset = _line(*calm[::order])
    plain, under = slope * clean + offset, mark.slope * clean + mark.offset
    near = np.ones((3, 3), np.uint8)  # edges may lie a pixel beside their place
    low, high = cv2.erode(np.minimum(plain, under), near), cv2.dilate(np.maximum(plain, under), near)
    beyond = cv2.blur(np.maximum(np.maximum(marked - high, low - marked), 0), (3, 3))
    whole = grown(where, -_RIM)
    return not bool((whole & (beyond >= np.maximum(_VISIBLE, _AGAINST * _contrast(marked)))).any())


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    """The straight line that takes the tones of blocks to those of others: slope and offset."""
    if len(x) < 2:
        return 1.0, 0.0
    means = x.mean(axis=(1, 2)), y.mean(axis=(1, 2))
    if np.ptp(means[0]) < 1:
        return 1.0, 0.0
    slope, offset = np.polyfit(*means, 1)
    return float(slope), float(offset)


def _contrast(picture: Floats) -> Floats:
    """Standard deviation of the gray levels around each pixel."""
    import cv2

    mean, square = (cv2.blur(own, (_AROUND, _AROUND)) for own in (picture, picture * picture))
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0)), np.float32)


def written(x: Floats, y: Floats) -> bool:
    """Whether what changed are thin strokes, as of writing.

    Args:
        x: ``(N, s, s)`` changed blocks of the first picture.
        y: The same of the second.
    """
    import cv2

    thick = np.ones((x.shape[1] // 4 * 2 + 1,) * 2, np.uint8)  # odd, so that opening moves nothing
    differs = [(np.abs(one - two) >= 2 * _MARKED).astype(np.uint8) for one, two in zip(x, y, strict=True)]
    strokes = [part - np.asarray(cv2.morphologyEx(part, cv2.MORPH_OPEN, thick)) for part in differs]
    return sum(int(part.sum()) for part in strokes) > _THIN * sum(int(part.sum()) for part in differs)
