"""Look through a set of pictures before and while it is labeled: what is wrong with it, what to label next."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visus.review.checking import Checked, check
    from visus.review.findings import Finding

__all__ = ["Checked", "Finding", "check"]

_LAZY = {"Checked": "checking", "Finding": "findings", "check": "checking"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    if name not in _LAZY:
        raise AttributeError(f"module 'visus.review' has no attribute {name!r}")
    return getattr(importlib.import_module(f"visus.review.{_LAZY[name]}"), name)
