"""What a trained detector finds on a picture, and how it is asked, whatever answers: the network, or its graph."""

import dataclasses
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.graphs.boxes import Detections, Limits
from visus.graphs.runs import decode
from visus.images import draw, is_picture_name
from visus.images.check import colors_of
from visus.images.result import Result
from visus.images.wide import read_wide
from visus.runs.answers import Unreadable, one_by_one
from visus.runs.supervision import detections

LEAST = 0.001
"""Score of an answer that is named where none is sure enough."""


@dataclass(frozen=True, slots=True, repr=False)
class BoxPrediction(Result):
    """The objects on a picture, the most certain first.

    Attributes:
        path: The file, or ``""`` for an array.
        answers: Boxes ``(n, 4)`` in pixels, scores, labels, and perhaps shapes.
        classes: Names of the classes.
        picture: ``(H, W, 3)`` uint8.
        best: Where nothing is found: the likeliest class, and its score, which is below the least that was asked for;
            None where something is found, or there is nothing at all.
    """

    path: str
    answers: Detections
    classes: tuple[str, ...]
    picture: NDArray[np.uint8]
    best: tuple[str, float] | None = None

    @property
    def boxes(self) -> NDArray[np.float32]:
        """``(n, 4)`` float32: x0, y0, x1, y1 in pixels."""
        return self.answers.boxes

    @property
    def scores(self) -> NDArray[np.float32]:
        """``(n,)`` float32 in [0, 1]."""
        return self.answers.scores

    @property
    def names(self) -> list[str]:
        """The class of each object."""
        return [self.classes[label] for label in self.answers.labels.tolist()]

    def masks(self) -> NDArray[np.bool_]:
        """The shape of each object, ``(n, H, W)`` bool.

        Raises:
            InputError: The network finds no shapes.
        """
        height, width = self.picture.shape[:2]
        return np.array(list(self._each_mask()), bool).reshape(-1, height, width)

    def _each_mask(self) -> Iterator[NDArray[np.bool_]]:
        """One shape after the other, so that those of a large picture need not lie in memory at once."""
        if self.answers.shapes is None:
            raise InputError("This network finds boxes only; train mask_rcnn_fpn for shapes.")
        yield from (decode(shape) for shape in self.answers.shapes)

    def overlay(self) -> NDArray[np.uint8]:
        """The picture with boxes, names and scores, and with shapes where there are some, ``(H, W, 3)`` uint8."""
        shown = self.picture
        if self.answers.shapes is not None:
            shown = shown.copy()
            tint = np.rint(0.5 * np.arange(256)[:, None] + 0.5 * np.array(draw.ACCENT)).astype(np.uint8)
            for mask in self._each_mask():
                for k in range(3):  # whole pixels would take many times the memory of the picture
                    shown[..., k][mask] = tint[shown[..., k][mask], k]
        labels = [f"{name} {score:.2f}" for name, score in zip(self.names, self.scores.tolist(), strict=True)]
        return draw.boxes(shown, self.boxes, labels)

    def __repr__(self) -> str:
        found = ", ".join(f"{name} {score:.2f}" for name, score in zip(self.names, self.scores.tolist(), strict=True))
        return f"BoxPrediction({self.path!r}, {found or 'nothing'})"

    def drawn(self) -> NDArray[np.uint8] | None:
        """The overlay, ``(H, W, 3)`` uint8."""
        return self.overlay()

    def to_supervision(self) -> Any:  # noqa: ANN401 - supervision.Detections, imported at use
        """The objects as ``supervision.Detections``, with ``data["class_name"]``, and masks where there are shapes.

        Raises:
            DependencyError: supervision is not installed.
        """
        masks = None if self.answers.shapes is None else self.masks()
        return detections(self.boxes, self.answers.labels, self.classes, scores=self.scores, masks=masks)

    def rows(self) -> list[dict[str, Any]]:
        """One row an object, the most certain first: its class, its score, and its corners in pixels."""
        corners = ("x0", "y0", "x1", "y1")
        return [
            {"file": self.path, "class": name, "score": score, **dict(zip(corners, box, strict=True))}
            for name, score, box in zip(self.names, self.scores.tolist(), self.boxes.tolist(), strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        rows = []
        for k, name in enumerate(self.names):
            row: dict[str, Any] = {"class": name, "score": round(float(self.scores[k]), 5)}
            row["box"] = [round(value, 2) for value in self.boxes[k].tolist()]
            if self.answers.shapes is not None:
                row["segmentation"] = self.answers.shapes[k]
            rows.append(row)
        found: dict[str, Any] = {"file": self.path, "objects": rows}
        if not rows:
            found["best"] = None if self.best is None else {"class": self.best[0], "score": round(self.best[1], 5)}
        return found


class BoxPredictor(ABC):
    """What answers pictures with boxes: a network, or its graph.

    Attributes:
        classes: Names of the classes.
        limits: Which answers are given.
    """

    classes: tuple[str, ...]
    limits: Limits

    @abstractmethod
    def _within(self, picture: NDArray[np.uint8], limits: Limits) -> Detections:
        """The objects on a picture ``(H, W, 3)`` uint8 within some limits."""

    def takes(self, name: str) -> bool:
        """Whether a file of a folder is one to answer, by its name."""
        return is_picture_name(name)

    def answers(self, picture: NDArray[np.uint8]) -> Detections:
        """The objects on a picture ``(H, W, 3)`` uint8."""
        return self._within(picture, self.limits)

    def _best_below(self, picture: NDArray[np.uint8]) -> tuple[str, float] | None:
        """The likeliest answer where none reaches the least score."""
        if self.limits.score <= LEAST:
            return None
        found = self._within(picture, dataclasses.replace(self.limits, score=LEAST, most=1))
        return (self.classes[int(found.labels[0])], float(found.scores[0])) if len(found) else None

    def predict(self, picture: str | os.PathLike[str] | NDArray[np.uint8]) -> BoxPrediction:
        """The objects on a picture.

        Args:
            picture: A file, or ``(H, W, 3)`` uint8.

        Raises:
            InputError: The file is missing or damaged.
        """
        name = "" if isinstance(picture, np.ndarray) else os.fspath(picture)
        values = colors_of(picture if isinstance(picture, np.ndarray) else read_wide(picture))
        found = self.answers(values)
        best = None if len(found) else self._best_below(values)
        return BoxPrediction(name, found, self.classes, values, best)

    def predict_many(
        self, pictures: Iterable[str | os.PathLike[str] | NDArray[np.uint8]]
    ) -> Iterator[BoxPrediction | Unreadable]:
        """The objects on many pictures, files or ``(H, W, 3)`` uint8, in order; what cannot be read in its place."""
        return one_by_one(self.predict, pictures)
