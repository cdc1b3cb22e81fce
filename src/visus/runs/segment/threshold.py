"""From which probability on a position is of the second of two classes, chosen on the val split.

A network that learned from few positions of a class gives it too little probability, or too much where it was made to
count more; one half is then not where the two classes are told apart best.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus.data.masks import IGNORE

BINS = 100
"""Thresholds that are looked at."""

LEAST_GAIN = 0.002
"""Of mean IoU: for less, one half stays."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A threshold, and what it is good for.

    Attributes:
        threshold: In (0, 1).
        mean_iou: With it.
        before: Mean IoU with one half.
    """

    threshold: float
    mean_iou: float
    before: float


def counts(probability: NDArray[np.floating], truth: NDArray[np.integer]) -> NDArray[np.int64]:
    """How often each probability was given to positions of both classes, ``(2, BINS)`` int64.

    Args:
        probability: Of the second class, of any shape, in [0, 1].
        truth: Of the same shape: 0, 1, or :data:`~visus.data.masks.IGNORE`.
    """
    known = truth != IGNORE
    bins = np.minimum((probability[known] * BINS).astype(np.int64), BINS - 1)
    flat = np.bincount(truth[known].astype(np.int64) * BINS + bins, minlength=2 * BINS)
    return flat.reshape(2, BINS)


def best(found: NDArray[np.int64]) -> Choice:
    """The threshold with the highest mean IoU of both classes; one half where no other is clearly better.

    Args:
        found: ``(2, BINS)``, the sum of :func:`counts` over pictures.

    >>> found = np.zeros((2, BINS), np.int64)
    >>> found[0, 10], found[1, 40] = 50, 10  # what is there has a probability of 0.4
    >>> choice = best(found)
    >>> 0.1 < choice.threshold <= 0.4, choice.mean_iou, round(choice.before, 3)
    (True, 1.0, 0.417)
    """
    first, second = found
    right = second[::-1].cumsum()[::-1]  # positions of the second class from each bin on
    wrong = first[::-1].cumsum()[::-1]
    missed, left = second.sum() - right, first.sum() - wrong
    ious = np.stack([left / np.maximum(1, left + wrong + missed), right / np.maximum(1, right + wrong + missed)])
    scores = ious.mean(0)[1:]  # at 1 / BINS, 2 / BINS, ...
    top = np.flatnonzero(scores >= scores.max() - 1e-9)
    place, half = int(top[len(top) // 2]), BINS // 2 - 1
    if scores[place] < scores[half] + LEAST_GAIN:
        place = half
    return Choice((place + 1) / BINS, float(scores[place]), float(scores[half]))
