"""Pictures with nothing to compare, small or flat ones: copies if they lost nothing and all of their numbers are equal.

Of those that look alike as thumbnails, a hash of all pixels tells which are worth comparing, so the time grows with
their number, not with that of pairs.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b

import numpy as np

from visus._errors import InputError
from visus.images import read_bytes
from visus.images.facts import facts_of
from visus.search.duplicates.evidence import Evidence
from visus.search.duplicates.exact import same_numbers
from visus.search.duplicates.members import Member, Relation
from visus.search.duplicates.opened import Opened, pixels_of
from visus.search.duplicates.relations import Judgment

_DIGEST = 16  # bytes of a hash


def alike(members: Sequence[Member], thumbnail: Callable[[int], bytes]) -> list[list[int]]:
    """Positions of pictures of one size whose thumbnails are equal, byte by byte.

    Args:
        members: Of each content, a file.
        thumbnail: Gives the small picture (JPEG) of a content, by its position.
    """
    found: dict[tuple[int, int, bytes], list[int]] = {}
    for position, member in enumerate(members):
        if small := thumbnail(position):
            key = member.width, member.height, blake2b(small, digest_size=_DIGEST).digest()
            found.setdefault(key, []).append(position)
    return [positions for positions in found.values() if len(positions) > 1]


def hash_of_pixels(member: Member) -> bytes:
    """A hash of all pixels of a file that lost nothing; empty for another, and for one that cannot be read."""
    try:
        if not facts_of(read_bytes(member.path), member.path).lossless:
            return b""
        return blake2b(np.ascontiguousarray(pixels_of(member)).data, digest_size=_DIGEST).digest()
    except InputError:
        return b""


def of_one_hash(positions: Sequence[int], hashes: Iterable[bytes]) -> list[tuple[int, int]]:
    """Of each hash the first position, with each of the others.

    >>> of_one_hash([3, 4, 7, 9], [b"x", b"y", b"x", b""])
    [(3, 7)]
    """
    found: dict[bytes, list[int]] = {}
    for position, own in zip(positions, hashes, strict=True):
        if own:
            found.setdefault(own, []).append(position)
    return [(first, other) for first, *others in found.values() for other in others]


def judge_equal(keep: Opened, other: Opened) -> Judgment | None:
    """Whether two files hold the same, number by number, and say nothing else of it.

    Args:
        keep: The one that would be kept.
        other: The other.

    Returns:
        None where they do not, or where frames are shown one after another.
    """
    one, two = keep.facts, other.facts
    told = [(own.depth, own.further, own.frames) for own in (one, two)]
    moving = one.frames > 1 and (one.container, two.container) != ("TIFF", "TIFF")
    apart = None not in (one.captured, two.captured) and one.captured != two.captured
    if not (one.lossless and two.lossless) or told[0] != told[1] or moving or apart or not _look_equal(keep, other):
        return None
    if not same_numbers(keep, other):
        return None
    nothing = ("nothing", "nothing")
    return Judgment(
        Evidence(0, 0, 0, None, False, nothing, False, (1.0, 1.0), np.eye(3)), Relation(("same pixels",)), None
    )


def _look_equal(keep: Opened, other: Opened) -> bool:
    """Whether two files are shown in one size and in the same colors."""
    if (keep.member.width, keep.member.height) != (other.member.width, other.member.height):
        return False
    if (keep.alpha is None) != (other.alpha is None) or not np.array_equal(keep.colors, other.colors):
        return False
    return keep.alpha is None or other.alpha is None or np.array_equal(keep.alpha, other.alpha)
