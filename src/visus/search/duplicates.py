"""Groups of near duplicates: the same picture again, re-encoded, resized, cropped or mirrored.

Candidates are pairs of similar vectors. They are found without an n x n matrix: block by block, and for most
pairs by a bound alone. With the vectors split by an orthonormal basis into a leading part p and a rest r,
Cauchy-Schwarz gives  a . b  <=  p_a . p_b + |r_a| |r_b|,  so pairs whose bound is below the threshold are never
compared in full, and no pair is lost. Candidates are then checked on their thumbnails, since two photographs of
one scene may have similar vectors too.
"""

import functools
import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus.images import decode, resize
from visus.search.describe import Floats
from visus.search.rerank import LocalFeatures, agreement

Pixels = NDArray[np.uint8]

THRESHOLD = 0.75
"""Least similarity of a pair that is checked; measured in docs/duplicates.md."""

_LEADING = 128
_BLOCK = 2048
_NEIGHBORS = 32  # candidates of one picture that are looked at, and that may turn out to be others
_SAME = 0.97  # correlation of two pictures that are the same but for encoding and size
_INLIERS = 15  # local features that must agree before pictures are laid over one another
_OVERLAP = 0.6  # share of the one picture that the other covers
_LEAST_SHARE = 0.2  # share of the other
_ALIGNED = 0.95  # correlation of the overlap


@dataclass(frozen=True, slots=True)
class Member:
    """A picture of a group."""

    id: int
    path: str
    width: int
    height: int
    size: int
    mtime: int


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Pictures that are one and the same.

    Attributes:
        keep: The one worth keeping: most pixels, then the oldest file.
        others: The others.
    """

    keep: Member
    others: list[Member]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {"keep": self.keep.path, "others": [member.path for member in self.others]}


def similar_pairs(vectors: Floats, threshold: float, *, block: int = _BLOCK) -> Iterator[tuple[int, int, float]]:
    """All pairs i < j of vectors with a similarity of at least the threshold, in O(N + block * block) memory.

    Args:
        vectors: ``(N, D)`` float32, each of length 1.
        threshold: Least cosine.
        block: Rows and columns that are compared at once.

    Yields:
        i, j and their cosine.
    """
    leading, rest = _split(vectors)
    for i in range(0, len(vectors), block):
        for j in range(i, len(vectors), block):
            bound = leading[i : i + block] @ leading[j : j + block].T
            bound += np.outer(rest[i : i + block], rest[j : j + block])
            rows, columns = np.nonzero(bound >= threshold - 1e-5)
            later = rows + i < columns + j
            rows, columns = rows[later] + i, columns[later] + j
            for start in range(0, len(rows), 1 << 16):
                a, b = rows[start : start + (1 << 16)], columns[start : start + (1 << 16)]
                cosines = np.einsum("nd,nd->n", vectors[a], vectors[b])
                for k in np.flatnonzero(cosines >= threshold):
                    yield int(a[k]), int(b[k]), float(cosines[k])


def _split(vectors: Floats) -> tuple[Floats, Floats]:
    """The part of each vector in the leading principal directions, and the length of its rest."""
    sample = vectors[:: max(1, len(vectors) // 4096)]
    count = min(_LEADING, *sample.shape) if sample.size else 0
    if not count:
        return vectors[:, :0], np.linalg.norm(vectors, axis=1)
    _, _, axes = np.linalg.svd(sample, full_matrices=False)
    leading = vectors @ axes[:count].T
    rest = np.sqrt(np.maximum(1 - (leading**2).sum(axis=1), 0)) + 1e-4  # for rounding, and float16 storage
    return leading, rest


class _Look:
    """A thumbnail, ready to be compared."""

    def __init__(self, picture: Pixels) -> None:
        self.picture = picture
        self.small = resize(picture, 32, 32).astype(np.float32)

    @functools.cached_property
    def gray(self) -> Floats:
        return self.picture.mean(axis=2, dtype=np.float32)

    @functools.cached_property
    def features(self) -> LocalFeatures:
        return LocalFeatures(self.picture)


class Same:
    """Tells whether two pictures are the same, from their thumbnails.

    Two pictures are the same if one, perhaps mirrored, can be laid over the other so that they agree pixel by
    pixel: at once, or after the transform in which their local features agree. So a second photograph of the
    same scene is another picture, unless nothing has moved.

    Args:
        thumbnail: Gives the small picture (JPEG) of a row.
    """

    def __init__(self, thumbnail: Callable[[int], bytes]) -> None:
        self._thumbnail = thumbnail
        self._kept: dict[int, tuple[_Look, _Look]] = {}

    def __call__(self, i: int, j: int) -> bool:
        """Whether rows i and j are the same picture, perhaps mirrored, resized or cropped."""
        (plain, _), versions = self._look(i), self._look(j)
        return any(correlation(plain.small, other.small) >= _SAME for other in versions) or any(
            _overlaid(plain, other) for other in versions
        )

    def _look(self, row: int) -> tuple[_Look, _Look]:
        if row not in self._kept:
            if len(self._kept) > 512:
                self._kept.clear()
            picture = decode(self._thumbnail(row)).pixels
            self._kept[row] = (_Look(picture), _Look(np.ascontiguousarray(picture[:, ::-1])))
        return self._kept[row]


def _overlaid(a: _Look, b: _Look) -> bool:
    """Whether ``a``, laid over ``b`` as their local features say, agrees with it wherever both are."""
    import cv2

    inliers, transform = agreement(a.features, b.features)
    if inliers < _INLIERS or transform is None:
        return False
    height, width = b.gray.shape
    laid = np.asarray(cv2.warpPerspective(a.gray, transform, (width, height)))
    covered = np.asarray(cv2.warpPerspective(np.ones_like(a.gray), transform, (width, height))) > 0.99
    # One may be a cut of the other, but not a small detail, and not a neighbor that shares a border with it.
    shares = sorted((covered.sum() / abs(np.linalg.det(transform[:2, :2])) / a.gray.size, covered.mean()))
    if shares[0] < _LEAST_SHARE or shares[1] < _OVERLAP:
        return False
    soft = [np.asarray(cv2.blur(gray, (5, 5)), np.float32) for gray in (laid, b.gray)]
    return correlation(soft[0][covered], soft[1][covered]) >= _ALIGNED


def correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Correlation of two pictures in [-1, 1]; flat pictures correlate if they have the same color.

    Args:
        a: A float picture of any shape, values in [0, 255].
        b: Another one of the same shape.
    """
    x, y = a - a.mean(), b - b.mean()
    spread = float(np.linalg.norm(x) * np.linalg.norm(y))
    if spread < a.size:  # a standard deviation of about one gray level
        return 1.0 if float(np.abs(a - b).max(initial=0)) < 8 else 0.0
    return float((x * y).sum() / spread)


def groups(
    members: Sequence[Member],
    contents: Sequence[bytes],
    pairs: Iterable[tuple[int, int, float]],
    same: Callable[[int, int], bool],
) -> list[DuplicateGroup]:
    """Group pictures that are the same.

    Args:
        members: The pictures.
        contents: The hash of each file's content; equal ones are the same without a look.
        pairs: Similar pairs of positions, with their cosines.
        same: Whether the pictures at two positions are the same.

    Returns:
        Groups of at least two, the largest first.
    """
    parent = list(range(len(members)))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[bytes, int] = {}
    for i, content in enumerate(contents):
        parent[i] = first.setdefault(content, i)
    failed = [0] * len(members)
    for i, j in _best(pairs):
        if find(i) == find(j) or max(failed[i], failed[j]) >= _NEIGHBORS:
            continue
        if same(i, j):
            parent[find(j)] = find(i)
        else:
            failed[i] += 1
            failed[j] += 1
    grouped: dict[int, list[Member]] = {}
    for i, member in enumerate(members):
        grouped.setdefault(find(i), []).append(member)
    found = [_group(part) for part in grouped.values() if len(part) > 1]
    return sorted(found, key=lambda group: (-len(group.others), group.keep.path))


def _best(pairs: Iterable[tuple[int, int, float]]) -> list[tuple[int, int]]:
    """The most similar pairs first; of each picture the best with later ones only, so that memory is O(N)."""
    kept: dict[int, list[tuple[float, int]]] = {}
    for i, j, cosine in pairs:
        heap = kept.setdefault(i, [])
        if len(heap) < _NEIGHBORS:
            heapq.heappush(heap, (cosine, j))
        else:
            heapq.heappushpop(heap, (cosine, j))
    ranked = sorted((-cosine, i, j) for i, heap in kept.items() for cosine, j in heap)
    return [(i, j) for _, i, j in ranked]


def _group(members: list[Member]) -> DuplicateGroup:
    ranked = sorted(members, key=lambda m: (-m.width * m.height, m.mtime, m.path))
    return DuplicateGroup(ranked[0], ranked[1:])
