"""A trained detector as the graph that its run has, run without torch; and what a detector answers.

The graph (``model.onnx``, described by ``model.json`` beside it) takes the pixels of one picture of any size, ``(H, W,
3)`` uint8, resizes them, finds boxes and takes away those that overlap. It gives ``boxes`` ``(n, 4)`` float32 in pixels
of the picture, ``scores`` ``(n,)`` float32 and ``labels`` ``(n,)`` int64, the most certain first, and of a network that
finds shapes ``masks`` ``(n, m, m)`` float32.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError
from visus.graphs.graph import graph_beside
from visus.graphs.runs import encode
from visus.graphs.runtime import session

Floats = NDArray[np.float32]
NAMES = ("boxes", "scores", "labels", "masks")


@dataclass(frozen=True, slots=True)
class Detections:
    """What a network finds on one picture.

    Attributes:
        boxes: ``(n, 4)`` float32, in pixels.
        scores: ``(n,)`` float32 in [0, 1].
        labels: ``(n,)`` int64.
        shapes: Run lengths of COCO's form, one for each box, or None.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    shapes: list[Any] | None = None

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, slots=True)
class Limits:
    """Which of its answers a network gives.

    Attributes:
        score: The least score.
        overlap: Of two boxes of one class that overlap by more than this IoU, the better one stays.
        most: How many boxes at most.
        soft: Lower the scores of overlapping boxes in place of taking them away (Bodla et al., ICCV 2017); ``overlap``
            is then without effect.
    """

    score: float = 0.05
    overlap: float = 0.5
    most: int = 100
    soft: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.score <= 1 and 0 <= self.overlap <= 1 and self.most >= 1):
            raise InputError(
                f"Score and overlap must be from 0 to 1 and the number of boxes at least 1, not {self.score}, "
                f"{self.overlap} and {self.most}."
            )


@dataclass(frozen=True, slots=True)
class BoxGraph:
    """A detector's graph in a file, and what its description says.

    Attributes:
        path: The ONNX file.
        limits: Which answers the graph gives; fewer can be taken, others not.
        thinnest: How many times as long as wide a picture may be.
        has_masks: Whether it finds shapes.
    """

    path: Path
    limits: Limits
    thinnest: float
    has_masks: bool


def of_detector(file: Path, name: str = "model") -> BoxGraph | None:
    """The graph beside a file of a trained detector; None where there is none, or one of other weights.

    Args:
        file: The file of the network.
        name: Of the graph, without its ending.
    """
    return graph_beside(file, name, _as_described)


def _as_described(values: dict[str, Any], path: Path) -> BoxGraph:
    limits = Limits(float(values["score"]), float(values["overlap"]), int(values["most"]))
    return BoxGraph(path, limits, float(values["thinnest"]), bool(values["has_masks"]))


class BoxRunner:
    """A detector's graph, ready to answer.

    Args:
        graph: What is known of it.
        own: What runs it, where it was made ready already; None to read its file.
    """

    def __init__(self, graph: BoxGraph, own: Any = None) -> None:  # noqa: ANN401 - ONNX Runtime's
        self.graph = graph
        self._session = own or session(graph.path, cores())
        self._names = NAMES if graph.has_masks else NAMES[:3]

    def check(self, limits: Limits) -> None:
        """Whether the graph can give such answers.

        Raises:
            InputError: It was exported for others.
        """
        own = self.graph.limits
        wanted = {"--soft-nms": limits.soft, f"--iou {limits.overlap:g}": limits.overlap != own.overlap}
        wanted[f"--conf {limits.score:g}"] = limits.score < own.score
        wanted[f"--max-det {limits.most}"] = limits.most > own.most
        for option, strange in wanted.items():
            if strange:
                raise InputError(
                    f"The graph gives at most {own.most} boxes from a score of {own.score:g} on, less those that "
                    f"overlap by {own.overlap:g}; {option} needs PyTorch: say --engine local, with visus[train]."
                )

    def detect(self, picture: NDArray[np.uint8], limits: Limits) -> Detections:
        """What is on a picture.

        Args:
            picture: ``(H, W, 3)`` uint8.
            limits: Which answers are given; see :meth:`check`.

        Raises:
            InputError: The picture is too thin.
        """
        height, width = picture.shape[:2]
        if min(height, width) * self.graph.thinnest < max(height, width):
            raise InputError(f"A picture of {width}x{height} pixels is too thin; cut it first.")
        found = dict(zip(self._names, self._session.run(list(self._names), {"pixels": picture}), strict=True))
        sure = np.flatnonzero(found["scores"] >= limits.score)[: limits.most]
        boxes = found["boxes"][sure].astype(np.float32)
        shapes = None
        if self.graph.has_masks:
            shapes = [encode(mask >= 0.5) for mask in pasted(found["masks"][sure], boxes, (height, width))]
        return Detections(boxes, found["scores"][sure], found["labels"][sure].astype(np.int64), shapes)


def pasted(masks: Floats, boxes: Floats, size: Sequence[int]) -> Iterator[Floats]:
    """Each mask, laid on the picture, one at a time, as torchvision lays them (He et al. 2017, section 3).

    Args:
        masks: ``(n, m, m)`` float32 in [0, 1], each of a box.
        boxes: ``(n, 4)`` float32 in pixels.
        size: Height and width of the picture.

    Yields:
        ``(H, W)`` float32 in [0, 1].

    >>> [mask] = pasted(np.ones((1, 2, 2), np.float32), np.array([[1, 0, 4, 2]], np.float32), (4, 6))
    >>> (mask >= 0.5).astype(int).tolist()
    [[0, 0, 1, 1, 0, 0], [0, 1, 1, 1, 1, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0]]
    """
    height, width = size
    for mask, (x0, y0, x1, y1) in zip(masks, boxes.astype(np.float32), strict=True):
        # A border of zeros is laid around the mask, and its box grows with it.
        framed = np.pad(mask, 1)
        grown = np.float32(len(framed) / len(mask))
        middle = np.array([x1 + x0, y1 + y0], np.float32) * np.float32(0.5)
        half = np.array([x1 - x0, y1 - y0], np.float32) * np.float32(0.5) * grown
        (left, top), (right, bottom) = (middle - half).astype(np.int64), (middle + half).astype(np.int64)
        wide, high = max(int(right - left + 1), 1), max(int(bottom - top + 1), 1)
        large = cv2.resize(framed, (wide, high), interpolation=cv2.INTER_LINEAR)
        whole = np.zeros((height, width), np.float32)
        first_x, last_x = max(int(left), 0), min(int(right) + 1, width)
        first_y, last_y = max(int(top), 0), min(int(bottom) + 1, height)
        whole[first_y:last_y, first_x:last_x] = large[first_y - top : last_y - top, first_x - left : last_x - left]
        yield whole
