"""The learning-rate range test: Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.

The rate grows exponentially from step to step; where the loss falls fastest, the rate is good, and where it climbs
again, too high.
"""

import copy
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from visus._errors import InputError, RunError
from visus.tasks.learner import Learner

_LEAST = 10  # steps that say anything


@dataclass(frozen=True, slots=True)
class RangeTest:
    """What a range test saw.

    Attributes:
        rates: Learning rate of each step.
        losses: Smoothed loss after each step.
        best: The rate where the loss falls fastest.
    """

    rates: list[float]
    losses: list[float]
    best: float


def range_test(
    task: Learner,
    batches: Iterable[tuple[Tensor, ...]],
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
) -> RangeTest:
    """Train a copy of a network with a growing rate until the loss explodes.

    Args:
        task: The task; it stays as it is.
        batches: Training batches as the task takes them, for example pictures ``(N, C, H, W)`` uint8 with labels
            ``(N,)`` int64; they are gone through again when they end.
        low: First learning rate.
        high: Last one.
        steps: How many.

    Raises:
        InputError: There are fewer than ten steps.
        RunError: The loss explodes within ten steps, or never falls.
    """
    if steps < _LEAST:
        raise InputError(f"A range test needs at least {_LEAST} steps, not {steps}.")
    trial = copy.deepcopy(task).train()  # its groups hold the copied parameters
    optimizer = task.recipe.build(trial.groups, lr=1.0)
    base = [group["lr"] for group in optimizer.param_groups]
    rates, losses, smooth = [], [], 0.0
    for number, batch in zip(range(steps), _again(batches), strict=False):
        rate = low * (high / low) ** (number / (steps - 1))
        for group, factor in zip(optimizer.param_groups, base, strict=True):
            group["lr"] = rate * factor
        loss = trial.batch_loss(batch)
        value = loss.item()
        smooth = 0.9 * smooth + 0.1 * value
        mean = smooth / (1 - 0.9 ** (number + 1))
        if not math.isfinite(value) or (losses and mean > 4 * min(losses)):
            break
        rates.append(rate)
        losses.append(mean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return RangeTest(rates, losses, _steepest(rates, losses))


def _again(batches: Iterable[Any]) -> Iterator[Any]:
    """Batches, from the beginning when they end; nothing where there are none."""
    while True:
        count = 0
        for batch in batches:
            count += 1
            yield batch
        if not count:
            return


def _steepest(rates: list[float], losses: list[float]) -> float:
    """The rate where the smoothed loss falls fastest over the logarithm of the rate."""
    if len(losses) < _LEAST:
        raise RunError("The learning rate cannot be found: the loss explodes at once; give --lr yourself, a small one.")
    slope = np.convolve(np.gradient(np.array(losses)), np.ones(5) / 5, mode="same")
    place = int(np.argmin(slope))
    if slope[place] >= 0:
        raise RunError("The learning rate cannot be found: the loss never falls; look at the data and at --health.")
    return float(f"{rates[place]:.2g}")
