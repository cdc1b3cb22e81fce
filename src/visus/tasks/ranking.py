"""Average precision of classes that a picture may have together: how well scores put those that have a class first."""

import numpy as np
from numpy.typing import NDArray


def average_precision(scores: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Average precision of each class: the sum of precisions at each threshold, weighted by the growth of recall.

    No points are put in between (as in scikit-learn, and unlike the 11 points of Pascal VOC 2007); equal scores are one
    threshold (Su et al., "A relationship between the average precision and the area under the ROC curve", 2015).

    Args:
        scores: ``(N, C)``, more for likelier; logits or probabilities.
        labels: ``(N, C)``, 1 where a picture has the class, else 0.

    Returns:
        ``(C,)`` float64 in [0, 1]; NaN where no picture has the class.

    >>> average_precision(np.array([[0.9], [0.8], [0.1]]), np.array([[1], [0], [1]])).round(4).tolist()
    [0.8333]
    """
    found = np.full(scores.shape[1], np.nan)
    for k in np.flatnonzero(labels.any(0)).tolist():
        order = np.argsort(-scores[:, k], kind="stable")
        ordered, right = scores[order, k], np.cumsum(labels[order, k])
        last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))  # of equal scores
        recall, precision = right[last] / right[-1], right[last] / (last + 1)
        found[k] = float((np.diff(recall, prepend=0.0) * precision).sum())
    return found


def resampled(
    scores: NDArray[np.floating], labels: NDArray[np.integer], often: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Average precision of each class where pictures are drawn anew (see :mod:`visus.tasks.bootstrap`).

    Args:
        scores: ``(N, C)``, as for :func:`average_precision`.
        labels: ``(N, C)``, as there.
        often: ``(times, N)``, how often each picture is there.

    Returns:
        ``(times, C)`` float64 in [0, 1]; NaN where no picture that is there has the class.

    >>> scores, labels = np.array([[0.9], [0.8], [0.1]]), np.array([[1], [0], [1]])
    >>> resampled(scores, labels, np.array([[1, 1, 1], [0, 2, 1], [0, 1, 0]])).round(4).tolist()
    [[0.8333], [0.3333], [nan]]
    """
    found = np.full((len(often), scores.shape[1]), np.nan)
    for k in np.flatnonzero(labels.any(0)).tolist():
        order = np.argsort(-scores[:, k], kind="stable")
        ordered, counts = scores[order, k], often[:, order]
        last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))  # of equal scores
        right = np.cumsum(counts * labels[order, k], 1)[:, last]  # (times, thresholds)
        precision = right / np.maximum(np.cumsum(counts, 1)[:, last], 1)
        gained = (np.diff(right, prepend=0, axis=1) * precision).sum(1)
        np.divide(gained, right[:, -1], out=found[:, k], where=right[:, -1] > 0)
    return found


def mean_average_precision(scores: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """The mean over the classes that some picture has; NaN where no picture has any.

    Args:
        scores: ``(N, classes)`` float, the higher the likelier.
        labels: ``(N, classes)`` integer, zeros and ones.
    """
    found = average_precision(scores, labels)
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")
