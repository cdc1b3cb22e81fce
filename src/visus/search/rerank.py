"""Look at the best hits a second time.

``expand``: query expansion, the query together with its best hits asks again (Chum et al., "Total recall", ICCV
2007; weights by similarity: Radenovic et al., "Fine-tuning CNN image retrieval", TPAMI 2018, section 3.3).

``geometry``: hits whose local features agree with the query's in one geometric transform come first (SIFT: Lowe
2004; spatial verification: Philbin et al., "Object retrieval with large vocabularies", CVPR 2007, section 4).
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from visus.search.describe import Floats, unit

Pixels = NDArray[np.uint8]

LEAST_INLIERS = 15
"""So many features must agree before geometry counts as evidence."""

SIDE = 512
"""Pictures are shrunk to this many pixels before features are found."""

_FEATURES = 800
_RATIO = 0.75  # a match must be this much nearer than the second best (Lowe 2004, section 7.1)
_TOLERANCE = 4.0  # pixels


def expand(query: Floats, vectors: Floats, scores: NDArray[np.floating], *, power: float = 3.0) -> Floats:
    """The query's vector together with those of its best hits.

    Args:
        query: ``(D,)`` float32 of length 1.
        vectors: ``(N, D)`` float32 of the hits, each of length 1.
        scores: ``(N,)`` float, similarities of the hits in [-1, 1]; those below 0 count as 0.
        power: Each hit weighs its score to this power, the query weighs 1.

    Returns:
        ``(D,)`` float32 of length 1.
    """
    weights = np.maximum(scores, 0) ** power
    return unit(query + (weights[:, None] * vectors).sum(axis=0))


class LocalFeatures:
    """SIFT features of a picture.

    Args:
        picture: ``(H, W, 3)`` uint8.
        side: The picture is shrunk until its longer side has this many pixels.
    """

    def __init__(self, picture: Pixels, *, side: int = SIDE) -> None:
        import cv2

        from visus.images import shrink

        gray = np.asarray(shrink(picture, side)).astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
        found, descriptions = cv2.SIFT_create(nfeatures=_FEATURES).detectAndCompute(  # pyright: ignore
            np.rint(gray).astype(np.uint8), None
        )
        self.points = np.array([keypoint.pt for keypoint in found], np.float32).reshape(-1, 2)
        empty = np.zeros((0, 128), np.float32)
        # RootSIFT: Hellinger distance compares histograms better (Arandjelovic and Zisserman, CVPR 2012).
        values = empty if descriptions is None else descriptions
        self.descriptions = np.sqrt(values / np.maximum(values.sum(axis=1, keepdims=True), 1e-12))


def agreement(a: LocalFeatures, b: LocalFeatures) -> tuple[int, NDArray[np.float64] | None]:
    """How many features of two pictures agree in one homography, and that homography.

    Returns:
        The number of features, and the matrix ``(3, 3)`` float64 that takes points of ``a`` to points of ``b``; 0 and
        None where there is none that is plausible.
    """
    import cv2

    if min(len(a.points), len(b.points)) < 4:
        return 0, None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(a.descriptions, b.descriptions, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance]
    # Many features that match one and the same (a repeated pattern) are one piece of evidence.
    good = list({match.trainIdx: match for match in good}.values())
    if len(good) < 4:
        return 0, None
    source = a.points[[match.queryIdx for match in good]]
    target = b.points[[match.trainIdx for match in good]]
    cv2.setRNGSeed(0)
    transform, inliers = cv2.findHomography(source, target, cv2.USAC_MAGSAC, _TOLERANCE, maxIters=2000)
    if transform is None or not _plausible(matrix := np.asarray(transform, np.float64)):
        return 0, None
    return int(inliers.sum()), matrix


def _plausible(transform: NDArray[np.floating]) -> bool:
    """A homography that neither flips the picture nor blows it up or down more than tenfold."""
    area = float(np.linalg.det(transform[:2, :2]))
    return 0.01 < area < 100 and bool(np.abs(transform[2, :2]).max() < 0.01)


def geometry(query: Pixels, pictures: Iterable[Pixels]) -> list[int]:
    """How many features of each picture agree with the query's in one geometric transform.

    Args:
        query: ``(H, W, 3)`` uint8.
        pictures: ``(H, W, 3)`` uint8 each.
    """
    features = LocalFeatures(query)
    return [agreement(features, LocalFeatures(picture))[0] for picture in pictures]
