"""A network as an exported graph: written once by torch, run without it.

The graph (ONNX) takes pixels ``(N, size, size, 3)`` uint8, does the normalization itself, and gives two
outputs: ``vector`` ``(N, D)``, the embedding before any normalization of its length, and ``map``
``(N, h, w, D)``, whose mean over the positions is the vector (missing where the network does not pool by
average). It is kept in the user's cache folder, named after network, weights and preprocessing.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visus._errors import InputError, RunError, WeightsError
from visus._files import write_atomically
from visus.nets.weights import Preprocessing, identity, preprocessing

if TYPE_CHECKING:
    import torch

    from visus.nets.backbones import Backbone
    from visus.ops import Normalize

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
    """The graph of a network, from the cache or exported now (which imports torch, and takes seconds).

    Args:
        model: Name of a network (see :func:`visus.nets.create`), or a run's folder or file.
        weights: ``"imagenet"`` or a file of weights.

    Raises:
        InputError: The network is unknown.
        WeightsError: The weights are not at hand, or the cache cannot be written.
        RunError: A run has no trained network, or a damaged one.
    """
    source = _identity(model, weights)
    key = hashlib.sha256(f"{_FORMAT}|{model}|{source}".encode()).hexdigest()[:16]
    stem = cache_folder() / f"{Path(model).name}-{key}"
    found = _read(stem)
    if found is None:
        try:
            stem.parent.mkdir(parents=True, exist_ok=True)  # before the work whose place it is
            content, about = _export(model, weights, source)
            # The description comes last: a graph without it does not count.
            write_atomically(stem.with_suffix(".onnx"), content)
            write_atomically(stem.with_suffix(".json"), json.dumps(about, indent=1).encode())
        except OSError as error:
            raise WeightsError(
                f"The graph of {model} cannot be kept in {stem.parent} ({error.strerror}); make room there, or set "
                "VISUS_CACHE to another folder."
            ) from error
        found = _read(stem)
        assert found is not None
    return found


def full_name(model: str) -> str:
    """The name of a network; that of a run is its absolute path, so that an index finds it from everywhere.

    >>> full_name("efficientnet_lite0")
    'efficientnet_lite0'
    """
    return os.path.abspath(os.path.expanduser(model)) if _file_of_run(model) else model


def _file_of_run(model: str) -> Path | None:
    """The file of a trained network, if a name is that of a run's folder or of such a file."""
    place = Path(os.path.expanduser(model))
    if place.suffix == ".safetensors":
        return place
    named = place.is_absolute() or (os.sep in model and ":" not in model)  # timm's names of a hub have a colon
    return place / "best.safetensors" if named or (place / "best.safetensors").is_file() else None


def _identity(model: str, weights: str) -> str:
    run = _file_of_run(model)
    if run:
        try:
            return f"run:{hashlib.sha256(run.read_bytes()).hexdigest()}"
        except OSError as error:
            raise RunError(
                f"{model} holds no trained network ({error.strerror}: {run.name}); check the path, or put it back."
            ) from error
    if weights == "imagenet":
        return identity(model)
    try:
        content = Path(weights).read_bytes()
    except OSError as error:
        raise WeightsError(f"The file of weights {weights} cannot be read ({error.strerror}).") from error
    return f"file:{hashlib.sha256(content).hexdigest()}"


def _read(stem: Path) -> Graph | None:
    """Read the description beside a graph; None where either file is missing or damaged."""
    path, about = stem.with_suffix(".onnx"), stem.with_suffix(".json")
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
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _export(model: str, weights: str, source: str) -> tuple[bytes, dict[str, Any]]:
    """The graph of a network as ONNX, and its description."""
    import torch

    from visus.nets.onnx import to_onnx

    backbone, prepared, normalize = network(model, weights)
    has_map = backbone.pools_by_average(prepared.size, channels=len(normalize.mean))
    try:
        outputs = ["vector", "map"] if has_map else ["vector"]
        example = torch.zeros(2, prepared.size, prepared.size, 3, dtype=torch.uint8)
        content = to_onnx(pixels_to_vector(backbone, normalize, has_map), example, outputs)
    except Exception as error:  # the exporter raises many kinds for networks that it cannot trace
        raise InputError(
            f"{model} cannot be exported as a graph ({type(error).__name__}); choose another network."
        ) from error
    about = {
        "model": model,
        "weights": source,
        "digest": digest(backbone),
        "dimension": backbone.dimension,
        "preprocessing": prepared.to_dict(),
        "has_map": has_map,
        "bytes": len(content),
    }
    return content, about


def digest(net: "torch.nn.Module") -> str:
    """SHA-256 over all parameters and buffers, hexadecimal."""
    total = hashlib.sha256()
    for name, value in net.state_dict().items():
        total.update(name.encode())
        total.update(value.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def network(model: str, weights: str) -> "tuple[Backbone, Preprocessing, Normalize]":
    """A network, how a picture is brought to its size, and what makes its input of the pixels."""
    from visus import nets
    from visus.ops import Normalize

    if not _file_of_run(model):
        backbone = nets.create(model, weights=weights)  # first, since it proposes near names for an unknown one
        prepared = preprocessing(model)
        return backbone, prepared, Normalize.of_channels(prepared.mean, prepared.deviation)
    run = nets.trained.read(model, "classifier")
    about = run.about
    prepared = Preprocessing(about.size, about.resize_to, interpolation=about.interpolation)
    return run.backbone, prepared, run.normalize


def pixels_to_vector(backbone: "Backbone", normalize: "Normalize", has_map: bool) -> "torch.nn.Module":
    """Wrap a network so that it takes ``(N, H, W, 3)`` uint8 and does the normalization itself."""
    import torch

    class PixelsToVector(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = backbone
            self.normalize = normalize

        def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
            last = self.backbone.last(self.normalize(pixels.permute(0, 3, 1, 2)))
            vector = self.backbone.pool(last)  # (N, D)
            return (vector, last.permute(0, 2, 3, 1)) if has_map else (vector,)

    return PixelsToVector()
