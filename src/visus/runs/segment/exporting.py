"""A trained segmenter as a graph for every size that the network takes (see :mod:`visus.graphs.masks`)."""

import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from visus._cores import cores
from visus._errors import RunError
from visus.data import MaskSet
from visus.graphs import runtime
from visus.graphs.masks import MaskRunner, as_described, described
from visus.graphs.saved import Saved
from visus.nets.file import as_written
from visus.nets.onnx import PICTURES, to_onnx
from visus.nets.same import for_export
from visus.nets.segmentation.trained import Trained
from visus.runs.segment.evaluate import mask_of, measured_by
from visus.runs.segment.light import GraphSegmenter

SIZES = 3
"""On so many sizes a graph is tried."""

_TOLERANCE = 1e-3  # of a probability
_MOST = 1 << 15  # sides of an input, in pixels


class PixelsToMaps(nn.Module):
    """A segmenter from pixels to the probabilities of the positions that it answers, those of its margin left out.

    Args:
        network: The trained network.
    """

    def __init__(self, network: Trained) -> None:
        super().__init__()
        self.normalize, self.net = network.normalize, for_export(copy.copy(network.net))  # mostly with the same layers
        self.net.check = lambda size: None  # the sizes are those of the graph's input

    def forward(self, pixels: Tensor) -> Tensor:
        """``(N, H, W, 3)`` uint8 or ``(N, D, H, W)`` float32 to ``(N, classes, *spatial less the margins)``."""
        x = self.normalize(pixels[:, None] if self.net.axes == 3 else pixels.permute(0, 3, 1, 2))
        return self.net(x).softmax(1)


def description(network: Trained, license: str | None) -> dict[str, Any]:
    """What a graph says of itself, as plain values for JSON: the classes, its sizes, the license of weights."""
    pixels = [None, None, None] if network.net.axes == 3 else [None, None, 3]
    sizes = described(network.net.sides, network.about.window)
    return {**as_written(asdict(network.about)), "pixels": pixels, **sizes, "license": license}


def content_of(network: Trained, about: dict[str, Any]) -> bytes:
    """The ONNX file of a segmenter, tried on pictures of three sizes.

    Args:
        network: The segmenter, on the CPU.
        about: Its :func:`description`.

    Raises:
        RunError: It cannot be exported so, or answers otherwise.
    """
    sides, axes = network.net.sides, network.net.axes
    lengths = [sides.fit(32 if axes == 3 else 64)]
    while len(lengths) < axes:  # no two alike, and none that becomes 1, which the exporter would take for fixed
        lengths.append(sides.fit(lengths[-1] + 1))
    dynamic: dict[int, Any] = dict(PICTURES)
    if sides.fixed is None:
        for axis in range(axes):
            least = (sides.fit(1) - sides.offset) // sides.multiple
            steps = torch.export.Dim(f"side{axis}", min=least, max=_MOST // sides.multiple)
            dynamic[axis + 1] = sides.multiple * steps + sides.offset if sides.multiple > 1 else steps
    try:
        content = to_onnx(
            PixelsToMaps(network),
            torch.from_numpy(_pixels(network, lengths)),
            ["probabilities"],
            dynamic=dynamic,
            metadata={"visus": json.dumps(about)},
        )
    except Exception as error:  # exporters raise many kinds for networks that they cannot trace
        raise RunError(
            f"{network.about.net} cannot be exported for pictures of any size ({type(error).__name__}); name one with "
            "--size."
        ) from error
    runner = MaskRunner(as_described(about, Path()), runtime.session(content, cores()))
    for more in range(SIZES):  # small volumes: each position costs the more
        size = [n // (axes - 1) + more * (5 * k + 3) for k, n in enumerate(lengths)]
        _compare(network, runner, _pixels(network, size)[0])
    return content


def _compare(network: Trained, runner: MaskRunner, picture: np.ndarray) -> None:
    """See that graph and network answer the same.

    Raises:
        RunError: They do not.
    """
    x = torch.from_numpy(picture)[None]
    expected = network.probabilities(x[:, None] if network.net.axes == 3 else _as_taken(network, x))[0].numpy()
    difference = float(np.abs(runner.probabilities(picture) - expected).max())
    if not difference <= _TOLERANCE:
        raise RunError(
            f"The graph of {network.about.net} answers otherwise than the network (by {difference:.2g}); nothing was "
            "written."
        )


def _as_taken(network: Trained, pixels: Tensor) -> Tensor:
    """Pixels ``(1, H, W, 3)`` as the network takes them, ``(1, C, H, W)``."""
    return pixels.permute(0, 3, 1, 2)[:, : network.net.channels]


def _pixels(network: Trained, size: list[int]) -> np.ndarray:
    """Two pictures or volumes at random; gray ones have three equal channels."""
    random = np.random.default_rng(0)
    if network.net.axes == 3:
        return random.normal(size=(2, *size)).astype(np.float32)
    pixels = random.integers(0, 256, (2, *size, 3), dtype=np.uint8)
    return np.repeat(pixels[..., :1], 3, axis=3) if network.about.gray else pixels


def graph_score(saved: Saved, dataset: MaskSet, session: Any) -> tuple[str, float]:  # noqa: ANN401 - ONNX Runtime's
    """How well the graph of a run answers the val split; see :class:`visus.runs.engine.task.GraphScores`."""
    return "mean IoU", measured_by(mask_of(GraphSegmenter(saved, session=session)), dataset, "val").mean_iou
