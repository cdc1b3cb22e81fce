"""Pictures that probably have the wrong class: two opinions that have not seen a picture's own label are joined.

One is a probe's (:mod:`visus.review.probe`), the other that of the neighbors (:mod:`visus.review.neighbors`). Which
pictures are named follows confident learning (Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty
in dataset labels", JAIR 70, 2021, section 3.1): another class is as probable as it is for pictures that bear it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus.review.probe import softmax

Floats = NDArray[np.float32]

_VOTE = 0.25  # share of the neighbors in the joint opinion
_USUAL = (
    25  # percentile of what pictures of a class have, from which on a picture may be of that class; theirs: the mean
)
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Opinion:
    """What is thought of the labels of some pictures.

    Attributes:
        probabilities: ``(N, classes)`` float32, rows of sum 1.
        suggested: ``(N,)`` int64, the most probable class beside the own one.
        certainty: ``(N,)`` float32 in [0, 1]: how probable the suggested class is, of the two.
        wrong: ``(N,)`` bool, whether the label is named as wrong.
    """

    probabilities: Floats
    suggested: NDArray[np.int64]
    certainty: Floats
    wrong: NDArray[np.bool_]


def joined(probe: Floats, vote: Floats) -> Floats:
    """The opinion of both, ``(N, classes)`` float32: the geometric mean, rows of sum 1.

    Args:
        probe: ``(N, classes)`` float32, probabilities out of sample.
        vote: ``(N, classes)`` float32, of the neighbors.
    """
    # A class that no neighbor has is not impossible: they are few.
    smooth = vote * 0.95 + 0.05 / vote.shape[1]
    logs = (1 - _VOTE) * np.log(np.maximum(probe, _LEAST)) + _VOTE * np.log(smooth)
    return softmax(logs)


def judge(probabilities: Floats, labels: NDArray[np.int64]) -> Opinion:
    """Which labels are probably wrong, and what they should be.

    Args:
        probabilities: ``(N, classes)`` float32, out of sample.
        labels: ``(N,)`` int64.
    """
    rows = np.arange(len(labels))
    own = probabilities[rows, labels]
    others = probabilities.copy()
    others[rows, labels] = -1
    suggested = others.argmax(1)
    best = others[rows, suggested]
    certainty = best / np.maximum(best + own, _LEAST)
    usual = np.array(
        [np.percentile(own[labels == k], _USUAL) if (labels == k).any() else np.inf for k in range(others.shape[1])]
    )
    return Opinion(probabilities, suggested, certainty.astype(np.float32), (best > own) & (best >= usual[suggested]))
