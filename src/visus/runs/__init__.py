"""Runs: a training and all that comes of it, in one folder."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visus.runs.detect_settings import DetectSettings
    from visus.runs.localize_settings import LocalizeSettings
    from visus.runs.run import Run
    from visus.runs.segment_settings import SegmentSettings
    from visus.runs.settings import Settings
    from visus.runs.training import resume, train
    from visus.runs.tuning import tune

__all__ = ["DetectSettings", "LocalizeSettings", "Run", "SegmentSettings", "Settings", "resume", "train", "tune"]

# Imported at use, since a prediction has no need of what trains.
_FILES = {
    "DetectSettings": "detect_settings",
    "LocalizeSettings": "localize_settings",
    "Run": "run",
    "SegmentSettings": "segment_settings",
    "Settings": "settings",
    "resume": "training",
    "train": "training",
    "tune": "tuning",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    if name not in _FILES:
        raise AttributeError(f"module 'visus.runs' has no attribute {name!r}")
    return getattr(importlib.import_module(f"visus.runs.{_FILES[name]}"), name)
