"""A trained detector as the graph that its run has, run without PyTorch."""

import os

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.graphs.boxes import BoxRunner, Detections, Limits, of_detector
from visus.graphs.graph import INT8
from visus.graphs.saved import no_graph, open_saved
from visus.runs.detect.prediction import BoxPredictor


class GraphDetector(BoxPredictor):
    """A trained detector, ready to answer: as :class:`visus.runs.detect.predict.DetectPredictor`, without torch.

    Args:
        run: A run's folder, or a file of a trained detector, with the graph beside it.
        limits: Which answers are given; None for scores from 0.5 on, at most 100, and for every answer of a localizer.
        device: ``"auto"`` or ``"cpu"``.
        int8: Whether the graph is taken whose numbers are of 8 bits.

    Raises:
        InputError: Another device was asked for, or answers that the graph does not give.
        RunError: There is no trained network, or it is damaged.
        DependencyError: The run has no graph, or that of other weights.
    """

    def __init__(
        self,
        run: str | os.PathLike[str],
        *,
        limits: Limits | None = None,
        device: str = "auto",
        int8: bool = False,
    ) -> None:
        if device not in ("auto", "cpu"):
            raise InputError(f"A graph runs on the CPU, not on {device!r}; leave the device away.")
        saved = open_saved(run)
        graph = of_detector(saved.place, INT8 if int8 else "model")
        if graph is None:
            raise no_graph(saved, int8=int8)
        self.classes = tuple(map(str, saved.list_of("classes")))
        self.limits = limits or Limits(score=0.5 if saved.task == "detect" else 0.0)
        self._runner = BoxRunner(graph)
        self._runner.check(self.limits)

    def _within(self, picture: NDArray[np.uint8], limits: Limits) -> Detections:
        return self._runner.detect(picture, limits)
