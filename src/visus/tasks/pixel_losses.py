"""Losses of a segmenter, over the positions whose label counts.

With p the softmax at a position, y its class and w the weight of that class (and of the position, if there is one):

    cross_entropy      weighted mean of -log p_y
    cross_entropy_sum  its sum over each picture, mean over the pictures      (Long et al. 2015, section 4.3)
    focal              weighted mean of -(1 - p_y)^2 log p_y                  (Lin et al., "Focal loss ...", ICCV 2017)
    dice               1 - mean over classes of 2 sum p g / (sum p^2 + sum g^2), g = [y = class]
                                                                              (Milletari et al. 2016, section 3)

A sum of several is written ``cross_entropy+dice``.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from visus._errors import InputError
from visus.data.masks import IGNORE

PixelLoss = Literal["cross_entropy", "cross_entropy_sum", "focal", "dice"]
PIXEL_LOSSES: tuple[PixelLoss, ...] = ("cross_entropy", "cross_entropy_sum", "focal", "dice")
_GAMMA = 2.0


def parse(text: str) -> tuple[PixelLoss, ...]:
    """The losses of a sum.

    Raises:
        InputError: One is unknown or named twice.

    >>> parse("cross_entropy+dice")
    ('cross_entropy', 'dice')
    """
    names = tuple(part.strip() for part in text.split("+"))
    strange = [name for name in names if name not in PIXEL_LOSSES]
    if strange or len(set(names)) < len(names):
        raise InputError(f"The loss must be one of {', '.join(PIXEL_LOSSES)}, or a sum such as cross_entropy+dice.")
    return names  # pyright: ignore[reportReturnType]


def compute(
    losses: tuple[PixelLoss, ...],
    logits: Tensor,
    labels: Tensor,
    *,
    class_weights: Tensor | None = None,
    position_weights: Tensor | None = None,
) -> Tensor:
    """The sum of some losses.

    Args:
        losses: Their names.
        logits: ``(N, C, *spatial)`` float.
        labels: ``(N, *spatial)`` int64, :data:`IGNORE` where a position does not count.
        class_weights: ``(C,)``, of the entropies.
        position_weights: ``(N, *spatial)``, of the entropies.

    Returns:
        A scalar; 0 where no position counts.
    """
    logits = logits.float()  # a loss is computed in full precision, whatever the network ran in
    total = logits.new_zeros(())
    if any(name != "dice" for name in losses):
        entropy = F.cross_entropy(logits, labels, weight=class_weights, ignore_index=IGNORE, reduction="none")
        weights = (labels != IGNORE).float()
        if class_weights is not None:
            weights = weights * class_weights[labels.clamp_max(len(class_weights) - 1)]
        if position_weights is not None:
            entropy, weights = entropy * position_weights, weights * position_weights
        if "cross_entropy" in losses:
            total = total + entropy.sum() / weights.sum().clamp_min(1e-8)
        if "cross_entropy_sum" in losses:
            total = total + entropy.sum() / len(logits)
        if "focal" in losses:
            total = total + _focal(logits, labels, entropy) / weights.sum().clamp_min(1e-8)
    if "dice" in losses:
        total = total + dice(logits, labels)
    return total


def _focal(logits: Tensor, labels: Tensor, entropy: Tensor) -> Tensor:
    """The entropies, weighed down where the answer is sure and right; summed."""
    likely = logits.softmax(1).gather(1, labels.clamp_max(logits.shape[1] - 1)[:, None])[:, 0]
    return ((1 - likely) ** _GAMMA * entropy).sum()


def dice(logits: Tensor, labels: Tensor) -> Tensor:
    """One less the mean Dice coefficient of the classes.

    Args:
        logits: ``(N, C, *spatial)`` float.
        labels: ``(N, *spatial)`` int64, :data:`IGNORE` where a position does not count.

    Returns:
        A scalar in [0, 1].
    """
    counts = (labels != IGNORE)[:, None].float()  # (N, 1, *spatial)
    answers = logits.softmax(1) * counts
    truth = F.one_hot(labels.clamp_max(logits.shape[1]), logits.shape[1] + 1)[..., :-1]
    truth = truth.movedim(-1, 1).float() * counts  # (N, C, *spatial)
    axes = [0, *range(2, logits.ndim)]
    both = (answers * truth).sum(axes)  # (C,)
    either = (answers**2).sum(axes) + (truth**2).sum(axes)
    return 1 - ((2 * both + 1e-5) / (either + 1e-5)).mean()


def median_frequency_weights(pixels: Tensor) -> Tensor:
    """A weight for each class: the median frequency over its own (Badrinarayanan et al. 2017, section 3.3.1).

    The frequency of a class is the number of its positions over all positions of the pictures in which it is there.

    Args:
        pixels: ``(N, C)``, positions of each class in each picture.

    Returns:
        ``(C,)`` float32; 1 for a class that is nowhere.
    """
    pixels = pixels.double()
    there = pixels > 0
    all_of = pixels.sum(1, keepdim=True)
    frequency = pixels.sum(0) / (all_of * there).sum(0).clamp_min(1)
    known = frequency > 0
    weights = torch.ones(len(frequency), dtype=torch.float64)
    weights[known] = frequency[known].quantile(0.5) / frequency[known]
    return weights.float()
