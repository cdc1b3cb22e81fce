"""Measure how robust a localizer is: how many objects it names and frames on pictures with noise, and through JPEG."""

import os
from collections.abc import Sequence

from visus.explain.robust import Progress, Robustness, under_corruption
from visus.runs.detect.robust import evaluation_of
from visus.runs.engine.robust import MOST, some_of
from visus.runs.localize.evaluate import LocalEvaluation, opened


def measure(
    source: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    *,
    split: str | None = None,
    most: int = MOST,
    epsilons: Sequence[float] | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Robustness:
    """The share of the pictures that are localized, against the size of changes; see :mod:`visus.runs.detect.robust`.

    Args:
        source: A run, or a file of a trained localizer.
        data: See :func:`visus.runs.detect.robust.measure`, as for what follows.
        split: See there.
        most: See there.
        epsilons: See there.
        seed: See there.
        device: See there.
        progress: See there.

    Raises:
        InputError: There are no such pictures.
    """
    _, network, dataset = opened(source, data)
    part, chosen = some_of(dataset, split, most, seed)
    answered = evaluation_of(network, part, chosen, LocalEvaluation, device=device)
    return under_corruption(
        lambda change, tell: answered(change, tell).localization.localized,
        len(part.splits[chosen]),
        measure="localized",
        split=chosen,
        epsilons=epsilons,
        seed=seed,
        progress=progress,
    )
