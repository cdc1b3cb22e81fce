"""A trained detector as the graph that its run has, run without PyTorch."""

import dataclasses
import os
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from visus._errors import DependencyError, InputError
from visus.graphs.boxes import BoxRunner, Detections, Limits, of_detector
from visus.graphs.saved import open_saved
from visus.images import is_picture_name, read
from visus.images.check import colors_of
from visus.runs.answers import Unreadable, one_by_one
from visus.runs.detect.prediction import LEAST, BoxPrediction


class GraphDetector:
    """A trained detector, ready to answer: as :class:`visus.runs.detect.predict.DetectPredictor`, without torch.

    Args:
        run: A run's folder, or a file of a trained detector, with the graph beside it.
        limits: Which answers are given; None for scores from 0.5 on, at most 100, and for every answer of a localizer.
        device: ``"auto"`` or ``"cpu"``.

    Raises:
        InputError: Another device was asked for, or answers that the graph does not give.
        RunError: There is no trained network, or it is damaged.
        DependencyError: The run has no graph, or that of other weights.
    """

    def __init__(self, run: str | os.PathLike[str], *, limits: Limits | None = None, device: str = "auto") -> None:
        if device not in ("auto", "cpu"):
            raise InputError(f"A graph runs on the CPU, not on {device!r}; leave the device away.")
        saved = open_saved(run)
        graph = of_detector(saved.place)
        if graph is None:
            raise DependencyError(
                f"{saved.home} has no graph of its network (model.onnx); run visus export where PyTorch is, or say: "
                "pip install 'visus[train]'"
            )
        self.classes = tuple(map(str, saved.list_of("classes")))
        self.limits = limits or Limits(score=0.5 if saved.task == "detect" else 0.0)
        self._runner = BoxRunner(graph)
        self._runner.check(self.limits)

    def takes(self, name: str) -> bool:
        """Whether a file of a folder is one to answer, by its name."""
        return is_picture_name(name)

    def answers(self, picture: NDArray[np.uint8]) -> Detections:
        """The objects on a picture ``(H, W, 3)`` uint8."""
        return self._runner.detect(picture, self.limits)

    def _best_below(self, picture: NDArray[np.uint8]) -> tuple[str, float] | None:
        """The likeliest answer where none reaches the least score."""
        if self.limits.score <= LEAST:
            return None
        found = self._runner.detect(picture, dataclasses.replace(self.limits, score=LEAST, most=1))
        return (self.classes[int(found.labels[0])], float(found.scores[0])) if len(found) else None

    def predict(self, picture: str | os.PathLike[str] | NDArray[np.uint8]) -> BoxPrediction:
        """The objects on a picture.

        Args:
            picture: A file, or ``(H, W, 3)`` uint8.

        Raises:
            InputError: The file is missing or damaged.
        """
        name = "" if isinstance(picture, np.ndarray) else os.fspath(picture)
        values = colors_of(picture if isinstance(picture, np.ndarray) else read(picture))
        found = self.answers(values)
        best = None if len(found) else self._best_below(values)
        return BoxPrediction(name, found, self.classes, values, best)

    def predict_many(
        self, pictures: Iterable[str | os.PathLike[str] | NDArray[np.uint8]]
    ) -> Iterator[BoxPrediction | Unreadable]:
        """The objects on many pictures, files or ``(H, W, 3)`` uint8, in order; what cannot be read in its place."""
        return one_by_one(self.predict, pictures)
