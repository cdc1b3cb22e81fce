"""Networks and their weights."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visus.nets import backbones, overview, registry, trained, weights
    from visus.nets.layers import summary
    from visus.nets.registry import create, input_of, names

__all__ = ["backbones", "create", "input_of", "names", "overview", "registry", "summary", "trained", "weights"]

_FUNCTIONS = {"create": "registry", "input_of": "registry", "names": "registry", "summary": "layers"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    import importlib

    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"visus.nets.{_FUNCTIONS[name]}"), name)
    if name in ("backbones", "overview", "registry", "trained", "weights"):
        return importlib.import_module(f"visus.nets.{name}")
    raise AttributeError(f"module 'visus.nets' has no attribute {name!r}")
