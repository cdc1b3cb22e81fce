"""Find pictures that look alike, and show where they agree."""

import os
from typing import TYPE_CHECKING, Any

# The storage library writes harmless warnings to standard error by the thousand; its errors reach us as exceptions.
os.environ.setdefault("LANCE_LOG", "error")

if TYPE_CHECKING:
    from visus.search.duplicates.members import DuplicateGroup
    from visus.search.evaluate import Retrieval, retrieval
    from visus.search.hits import Hit, Hits
    from visus.search.index import Index, duplicates_in
    from visus.search.report import Report
    from visus.search.why import Why

_LAZY = {
    "DuplicateGroup": "duplicates.members",
    "Hit": "hits",
    "Hits": "hits",
    "Index": "index",
    "Report": "ingest",
    "Retrieval": "evaluate",
    "Why": "why",
    "duplicates_in": "index",
    "retrieval": "evaluate",
}

__all__ = ["DuplicateGroup", "Hit", "Hits", "Index", "Report", "Retrieval", "Why", "duplicates_in", "retrieval"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    import importlib

    if name not in _LAZY:
        raise AttributeError(f"module 'visus.search' has no attribute {name!r}")
    return getattr(importlib.import_module(f"visus.search.{_LAZY[name]}"), name)
