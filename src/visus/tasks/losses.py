"""Losses of a classifier, each the mean over a batch.

With s the logits of a picture, y its class, q = softmax(s):

    softmax cross-entropy   -log q_y                                (Bridle 1990)
    binary cross-entropy    -log sigmoid(s_j) where it has class j, else -log sigmoid(-s_j); the mean over all classes
    multi-class hinge       sum over j != y of max(0, s_j - s_y + 1)  (Weston and Watkins 1999)
    relative entropy        sum over j of p_j log(p_j / q_j)         (Kullback and Leibler 1951)

Label smoothing replaces the class by p_j = (1 - e) [j = y] + e / C (Szegedy et al. 2016, section 7).
"""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from visus._errors import InputError

Loss = Literal["cross_entropy", "hinge", "relative_entropy"]
LOSSES: tuple[Loss, ...] = ("cross_entropy", "hinge", "relative_entropy")


def softmax_cross_entropy(
    logits: Tensor, labels: Tensor, *, weights: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """Softmax cross-entropy (Bridle 1990), the mean over a batch.

    Args:
        logits: ``(N, C)`` float.
        labels: ``(N,)`` int64 in [0, C).
        weights: ``(C,)``, how much a picture of each class counts; the mean is weighted too.
        smoothing: e of label smoothing, in [0, 1).

    Returns:
        A scalar.
    """
    return F.cross_entropy(logits, labels, weight=weights, label_smoothing=smoothing)


def binary_cross_entropy(logits: Tensor, labels: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy of a sigmoid for each class, the mean over a batch and its classes.

    Args:
        logits: ``(N, C)`` float.
        labels: ``(N, C)``, 1 for each class that a picture has, else 0.
        weights: ``(C,)``, how much a picture that has the class counts beside one that has not.

    Returns:
        A scalar.
    """
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), pos_weight=weights)


def multi_class_hinge(logits: Tensor, labels: Tensor, *, weights: Tensor | None = None, margin: float = 1.0) -> Tensor:
    """Multi-class hinge loss (Weston and Watkins 1999), the mean over a batch.

    Args:
        logits: ``(N, C)`` float.
        labels: ``(N,)`` int64 in [0, C).
        weights: ``(C,)``, how much a picture of each class counts; the mean is weighted too.
        margin: By how much the right logit should exceed the others.

    Returns:
        A scalar.
    """
    right = logits.gather(1, labels[:, None])  # (N, 1)
    excess = (logits - right + margin).clamp_min(0)  # (N, C); the right class adds the margin
    loss = excess.sum(1) - margin  # (N,)
    return loss.mean() if weights is None else (loss * weights[labels]).sum() / weights[labels].sum()


def relative_entropy(logits: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Kullback-Leibler divergence from the softmax of the logits to soft targets.

    Args:
        logits: ``(N, C)`` float.
        targets: ``(N, C)``, rows of probabilities.
        weights: ``(C,)``, how much each class counts; a picture's weight is their mean under its targets.

    Returns:
        A scalar; 0 where softmax and targets agree.
    """
    loss = F.kl_div(logits.log_softmax(1), targets, reduction="none").sum(1)  # (N,)
    if weights is None:
        return loss.mean()
    of_each = targets @ weights
    return (loss * of_each).sum() / of_each.sum()


def soft_targets(labels: Tensor, classes: int, smoothing: float) -> Tensor:
    """Labels as smoothed probabilities (Szegedy et al. 2016, section 7).

    Args:
        labels: ``(N,)`` int64 in [0, classes).
        classes: Number of classes.
        smoothing: e of label smoothing, in [0, 1).

    Returns:
        ``(N, classes)`` float32, the sum of each row 1.
    """
    return F.one_hot(labels, classes).float() * (1 - smoothing) + smoothing / classes


def compute(
    loss: Loss, logits: Tensor, labels: Tensor, *, weights: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """The loss of a name.

    Args:
        loss: One of :data:`LOSSES`.
        logits: ``(N, C)`` float.
        labels: ``(N,)`` int64 in [0, C).
        weights: ``(C,)`` float, how much each class counts; None for alike.
        smoothing: e of label smoothing, in [0, 1); ``hinge`` knows none.

    Returns:
        A scalar float32.

    Raises:
        InputError: There is none of that name.
    """
    logits = logits.float()  # a loss is computed in full precision, whatever the network ran in
    if loss == "cross_entropy":
        return softmax_cross_entropy(logits, labels, weights=weights, smoothing=smoothing)
    if loss == "hinge":
        return multi_class_hinge(logits, labels, weights=weights)
    if loss == "relative_entropy":
        return relative_entropy(logits, soft_targets(labels, logits.shape[1], smoothing), weights=weights)
    raise InputError(f"The loss must be one of {', '.join(LOSSES)}, not {loss!r}.")


def balanced_weights(counts: Tensor) -> Tensor:
    """A weight for each class, inverse to the number of its pictures.

    Args:
        counts: ``(C,)`` int64, pictures of each class.

    Returns:
        ``(C,)`` float32; if every class has pictures, the mean over all pictures is 1.
    """
    return counts.sum() / (len(counts) * counts.clamp_min(1).float())


def positive_weights(counts: Tensor, total: int) -> Tensor:
    """How much a picture that has a class counts beside those that have not, so that both count alike.

    Args:
        counts: ``(C,)`` int64, pictures that have each class.
        total: Pictures in all.

    Returns:
        ``(C,)`` float32, from 1 / 100 to 100.
    """
    positive = counts.clamp_min(1).float()
    return ((total - counts).clamp_min(1) / positive).clamp(0.01, 100.0)
