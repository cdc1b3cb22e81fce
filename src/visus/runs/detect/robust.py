"""Measure how robust a detector is: its average precision on pictures with noise, and on pictures through JPEG."""

import os
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from visus.data import BoxSet
from visus.explain.corrupted import Change
from visus.explain.robust import Progress, Robustness, under_corruption
from visus.nets.detection.trained import Trained
from visus.runs.detect import evaluate
from visus.runs.detect.evaluate import AnyEvaluation
from visus.runs.detect.predict import DetectPredictor
from visus.runs.engine.robust import MOST, some_of
from visus.tasks.box_metrics import Detections

Place = str | os.PathLike[str]


def measure(
    source: Place,
    data: Place | None = None,
    *,
    split: str | None = None,
    most: int = MOST,
    epsilons: Sequence[float] | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Robustness:
    """COCO's average precision of boxes against the size of changes.

    Args:
        source: A run, or a file of a trained detector.
        data: Pictures with boxes; None for those that the run was trained on.
        split: Which split; None for ``test``, else ``val``, else all pictures.
        most: Pictures at most; drawn at random.
        epsilons: See :func:`visus.explain.robust.under_corruption`.
        seed: Of the draw and of the noise.
        device: Where it works.
        progress: Told how many answers are there, of how many.

    Raises:
        InputError: There are no such pictures.
    """
    _, network, dataset = evaluate.opened(source, data)
    part, chosen = some_of(dataset, split, most, seed)
    answered = evaluation_of(network, part, chosen, evaluate.BoxEvaluation, device=device)
    return under_corruption(
        lambda change, tell: max(0.0, answered(change, tell).ap),  # -1 where there is nothing to find
        len(part.splits[chosen]),
        measure="AP",
        split=chosen,
        epsilons=epsilons,
        seed=seed,
        progress=progress,
    )


def evaluation_of(
    network: Trained, dataset: BoxSet, split: str, kind: type[AnyEvaluation], *, device: str
) -> Callable[[Change, Progress | None], AnyEvaluation]:
    """What measures a network that answers with boxes on pictures that are changed.

    Args:
        network: The network, which is made ready once.
        dataset: Pictures, labeled with its classes.
        split: Which of them.
        kind: What the measures are told by.
        device: Where it works.
    """
    predictor = DetectPredictor(network, limits=evaluate.ALL, device=device)

    def answered(change: Change, tell: Progress | None) -> AnyEvaluation:
        def answer(picture: NDArray[np.uint8]) -> Detections:
            return predictor.answers(change(picture))

        return evaluate.measure(network, dataset, split, progress=tell, kind=kind, answer=answer)

    return answered
