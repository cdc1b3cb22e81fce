"""Networks and their weights."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visus.nets import backbones, registry, weights
    from visus.nets.registry import create, names

__all__ = ["backbones", "create", "names", "registry", "weights"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    import importlib

    if name in ("create", "names"):
        return getattr(importlib.import_module("visus.nets.registry"), name)
    if name in ("backbones", "registry", "weights"):
        return importlib.import_module(f"visus.nets.{name}")
    raise AttributeError(f"module 'visus.nets' has no attribute {name!r}")
