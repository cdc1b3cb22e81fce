"""Whether two pictures that lie over one another show the same: block by block, not on the whole.

A block with texture in either picture must have the same texture in the other. Brightness and contrast are free, so a
recolored copy agrees. Another letter under the same letterhead, a form filled in otherwise, or a photograph in which
something moved does not, however alike the rest is. And what lies outside the overlap counts: a border says nothing, a
caption does.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visus.search.duplicates.alignment import Matrix, scaling
from visus.search.duplicates.blocks import (
    Compared,
    Corners,
    all_corners,
    best_places,
    compared,
    covered,
    grown,
    laid_over,
    refined,
    side_of,
    soft,
)
from visus.search.duplicates.looks import Floats, Gray, between_blur, without_border
from visus.search.duplicates.marks import explains, mark_in, written

Outside = Literal["nothing", "border", "caption", "content"]
"""What a picture shows where the other one is not."""

TEXTURE = 5.0
"""Standard deviation of a block's gray levels below which it says nothing."""

AGREE = 0.7
"""Least correlation of two blocks that show the same."""

_OTHER, _VISIBLE = 0.35, 10.0
"""Correlation of two blocks that show something else, and standard deviation of their difference, in gray levels."""

_MOVED, _SEEN_TO_MOVE = 0.5, 8.0
"""The same of blocks in which something moved: one alone may be what a strong compression has made of it."""

_STRONG, _WEAKEST = 30.0, 0.4  # standard deviation from which contrast is strong; the least that counts for less
_CLIPPED = 6.0  # gray levels from white or black
_SHADE = 40.0  # gray levels by which flat blocks may differ from what the others say
_SAME_TONES, _SHADE_OF_THE_SAME = 3.0, 12.0  # gray levels, and the same of pictures that are of one tone
_LEAST_BLOCKS = 12  # that must agree: with less to see, only equal contents are the same
_LEAST_SHARE = 0.8  # of the blocks with texture
_NOTHING = 0.03  # share of a picture that may lie outside the other
_UNMARKED = 0.95  # correlation of blocks that no mark has touched
_RIM = 4  # pixels beside the other picture in which nothing counts as writing
_THICK, _INK, _STROKES = 9, 40, 24  # pixels of a stroke's width, gray levels, and pixels of strokes
_FAINT, _NOISE = 14, 5.0  # gray levels of pencil, and times the usual difference there that it must reach
_FAR = 10  # pixels beside the other picture in which nothing counts as faint writing: encoders leave rings
_TALL, _STATUS = 1.7, 0.05  # times its width, from which a picture may be a phone's screen, and the bar at its top
_HOPELESS = 0.7  # share of the blocks with texture that do not agree, beyond which none is looked for beside its place
_PART = 4  # bits for parts of a pixel
_ASIDE = 2  # pixels by which a block may lie beside its place
_ENDS = 3  # pixels by which a picture may go on beyond the other one that ends where that does


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """How a first picture, laid over a second one, agrees with it.

    Attributes:
        agreed: Blocks with texture that agree.
        textured: Blocks with texture.
        changed: Blocks that show something else.
        mark: Which picture has a mark through which the other one is seen, if the changed blocks are all of that.
        written: Whether the changed blocks differ in thin strokes, as of writing.
        outside: What the first and the second show where the other one is not.
        noted: Whether the second has something thin there, as writing in a border.
        covered: Share of the first and of the second that the other one covers.
        transform: ``(3, 3)``, takes points of the first to points of the second; refined.
    """

    agreed: int
    textured: int
    changed: int
    mark: Literal["first", "second"] | None
    written: bool
    outside: tuple[Outside, Outside]
    noted: bool
    covered: tuple[float, float]
    transform: Matrix

    @property
    def agreement(self) -> float:
        """Share of the blocks with texture that agree, in [0, 1]."""
        return self.agreed / self.textured if self.textured else 0.0

    @property
    def same(self) -> bool:
        """Whether both show the same where both are."""
        return (
            self.agreed >= _LEAST_BLOCKS
            and (self.agreement >= _LEAST_SHARE or self.mark is not None)
            and (not self.changed or self.mark is not None)
        )

    @property
    def alike(self) -> bool:
        """Whether most of what both show is the same."""
        return _alike(self.agreed, self.textured)


def compare(laid: "Laid") -> Evidence:
    """Compare two pictures that lie over one another, block by block."""
    correlations, other, shaded = _judged(laid)
    changed = other | shaded
    doubtful = changed | (laid.inside & (correlations < _UNMARKED))
    one, two = (
        there(laid.b.shape, laid.matrix, laid.a.shape),
        there(laid.a.shape, np.linalg.inv(laid.matrix), laid.b.shape),
    )
    return Evidence(
        agreed=int((correlations >= AGREE).sum()),
        textured=int(np.isfinite(correlations).sum()),
        changed=int(changed.sum()),
        mark=mark_over(laid, doubtful) if changed.any() else None,
        written=bool(changed.any()) and written(*cut(laid, other if other.any() else shaded)),
        outside=(_outside(laid.a, two), _outside(laid.b, one)),
        noted=_has_writing(laid.b, one),
        covered=(float(two.mean()), float(one.mean())),
        transform=laid.transform,
    )


def there(shape: tuple[int, ...], matrix: Matrix, of: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where a picture is that is laid over another one.

    Args:
        shape: Of the frame.
        matrix: Takes points of the picture to points of the frame.
        of: The shape of the picture.
    """
    import cv2

    right, bottom = of[1] - 1, of[0] - 1
    corners = np.array([(0, 0, 1), (right, 0, 1), (right, bottom, 1), (0, bottom, 1)]) @ matrix[:2].T
    found = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(found, np.round(corners * 2**_PART).astype(np.int32), 1, shift=_PART)
    return found > 0


def mark_over(laid: "Laid", doubtful: NDArray[np.bool_]) -> Literal["first", "second"] | None:
    """Which of two pictures has a mark that is all that changed.

    Args:
        laid: Both.
        doubtful: Which of its blocks do not quite agree.
    """
    mark = mark_in(*cut(laid, doubtful))
    if mark is None:
        return None
    where = there(laid.b.shape, laid.matrix, laid.a.shape)
    calm = laid.inside & ~doubtful
    return mark.which if explains(mark, (laid.over, laid.target), where, cut(laid, calm)) else None


def cut(laid: "Laid", wanted: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Some blocks of both pictures, ``(N, side, side)`` each.

    Args:
        laid: Both.
        wanted: Which of its blocks.
    """
    places = [tuple(slice(k, k + laid.side) for k in corner) for corner in laid.corners[wanted].tolist()]
    one, two = (np.array([picture[place] for place in places]) for picture in (laid.over, laid.target))
    return one, two


def glance(first: Gray, second: Gray, transform: Matrix) -> tuple[float, Matrix] | None:
    """Like :func:`compare`, but only whether most of what both show is the same.

    Returns:
        The share of blocks that agree, and the refined transform; None where most do not.
    """
    laid = lay(first, second, transform)
    if laid is None:
        return None
    correlations, *_ = _judged(laid)
    agreed, textured = int((correlations >= AGREE).sum()), int(np.isfinite(correlations).sum())
    return (agreed / textured, laid.transform) if _alike(agreed, textured) else None


def _alike(agreed: int, textured: int) -> bool:
    return agreed >= _LEAST_BLOCKS and agreed >= 0.5 * textured


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """Two pictures over one another.

    Attributes:
        a: The first, as coarse as the second.
        b: The second, as coarse as the first.
        over: The first in the frame of the second.
        target: The second.
        side: Of a block.
        corners: ``(N, 2)`` of all blocks.
        inside: Which of them the first covers whole.
        matrix: From points of ``a`` to points of ``b``.
        transform: From points of the first to points of the second, in their own pixels.
    """

    a: Gray
    b: Gray
    over: Floats
    target: Floats
    side: int
    corners: Corners
    inside: NDArray[np.bool_]
    matrix: Matrix
    transform: Matrix


def lay(first: Gray, second: Gray, transform: Matrix) -> Laid | None:
    """Lay a picture over another one, both as coarse as the coarser, as exactly as their blocks allow.

    Args:
        first: ``(h, w)`` uint8.
        second: ``(H, W)`` uint8.
        transform: Takes points of the first to points of the second, roughly.

    Returns:
        None where hardly any block fits.
    """
    a, to_a = _as_coarse(first, 1 / max(1.0, 1 / scale_of(transform)))
    b, to_b = _as_coarse(second, 1 / max(1.0, scale_of(transform)))
    side = side_of(b)
    if min(*a.shape, *b.shape) < max(16, side):
        return None
    laid, target = soft(a), soft(b)
    matrix = refined(laid, target, to_b @ transform @ np.linalg.inv(to_a), side)
    if matrix is None:
        return None
    corners = all_corners(b.shape, side)
    inside = _comparable(corners, side, matrix, a.shape, b.shape)
    if not inside.any():
        return None
    over = laid_over(laid, matrix, b.shape, goes_on=True)
    return Laid(a, b, over, target, side, corners, inside, matrix, np.linalg.inv(to_b) @ matrix @ to_a)


def _comparable(
    corners: Corners, side: int, matrix: Matrix, shape: tuple[int, ...], frame: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Which blocks of a frame both pictures have, with what lies beside them.

    Where both end at one side, blocks there count too. Where only the second ends, pixels are mixed with what lies
    outside of it, the black beside a letterboxed picture perhaps.
    """
    points = np.array([(x, y, 1) for x in (0, shape[1] - 1) for y in (0, shape[0] - 1)]) @ matrix[:2].T
    ends = np.array(frame[::-1]) - 1
    begin_both, end_both = points.min(axis=0) >= -_ENDS, points.max(axis=0) <= ends + _ENDS  # x and y
    places = corners[:, ::-1]
    aside = (begin_both | (places >= _ASIDE)) & (end_both | (places + side + _ASIDE <= ends + 1))
    return aside.all(axis=1) & covered(corners, side, matrix, shape, margin=_ASIDE, frame=frame)


def scale_of(transform: Matrix) -> float:
    """Pixels of the second picture for each of the first, along a side."""
    return float(np.sqrt(abs(np.linalg.det(transform[:2, :2]))))


def _as_coarse(picture: Gray, scale: float) -> tuple[Gray, Matrix]:
    """A picture shrunk, and the transform from its points to those of the small one."""
    import cv2

    if scale > 0.98:
        return picture, np.eye(3)
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small, scaling(picture.shape, small.shape)


def _judged(laid: Laid) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Correlations of blocks with texture, NaN for others; which show something else, and which in another shade."""
    own, inside = compared(laid.over, laid.target, laid.side, laid.corners), laid.inside
    expected = _tones(own.means[0], own.means[1], inside), _tones(own.means[1], own.means[0], inside)
    same_tones = np.median(np.abs(expected[0] - own.means[0])[inside]) <= _SAME_TONES
    lost = _lost(own.means[1], expected[0]) | _lost(own.means[0], expected[1])
    textured = inside & ~lost & (own.spreads.max(axis=0) >= TEXTURE)
    found = np.where(textured, own.correlation, np.float32(np.nan))
    doubtful = textured & (found < AGREE)
    if doubtful.sum() <= _HOPELESS * textured.sum():
        found[doubtful] = np.maximum(found[doubtful], _beside(laid, laid.corners[doubtful]).correlation)
    variances = own.means[:, inside].var(axis=1) + np.square(own.spreads[:, inside]).mean(axis=1)
    share = strength(float(np.sqrt(variances.min())))
    changed = textured & (found < _OTHER) & (own.apart >= _VISIBLE * share)
    moved = textured & (found < _MOVED) & (own.apart >= _SEEN_TO_MOVE * share) & ~_at_end(laid)
    changed |= moved & (moved.sum() > 1)
    apart = np.abs(expected[0] - own.means[1])
    if not same_tones:
        return found, changed, inside & ~textured & ~lost & (apart > _SHADE)
    # what has another shade was colored otherwise, whatever its texture: a cell, a bullet, a lesion
    return found, changed, inside & (apart > _SHADE_OF_THE_SAME) & ~(textured & _at_end(laid))


def strength(deviation: float) -> float:
    """How strong a contrast is, from 0.4 to 1: in a dark or foggy picture less is to be seen of all.

    Args:
        deviation: Standard deviation of the gray levels.
    """
    return float(np.clip(deviation / _STRONG, _WEAKEST, 1))


def _at_end(laid: Laid) -> NDArray[np.bool_]:
    """Which blocks lie at the ends of the second picture, where encoders and scalers differ more."""
    ends = np.array(laid.b.shape) - _ASIDE
    return np.asarray(((laid.corners < _ASIDE) | (laid.corners + laid.side > ends)).any(axis=1), bool)


def _beside(laid: Laid, corners: Corners) -> Compared:
    """How blocks agree with the best place a few pixels beside their own."""
    moved = best_places(laid.target, laid.over, laid.side, corners, _ASIDE)[:, 1:3].astype(np.int64)
    return compared(laid.over, laid.target, laid.side, corners + moved, corners)


def _tones(x: Floats, y: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Which mean a block would have in the other picture, as most blocks say, however the tones were changed."""
    if np.ptp(x[inside]) < 1:
        return np.full_like(x, np.median(y[inside]))
    powers = np.stack([np.ones_like(x), x / 255, (x / 255) ** 2], axis=-1, dtype=np.float64)
    found = powers @ _fitted(powers[inside], y[inside])
    apart = np.abs(found - y)
    usual = inside & (apart <= 2 * np.median(apart[inside]) + 2)  # what has another shade does not count
    return np.asarray(powers @ _fitted(powers[usual], y[usual]), np.float32)


def _fitted(powers: NDArray[np.float64], values: Floats) -> NDArray[np.float64]:
    return np.asarray(np.linalg.lstsq(powers.T @ powers, powers.T @ values, rcond=None)[0], np.float64)


def _lost(means: Floats, expected: Floats) -> NDArray[np.bool_]:
    """Which blocks are white or black since the whole picture is lighter or darker: there, nothing can be compared."""
    white = (means >= 255 - _CLIPPED) & (expected >= 255 - 3 * _CLIPPED)
    return white | ((means <= _CLIPPED) & (expected <= 3 * _CLIPPED))


def _outside(picture: Gray, covered: NDArray[np.bool_]) -> Outside:
    """What a picture shows where the other one is not."""
    if np.count_nonzero(covered) > (1 - _NOTHING) * covered.size:
        return "nothing"
    rest = ~grown(covered, _ASIDE)
    if np.count_nonzero(rest) < _NOTHING * picture.size:
        return "nothing"
    x0, y0, x1, y1 = box = without_border(picture)
    border = rest.copy()
    border[y0:y1, x0:x1] = False
    rim = picture[covered & grown(rest, 4 * _ASIDE)].astype(np.int16)
    bars = "border" if border.any() and box == between_blur(picture) else _shown(picture[border], picture.size, rim)
    found = {bars, _shown(picture[rest & ~border], picture.size, rim)}
    return next(kind for kind in ("caption", "content", "border", "nothing") if kind in found)


def _has_writing(picture: Gray, covered: NDArray[np.bool_]) -> bool:
    """Whether a picture has thin strokes where the other one is not."""
    import cv2

    rest, far = ~grown(covered, _RIM), ~grown(covered, _FAR)
    if picture.shape[0] >= _TALL * picture.shape[1]:
        status = slice(round(_STATUS * picture.shape[0]))  # a phone's clock
        rest[status] = far[status] = False
    if np.count_nonzero(rest) < _STROKES:
        return False
    thick = np.ones((_THICK, _THICK), np.uint8)
    strokes = cv2.max(*(cv2.morphologyEx(picture, kind, thick) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)))
    if np.count_nonzero(strokes[rest] >= _INK) >= _STROKES:
        return True
    faint = strokes[far]
    least = max(_FAINT, _NOISE * float(np.median(faint)) if len(faint) else 0.0)
    return bool(np.count_nonzero(faint >= least) >= _STROKES)


def _shown(rest: Gray, size: int, rim: NDArray[np.int16]) -> Outside:
    """What some pixels show.

    Args:
        rest: ``(N,)`` uint8.
        size: Pixels of the picture that they are of.
        rim: ``(M,)`` the pixels beside them that the other picture has too.
    """
    if len(rest) < _NOTHING * size:
        return "nothing"
    levels = np.bincount(rest, minlength=256) / len(rest)
    if np.convolve(levels, np.ones(17), "same").max() >= 1 - _NOTHING:
        return "border"
    pure = np.convolve(levels, np.ones(5), "same")
    level = int(pure.argmax())
    goes_on = (np.abs(rim - level) <= 4).mean() > 0.3  # a white background, of which a part was cut off
    return "caption" if pure[level] >= 0.5 and not goes_on else "content"
