"""The last layer of a network: from the vectors that an index stores to the classes that the network learned.

The vectors are stored at length 1, and how long each was is not known. So a row's logits are those of a vector of the
network's usual length: the median over the photographs of the demo.
"""

import functools
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import DependencyError, InputError, WeightsError
from visus._files import write_atomically
from visus._optional import require
from visus.graphs import lite
from visus.graphs.graph import Graph, cache_folder, file_of_run, load
from visus.graphs.runtime import OnnxRuntime
from visus.graphs.saved import Saved, damaged, open_saved
from visus.graphs.tensors import read_tensors
from visus.graphs.weights import identity, of, package_file
from visus.search.describe import Floats, unit
from visus.search.words.vocabulary import Vocabulary, imagenet, of_classes

LENGTH = 14.4
"""The usual length of EfficientNet-Lite0's vectors."""

_IMAGENET = 1000  # classes of a network whose words are ImageNet's
_PHOTOGRAPHS = 16  # that are described to know the usual length
_TOLERANCE = 1e-3  # of a probability


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """The last layer of a network, and the words of its classes.

    Attributes:
        weight: ``(C, D)`` float32.
        bias: ``(C,)`` float32.
        length: That vectors usually have before they are scaled to 1.
        multilabel: Whether a picture may have several classes.
        vocabulary: The words.
    """

    weight: Floats
    bias: Floats
    length: float
    multilabel: bool
    vocabulary: Vocabulary

    @property
    def key(self) -> str:
        """What tells this layer from others, in the names of files."""
        return _key(self)

    def logits(self, vectors: NDArray[np.floating]) -> Floats:
        """Logits ``(N, C)`` float32 of vectors ``(N, D)`` of length 1."""
        return self.length * (vectors.astype(np.float32, copy=False) @ self.weight.T) + self.bias

    def probabilities(self, vectors: NDArray[np.floating]) -> Floats:
        """The probability ``(N, C)`` float32 of each class for vectors ``(N, D)`` of length 1."""
        logits = self.logits(vectors)
        return _sigmoid(logits) if self.multilabel else _softmax(logits)

    def odds(self, vectors: NDArray[np.floating], kinds: Sequence[int]) -> Floats:
        """The logarithm of the odds that vectors are of one of some classes: exact where a probability rounds to 1.

        Args:
            vectors: ``(N, D)`` of length 1.
            kinds: Numbers of the classes.

        Returns:
            ``(N,)`` float32.
        """
        logits = self.logits(vectors).astype(np.float64)
        chosen = np.isin(np.arange(len(self.bias)), kinds)
        if self.multilabel:  # none of them has the probability of all being absent
            absent = -np.logaddexp(0, logits[:, chosen]).sum(axis=1)
            return (np.log(-np.expm1(np.minimum(absent, -1e-300))) - absent).astype(np.float32)
        others = _log_sum(logits[:, ~chosen]) if not chosen.all() else np.zeros(len(logits))
        return (_log_sum(logits[:, chosen]) - others).astype(np.float32)

    def direction(self, kinds: Sequence[int]) -> Floats:
        """Where vectors of some classes lie, from where those of any class do: ``(D,)`` float32 of length 1."""
        away = self.weight[list(kinds)].mean(axis=0) - self.weight.mean(axis=0)
        return unit(away)


def probability(odds: Floats) -> Floats:
    """The probability in [0, 1] for the logarithm of odds, both ``(N,)`` float32.

    >>> probability(np.float32([0.0])).tolist()
    [0.5]
    """
    return _sigmoid(odds)


@functools.lru_cache(maxsize=8)
def _key(layer: Layer) -> str:
    total = hashlib.sha256(layer.weight.tobytes() + layer.bias.tobytes())
    total.update(f"{layer.length:.6f} {layer.multilabel}".encode())
    return total.hexdigest()[:12]


def _log_sum(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    most = logits.max(axis=1)
    return most + np.log(np.exp(logits - most[:, None]).sum(axis=1))


def _sigmoid(logits: Floats) -> Floats:
    return (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)


def _softmax(logits: Floats) -> Floats:
    values = np.exp(logits - logits.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)


@functools.lru_cache(maxsize=4)
def layer_of(graph: Graph, weights: str) -> Layer:
    """The last layer of a network that describes pictures; that of the last few is remembered.

    Args:
        graph: The network.
        weights: ``"imagenet"`` or the file of weights.

    Raises:
        InputError: Nobody knows the names of its classes.
        WeightsError: Its weights cannot be read.
        RunError: The run is damaged.
        DependencyError: Its weights are read by PyTorch, which is not installed.
    """
    run = file_of_run(graph.model)
    saved = open_saved(run) if run else None
    if saved and saved.task != "classify":
        raise _wordless(graph.model, f"it was trained to {saved.task}")
    kept = cache_folder() / f"classes-{graph.digest[:32]}.npz"
    found = _read(kept)
    if found is None:
        found = (*_made(graph, weights, saved), LENGTH if graph.weights == _default() else _usual_length(graph))
        _keep(kept, *found)
    if graph.weights == _default():
        found = (*found[:2], LENGTH)  # whatever was usual when it was kept
    classes = len(found[1])
    if saved:
        return Layer(*found, bool(saved.header.get("multilabel", False)), of_classes(saved.list_of("classes")))
    if classes != _IMAGENET:
        raise _wordless(graph.model, f"its {classes} classes are not the 1000 of ImageNet")
    return Layer(*found, False, imagenet())


def default_layer(about: Mapping[str, Any]) -> Layer | None:
    """The last layer of the network that described an index, where that is the default one and its weights are at hand.

    Args:
        about: What the index says of itself.
    """
    try:
        if about["model"] != lite.NET or about["weights"] != _default():
            return None
        graph = load(lite.NET)
        alike = (graph.digest, graph.dimension) == (about["digest"], about["dimension"])
        return layer_of(graph, "imagenet") if alike else None
    except (WeightsError, KeyError):
        return None


def _wordless(model: str, reason: str) -> InputError:
    return InputError(
        f"{model} knows no words: {reason}; search with a picture, or index with a network that does, for example "
        f"{lite.NET}."
    )


def _default() -> str:
    return identity(lite.NET)


def _made(graph: Graph, weights: str, saved: Saved | None) -> tuple[Floats, Floats]:
    """Weight and bias of the last layer, from where the weights are."""
    if saved and graph.path.parent == saved.home:  # a graph that gives the classes too
        return _of_run(saved, graph)
    if graph.weights == _default():
        weight, bias = list(read_tensors(package_file(of(lite.NET))).values())[-2:]
        return np.ascontiguousarray(weight, np.float32), np.ascontiguousarray(bias, np.float32)
    try:
        return require("visus.nets.embedding").last_layer(graph.model, weights)
    except DependencyError as error:
        raise DependencyError(f"The words of {graph.model} are read from its weights by PyTorch: {error}") from error


def _of_run(saved: Saved, graph: Graph) -> tuple[Floats, Floats]:
    """The last layer of a trained run, told from others of the same shape by what the run's graph answers."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, *_sides(graph), 3), np.uint8)
    runtime = OnnxRuntime(graph)
    vectors, asked = runtime.vectors(pixels), runtime.probabilities(pixels)
    multilabel = bool(saved.header.get("multilabel", False))
    for weight, bias in _linear_layers(saved, len(saved.list_of("classes")), graph.dimension):
        logits = vectors @ weight.T + bias
        told = _sigmoid(logits) if multilabel else _softmax(logits)
        if np.abs(told - asked).max() < _TOLERANCE:
            return weight, bias
    raise _wordless(graph.model, "its classes do not come from one linear layer on its vector")


def _sides(graph: Graph) -> tuple[int, int]:
    return graph.preprocessing.size, graph.preprocessing.size


def _linear_layers(saved: Saved, classes: int, dimension: int) -> Iterator[tuple[Floats, Floats]]:
    """Pairs of weight and bias that may lead from a vector to the classes."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors: dict[str, NDArray[Any]] = load_file(saved.place)
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise damaged(saved.place, error) from error
    for name, weight in tensors.items():
        bias = tensors.get(f"{name.removesuffix('weight')}bias")
        if bias is None or not name.endswith("weight") or bias.shape != (classes,):
            continue
        if weight.shape[0] == classes and weight.size == classes * dimension:
            yield weight.reshape(classes, dimension).astype(np.float32), bias.astype(np.float32)


def _usual_length(graph: Graph) -> float:
    """The median length of the vectors of photographs."""
    from visus.images import read, resize
    from visus.search.demo import photographs

    files = list(photographs().values())[:_PHOTOGRAPHS]
    pixels = np.stack([resize(read(file), *_sides(graph)) for file in files])
    return float(np.median(np.linalg.norm(OnnxRuntime(graph).vectors(pixels), axis=1)))


# The cache -------------------------------------------------------------------------------------------------------


def _read(place: Path) -> tuple[Floats, Floats, float] | None:
    try:
        with np.load(io.BytesIO(place.read_bytes()), allow_pickle=False) as found:
            weight, bias, length = found["weight"], found["bias"], float(found["length"])
    except (OSError, ValueError, KeyError, EOFError, TypeError):
        return None
    fine = weight.ndim == 2 and weight.dtype == bias.dtype == np.float32 and bias.shape == weight.shape[:1]
    return (weight, bias, length) if fine and length > 0 else None


def _keep(place: Path, weight: Floats, bias: Floats, length: float) -> None:
    """Write the layer down for the next search; where there is no room it is read from the weights again."""
    content = io.BytesIO()
    np.savez(content, weight=weight, bias=bias, length=np.float64(length))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(place, content.getvalue())
    except OSError:
        return
