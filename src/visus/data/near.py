"""Pictures that are in two splits: the same content, or so near that it tells nothing new.

Near is what is left the same by another size, another quality or another format: the gray pictures, shrunk to a card of
16 x 16, differ by a few levels anywhere. A shot with one thing moved differs by more in some place.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from visus.data.samples import counted

Card = NDArray[np.uint8]
SIDE = 16
_LEAST_SPREAD = 3.0  # standard deviation in gray levels, below which a card says nothing
_MEAN, _MOST = 2.5, 12  # gray levels by which cards of near pictures differ: in the mean, and anywhere
_FAR = _MEAN * _MOST * 16  # squared distance of coarse cards, above which that cannot be
_CANDIDATES = 32
_CHUNK, _PAIRS = 2048, 4096


def card_of(picture: NDArray[np.uint8]) -> Card:
    """What is compared of a picture ``(H, W, 3)`` uint8: ``(256,)`` uint8 gray values."""
    import cv2

    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8).ravel()


def leaks(digests: Mapping[str, Sequence[bytes]], cards: Mapping[str, Sequence[Card]]) -> list[str]:
    """One sentence for each pair of splits that share pictures.

    Args:
        digests: A hash of the content of each picture, by split.
        cards: See :func:`card_of`; none for a split whose pictures have none.
    """
    names, said = list(digests), []
    for k, first in enumerate(names):
        for second in names[k + 1 :]:
            known, total = set(digests[first]), len(digests[second])
            same = np.array([digest in known for digest in digests[second]], bool)
            near = _near(cards.get(first, ()), cards.get(second, ())) if len(cards.get(second, ())) == total else same
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


def _near(first: Sequence[Card], second: Sequence[Card]) -> NDArray[np.bool_]:
    """Which of the second cards have a near one among the first, ``(N,)`` bool."""
    found = np.zeros(len(second), bool)
    if not len(first) or not len(second):
        return found
    known, asked = np.stack(first), np.stack(second)
    known = known[known.std(1) >= _LEAST_SPREAD]
    if not len(known):
        return found
    places = np.flatnonzero(asked.std(1) >= _LEAST_SPREAD)
    coarse, own = _coarse(known), _coarse(asked)
    squares = (coarse**2).sum(1)
    for start in range(0, len(places), _CHUNK):
        some = places[start : start + _CHUNK]
        far = own[some] @ coarse.T  # (n, N)
        far *= -2
        far += squares  # less the square of the card that is asked about
        rows, columns = np.nonzero(far <= _FAR - (own[some] ** 2).sum(1)[:, None])
        rows, columns = _nearest(rows, columns, far)
        for first_pair in range(0, len(rows), _PAIRS):
            pairs = slice(first_pair, first_pair + _PAIRS)
            apart = np.abs(asked[some[rows[pairs]]].astype(np.int16) - known[columns[pairs]])
            alike = (apart.max(1) <= _MOST) & (apart.mean(1) <= _MEAN)
            found[some[rows[pairs][alike]]] = True
    return found


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
    """Cards of 4 x 4, ``(N, 16)``: what is far apart there is far apart."""
    side = SIDE // 4
    return cards.reshape(-1, 4, side, 4, side).mean((2, 4), dtype=np.float32).reshape(-1, 16)
