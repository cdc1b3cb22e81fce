"""A trained localizer as a graph: how well it answers."""

from typing import Any

from visus.data import BoxSet
from visus.graphs.saved import Saved
from visus.runs.detect.exporting import measured_by
from visus.runs.localize.evaluate import LocalEvaluation


def graph_score(saved: Saved, dataset: BoxSet, session: Any) -> tuple[str, float]:  # noqa: ANN401 - ONNX Runtime's
    """How well the graph of a run answers the val split; see :class:`visus.runs.engine.task.GraphScores`."""
    return "localized", measured_by(saved, dataset, session, LocalEvaluation).localization.localized
