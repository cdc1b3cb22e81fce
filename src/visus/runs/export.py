"""Write a trained network for other programs: ONNX, OpenVINO's form, or TorchScript.

That of a classifier (ONNX) gives ``vector`` and ``map`` too, by which an index describes pictures, and has a file
beside it that says so: with both, a run is searched and asked without PyTorch.

The graph does everything but decoding and cutting. Its input ``pixels`` is ``(N, height, width, 3)`` uint8 RGB, of
volumes ``(N, depth, height, width)`` float32 as :func:`visus.data.volumes.read_volume` gives them; its output
``probabilities`` float32 is ``(N, classes)`` of a classifier, ``(N, classes, height, width)`` or ``(N, classes, depth,
height, width)`` of a segmenter. A segmenter's graph takes each size that the network takes (:mod:`visus.graphs.masks`),
or one that was named, whatever it is. That of a detector takes the pixels of one picture of any size, and gives its
objects (:mod:`visus.graphs.boxes`). What the network is stands in the file's metadata, with its classes and the size.
"""

import dataclasses
import io
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from visus._cores import cores
from visus._errors import InputError, RunError
from visus._files import write_atomically
from visus._openvino import core, hints
from visus._optional import is_installed, require
from visus.graphs.graph import identity_of_run
from visus.graphs.runtime import session
from visus.graphs.saved import Saved
from visus.graphs.weights import Preprocessing
from visus.graphs.weights import of as weights_of
from visus.nets import trained
from visus.nets.classification import trained as classifiers
from visus.nets.detection import trained as detectors
from visus.nets.embedding import PixelsToVector, digest
from visus.nets.file import as_written, open_saved
from visus.nets.onnx import to_onnx, to_onnx_traced
from visus.nets.segmentation import Segmenter
from visus.nets.segmentation import trained as segmenters
from visus.runs.detect import exporting
from visus.runs.record.folder import settings_beside
from visus.runs.registry import task_of
from visus.runs.segment import exporting as masks

FORMS = {"onnx": "model.onnx", "openvino": "model.xml", "torchscript": "model.pt"}
"""The forms, and the file of each; OpenVINO's has its numbers beside it, in a file that ends in ``.bin``."""

_ENDINGS = {"onnx": (".onnx",), "openvino": (".xml",), "torchscript": (".pt", ".pth", ".ts", ".torchscript")}
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
    say: Callable[[str], None] | None = None,
) -> Path:
    """Write a trained network, and check that what was written answers the same.

    Args:
        run: A run's folder, or a file of a trained network.
        form: ``"onnx"``, ``"openvino"`` or ``"torchscript"``, of detectors the first two.
        path: Where to write; None for the run's folder, and the name in :data:`FORMS`.
        size: Of a segmenter's pictures or volumes; None for that of the windows that it was trained on. A classifier
            has its own, a detector takes any.
        say: Told what a detector's graph and the network find on the val split, where its pictures are.

    Returns:
        The file.

    Raises:
        InputError: The form is unknown, the size cannot be, or the place has another ending or cannot be written.
        RunError: The network cannot be exported, or the file answers otherwise.
        DependencyError: OpenVINO's form is asked for, and it is not installed.
    """
    if form not in FORMS:
        raise InputError(f"The format must be one of {', '.join(FORMS)}, not {form!r}.")
    _see_ending(form, path)
    saved = open_saved(run)
    network: Any = trained.read(saved)
    target = Path(path) if path else saved.home / FORMS[form]
    if isinstance(network, detectors.Trained):
        about, content = _detector(network, saved, form, size, say)
    elif isinstance(network, segmenters.Trained) and size is None and form != "torchscript":
        about = masks.description(network, license_of(saved, network))
        content = masks.content_of(network, about)
    else:
        about, content = _network(network, saved, form, size)
    files = {target: content}
    if form == "openvino":
        written = as_openvino(content, json.dumps(about), _example(network, size))
        files = dict(zip((target, target.with_suffix(".bin")), written, strict=True))
    if form == "onnx" and path is None and isinstance(network, classifiers.Trained):
        files[target.with_suffix(".json")] = _described(network, saved, len(content))
    if form == "onnx" and path is None and about["pixels"][0] is None:
        files[target.with_suffix(".json")] = beside(about, saved.place, len(content))
    try:
        for place, values in files.items():
            write_atomically(place, values)
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error.strerror}); choose another place.") from error
    return target


def _see_ending(form: str, path: str | os.PathLike[str] | None) -> None:
    """See that a file is named as what it will be.

    Raises:
        InputError: Its name has another ending.
    """
    if path is None or (ending := Path(path).suffix.lower()) in _ENDINGS[form]:
        return
    others = [other for other, own in _ENDINGS.items() if ending in own]
    mend = f"say --format {others[0]}" if others else f"name it {Path(path).stem}{_ENDINGS[form][0]}"
    raise InputError(f"{os.fspath(path)} is no name for {form}, whose files end in {_ENDINGS[form][0]}; {mend}.")


def _detector(
    network: detectors.Trained, saved: Saved, form: str, size: Sequence[int] | None, say: Callable[[str], None] | None
) -> tuple[dict[str, Any], bytes]:
    """What the graph of a detector says of itself, and its content as ONNX.

    Raises:
        InputError: A size was named.
        RunError: It cannot be exported so, or answers otherwise.
    """
    if form == "torchscript":
        raise RunError(f"{network.about.net} cannot be exported as torchscript; try onnx.")
    if size is not None:
        raise InputError(f"The graph of {network.about.net} takes pictures of any size; leave --size away.")
    about = exporting.description(network, license_of(saved, network))
    content = exporting.content_of(network, about)
    task = task_of(saved.task)
    settings = settings_beside(saved.place, task.settings)
    if say and settings is not None and Path(settings.data).exists():
        data: Any = task.load(dataclasses.replace(settings, allow_bad=True))
        say(exporting.compared(network, content, about, data))
    elif say:
        say("The pictures of the training are not here; graph and network were compared on random ones.")
    return about, content


def _network(
    network: classifiers.Trained | segmenters.Trained, saved: Saved, form: str, size: Sequence[int] | None
) -> tuple[dict[str, Any], bytes]:
    """What the graph of a classifier or a segmenter says of itself, and its content; OpenVINO's is ONNX until then.

    Raises:
        InputError: The size cannot be.
        RunError: It cannot be exported so, or answers otherwise.
    """
    module = PixelsToProbabilities(network).eval()
    pixels = _pixels(network, size)
    expected = _answers(module, pixels)
    license = license_of(saved, network)
    about = {**as_written(asdict(network.about)), "pixels": list(pixels.shape[1:]), "license": license}
    try:
        if form == "torchscript":
            content = _torchscript(module, pixels[:2], json.dumps(about))
            found = _run_torchscript(content, pixels.numpy())
        elif isinstance(network, classifiers.Trained):
            content, found = _classifier(network, pixels, {"visus": json.dumps(about)})
        else:
            content = to_onnx(module, pixels[:2], ["probabilities"], metadata={"visus": json.dumps(about)})
            found = _run_onnx(content, pixels.numpy())
    except Exception as error:  # exporters raise many kinds for networks that they cannot trace
        other = "onnx" if form == "torchscript" else "torchscript"
        raise RunError(
            f"{network.about.net} cannot be exported as {form} ({type(error).__name__}); try {other}."
        ) from error
    difference = float(np.abs(found - expected).max())
    if not difference <= _TOLERANCE:
        raise RunError(
            f"The {form} graph of {saved.home} answers otherwise than the network (by {difference:.2g}); nothing was "
            "written."
        )
    return about, content


def beside(about: dict[str, Any], weights: Path, size: int) -> bytes:
    """What lies beside the graph of a run that takes pictures of any size, and says of which weights it is."""
    return json.dumps({**about, "weights": identity_of_run(weights), "bytes": size}, indent=1).encode()


def license_of(saved: Saved, network: Any) -> str | None:  # noqa: ANN401 - of any task
    """The license of the weights that a training began with; None where it began at random, or with another run."""
    settings: Any = settings_beside(saved.place, task_of(saved.task).settings)
    if settings is None or settings.weights != "imagenet" or getattr(settings, "mode", "") == "scratch":
        return None
    net = getattr(network, "net", None)  # of a segmenter or a detector
    whole, like = getattr(net, "license", ""), getattr(net, "prepared_like", None)
    return whole or weights_of(getattr(settings, "backbone", None) or like or settings.net).license


def _example(network: Any, size: Sequence[int] | None) -> np.ndarray:  # noqa: ANN401 - of any task
    """Pixels that its graph takes: of one picture for a detector, of several for any other network."""
    if isinstance(network, detectors.Trained):
        return np.random.default_rng(0).integers(0, 256, (*exporting.SIZES[0], 3), dtype=np.uint8)
    if isinstance(network, segmenters.Trained) and size is None:
        return _pixels(network, [network.net.fit_side(side) for side in network.about.window]).numpy()
    return _pixels(network, size).numpy()


def as_openvino(content: bytes, about: str, pixels: np.ndarray) -> tuple[bytes, bytes]:
    """An ONNX graph as OpenVINO keeps it (its intermediate representation): XML, and its numbers, float32.

    Args:
        content: The ONNX file.
        about: What the network says of itself, as JSON; it becomes ``visus`` in ``rt_info``.
        pixels: An input uint8 or float32, of the shape that the graph takes, on which both are compared.

    Raises:
        DependencyError: OpenVINO is not installed.
        RunError: OpenVINO answers otherwise than ONNX Runtime.
    """
    if not is_installed("openvino"):
        require("openvino")  # says how to install it
    home = core()  # first: it keeps OpenVINO from reporting its use
    import openvino

    model = home.read_model(content)
    own = session(content, cores())
    output = "scores" if "scores" in [each.name for each in own.get_outputs()] else "probabilities"
    expected = np.asarray(own.run([output], {"pixels": pixels})[0])
    found = home.compile_model(model, "CPU", hints(1))([pixels])[output]
    if found.shape != expected.shape or not np.abs(found - expected).max(initial=0) <= _TOLERANCE:
        raise RunError("OpenVINO answers otherwise than the network; nothing was written. Take onnx.")
    model.set_rt_info(about, "visus")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model.xml"
        openvino.save_model(model, place, compress_to_fp16=False)
        return place.read_bytes(), place.with_suffix(".bin").read_bytes()


def _classifier(network: classifiers.Trained, pixels: Tensor, metadata: dict[str, str]) -> tuple[bytes, np.ndarray]:
    """The graph of a classifier, from a trace where that answers as the network does, and its probabilities.

    Raises:
        Exception: It cannot be exported, or answers otherwise.
    """
    whole, outputs = _whole(network)
    try:
        content = to_onnx_traced(whole, pixels[:2], outputs, metadata=metadata)
        return content, _compared(content, whole, pixels)
    except Exception:  # of a network that does not answer every number of pictures alike, or that cannot be traced
        content = to_onnx(whole, pixels[:2], outputs, metadata=metadata)
        return content, _compared(content, whole, pixels)


def _compared(content: bytes, whole: PixelsToAll, pixels: Tensor) -> np.ndarray:
    """See that a graph gives what the network does, probabilities, vector and map, and tell the first.

    Raises:
        ValueError: It does not.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = ["probabilities", "vector", *(["map"] if whole.described.has_map else [])]
    answers = session.run(names, {"pixels": pixels.numpy()})
    with torch.inference_mode():
        expected = whole(pixels)
    for own, other in zip(answers, expected, strict=True):
        if not np.allclose(np.asarray(own), other.numpy(), rtol=1e-2, atol=_TOLERANCE * float(other.abs().max())):
            raise ValueError("its answers are others")
    return np.asarray(answers[0])


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
