"""Write a trained network for other programs: ONNX or TorchScript.

The graph does everything but decoding and cutting: its input ``pixels`` is ``(N, size, size, 3)`` uint8 RGB, its output
``probabilities`` ``(N, classes)`` float32. Names of the classes, size and cut stand in the file's metadata.
"""

import io
import json
import os
import warnings
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from visus._errors import InputError, RunError
from visus.images.io import write_atomically
from visus.nets import trained
from visus.nets.onnx import to_onnx

FORMS = ("onnx", "torchscript")
_TOLERANCE = 1e-3  # of a probability


class PixelsToProbabilities(nn.Module):
    """A trained network that takes pixels as they lie in a picture.

    Args:
        network: The trained network.
    """

    def __init__(self, network: trained.Trained) -> None:
        super().__init__()
        self.normalise = network.normalise
        self.net = network.backbone

    def forward(self, pixels: Tensor) -> Tensor:
        """``(N, H, W, 3)`` uint8 to ``(N, classes)``."""
        return self.net(self.normalise(pixels.permute(0, 3, 1, 2))).softmax(1)


def export(run: str | os.PathLike[str], form: str = "onnx", path: str | os.PathLike[str] | None = None) -> Path:
    """Write a trained network, and check that what was written answers the same.

    Args:
        run: A run's folder, or a file of a trained network.
        form: ``"onnx"`` or ``"torchscript"``.
        path: Where to write; None for ``RUN/model.onnx`` or ``RUN/model.pt``.

    Returns:
        The file.

    Raises:
        InputError: The form is unknown, or the place cannot be written.
        RunError: The network cannot be exported, or the file answers otherwise.
    """
    if form not in FORMS:
        raise InputError(f"The format must be one of {', '.join(FORMS)}, not {form!r}.")
    network = trained.read(run)
    folder = Path(run) if Path(run).is_dir() else Path(run).parent
    target = Path(path) if path else folder / ("model.onnx" if form == "onnx" else "model.pt")
    module = PixelsToProbabilities(network).eval()
    size = network.about.size
    random = np.random.default_rng(0)
    pixels = torch.from_numpy(random.integers(0, 256, (3, size, size, 3), dtype=np.uint8))
    if network.about.grey:
        pixels = pixels[..., :1].repeat(1, 1, 1, 3)
    with torch.inference_mode():
        expected = module(pixels).numpy()
    try:
        about = json.dumps(asdict(network.about))
        if form == "onnx":
            content = to_onnx(module, size, ["probabilities"], metadata={"visus": about})
        else:
            content = _torchscript(module, pixels[:2], about)
    except Exception as error:  # exporters raise many kinds for networks that they cannot trace
        raise RunError(f"{network.about.net} cannot be exported as {form} ({type(error).__name__}).") from error
    found = (_run_onnx if form == "onnx" else _run_torchscript)(content, pixels.numpy())
    difference = float(np.abs(found - expected).max())
    if not difference <= _TOLERANCE:
        raise RunError(
            f"The {form} graph of {run} answers otherwise than the network (by {difference:.2g}); nothing was written."
        )
    try:
        write_atomically(target, content)
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error.strerror}); choose another place.") from error
    return target


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
