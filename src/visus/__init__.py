"""visus finds pictures that look alike, trains networks on them, and shows why they answer as they do.

Every public name is imported at its first use, so that ``import visus`` costs a few milliseconds.
"""

import os
from typing import TYPE_CHECKING, Any

from visus._errors import (
    DependencyError,
    FormatError,
    InputError,
    PictureIndexError,
    RunError,
    VisusError,
    WeightsError,
)
from visus._optional import require
from visus._renamed import find_old_modules, renamed
from visus._version import __version__

if TYPE_CHECKING:
    from visus import data, explain, filters, images, lessons, nets, runs, search
    from visus.cluster import Cluster
    from visus.images import read, write
    from visus.review import check, suggest
    from visus.runs import Run, train, tune
    from visus.runs.run import evaluate, predict
    from visus.search import Index
    from visus.search import duplicates_in as duplicates

__all__ = [
    "Cluster",
    "DependencyError",
    "FormatError",
    "Index",
    "InputError",
    "PictureIndexError",
    "Run",
    "RunError",
    "VisusError",
    "WeightsError",
    "__version__",
    "check",
    "data",
    "duplicates",
    "evaluate",
    "explain",
    "filters",
    "images",
    "lessons",
    "nets",
    "predict",
    "read",
    "runs",
    "search",
    "suggest",
    "train",
    "tune",
    "write",
]

# Without this ONNX Runtime reports its use to a server (1.32, on Linux too); visus talks to no other host.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

_LAZY = {
    "Cluster": ("visus.cluster", "Cluster"),
    "Index": ("visus.search", "Index"),
    "Run": ("visus.runs", "Run"),
    "check": ("visus.review", "check"),
    "data": ("visus.data", None),
    "duplicates": ("visus.search", "duplicates_in"),
    "evaluate": ("visus.runs.run", "evaluate"),
    "explain": ("visus.explain", None),
    "filters": ("visus.filters", None),
    "images": ("visus.images", None),
    "lessons": ("visus.lessons", None),
    "nets": ("visus.nets", None),
    "predict": ("visus.runs.run", "predict"),
    "read": ("visus.images", "read"),
    "runs": ("visus.runs", None),
    "search": ("visus.search", None),
    "suggest": ("visus.review", "suggest"),
    "train": ("visus.runs", "train"),
    "tune": ("visus.runs", "tune"),
    "write": ("visus.images", "write"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    if name not in _LAZY:
        return renamed(__name__, name)
    module, attribute = _LAZY[name]
    loaded = require(module)
    return getattr(loaded, attribute) if attribute else loaded


def __dir__() -> list[str]:
    return __all__


find_old_modules()
