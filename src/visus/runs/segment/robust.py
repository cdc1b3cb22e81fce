"""Measure how robust a segmenter is: its mean IoU on pictures with noise, and on pictures through JPEG."""

import os
from collections.abc import Sequence

from visus._errors import InputError
from visus.explain.corrupted import Change
from visus.explain.robust import Progress, Robustness, under_corruption
from visus.runs.engine.robust import MOST, some_of
from visus.runs.segment.evaluate import measured_by, opened
from visus.runs.segment.predict import SegmentPredictor


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
    """Mean IoU against the size of changes; see :func:`visus.explain.robust.under_corruption`.

    Args:
        source: A run, or a file of a trained segmenter.
        data: Pictures with masks; None for those that the run was trained on.
        split: Which split; None for ``test``, else ``val``, else all pictures.
        most: Pictures at most; drawn at random.
        epsilons: See there.
        seed: Of the draw and of the noise.
        device: Where it works.
        progress: Told how many answers are there, of how many.

    Raises:
        InputError: There are no such pictures, or they are volumes.
    """
    _, network, dataset = opened(source, data)
    if network.net.axes == 3:
        raise InputError(f"{source} answers volumes; robustness is measured on pictures.")
    part, chosen = some_of(dataset, split, most, seed)
    predictor = SegmentPredictor(network, device=device)

    def score(change: Change, tell: Progress | None) -> float:
        return measured_by(lambda picture: predictor.predict(change(picture)).mask, part, chosen, tell).mean_iou

    return under_corruption(
        score,
        len(part.splits[chosen]),
        measure="mean IoU",
        split=chosen,
        epsilons=epsilons,
        seed=seed,
        progress=progress,
    )
