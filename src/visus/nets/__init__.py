"""Networks and their weights."""

from typing import TYPE_CHECKING, Any

from visus._optional import require

if TYPE_CHECKING:
    from visus.nets import backbones, overview, registry, segmentation, trained, weights
    from visus.nets.any import create, names
    from visus.nets.layers import summary
    from visus.nets.registry import input_of

__all__ = [
    "backbones",
    "create",
    "input_of",
    "names",
    "overview",
    "registry",
    "segmentation",
    "summary",
    "trained",
    "weights",
]

_FUNCTIONS = {"create": "any", "input_of": "registry", "names": "any", "summary": "layers"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    if name in _FUNCTIONS:
        return getattr(require(f"visus.nets.{_FUNCTIONS[name]}"), name)
    if name in __all__:
        return require(f"visus.nets.{name}")
    raise AttributeError(f"module 'visus.nets' has no attribute {name!r}")
