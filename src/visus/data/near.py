"""Pictures that are in two splits: the same content, or so near that it tells nothing new.

Near is what is left the same by another size, another quality or another format: the gray pictures, shrunk to a card of
16 x 16, differ by a few levels anywhere, and rise and fall together. A shot with one thing moved differs by more in
some place, and textures under one lamp, which differ by little, do not rise and fall together.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from visus.data.samples import counted

Card = NDArray[np.uint8]
SIDE = 16
_LEAST_SPREAD = 3.0  # standard deviation in gray levels, below which a card says nothing
_MEAN, _MOST = 2.5, 12  # gray levels by which cards of near pictures differ: in the mean, and anywhere
_CORRELATED = 0.93  # cards of near pictures, at least
_COARSE = 8  # cells along a side of a coarse card
_FAR = _MEAN * _MOST * _COARSE**2  # squared distance of coarse cards, above which that cannot be
_CANDIDATES = 32
_CHUNK, _PAIRS = 2048, 4096


def card_of(picture: NDArray[np.uint8], *, size: tuple[int, int] | None = None) -> Card:
    """What is compared of a picture: ``(256,)`` uint8 gray values.

    Args:
        picture: ``(H, W, 3)`` uint8.
        size: Width and height in its file, where a JPEG file was decoded at a reduced scale: its last column and row
            then stand for more than the picture holds, which would shift all the others.
    """
    import cv2

    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    eighths = next((k for k in range(1, 8) if size and _reduced(size, k) == gray.shape[::-1]), 8)
    if size and eighths < 8 and any(side * eighths % 8 for side in size):
        fine = 8 * SIDE
        steps = [side * eighths / 8 / fine for side in size]
        places = np.array([[steps[0], 0, (steps[0] - 1) / 2], [0, steps[1], (steps[1] - 1) / 2]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        gray = cv2.warpAffine(gray, places, (fine, fine), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8).ravel()


def _reduced(size: tuple[int, int], eighths: int) -> tuple[int, int]:
    """Width and height at a scale of libjpeg, which rounds up."""
    return -(-size[0] * eighths // 8), -(-size[1] * eighths // 8)


def leaks(digests: Mapping[str, Sequence[bytes]], cards: Mapping[str, Sequence[Card]]) -> list[str]:
    """One sentence for each pair of splits that share pictures.

    Args:
        digests: A hash of the content of each picture, by split.
        cards: See :func:`card_of`; none for a split whose pictures have none.
    """
    names, said = list(digests), []
    looks = {name: _looks(own) for name, own in cards.items()}
    for k, first in enumerate(names):
        for second in names[k + 1 :]:
            known, total = set(digests[first]), len(digests[second])
            same = np.array([digest in known for digest in digests[second]], bool)
            near = (
                _near(looks[first], looks[second]) if first in looks and len(cards.get(second, ())) == total else same
            )
            if same.any():
                are = "is" if same.sum() == 1 else "are"
                said.append(
                    f"{int(same.sum()):,} of {counted(total)} of {second} {are} in {first} too; what is measured on "
                    f"{second} will be too good. Delete the copies from one of the two."
                )
            if alike := int((near & ~same).sum()):
                said.append(
                    f"{alike:,} of {counted(total)} of {second} {'looks' if alike == 1 else 'look'} the same as one in "
                    f"{first} but for size or quality; what is measured on {second} will be too good."
                )
    return said


class _Looks(NamedTuple):
    """The cards of a split that say something: which, ``(n,)``, themselves, ``(n, 256)``, and coarsely, ``(n, 64)``."""

    places: NDArray[np.int64]
    cards: NDArray[np.uint8]
    coarse: NDArray[np.float32]
    total: int


def _looks(cards: Sequence[Card]) -> _Looks:
    whole = np.stack(cards) if len(cards) else np.zeros((0, SIDE * SIDE), np.uint8)
    places = np.flatnonzero(whole.std(1, dtype=np.float32) >= _LEAST_SPREAD)
    return _Looks(places, whole[places], _coarse(whole[places]), len(whole))


def _near(known: _Looks, asked: _Looks) -> NDArray[np.bool_]:
    """Which of the second cards have a near one among the first, ``(N,)`` bool."""
    found = np.zeros(asked.total, bool)
    if not len(known.places):
        return found
    squares = (known.coarse**2).sum(1)
    for start in range(0, len(asked.places), _CHUNK):
        some = slice(start, start + _CHUNK)
        far = asked.coarse[some] @ known.coarse.T  # (n, N)
        far *= -2
        far += squares  # less the square of the card that is asked about
        rows, columns = np.nonzero(far <= _FAR - (asked.coarse[some] ** 2).sum(1)[:, None])
        rows, columns = _nearest(rows, columns, far)
        for first_pair in range(0, len(rows), _PAIRS):
            pairs = slice(first_pair, first_pair + _PAIRS)
            one, other = asked.cards[some][rows[pairs]], known.cards[columns[pairs]]
            apart = np.maximum(one, other) - np.minimum(one, other)  # of bytes, which have no sign
            alike = (apart.max(1) <= _MOST) & (apart.mean(1) <= _MEAN)
            alike[alike] = _correlation(one[alike], other[alike]) >= _CORRELATED
            found[asked.places[some][rows[pairs][alike]]] = True
    return found


def _correlation(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much each card of a first ``(N, 256)`` rises and falls with its fellow of a second: ``(N,)`` in [-1, 1]."""
    x, y = (cards - cards.mean(1, keepdims=True, dtype=np.float32) for cards in (one, other))
    return np.asarray((x * y).sum(1) / np.sqrt((x * x).sum(1) * (y * y).sum(1)), np.float32)


def _nearest(
    rows: NDArray[np.int64], columns: NDArray[np.int64], far: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs without those of cards that have more than so many, but for their nearest."""
    counts = np.bincount(rows, minlength=len(far))
    many = np.flatnonzero(counts > _CANDIDATES)
    if not len(many):
        return rows, columns
    few = ~np.isin(rows, many)
    nearest = np.argpartition(far[many], _CANDIDATES, axis=1)[:, :_CANDIDATES]
    return (
        np.concatenate([rows[few], np.repeat(many, _CANDIDATES)]),
        np.concatenate([columns[few], nearest.ravel()]),
    )


def _coarse(cards: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Cards of 8 x 8, ``(N, 64)``: what is far apart there is far apart."""
    side = SIDE // _COARSE
    return cards.reshape(-1, _COARSE, side, _COARSE, side).mean((2, 4), dtype=np.float32).reshape(-1, _COARSE**2)
