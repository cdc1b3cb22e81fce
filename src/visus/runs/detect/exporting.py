"""A trained detector as a graph: what its file says of itself, and whether it answers as the network does."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from visus._cores import cores
from visus._errors import RunError
from visus.data import BoxSet
from visus.graphs import runtime
from visus.graphs.boxes import BoxGraph, BoxRunner, Detections, Limits, of_detector
from visus.graphs.saved import Saved, no_graph
from visus.nets import trained
from visus.nets.detection import graph
from visus.nets.detection.trained import Trained
from visus.nets.file import as_written
from visus.runs.detect.evaluate import AnyEvaluation, BoxEvaluation, measure
from visus.runs.detect.predict import DetectPredictor
from visus.runs.detect.prediction import LEAST

SIZES = ((96, 128), (120, 75), (64, 64))
"""Height and width of the pictures that a graph is tried on: it takes any."""

AP = 0.001
"""By how much the average precision of graph and network may differ: a tenth of a point."""

_SCORE = 1e-3
_NO_LIMIT = 1e9


def limits_of(network: Trained) -> Limits:
    """Which answers a graph gives: all that a measure counts; a predictor takes those that are wanted."""
    return Limits(score=LEAST) if network.about.task == "detect" else Limits(score=0.0)


def description(network: Trained, license: str | None) -> dict[str, Any]:
    """What a graph says of itself, as plain values for JSON: the classes, its thresholds, the license of weights."""
    limits, transform = limits_of(network), getattr(network.net, "transform", None)
    return {
        **as_written(asdict(network.about)),
        "pixels": [None, None, 3],
        "score": limits.score,
        "overlap": limits.overlap,
        "most": limits.most,
        "thinnest": float(transform.max_size) if transform is not None else _NO_LIMIT,
        "has_masks": network.net.has_masks,
        "license": license,
    }


def content_of(network: Trained, about: dict[str, Any]) -> bytes:
    """The ONNX file of a detector, tried on pictures of several sizes.

    Args:
        network: The detector, on the CPU.
        about: Its :func:`description`.

    Raises:
        RunError: Its boxes come from outside of it, or the graph answers otherwise.
    """
    content = graph.export(network.net, limits_of(network), {"visus": json.dumps(about)})
    own, runner = DetectPredictor(network, limits=limits_of(network), device="cpu"), runner_of(content, about)
    random = np.random.default_rng(0)
    for size in SIZES:
        picture = random.integers(0, 256, (*size, 3), dtype=np.uint8)
        difference = _difference(own.answers(picture), runner.detect(picture, runner.graph.limits))
        if not difference <= _SCORE:
            raise RunError(
                f"The graph of {network.about.net} answers otherwise than the network (scores by {difference:.2g}); "
                "nothing was written."
            )
    return content


def runner_of(content: bytes, about: dict[str, Any]) -> BoxRunner:
    """What runs a graph that was not written yet."""
    limits = Limits(about["score"], about["overlap"], about["most"])
    return BoxRunner(BoxGraph(Path(), limits, about["thinnest"], about["has_masks"]), runtime.session(content, cores()))


def compared(network: Trained, content: bytes, about: dict[str, Any], data: BoxSet) -> str:
    """The average precision of network and graph on the val split, in a sentence.

    Raises:
        RunError: They differ by more than :data:`AP`.
    """
    runner = runner_of(content, about)
    own = measure(network, data, "val", device="cpu")
    found = measure(
        network, data, "val", device="cpu", answer=lambda picture: runner.detect(picture, limits_of(network))
    )
    said = f"On val: AP {found.ap:.2%} by the graph, {own.ap:.2%} by the network"
    if abs(found.ap - own.ap) > AP:
        raise RunError(f"The graph answers otherwise than the network ({said.lower()}); nothing was written.")
    return f"{said} ({len(data.splits['val'])} pictures)."


def measured_by(
    saved: Saved,
    dataset: BoxSet,
    session: Any,  # noqa: ANN401 - ONNX Runtime's
    kind: type[AnyEvaluation],
) -> AnyEvaluation:
    """What the graph of a run finds on the val split.

    Args:
        saved: The network, with its graph beside it.
        dataset: Pictures with boxes.
        session: What runs the graph.
        kind: What the measures are told by.

    Raises:
        DependencyError: The run has no graph.
    """
    graph = of_detector(saved.place)
    if graph is None:
        raise no_graph(saved, int8=False)
    network, runner = trained.read(saved, "detector"), BoxRunner(graph, session)
    return measure(
        network,
        dataset,
        "val",
        device="cpu",
        kind=kind,
        answer=lambda picture: runner.detect(picture, graph.limits),
    )


def graph_score(saved: Saved, dataset: BoxSet, session: Any) -> tuple[str, float]:  # noqa: ANN401 - ONNX Runtime's
    """How well the graph of a run answers the val split; see :class:`visus.runs.engine.task.GraphScores`."""
    return "AP", measured_by(saved, dataset, session, BoxEvaluation).ap


def _difference(own: Detections, other: Detections) -> float:
    """How far the surest answers are from each other, by their scores; those of equal scores may change places."""
    most = min(10, max(len(own), len(other)))
    rows = [np.resize(np.append(each.scores[:most], np.zeros(most)), most) for each in (own, other)]
    return float(np.abs(np.sort(rows[0]) - np.sort(rows[1])).max(initial=0))
