"""How two opened pictures belong together: as copies, and then how one differs; or as shots of one scene."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.images import shrink
from visus.search.duplicates.alignment import Matrix, scaling
from visus.search.duplicates.blocks import laid_over
from visus.search.duplicates.closer import closer
from visus.search.duplicates.colors import RECOLORED, Colors, apart, colors_of, lamp_changed
from visus.search.duplicates.evidence import Evidence, Laid, compare, lay, scale_of
from visus.search.duplicates.exact import deep, difference, nearly, same_numbers
from visus.search.duplicates.looks import Look
from visus.search.duplicates.marks import written
from visus.search.duplicates.members import Kind, Name, Relation
from visus.search.duplicates.opened import SOFT_SIDE, WHITE, Opened, Page, pages

_SIZE = 0.02  # by which sizes may differ before a copy counts as resized
_SHOWN = 0.97  # share of the kept picture that a copy shows which is not cropped
_OPAQUE = 8.0  # mean difference of two alpha channels
_HOLE = 5  # side of a square of pixels that is transparent in one alone
_TONED, _COLORFUL = 0.12, 0.15  # how far colors are apart at most in a picture of one tone, and at least in another
_BUSY = 8.0  # standard deviation of a block's gray levels from which it has detail
_RIM = 3  # pixels around the edge of a cut that belong to neither side
_BLUR = 0.2  # of the differences between pixels within a cut, up to which what is around it is only blur
_MINUTE = 60_000  # ms between the first and the last shot of a burst
_SMALL = 256  # longest side of icons, badges and stamps, in pixels: without a date nothing says that they were shot
_TICK, _PACE = 10.0, 0.1  # ms, and share, by which frames may be shown longer: GIF counts in hundredths of a second
_STILL = 0.05  # of the longer side: how far the camera moves between shots of a burst


@dataclass(frozen=True, slots=True)
class Judgment:
    """What was found out about two pictures.

    Attributes:
        evidence: How they agree.
        relation: How the second differs from the first, if it is a copy that shows nothing which the first lacks.
        kind: How they belong together otherwise; None for a copy.
        blown: How much more of the second than of the first is white where the other one has detail, as a share.
        filled: Whether what the first shows around the second is only blur, as that of stories is.
    """

    evidence: Evidence
    relation: Relation | None
    kind: Kind | None
    blown: float = 0.0
    filled: bool = False


def judge(keep: Opened, other: Opened, way: Matrix, looks: tuple[Look, Look]) -> Judgment | None:
    """Compare two files of which the thumbnails agree.

    Args:
        keep: The one that would be kept.
        other: The other.
        way: Takes points of the thumbnail of the first to points of that of the second.
        looks: These thumbnails.

    Returns:
        None where they do not belong together.
    """
    first, second = (scaling(look.shape, own.gray.shape) for look, own in zip(looks, (keep, other), strict=True))
    laid = lay(keep.gray, other.gray, second @ way @ np.linalg.inv(first))
    if laid is None:
        return None
    evidence = compare(laid)
    if not evidence.alike:
        return None
    if evidence.same and evidence.mark is None:
        evidence = _closer(keep, other, laid, evidence)
    exactly = _exactly(keep, other, evidence)
    if exactly == "other numbers":
        return Judgment(evidence, None, "same scene")
    if isinstance(exactly, Evidence):
        evidence = exactly
    colors = colors_of(keep, other, evidence)
    if kind := _other_kind(keep, other, evidence) or _other_colors(keep, other, evidence, colors):
        return Judgment(evidence, None, kind)
    relation = _relation(keep, other, evidence, colors.difference, same=exactly == "same")
    return Judgment(evidence, relation, None, _blown(keep, other, evidence), _filled(keep, other, evidence))


def _exactly(keep: Opened, other: Opened, evidence: Evidence) -> Literal["same", "other numbers"] | Evidence | None:
    """What comparing two files of one size number by number tells; None for nothing that was not known."""
    if not evidence.same or evidence.mark is not None or not nearly(keep, other):
        return None
    one_kind = keep.facts.depth == other.facts.depth and keep.facts.further == other.facts.further
    if deep(keep, other):
        return "same" if same_numbers(keep, other) else "other numbers"
    edited = difference(keep, other)
    if edited is None or isinstance(edited, str):
        return edited if one_kind else None
    return replace(evidence, changed=len(edited), written=written(np.zeros_like(edited), edited))


def _closer(keep: Opened, other: Opened, laid: Laid, evidence: Evidence) -> Evidence:
    coarser = keep if scale_of(evidence.transform) >= 1 else other
    if not coarser.has_more:  # and the finer one is made as coarse
        return closer(laid, evidence)
    ours, theirs = keep.closely, other.closely
    larger, smaller = scaling(other.gray.shape, theirs.shape), scaling(ours.shape, keep.gray.shape)
    large = lay(ours, theirs, larger @ evidence.transform @ smaller)
    return evidence if large is None else closer(large, evidence)


def _other_kind(keep: Opened, other: Opened, evidence: Evidence) -> Kind | None:
    """How two pictures belong together that are no copies; None for copies."""
    if "caption" in evidence.outside and evidence.same:
        return "captioned"
    if not evidence.same or _taken_apart(keep, other):
        return _shots(keep, other, evidence)
    if evidence.outside[1] == "content":
        return "overlapping" if evidence.outside[0] == "content" else None
    return None if _same_alpha(keep, other, evidence) and _same_pages(keep, other, evidence) else "same scene"


def _other_colors(keep: Opened, other: Opened, evidence: Evidence, colors: Colors) -> Kind | None:
    """How two pictures belong together that only their colors tell apart; None for copies."""
    if colors.added:
        return "captioned"
    if colors.other_hues and not _is_toned(keep, other):  # of another product
        return "same scene"
    if keep.is_gray and other.is_gray:  # bands, windows and maps hold other numbers where their tones differ
        rounded = keep.facts.colors or other.facts.colors  # to few tones
        return "same scene" if colors.difference > RECOLORED and not rounded else None
    same_tones = colors.difference <= RECOLORED and not keep.is_gray and not other.is_gray
    return "same scene" if same_tones and lamp_changed(keep, other, evidence, colors.difference) else None


def _is_toned(keep: Opened, other: Opened) -> bool:
    """Whether one of two pictures has a single tone, as of sepia, and the other one has colors."""
    less, more = sorted(own.traits.spread for own in (keep, other))
    return less < _TONED and more >= max(_COLORFUL, 2 * less)


def _taken_apart(keep: Opened, other: Opened) -> bool:
    """Whether both say when they were taken, and it was not the same moment; many programs drop the second's part."""
    one, two = keep.facts.captured, other.facts.captured
    if one is None or two is None:
        return False
    return one != two if one % 1000 and two % 1000 else one // 1000 != two // 1000


def _shots(keep: Opened, other: Opened, evidence: Evidence) -> Kind:
    """How two pictures belong together that show the same in most places."""
    one, two = keep.facts.captured, other.facts.captured
    if evidence.written:
        return "captioned"
    late = one is not None and two is not None and abs(one - two) > _MINUTE
    if late or (keep.member.width, keep.member.height) != (other.member.width, other.member.height):
        return "same scene"
    side = max(keep.gray.shape)
    moved = np.abs(evidence.transform - np.eye(3)) / np.array([[1, 1, side], [1, 1, side], [1, 1, 1]])
    if moved.max() > _STILL:
        return "same scene"
    if None in (one, two) and max(keep.member.width, keep.member.height) <= _SMALL:
        return "same frame"
    colors = colors_of(keep, other, evidence)
    if colors.difference <= 2 * RECOLORED:
        return "burst"
    return "same scene" if colors.still else "exposure bracket"  # the former: a panel was laid over it, perhaps


def _relation(keep: Opened, other: Opened, evidence: Evidence, color: float, *, same: bool) -> Relation:
    """How a copy differs, its colors by so many levels in the mean; the same in all its pixels perhaps."""
    linear = evidence.transform[:2, :2]
    turn, mirrored = _turn(linear)
    full = [opened.member.width / opened.gray.shape[1] for opened in (keep, other)]
    scale = float(np.sqrt(abs(np.linalg.det(linear)))) * full[1] / full[0]
    names: list[Name] = []
    if evidence.covered[0] < _SHOWN and evidence.outside[0] == "content":
        names.append("cropped")
    if "border" in evidence.outside:
        names.append("bordered")
    if evidence.mark:
        names.append("captioned")
    if turn:
        names.append("turned")
    if mirrored:
        names.append("mirrored")
    if color > RECOLORED:
        names.append("recolored")
    if abs(scale - 1) > _SIZE:
        names.append("resized")
    if not names:
        names.append("same pixels" if same else "re-encoded")
    return Relation(tuple(names), evidence.agreement, evidence.covered[0], scale, turn, color)


def _turn(linear: Matrix) -> tuple[int, bool]:
    """By how many degrees a transform turns counterclockwise, to the nearest quarter, and whether it mirrors first."""
    mirrored = bool(np.linalg.det(linear) < 0)
    plain = linear @ np.diag([-1.0, 1.0]) if mirrored else linear
    angle = np.degrees(np.arctan2(-plain[1, 0], plain[0, 0]))  # y points down
    return int(round(angle / 90) * 90 % 360), mirrored


def _blown(keep: Opened, other: Opened, evidence: Evidence) -> float:
    """How much more of the second picture than of the first is overexposed."""
    if not keep.white and not other.white:
        return 0.0
    height, width = (length // 8 * 8 for length in other.gray.shape)
    parts = laid_over(keep.gray, evidence.transform, (height, width)), other.gray[:height, :width]
    one, two = (_white(part) for part in parts)
    more = float((two & _busy(parts[0])).mean()) if two.any() else 0.0
    return more - float((one & _busy(parts[1])).mean()) if one.any() else more


def _filled(keep: Opened, other: Opened, evidence: Evidence) -> bool:
    """Whether a picture that shows more shows only blur around the other one."""
    import cv2

    if evidence.outside[0] != "content" or evidence.covered[0] >= _SHOWN:
        return False
    height, width = keep.gray.shape
    whole = np.full(other.gray.shape, 255, np.uint8)
    way = np.linalg.inv(evidence.transform)[:2]
    shown = np.asarray(cv2.warpAffine(whole, way, (width, height)), np.uint8)
    near = np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)
    inside, outside = cv2.erode(shown, near) == 255, cv2.dilate(shown, near) == 0
    if not inside.any() or not outside.any():
        return False
    rough = np.abs(np.asarray(cv2.Laplacian(keep.gray, cv2.CV_16S)))
    return float(rough[outside].mean()) <= _BLUR * float(rough[inside].mean())


def _white(gray: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which squares of 8 pixels are overexposed everywhere."""
    import cv2

    return np.asarray(cv2.erode(gray, np.ones((8, 8), np.uint8)))[4::8, 4::8] >= WHITE


def _busy(gray: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which squares of 8 pixels have detail."""
    import cv2

    values, size = gray.astype(np.float32), (gray.shape[1] // 8, gray.shape[0] // 8)
    mean, square = (np.asarray(cv2.resize(own, size, interpolation=cv2.INTER_AREA)) for own in (values, values**2))
    return square - mean**2 >= _BUSY**2


def _same_alpha(keep: Opened, other: Opened, evidence: Evidence) -> bool:
    """Whether both are equally transparent; a transparent one contains its opaque copy."""
    import cv2

    if other.alpha is None:
        return True
    if keep.alpha is None:
        return False
    size = other.gray.shape[1], other.gray.shape[0]
    laid = np.asarray(cv2.warpAffine(keep.alpha, evidence.transform[:2], size, borderValue=255))
    apart = cv2.absdiff(laid, other.alpha)
    hole = cv2.erode((apart >= 128).astype(np.uint8), np.ones((_HOLE, _HOLE), np.uint8))
    return float(apart.mean()) <= _OPAQUE and not hole.any()


def _same_pages(keep: Opened, other: Opened, evidence: Evidence) -> bool:
    """Whether all frames or pages are the same; the first ones are compared already."""
    count = keep.facts.frames
    if count == other.facts.frames == 1:
        return True
    if count != other.facts.frames:  # a photograph with what its camera keeps behind it, and the photograph alone
        one, several = sorted((keep.facts, other.facts), key=lambda facts: facts.frames)
        return one.frames == 1 and several.container == "MPO"
    try:
        both = zip(pages(keep.member, count), pages(other.member, count), strict=True)
        return all(_same_page(ours, theirs, keep, other, evidence) for ours, theirs in both)
    except (InputError, ValueError):  # one cannot be read, or has fewer pages than it says
        return False


def _same_page(ours: Page, theirs: Page, keep: Opened, other: Opened, evidence: Evidence) -> bool:
    if abs(ours.shown - theirs.shown) > max(_TICK, _PACE * max(ours.shown, theirs.shown)):
        return False
    larger, smaller = scaling(other.gray.shape, theirs.gray.shape), scaling(ours.gray.shape, keep.gray.shape)
    way = larger @ evidence.transform @ smaller
    laid = lay(ours.gray, theirs.gray, way)
    if laid is None:
        return False
    found = compare(laid)
    if not found.same:
        return found.textured == found.changed == 0
    return (found.mark is not None or closer(laid, found).same) and _same_tint(ours, theirs, way)


def _same_tint(ours: Page, theirs: Page, way: Matrix) -> bool:
    first, second = shrink(ours.colors, SOFT_SIDE), shrink(theirs.colors, SOFT_SIDE)
    larger, smaller = scaling(theirs.gray.shape, second.shape), scaling(first.shape, ours.gray.shape)
    return not apart(first, second, larger @ way @ smaller).added
