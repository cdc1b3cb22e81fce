"""Runs: a training and all that comes of it, in one folder."""

from typing import TYPE_CHECKING, Any

from visus._optional import require
from visus._renamed import renamed

if TYPE_CHECKING:
    from visus.runs.classify.settings import ClassifySettings
    from visus.runs.detect.settings import DetectSettings
    from visus.runs.localize.settings import LocalizeSettings
    from visus.runs.run import Run, Stopped, resume, train
    from visus.runs.segment.settings import SegmentSettings
    from visus.runs.tuning.study import tune

__all__ = [
    "ClassifySettings",
    "DetectSettings",
    "LocalizeSettings",
    "Run",
    "SegmentSettings",
    "Stopped",
    "resume",
    "train",
    "tune",
]

# Imported at use, since a prediction has no need of what trains.
_FILES = {
    "ClassifySettings": "classify.settings",
    "DetectSettings": "detect.settings",
    "LocalizeSettings": "localize.settings",
    "Run": "run",
    "SegmentSettings": "segment.settings",
    "Stopped": "run",
    "resume": "run",
    "train": "run",
    "tune": "tuning.study",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    if name in _FILES:
        return getattr(require(f"visus.runs.{_FILES[name]}"), name)
    return renamed(__name__, name)
