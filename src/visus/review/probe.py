"""What a linear probe says of pictures that it has not seen: probabilities of the classes, out of sample.

The pictures are dealt into parts; each part is answered by a multinomial logistic regression on the vectors of the
others. It is fitted by steps under the fixed bound of its Hessian (Böhning, "Multinomial logistic regression
algorithm", Annals of the Institute of Statistical Mathematics 44, 1992), which is diagonal on principal components,
hastened by momentum that starts anew where it leads uphill (O'Donoghue and Candès, "Adaptive restart for accelerated
gradient schemes", 2015).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FOLDS = 5
"""Parts that the pictures are dealt into."""

PENALTY = 1.0
"""Of the squared weights, on features of deviation 1, for each picture."""

_STEPS = 100
_ENOUGH = 1e-3  # change of the weights in a step, as a share of them, at which it ends
_NOTHING = 1e-6  # share of the largest variance below which a component is none


def out_of_sample(
    x: Floats,
    labels: NDArray[np.int64],
    classes: int,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Floats:
    """Probabilities of the classes for each picture, by a probe that has not seen it.

    Args:
        x: ``(N, D)`` float32, of :func:`components`.
        labels: ``(N,)`` int64, the class of each.
        classes: How many there are.
        seed: Of the dealing.
        progress: Called with how many parts are done, of how many.

    Returns:
        ``(N, classes)`` float32, rows of sum 1.
    """
    curvature = (x**2).sum(0)

    def answers(rest: NDArray[np.bool_]) -> Floats:
        return softmax(x[~rest] @ fit(x[rest], labels[rest], classes, curvature=curvature))

    return _by_folds(folds(labels, min(FOLDS, len(labels)), seed), (len(x), classes), answers, progress)


def probabilities(vectors: Floats, labels: NDArray[np.int64], classes: int, others: Floats) -> Floats:
    """What a probe on labeled pictures says of others.

    Args:
        vectors: ``(N, D)`` float32, of the labeled pictures.
        labels: ``(N,)`` int64.
        classes: How many there are.
        others: ``(M, D)`` float32.

    Returns:
        ``(M, classes)`` float32, rows of sum 1.
    """
    x = components(np.concatenate([vectors, others]))
    known = x[: len(vectors)]
    return softmax(x[len(vectors) :] @ fit(known, labels, classes, curvature=(x**2).sum(0)))


def out_of_sample_each(
    x: Floats, marks: NDArray[np.int64], *, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> Floats:
    """The probability of each class, where a picture may have several, by a probe that has not seen the picture.

    Args:
        x: ``(N, D)`` float32, of :func:`components`.
        marks: ``(N, classes)`` int64, 1 for each class that a picture has.
        seed: Of the dealing.
        progress: Called with how many parts are done, of how many.

    Returns:
        ``(N, classes)`` float32 in [0, 1].
    """
    curvature = (x**2).sum(0)
    part = folds(np.unique(marks, axis=0, return_inverse=True)[1].ravel(), min(FOLDS, len(x)), seed)

    def answers(rest: NDArray[np.bool_]) -> Floats:
        return sigmoid(x[~rest] @ fit_each(x[rest], marks[rest], curvature=curvature))

    return _by_folds(part, marks.shape, answers, progress)


def _by_folds(
    part: NDArray[np.int64],
    shape: tuple[int, ...],
    answers: Callable[[NDArray[np.bool_]], Floats],
    progress: Callable[[int, int], None] | None,
) -> Floats:
    """Answers to the pictures of each part, by what was fitted to the others: ``answers`` is told which these are."""
    count = int(part.max()) + 1
    found = np.zeros(shape, np.float32)
    for k in range(count):
        rest = part != k
        found[~rest] = answers(rest)
        if progress:
            progress(k + 1, count)
    return found


def folds(labels: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Deal pictures into parts, each class evenly.

    Args:
        labels: ``(N,)`` int64.
        count: How many parts.
        seed: Of the order.

    Returns:
        ``(N,)`` int64, the part of each.

    >>> sorted(folds(np.array([0, 0, 1, 1]), 2, 0)[:2].tolist())
    [0, 1]
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    part = np.empty(len(labels), np.int64)
    part[by_class] = np.arange(len(labels)) % count
    return part


def components(vectors: Floats) -> Floats:
    """Vectors brought to mean 0 and deviation 1, turned to their principal components, with a constant behind.

    Args:
        vectors: ``(N, D)`` float32.

    Returns:
        ``(N, r + 1)`` float32, columns at right angles, the last of ones.
    """
    x = (vectors - vectors.mean(0)) / np.maximum(vectors.std(0), 1e-6)
    if len(x) <= x.shape[1]:
        variance, axes = np.linalg.eigh((x @ x.T).astype(np.float64))  # (N,), (N, N)
        turned = axes * np.sqrt(np.maximum(variance, 0))
    else:
        variance, axes = np.linalg.eigh((x.T @ x).astype(np.float64))  # (D,), (D, D)
        turned = x @ axes
    kept = turned[:, variance > _NOTHING * max(float(variance[-1]), 1e-9)]
    return np.concatenate([kept, np.ones((len(x), 1))], 1).astype(np.float32)


def fit(x: Floats, labels: NDArray[np.int64], classes: int, *, curvature: Floats) -> Floats:
    """A logistic regression, with a penalty on the squares of all weights but those of the last column.

    Args:
        x: ``(N, D)`` float32, the last column ones.
        labels: ``(N,)`` int64.
        classes: How many there are.
        curvature: ``(D,)`` float32: a diagonal matrix that is not smaller than ``x.T @ x``.

    Returns:
        Weights ``(D, classes)`` float32: ``x @ weights`` are the logits.
    """
    target = np.eye(classes, dtype=np.float32)[labels]
    # The Hessian is nowhere larger, for each class alone.
    return _fitted(x, target, softmax, np.float32(0.5) * curvature)


def fit_each(x: Floats, marks: NDArray[np.int64], *, curvature: Floats) -> Floats:
    """A logistic regression for each class on its own; see :func:`fit`.

    Args:
        x: ``(N, D)`` float32, the last column ones.
        marks: ``(N, classes)`` int64, zeros and ones.
        curvature: ``(D,)`` float32.

    Returns:
        Weights ``(D, classes)`` float32.
    """
    return _fitted(x, marks.astype(np.float32), sigmoid, np.float32(0.25) * curvature)


def _fitted(x: Floats, target: Floats, chances: Callable[[Floats], Floats], curvature: Floats) -> Floats:
    penalty = np.full((x.shape[1], 1), PENALTY * len(x), np.float32)
    penalty[-1] = 0
    bound = curvature[:, None] + penalty
    weights: Floats = np.zeros((x.shape[1], target.shape[1]), np.float32)
    ahead = weights
    speed = 1.0
    for _ in range(_STEPS):
        slope = x.T @ (chances(x @ ahead) - target) + penalty * ahead
        new = (ahead - slope / bound).astype(np.float32)
        change = new - weights
        if (slope * change).sum() > 0 and ahead is not weights:  # momentum leads uphill
            speed, ahead = 1.0, weights
            continue
        faster = (1 + np.sqrt(1 + 4 * speed**2)) / 2
        ahead, weights, speed = (new + (speed - 1) / faster * change).astype(np.float32), new, faster
        if np.linalg.norm(change) < _ENOUGH * np.linalg.norm(weights):
            break
    return weights


def softmax(logits: Floats) -> Floats:
    """Probabilities of logits ``(N, classes)`` float32.

    >>> softmax(np.zeros((1, 2), np.float32)).tolist()
    [[0.5, 0.5]]
    """
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def sigmoid(logits: Floats) -> Floats:
    """Probabilities of logits ``(N, classes)`` float32, each on its own.

    >>> sigmoid(np.zeros((1, 2), np.float32)).tolist()
    [[0.5, 0.5]]
    """
    return (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)
