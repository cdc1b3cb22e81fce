"""Measures of a segmenter, all from one confusion matrix over a whole set (Long et al. 2015, section 5).

With n_ij the positions of class i that are called j, and t_i = sum over j of n_ij:

    pixel accuracy         sum n_ii / sum t_i
    mean accuracy          mean of n_ii / t_i
    IoU of a class         n_ii / (t_i + sum over j of n_ji - n_ii)
    frequency-weighted IoU sum t_i IoU_i / sum t_i
    Dice of a class        2 n_ii / (t_i + sum over j of n_ji)

Means go over the classes that are in the truth or in the answers; the others have no measure (NaN).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visus.data.masks import IGNORE
from visus.tasks.bootstrap import drawn

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


def confusion(answers: Tensor, labels: Tensor, classes: int) -> Tensor:
    """``(classes, classes)`` int64: true classes in rows, answers in columns; positions that do not count left out.

    Args:
        answers: ``(N, *spatial)`` int64 in [0, classes).
        labels: ``(N, *spatial)`` int64, :data:`IGNORE` where a position does not count.
        classes: Number of classes.
    """
    counts = labels != IGNORE
    pairs = labels[counts].long() * classes + answers[counts].long()
    return torch.bincount(pairs, minlength=classes * classes).view(classes, classes)


def pixel_accuracy(matrix: Counts) -> float:
    """Share of the positions that are right."""
    return float(matrix.trace() / max(1, matrix.sum()))


def accuracies(matrix: Counts) -> Floats:
    """Of the positions of each class, the share that is right.

    Args:
        matrix: ``(C, C)`` int64, from :func:`confusion`.

    Returns:
        ``(C,)`` float64 in [0, 1]; NaN where a class has no position.
    """
    return _divide(np.diag(matrix), matrix.sum(1))


def ious(matrix: Counts) -> Floats:
    """Intersection over union of each class.

    Args:
        matrix: ``(C, C)`` int64, from :func:`confusion`.

    Returns:
        ``(C,)`` float64 in [0, 1]; NaN where a class is in neither truth nor answers.
    """
    right = np.diag(matrix)
    return _divide(right, matrix.sum(1) + matrix.sum(0) - right)


def dices(matrix: Counts) -> Floats:
    """The Dice coefficient of each class.

    Args:
        matrix: ``(C, C)`` int64, from :func:`confusion`.

    Returns:
        ``(C,)`` float64 in [0, 1]; NaN where a class is in neither truth nor answers.
    """
    return _divide(2 * np.diag(matrix), matrix.sum(1) + matrix.sum(0))


def mean(values: Floats) -> float:
    """Mean over the classes that have a value; 0 if none has.

    Args:
        values: ``(C,)`` float64, NaN where a class has none.
    """
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else 0.0


def frequency_weighted_iou(matrix: Counts) -> float:
    """IoU of the classes, each weighed by its positions."""
    there = matrix.sum(1)
    return float((np.nan_to_num(ious(matrix)) * there).sum() / max(1, there.sum()))


@dataclass(frozen=True, slots=True)
class Resampled:
    """The measures of pictures that were drawn anew, many times (see :mod:`visus.tasks.bootstrap`).

    Attributes:
        pixel_accuracy: ``(times,)``.
        ious: ``(times, C)``, NaN for a class that is nowhere.
        dices: ``(times, C)``, the same.
        accuracies: ``(times, C)``, the same.
    """

    pixel_accuracy: Floats
    ious: Floats
    dices: Floats
    accuracies: Floats


def counts_of(matrix: Counts) -> Counts:
    """What the measures need of a confusion matrix: ``(3, C)``, right, true and answered positions of each class."""
    return np.stack([np.diag(matrix), matrix.sum(1), matrix.sum(0)])


def resampled(counts: Counts) -> Resampled:
    """The measures where pictures are drawn with replacement.

    Args:
        counts: ``(N, 3, C)``, :func:`counts_of` of each picture.
    """
    sums = (drawn(len(counts)) @ counts.reshape(len(counts), -1)).reshape(-1, *counts.shape[1:])
    right, there, named = sums[:, 0], sums[:, 1], sums[:, 2]  # (times, C) each
    return Resampled(
        _divide(right.sum(1), there.sum(1)),
        _divide(right, there + named - right),
        _divide(2 * right, there + named),
        _divide(right, there),
    )


def _divide(above: NDArray[Any], below: NDArray[Any]) -> Floats:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
