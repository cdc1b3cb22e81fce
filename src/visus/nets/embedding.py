"""A network as what describes pictures: pixels in, its embedding out; exported as a graph, or run on a GPU."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from visus import nets
from visus._errors import InputError
from visus._optional import require
from visus.graphs import lite
from visus.graphs.graph import Graph, file_of_run
from visus.graphs.runtime import Computed
from visus.graphs.towers import TABLE
from visus.graphs.weights import Preprocessing, preprocessing
from visus.nets.backbones import Backbone
from visus.nets.onnx import to_onnx
from visus.ops import Normalize


def export(model: str, weights: str) -> tuple[bytes, dict[str, Any]]:
    """The graph of a network as ONNX, and its description, all but the name of the weights.

    Args:
        model: Name of a network (see :func:`visus.nets.create`), or a run's folder or file.
        weights: ``"imagenet"`` or a file of weights.

    Raises:
        InputError: The network is unknown, or cannot be exported.
        WeightsError: The weights are not at hand.
        RunError: A run has no trained network, or a damaged one.
    """
    backbone, prepared, normalize = network(model, weights)
    has_map = backbone.pools_by_average(prepared.size, channels=len(normalize.mean))
    try:
        outputs = ["vector", "map"] if has_map else ["vector"]
        example = torch.zeros(2, prepared.size, prepared.size, 3, dtype=torch.uint8)
        content = to_onnx(PixelsToVector(backbone, normalize, has_map), example, outputs)
    except Exception as error:  # the exporter raises many kinds for networks that it cannot trace
        raise InputError(
            f"{model} cannot be exported as a graph ({type(error).__name__}); choose another network."
        ) from error
    about = {
        "model": model,
        "digest": digest(backbone),
        "dimension": backbone.dimension,
        "preprocessing": prepared.to_dict(),
        "has_map": has_map,
        "bytes": len(content),
    }
    return content, about


def digest(net: torch.nn.Module) -> str:
    """SHA-256 over all parameters and buffers, hexadecimal."""
    return lite.digest({name: value.detach().cpu().numpy() for name, value in net.state_dict().items()})


def network(model: str, weights: str) -> tuple[Backbone, Preprocessing, Normalize]:
    """A network, how a picture is brought to its size, and what makes its input of the pixels.

    Args:
        model: See :func:`export`.
        weights: Likewise.

    Raises:
        InputError: The network is unknown.
        WeightsError: The weights are not at hand.
        RunError: A run has no trained network, or a damaged one.
    """
    if not file_of_run(model):
        backbone = nets.create(model, weights=weights)  # first, since it proposes near names for an unknown one
        prepared = preprocessing(model)
        return backbone, prepared, Normalize.of_channels(prepared.mean, prepared.deviation)
    run = nets.trained.read(model, "classifier")
    about = run.about
    prepared = Preprocessing(about.size, about.resize_to, interpolation=about.interpolation)
    return run.backbone, prepared, run.normalize


def last_layer(model: str, weights: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weight ``(C, D)`` and bias ``(C,)``, float32, of the layer from a network's embedding to its classes.

    Args:
        model: See :func:`export`.
        weights: Likewise.

    Raises:
        InputError: The network is unknown.
        WeightsError: The weights are not at hand.
    """
    head = network(model, weights)[0].head
    weight = head.weight.detach().float().cpu().numpy()
    bias = np.zeros(len(weight), np.float32) if head.bias is None else head.bias.detach().float().cpu().numpy()
    return weight, bias


class PixelsToVector(torch.nn.Module):
    """Wraps a network so that it takes ``(N, H, W, 3)`` uint8 and does the normalization itself.

    Args:
        backbone: The network.
        normalize: What makes its input of the pixels.
        has_map: Whether the last map is given too.
    """

    def __init__(self, backbone: Backbone, normalize: Normalize, has_map: bool) -> None:
        super().__init__()
        self.backbone = backbone
        self.normalize = normalize
        self.has_map = has_map

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The vectors ``(N, D)``, and with ``has_map`` the maps ``(N, h, w, D)``."""
        last = self.backbone.last(self.normalize(pixels.permute(0, 3, 1, 2)))
        vector = self.backbone.pool(last)  # (N, D)
        return (vector, last.permute(0, 2, 3, 1)) if self.has_map else (vector,)


class TorchRuntime:
    """The network itself, run by torch: for GPUs.

    Args:
        graph: The exported network, which says which one it is.
        device: ``"cuda"`` or ``"cpu"``.
        weights: Where the weights came from.
    """

    name = "torch"
    precision: Computed = "f32"

    def __init__(self, graph: Graph, device: str, weights: str = "imagenet") -> None:
        if graph.model in TABLE:
            module = require("visus.nets.tower_graphs").picture_tower(graph.model)
        else:
            backbone, _, normalize = network(graph.model, weights)
            module = PixelsToVector(backbone, normalize, graph.has_map)
        self._device = device
        self._module = module.eval().to(device)

    def runner(self) -> "TorchRuntime":
        """A runner for one thread: the network itself, which threads may share."""
        return self

    def _run(self, pixels: NDArray[np.uint8], output: int) -> NDArray[np.float32]:
        with torch.inference_mode():
            return self._module(torch.from_numpy(pixels).to(self._device))[output].float().cpu().numpy()

    def vectors(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """``(N, size, size, 3)`` uint8 to ``(N, D)`` float32."""
        return self._run(pixels, 0)

    def maps(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """``(N, size, size, 3)`` uint8 to ``(N, h, w, D)`` float32."""
        return self._run(pixels, 1)
