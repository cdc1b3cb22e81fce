"""A network as an exported graph, run without torch.

EfficientNet-Lite0's is made without torch too (:mod:`visus.graphs.lite`), and a trained run has its own beside its
weights. Every other network is exported once by torch (:mod:`visus.nets.embedding`).

The graph (ONNX) takes pixels ``(N, size, size, 3)`` uint8, does the normalization itself, and gives ``vector``
``(N, D)``, the embedding before any normalization of its length, and ``map`` ``(N, h, w, D)``, whose mean over the
positions is the vector (missing where the network does not pool by average). It is kept in the user's cache folder,
named after network, weights and preprocessing. That of a run lies beside its weights as ``model.onnx`` and
``model.json``, and gives ``probabilities`` ``(N, classes)`` too.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from visus._errors import InputError, RunError, WeightsError
from visus._files import write_atomically
from visus._optional import require
from visus.graphs import lite, towers
from visus.graphs.weights import Preprocessing, identity

Described = TypeVar("Described")

_FORMAT = 1  # raise it when the graph's inputs or outputs change


@dataclass(frozen=True, slots=True)
class Graph:
    """A network as a graph in a file, and what there is to know of it.

    Attributes:
        model: Name of the network.
        weights: What tells its weights from others (source, name, version).
        digest: SHA-256 of all weights, hexadecimal.
        dimension: Length of the vector.
        preprocessing: What the weights expect of a picture.
        has_map: Whether the graph gives the output ``map``.
        path: The ONNX file.
    """

    model: str
    weights: str
    digest: str
    dimension: int
    preprocessing: Preprocessing
    has_map: bool
    path: Path


def cache_folder() -> Path:
    """Where graphs are kept: ``$VISUS_CACHE``, or the user's cache folder."""
    import platformdirs

    place = os.environ.get("VISUS_CACHE")
    return Path(place) if place else platformdirs.user_cache_path("visus")


def load(model: str, weights: str = "imagenet") -> Graph:
    """The graph of a network, from the cache or made now (but for EfficientNet-Lite0 by torch, which takes seconds).

    Args:
        model: Name of a network (see :func:`visus.nets.create`), or a run's folder or file.
        weights: ``"imagenet"`` or a file of weights.

    Raises:
        InputError: The network is unknown.
        WeightsError: The weights are not at hand, or the cache cannot be written.
        RunError: A run has no trained network, or a damaged one.
        DependencyError: The network must be exported, and torch is not installed.
    """
    source = _identity(model, weights)
    run = file_of_run(model)
    if run and (own := _of_weights(run.parent / "model", source)):
        return replace(own, model=model)
    stem = _stem(model, source)
    found = _kept(model, source)
    if found is None:
        try:
            stem.parent.mkdir(parents=True, exist_ok=True)  # before the work whose place it is
            content, about = _made(model, weights, stem)
            path, description = _files_of(stem)
            # The description comes last: a graph without it does not count.
            write_atomically(path, content)
            write_atomically(description, json.dumps({**about, "weights": source}, indent=1).encode())
        except OSError as error:
            raise WeightsError(
                f"The graph of {model} cannot be kept in {stem.parent} ({error.strerror}); make room there, or set "
                "VISUS_CACHE to another folder."
            ) from error
        found = _of_weights(stem, source)
        assert found is not None
    return found


def at_hand(model: str) -> bool:
    """Whether the graph of a network is in the cache.

    Args:
        model: Name of a network, not of a run.
    """
    return _kept(model, _identity(model, "imagenet")) is not None


def _stem(model: str, source: str) -> Path:
    """Where a graph is kept, without its ending."""
    key = hashlib.sha256(f"{_FORMAT}|{model}|{source}".encode()).hexdigest()[:16]
    return cache_folder() / f"{Path(model).name}-{key}"


def _kept(model: str, source: str) -> Graph | None:
    """The graph in the cache; None where it, or the tower of sentences that belongs to it, is not there whole."""
    stem = _stem(model, source)
    found = _of_weights(stem, source)
    whole = model not in towers.TABLE or towers.described(towers.folder_beside(stem)) is not None
    return found if whole else None


def of_run(file: Path, name: str = "model") -> Graph | None:
    """The graph that lies beside a file of a trained network; None where there is none, or one of other weights.

    Args:
        file: The file of the network.
        name: Of the graph, without its ending.

    Raises:
        RunError: The file cannot be read.
    """
    return _of_weights(file.parent / name, _identity(str(file), "imagenet"))


INT8 = "model-int8"
"""The name of a run's graph whose numbers are of 8 bits."""


def full_name(model: str) -> str:
    """The name of a network; that of a run is its absolute path, so that an index finds it from everywhere.

    >>> full_name("efficientnet_lite0")
    'efficientnet_lite0'
    """
    return os.path.abspath(os.path.expanduser(model)) if file_of_run(model) else model


def file_of_run(model: str) -> Path | None:
    """The file of a trained network, if a name is that of a run's folder or of such a file."""
    place = Path(os.path.expanduser(model))
    if place.suffix == ".safetensors":
        return place
    named = place.is_absolute() or (os.sep in model and ":" not in model)  # timm's names of a hub have a colon
    return place / "best.safetensors" if named or (place / "best.safetensors").is_file() else None


def identity_of_run(file: Path) -> str:
    """What tells the weights of a trained network from others.

    Raises:
        OSError: The file cannot be read.
    """
    return f"run:{hashlib.sha256(file.read_bytes()).hexdigest()}"


def graph_beside(file: Path, name: str, read: Callable[[dict[str, Any], Path], Described]) -> Described | None:
    """The graph beside the file of a trained network; None where there is none, or one of other weights.

    Args:
        file: The file of the network.
        name: Of the graph, without its ending.
        read: Makes it of its description and its path; it may raise what a wrong description makes it raise.
    """
    path = file.with_name(f"{name}.onnx")
    try:
        values: dict[str, Any] = json.loads(file.with_name(f"{name}.json").read_text(encoding="utf-8"))
        found = read(values, path)
        fits = path.stat().st_size == values["bytes"] and values["weights"] == identity_of_run(file)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, InputError):
        return None
    return found if fits else None


def _identity(model: str, weights: str) -> str:
    run = file_of_run(model)
    if run:
        try:
            return identity_of_run(run)
        except OSError as error:
            raise RunError(
                f"{model} holds no trained network ({error.strerror}: {run.name}); check the path, or put it back."
            ) from error
    if model in towers.TABLE:
        if weights != "imagenet":
            raise InputError(f"{model} brings its own weights; leave --weights away.")
        return towers.identity(model)
    if weights == "imagenet":
        return identity(model)
    try:
        content = Path(weights).read_bytes()
    except OSError as error:
        raise WeightsError(f"The file of weights {weights} cannot be read ({error.strerror}).") from error
    return f"file:{hashlib.sha256(content).hexdigest()}"


def _made(model: str, weights: str, stem: Path) -> tuple[bytes, dict[str, Any]]:
    """The content of an ONNX file, and of the description beside it."""
    if (model, weights) == (lite.NET, "imagenet"):
        return lite.fill()
    if model in towers.TABLE:
        return require("visus.nets.towers").export(model, stem)
    return require("visus.nets.embedding").export(model, weights)


def _files_of(stem: Path) -> tuple[Path, Path]:
    """A graph and its description; the name before the endings may have dots."""
    return stem.with_name(f"{stem.name}.onnx"), stem.with_name(f"{stem.name}.json")


def _of_weights(stem: Path, source: str) -> Graph | None:
    """The graph of some weights; None where there is none, or one of others."""
    found = _read(stem)
    return found if found and found.weights == source else None


def _read(stem: Path) -> Graph | None:
    """Read the description beside a graph; None where either file is missing or damaged."""
    path, about = _files_of(stem)
    try:
        values: dict[str, Any] = json.loads(about.read_text(encoding="utf-8"))
        if path.stat().st_size != values["bytes"]:
            return None
        return Graph(
            values["model"],
            values["weights"],
            values["digest"],
            values["dimension"],
            Preprocessing.from_dict(values["preprocessing"]),
            values["has_map"],
            path,
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
