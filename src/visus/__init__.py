"""visus finds pictures that look alike, trains networks on them, and shows why they answer as they do.

Every public name is imported at its first use, so that ``import visus`` costs a few milliseconds.
"""

import importlib
from typing import TYPE_CHECKING, Any

from visus._errors import (
    DependencyError,
    FormatError,
    IndexError_,
    InputError,
    RunError,
    VisusError,
    WeightsError,
)

if TYPE_CHECKING:
    from visus import data, explain, filters, images, nets, runs, search
    from visus.cluster import Cluster
    from visus.images import read, write
    from visus.runs import Run, train, tune
    from visus.search import Index

__version__ = "0.1.0"

__all__ = [
    "Cluster",
    "DependencyError",
    "FormatError",
    "Index",
    "IndexError_",
    "InputError",
    "Run",
    "RunError",
    "VisusError",
    "WeightsError",
    "__version__",
    "data",
    "explain",
    "filters",
    "images",
    "nets",
    "read",
    "runs",
    "search",
    "train",
    "tune",
    "write",
]

_LAZY = {
    "Cluster": ("visus.cluster", "Cluster"),
    "Index": ("visus.search", "Index"),
    "Run": ("visus.runs", "Run"),
    "data": ("visus.data", None),
    "explain": ("visus.explain", None),
    "filters": ("visus.filters", None),
    "images": ("visus.images", None),
    "nets": ("visus.nets", None),
    "read": ("visus.images", "read"),
    "runs": ("visus.runs", None),
    "search": ("visus.search", None),
    "train": ("visus.runs", "train"),
    "tune": ("visus.runs", "tune"),
    "write": ("visus.images", "write"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    if name not in _LAZY:
        raise AttributeError(f"module 'visus' has no attribute {name!r}")
    module, attribute = _LAZY[name]
    loaded = importlib.import_module(module)
    return getattr(loaded, attribute) if attribute else loaded


def __dir__() -> list[str]:
    return __all__
