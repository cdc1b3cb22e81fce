"""Write a trained network for other programs: ONNX or TorchScript.

That of a classifier (ONNX) gives ``vector`` and ``map`` too, by which an index describes pictures, and has a file
beside it that says so: with both, a run is searched and asked without PyTorch.

The graph does everything but decoding and cutting. Its input ``pixels`` is ``(N, height, width, 3)`` uint8 RGB, of
volumes ``(N, depth, height, width)`` float32 as :func:`visus.data.volumes.read_volume` gives them; its output
``probabilities`` float32 is ``(N, classes)`` of a classifier, ``(N, classes, height, width)`` or ``(N, classes, depth,
height, width)`` of a segmenter. What the network is stands in the file's metadata, with its classes and the size.
"""

import io
import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from visus._errors import InputError, RunError
from visus._files import write_atomically
from visus.graphs.graph import identity_of_run
from visus.graphs.saved import Saved
from visus.graphs.weights import Preprocessing
from visus.nets import trained
from visus.nets.classification import trained as classifiers
from visus.nets.embedding import PixelsToVector, digest
from visus.nets.file import as_written, open_saved
from visus.nets.onnx import to_onnx
from visus.nets.segmentation import Segmenter
from visus.nets.segmentation import trained as segmenters

FORMS = ("onnx", "torchscript")
_TOLERANCE = 1e-3  # of a probability


class PixelsToProbabilities(nn.Module):
    """A trained network that takes pixels as they lie in a picture.

    Args:
        network: The trained network.
    """

    def __init__(self, network: classifiers.Trained | segmenters.Trained) -> None:
        super().__init__()
        self.normalize = network.normalize
        self.window: tuple[int, ...] = ()
        self.multilabel = isinstance(network, classifiers.Trained) and network.about.multilabel
        if isinstance(network, segmenters.Trained):
            self.net, self.window = network.net, network.about.window
        else:
            self.net = network.backbone

    def forward(self, pixels: Tensor) -> Tensor:
        """``(N, H, W, 3)`` uint8 or ``(N, D, H, W)`` float32 to ``(N, classes, ...)``."""
        volumes = len(self.window) == 3
        x = self.normalize(pixels[:, None] if volumes else pixels.permute(0, 3, 1, 2))
        logits = self.net.whole(x, self.window) if isinstance(self.net, Segmenter) else self.net(x)
        return logits.sigmoid() if self.multilabel else logits.softmax(1)


class PixelsToAll(nn.Module):
    """A trained classifier that gives what it knows of a picture: probabilities, vector, and map where it has one.

    Args:
        network: The trained classifier.
        has_map: Whether the last map is given too.
    """

    def __init__(self, network: classifiers.Trained, has_map: bool) -> None:
        super().__init__()
        self.about = network.about
        self.described = PixelsToVector(network.backbone, network.normalize, has_map)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """``(N, size, size, 3)`` uint8 to ``(N, classes)``, ``(N, D)`` and with a map ``(N, h, w, D)``."""
        vector, *others = self.described(pixels)
        return self.about.probabilities(self.described.backbone.head(vector)), vector, *others


def export(
    run: str | os.PathLike[str],
    form: str = "onnx",
    path: str | os.PathLike[str] | None = None,
    *,
    size: Sequence[int] | None = None,
) -> Path:
    """Write a trained network, and check that what was written answers the same.

    Args:
        run: A run's folder, or a file of a trained network.
        form: ``"onnx"`` or ``"torchscript"``.
        path: Where to write; None for ``RUN/model.onnx`` or ``RUN/model.pt``.
        size: Of a segmenter's pictures or volumes; None for that of the windows that it was trained on. A classifier
            has its own.

    Returns:
        The file.

    Raises:
        InputError: The form is unknown, the size cannot be, or the place cannot be written.
        RunError: The network cannot be exported, or the file answers otherwise.
    """
    if form not in FORMS:
        raise InputError(f"The format must be one of {', '.join(FORMS)}, not {form!r}.")
    saved = open_saved(run)
    network: Any = trained.read(saved)
    if not isinstance(network, classifiers.Trained | segmenters.Trained):
        raise RunError(
            f"{run} holds a network of the task {saved.task}, which cannot be exported; classifiers and segmenters can."
        )
    folder = saved.home
    target = Path(path) if path else folder / ("model.onnx" if form == "onnx" else "model.pt")
    module = PixelsToProbabilities(network).eval()
    pixels = _pixels(network, size)
    expected = _answers(module, pixels)
    try:
        about = json.dumps({**as_written(asdict(network.about)), "pixels": list(pixels.shape[1:])})
        if form == "torchscript":
            content = _torchscript(module, pixels[:2], about)
        elif isinstance(network, classifiers.Trained):
            whole, outputs = _whole(network)
            content = to_onnx(whole, pixels[:2], outputs, metadata={"visus": about})
        else:
            content = to_onnx(module, pixels[:2], ["probabilities"], metadata={"visus": about})
        found = (_run_onnx if form == "onnx" else _run_torchscript)(content, pixels.numpy())
        if form == "onnx" and isinstance(network, classifiers.Trained):
            _compare(content, _whole(network)[0], pixels)
    except Exception as error:  # exporters raise many kinds for networks that they cannot trace
        other = FORMS[1 - FORMS.index(form)]
        raise RunError(
            f"{network.about.net} cannot be exported as {form} ({type(error).__name__}); try {other}."
        ) from error
    difference = float(np.abs(found - expected).max())
    if not difference <= _TOLERANCE:
        raise RunError(
            f"The {form} graph of {run} answers otherwise than the network (by {difference:.2g}); nothing was written."
        )
    try:
        write_atomically(target, content)
        if form == "onnx" and path is None and isinstance(network, classifiers.Trained):
            write_atomically(target.with_suffix(".json"), _described(network, saved, len(content)))
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error.strerror}); choose another place.") from error
    return target


def _compare(content: bytes, whole: PixelsToAll, pixels: Tensor) -> None:
    """See that a graph gives the vector and the map of the network too.

    Raises:
        ValueError: It does not.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    answers = session.run(["vector", *(["map"] if whole.described.has_map else [])], {"pixels": pixels.numpy()})
    with torch.inference_mode():
        expected = whole(pixels)[1:]
    for own, other in zip(answers, expected, strict=True):
        if not np.allclose(np.asarray(own), other.numpy(), rtol=1e-2, atol=_TOLERANCE * float(other.abs().max())):
            raise ValueError("its vectors are others")


def _whole(network: classifiers.Trained) -> tuple[PixelsToAll, list[str]]:
    """A classifier with all that it gives, and what that is called."""
    has_map = _has_map(network)
    return PixelsToAll(network, has_map).eval(), ["probabilities", "vector", *(["map"] if has_map else [])]


def _has_map(network: classifiers.Trained) -> bool:
    return network.backbone.pools_by_average(network.about.size, channels=1 if network.about.gray else 3)


def _described(network: classifiers.Trained, saved: Saved, size: int) -> bytes:
    """What a search needs to know of the graph beside it (see :class:`visus.graphs.graph.Graph`)."""
    about = network.about
    values = {
        "model": about.net,
        "weights": identity_of_run(saved.place),
        "digest": digest(network.backbone),
        "dimension": network.backbone.dimension,
        "preprocessing": Preprocessing(about.size, about.resize_to, interpolation=about.interpolation).to_dict(),
        "has_map": _has_map(network),
        "bytes": size,
    }
    return json.dumps(values, indent=1).encode()


def _answers(module: PixelsToProbabilities, pixels: Tensor) -> np.ndarray:
    """What the network itself says.

    Raises:
        InputError: The pictures are too large for the memory.
    """
    try:
        with torch.inference_mode():
            return module(pixels).numpy()
    except (MemoryError, RuntimeError) as error:
        size = "x".join(map(str, pixels.shape[1:]))
        raise InputError(
            f"Three inputs of {size} cannot be answered ({type(error).__name__}); say a smaller --size."
        ) from error


def _pixels(network: classifiers.Trained | segmenters.Trained, size: Sequence[int] | None) -> Tensor:
    """Three pictures or volumes at random.

    Raises:
        InputError: The size cannot be.
    """
    if isinstance(network, classifiers.Trained):
        own, axes = (network.about.size,) * 2, 2
        if size is not None:
            raise InputError(f"{network.about.net} takes {own[0]}x{own[0]} pixels only; a size is for segmenters.")
    else:
        own, axes = network.about.window, network.net.axes
    wanted = own if size is None else tuple(size) * axes if len(size) == 1 else tuple(size)
    if len(wanted) != axes or not all(0 < side <= classifiers.LARGEST for side in wanted):
        raise InputError(
            f"The size must be {axes} sides from 1 to {classifiers.LARGEST}, not {','.join(map(str, wanted))}."
        )
    random = np.random.default_rng(0)
    if axes == 3:
        return torch.from_numpy(random.normal(size=(3, *wanted)).astype(np.float32))
    pixels = torch.from_numpy(random.integers(0, 256, (3, *wanted, 3), dtype=np.uint8))
    return pixels[..., :1].repeat(1, 1, 1, 3) if network.about.gray else pixels


def _run_onnx(content: bytes, pixels: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["probabilities"], {"pixels": pixels})[0])


def _torchscript(module: nn.Module, pixels: Tensor, about: str) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # torch calls its own TorchScript old
        graph = torch.jit.trace(module, pixels, check_trace=False)
        torch.jit.save(graph, buffer, _extra_files={"visus.json": about})  # pyright: ignore[reportArgumentType]
    return buffer.getvalue()


def _run_torchscript(content: bytes, pixels: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        graph = torch.jit.load(io.BytesIO(content))
        return graph(torch.from_numpy(pixels)).numpy()
