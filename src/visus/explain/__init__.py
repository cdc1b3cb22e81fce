"""Why a network answers as it does."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visus.explain.attribution import METHODS, Explanation, saliency
    from visus.explain.randomised import Sanity, sanity
    from visus.explain.removal import Curves, curves
    from visus.explain.subject import Subject, open_subject

__all__ = ["METHODS", "Curves", "Explanation", "Sanity", "Subject", "curves", "open_subject", "saliency", "sanity"]

_WHERE = {
    "METHODS": "attribution",
    "Curves": "removal",
    "Explanation": "attribution",
    "Sanity": "randomised",
    "Subject": "subject",
    "curves": "removal",
    "open_subject": "subject",
    "saliency": "attribution",
    "sanity": "randomised",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    import importlib

    if name in _WHERE:
        return getattr(importlib.import_module(f"visus.explain.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'visus.explain' has no attribute {name!r}")
