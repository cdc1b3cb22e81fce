"""Preprocessing that is fitted on the training pictures.

With X the training pictures as rows, values in [0, 1], m their mean and C = U diag(l) U' the covariance of X - m:

    mean_picture   x - m                          m at every position (Krizhevsky et al. 2012, section 2)
    channel_mean   x - m                          one m for each channel (Simonyan and Zisserman 2015, section 2.1)
    zscore         (x - m) / s                    and the standard deviation of each channel
    pca            U' (x - m)                     decorrelated: covariance diag(l)
    pca_whiten     diag(l + e)^(-1/2) U' (x - m)  covariance 1
    zca_whiten     U diag(l + e)^(-1/2) U' (x - m)  covariance 1, and as near to the picture as can be
                                                  (Bell and Sejnowski 1997)
"""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor

from visus._errors import InputError
from visus.ops import Normalize

Kind = Literal["none", "mean_picture", "channel_mean", "zscore", "pca", "pca_whiten", "zca_whiten"]
KINDS: tuple[Kind, ...] = ("none", "mean_picture", "channel_mean", "zscore", "pca", "pca_whiten", "zca_whiten")

MOST_VALUES = 4096
"""Values of a picture that decorrelation and whitening can take: the covariance has the square of them."""


def fit(kind: Kind, batches: Iterable[Tensor], *, epsilon: float = 1e-2) -> Normalize:
    """Fit a preprocessing to training pictures.

    Args:
        kind: One of :data:`KINDS`; ``"none"`` only scales to [0, 1].
        batches: Training pictures, ``(N, C, H, W)`` uint8, in batches.
        epsilon: What whitening adds to every variance l, as a share of their mean, so that directions that hold
            nothing but noise are not blown up; at 0.01 the variances of photographs come out as 0.71 to 0.87.

    Returns:
        The fitted preprocessing.

    Raises:
        InputError: The kind is unknown, there are no pictures, or they have too many values to be whitened.
    """
    if kind not in KINDS:
        raise InputError(f"The preprocessing must be one of {', '.join(KINDS)}, not {kind!r}.")
    whole = kind in ("pca", "pca_whiten", "zca_whiten")
    count, total, products = 0, torch.zeros(()), torch.zeros(())
    shape: tuple[int, int, int] = (0, 0, 0)
    for batch in batches:
        x = batch.double() / 255  # (N, C, H, W)
        shape = (x.shape[1], x.shape[2], x.shape[3])
        if whole:
            x = x.flatten(1)  # (N, D)
            if x.shape[1] > MOST_VALUES:
                raise InputError(
                    f"{kind} takes pictures of up to {MOST_VALUES:,} values, and these have {x.shape[1]:,}; make them "
                    "smaller with --size, or take zscore."
                )
        count += len(x)
        total = total + x.sum(0)
        products = products + (x.T @ x if whole else (x * x).sum(0))
    if not count:
        raise InputError("Preprocessing needs at least one training picture.")
    if whole:
        mean = total / count  # (D,)
        return _whitening(kind, mean, products / count - torch.outer(mean, mean), shape, epsilon)
    mean = total / count  # (C, H, W)
    channel = mean.mean((1, 2), keepdim=True)  # (C, 1, 1)
    if kind == "none":
        return Normalize(torch.zeros_like(channel))
    if kind == "mean_picture":
        return Normalize(mean)
    if kind == "channel_mean":
        return Normalize(channel)
    variance = (products / count).mean((1, 2), keepdim=True) - channel**2
    return Normalize(channel, scale=variance.clamp_min(1e-8).rsqrt())


def _whitening(kind: Kind, mean: Tensor, covariance: Tensor, shape: tuple[int, int, int], epsilon: float) -> Normalize:
    """From the mean ``(D,)`` and the covariance ``(D, D)``."""
    variances, axes = torch.linalg.eigh(covariance)  # (D,) ascending, (D, D) with axes as columns
    variances, axes = variances.flip(0).clamp_min(0), axes.flip(1)
    scale = (variances + epsilon * variances.mean().clamp_min(1e-12)).rsqrt()
    if kind == "pca":
        matrix = axes.T
    elif kind == "pca_whiten":
        matrix = scale[:, None] * axes.T
    else:
        matrix = (axes * scale) @ axes.T
    return Normalize(mean.view(shape), matrix=matrix)
