"""Look through a set of pictures before and while it is labeled: what is wrong with it, what to label next."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visus.review.checking import Checked, check
    from visus.review.findings import Finding
    from visus.review.suggesting import Suggested, Suggestion, suggest

__all__ = ["Checked", "Finding", "Suggested", "Suggestion", "check", "suggest"]

_LAZY = {
    "Checked": "checking",
    "Finding": "findings",
    "Suggested": "suggesting",
    "Suggestion": "suggesting",
    "check": "checking",
    "suggest": "suggesting",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    if name not in _LAZY:
        raise AttributeError(f"module 'visus.review' has no attribute {name!r}")
    return getattr(importlib.import_module(f"visus.review.{_LAZY[name]}"), name)
