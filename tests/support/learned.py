"""A detector that has really learned, and what its network and its graphs answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.boxed import coco_folder
from visus import read
from visus.data import BoxSet
from visus.data.boxes import Objects, objects
from visus.graphs.boxes import Detections, Limits
from visus.runs import Run, train
from visus.runs.detect.light import GraphDetector
from visus.runs.detect.predict import DetectPredictor
from visus.runs.detect.prediction import LEAST, BoxPredictor
from visus.runs.quantize import quantize
from visus.tasks import box_metrics

NETWORK, GRAPH, INT8 = "network", "graph", "int8"
SIZE = (96, 128)


def detector(place: Path) -> Run[Any, Any]:
    """A Faster R-CNN that has learned shapes, with its graphs beside it."""
    data = coco_folder(place / "shapes", {"train": 32, "val": 12})
    how: dict[str, Any] = {"epochs": 5, "lr": 1e-3, "workers": 0, "side": 96, "batch_size": 2, "boxes": 32}
    run = train("detect", data, net="faster_rcnn", augment="none", runs=place / "runs", **how)
    quantize(run.folder)
    return run


def asked(run: Run[Any, Any], data: BoxSet) -> dict[str, Any]:
    """What is true of the pictures of val, and what network and graphs answer, as plain values."""
    limits = Limits(score=LEAST)
    pictures = data.splits["val"]
    by: dict[str, BoxPredictor] = {
        NETWORK: DetectPredictor(run, limits=limits, device="cpu"),
        GRAPH: GraphDetector(run, limits=limits),
        INT8: GraphDetector(run, limits=limits, int8=True),
    }
    kept: dict[str, Any] = {"truth": [_plain(own.boxes, own.labels) for own in pictures.objects]}
    for name, predictor in by.items():
        answers = [predictor.answers(read(file)) for file in pictures.files]
        kept[name] = [_plain(own.boxes, own.labels, own.scores) for own in answers]
    return kept


def _plain(boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray | None = None) -> list[list[float]]:
    """One row an object: class, corners, and perhaps score."""
    columns = [labels[:, None], boxes.round(2), *([] if scores is None else [scores[:, None].round(5)])]
    return np.concatenate(columns, 1).astype(np.float64).round(5).tolist()


def precision(kept: dict[str, Any], who: str) -> float:
    """COCO's average precision of the kept answers of network, graph or int8."""
    truth = [_objects(rows) for rows in kept["truth"]]
    answers = [_answers(np.array(rows, np.float32).reshape(-1, 6)) for rows in kept[who]]
    return box_metrics.coco(truth, answers, [SIZE] * len(truth), 2).ap


def _objects(rows: list[list[float]]) -> Objects:
    return objects([{"label": int(label), "box": box} for label, *box in rows])


def _answers(rows: np.ndarray) -> Detections:
    return Detections(rows[:, 1:5], rows[:, 5], rows[:, 0].astype(np.int64))


def table(kept: dict[str, Any], say: Callable[[str], None] = print) -> None:
    """Print the average precision of each."""
    for who in (NETWORK, GRAPH, INT8):
        say(f"{who:8} AP {precision(kept, who):.4f}")
