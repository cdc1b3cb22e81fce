"""Whether val is answered by chance: judged by scores and losses, where measures of layers tell nothing."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visus.tasks.health import Finding

FAR = 10.0
"""Loss beside that of guessing, of a network that is surer of what is wrong than labels alone can make it."""

_FEW = 20  # pictures of val, of which the share that is right tells little
_TOO_FEW, _TOO_FEW_OTHERS = 10, 5  # pictures of val, and those outside its most frequent class: they tell nothing


def by_chance(
    scores: Sequence[float], losses: Sequence[float], counts: Sequence[int], *, hinge: bool = False
) -> Finding | None:
    """Whether the answers to val were no better than by chance in the second half of a training.

    They are where no more of them are right than the most frequent class alone gives, or hardly more and the loss is
    that of one who knows how frequent the classes are, and nothing else. Of few pictures the loss alone tells.

    Args:
        scores: Share of right answers to val after each epoch.
        losses: Its loss.
        counts: Pictures of each class in val.
        hinge: Whether the loss is the multi-class hinge loss, and no cross-entropy.
    """
    shares = np.array([count for count in counts if count], float) / max(1, sum(counts))
    later, known = scores[len(scores) // 2 :], losses[len(losses) // 2 :]
    if not later or not shares.size:
        return None
    chance, deviation = float(shares.max()), 0.5 / math.sqrt(sum(counts))
    above = float(np.median(later)) - chance
    blind = min(known) >= _loss_of_frequencies(shares, hinge=hinge)
    if above > 2 * deviation or (not blind and (above > deviation or sum(counts) < _FEW)):
        return None
    if sum(counts) < _TOO_FEW or sum(counts) - max(counts) < _TOO_FEW_OTHERS:
        return Finding(
            "chance",
            f"Val is too small to tell whether anything is learned: it has {_pictures(sum(counts))}, of which "
            f"{sum(counts) - max(counts)} outside its most frequent class; bring more, or cut a larger one (--val).",
        )
    return Finding(
        "chance",
        "Val is answered no better than by chance: the later half of the epochs have a median of "
        f"{np.median(later):.0%} right, and its most frequent class alone is {chance:.0%}; look whether the labels "
        "belong to the pictures (visus data).",
    )


def far_off(losses: Sequence[float], classes: int, mend: str, *, hinge: bool = False) -> Finding | None:
    """Whether a network that answers by chance has a loss on val that no wrong labels explain, but too high a rate.

    Args:
        losses: The loss on val after each epoch.
        classes: How many there are.
        mend: What lowers the rate.
        hinge: Whether the loss is the multi-class hinge loss, and no cross-entropy.
    """
    guessing = classes - 1 if hinge else math.log(classes)
    later = float(np.median(losses[len(losses) // 2 :]))
    if not later > FAR * max(1.0, guessing):
        return None
    return Finding(
        "diverging",
        f"The training diverges: the loss on val is {later:.3g}, and that of guessing {guessing:.3g}; {mend}.",
    )


def by_one_class(score: float, learned: float, positions: Sequence[int], classes: Sequence[str]) -> Finding | None:
    """Whether a segmenter that has learned something is no better on val than to call all of it one class.

    Args:
        score: Its mean IoU on val, in [0, 1].
        learned: That of the training pictures; where it is no better either, the training was only short.
        positions: Of each class in val.
        classes: Their names.
    """
    there = sum(count > 0 for count in positions)
    if there < 2:
        return None
    frequent = int(np.argmax(positions))
    alone = positions[frequent] / sum(positions) / there
    if score > alone or learned <= alone:
        return None
    return Finding(
        "chance",
        f"Val is answered no better than by chance: its mean IoU is {score:.0%}, that of calling all of it "
        f"{classes[frequent]} {alone:.0%}, and that of the training pictures {learned:.0%}; train longer (--epochs), "
        "keep the statistics of the weights (--norms kept), or bring more pictures.",
    )


def _pictures(count: int) -> str:
    return "one picture" if count == 1 else f"{count} pictures"


def _loss_of_frequencies(shares: NDArray[np.float64], *, hinge: bool) -> float:
    """About the least loss of one who knows how frequent the classes are, and nothing else."""
    if hinge:  # all scores equal, or that of the most frequent class higher by the margin
        return min(len(shares) - 1, len(shares) * (1 - float(shares.max())))
    return float(-(shares * np.log(shares)).sum())
