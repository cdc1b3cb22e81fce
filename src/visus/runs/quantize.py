"""The graph of a run with numbers of 8 bits, by ONNX Runtime: smaller, faster on a CPU, and nearly as right.

Weights become whole numbers, channel by channel; so do the maps between layers, whose ranges are those that pictures of
the val split give (Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only
inference", CVPR 2018, section 2). Convolutions and linear layers count with them; the rest (resizing, boxes,
suppression, softmax) stays as it is.
"""

import dataclasses
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError, RunError
from visus._files import write_atomically
from visus._optional import require
from visus.graphs.graph import INT8
from visus.graphs.runtime import session
from visus.graphs.saved import Saved, open_saved
from visus.runs.engine.task import GraphScores
from visus.runs.export import export
from visus.runs.record.folder import settings_beside
from visus.runs.registry import task_of

PICTURES = 64
"""Pictures of val, at most, that say how large the values between layers become."""

LOSS = 0.01
"""By how much the measure may fall before it is said that it fell too much: one point of a hundred."""

_TIMED, _ROUNDS = 5, 5  # pictures, and how often each


@dataclass(frozen=True, slots=True)
class Precision:
    """A graph of a run, measured.

    Attributes:
        name: ``"f32"`` or ``"int8"``.
        path: The file.
        size: Its size in bytes.
        milliseconds: For one picture, on this machine: the median.
        score: On the val split, in [0, 1].
    """

    name: str
    path: Path
    size: int
    milliseconds: float
    score: float


@dataclass(frozen=True, slots=True)
class Quantized:
    """Both graphs of a run side by side.

    Attributes:
        f32: That of single precision.
        int8: That of 8 bits.
        measure: What the score is called.
        pictures: Pictures of the val split.
        calibrated: How many of them the ranges come from.
    """

    f32: Precision
    int8: Precision
    measure: str
    pictures: int
    calibrated: int

    @property
    def loss(self) -> float:
        """By how much the score falls; below 0 where it rises."""
        return self.f32.score - self.int8.score

    @property
    def warning(self) -> str:
        """What must be said where the score falls by more than :data:`LOSS`; empty where it does not."""
        if self.loss <= LOSS:
            return ""
        return (
            f"WARNING: int8 loses {100 * self.loss:.1f} points of {self.measure} on val, more than {100 * LOSS:g}; "
            f"stay with {self.f32.path.name}."
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        rows = [{**dataclasses.asdict(own), "path": str(own.path)} for own in (self.f32, self.int8)]
        return {
            "measure": self.measure,
            "pictures": self.pictures,
            "calibrated": self.calibrated,
            "graphs": rows,
            "loss": self.loss,
            "most": LOSS,
            "warning": self.warning,
        }

    def describe(self) -> str:
        """The table for people."""
        head = f"{self.measure} on val"
        lines = [f"{'graph':5}  {'MB':>7}  {'ms a picture':>12}  {head:>{len(head)}}"]
        lines += [
            f"{own.name:5}  {own.size / 1e6:7.2f}  {own.milliseconds:12.2f}  {own.score:>{len(head)}.2%}"
            for own in (self.f32, self.int8)
        ]
        lines.append(
            f"Ranges from {self.calibrated:,} of the {self.pictures:,} pictures of val, on which both are measured."
        )
        return "\n".join([*lines, *([self.warning] if self.warning else [])])


class _Watched:
    """Runs a graph, and keeps what it was shown, one picture each.

    Args:
        content: The graph.
    """

    def __init__(self, content: bytes) -> None:
        self._session = session(content, cores())
        self.shown: list[NDArray[Any]] = []

    def run(self, names: Sequence[str], feeds: dict[str, NDArray[Any]]) -> Any:  # noqa: ANN401 - ONNX Runtime's
        pixels = feeds["pixels"]
        batched = pixels.ndim == 4
        for k in range(len(pixels) if batched else 1):
            if len(self.shown) < PICTURES:
                self.shown.append((pixels[k : k + 1] if batched else pixels).copy())
        return self._session.run(names, feeds)

    def seconds(self, pixels: NDArray[Any]) -> float:
        started = time.perf_counter()
        self._session.run(None, {"pixels": pixels})
        return time.perf_counter() - started


def quantize(run: str | os.PathLike[str], say: Callable[[str], None] | None = None) -> Quantized:
    """Write the graph of a run, and that of 8 bits beside it, and measure both on the val split.

    Args:
        run: A run's folder, or the file of a network in one.
        say: As for :func:`visus.runs.export.export`.

    Returns:
        Both, side by side.

    Raises:
        InputError: The pictures of the training are not where they were, or the place cannot be written.
        RunError: The network cannot be exported.
    """
    saved = open_saved(run)
    task = task_of(saved.task)
    if not isinstance(task, GraphScores):
        raise RunError(f"Networks of the task {saved.task} have no graph that could be measured.")
    data = _data(saved)
    path = export(saved, say=say)
    content = path.read_bytes()
    plain = _Watched(content)
    measure, score = task.graph_score(saved, data, plain)
    small = quantized(content, plain.shown)
    own = _Watched(small)
    _, own_score = task.graph_score(saved, data, own)
    times = _timed(plain, own, plain.shown[:_TIMED])
    target = path.with_name(f"{INT8}.onnx")
    about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    try:
        write_atomically(target, small)
        described = json.dumps({**about, "bytes": len(small), "precision": "int8"}, indent=1)
        write_atomically(target.with_suffix(".json"), described.encode())
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error.strerror}); make room there.") from error
    return Quantized(
        Precision("f32", path, len(content), times[0], score),
        Precision("int8", target, len(small), times[1], own_score),
        measure,
        len(data.splits["val"]),
        len(plain.shown),
    )


def _data(saved: Saved) -> Any:  # noqa: ANN401 - of the task
    """The pictures of a run.

    Raises:
        InputError: They are not there, or are others.
    """
    task = task_of(saved.task)
    settings: Any = settings_beside(saved.place, task.settings)
    if settings is None or not Path(settings.data).exists():
        where = "the pictures of its training" if settings is None else settings.data
        raise InputError(f"--int8 looks at pictures of the val split, and {where} is not there; bring it back.")
    data: Any = task.load(dataclasses.replace(settings, allow_bad=True))
    if list(data.classes) != saved.list_of("classes"):
        raise InputError(f"{settings.data} has other classes than {saved.home} was trained on; bring those back.")
    return data


def quantized(content: bytes, shown: Sequence[NDArray[Any]]) -> bytes:
    """A graph with numbers of 8 bits.

    Args:
        content: An ONNX graph, whose input is ``"pixels"``.
        shown: Inputs from which the ranges of the maps between layers are taken.

    Returns:
        The content of the ONNX file; it takes and gives the same.

    Raises:
        RunError: ONNX Runtime cannot do it.
    """
    import onnx

    quantization: Any = require("onnxruntime.quantization")
    rows = iter(shown)

    class Reader(quantization.CalibrationDataReader):
        def get_next(self) -> dict[str, NDArray[Any]] | None:
            pixels = next(rows, None)
            return None if pixels is None else {"pixels": pixels}

    with tempfile.TemporaryDirectory() as folder:
        place = [str(Path(folder) / name) for name in ("plain.onnx", "folded.onnx", "int8.onnx")]
        Path(place[0]).write_bytes(content)
        try:
            quantization.shape_inference.quant_pre_process(place[0], place[1], skip_symbolic_shape=True)
            model = onnx.load(place[1])
            quantization.quantize_static(
                place[1],
                place[2],
                Reader(),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=[*KINDS, *BETWEEN],
                nodes_to_exclude=_without_weights(model),
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
            )
            found = onnx.load(place[2])
        except Exception as error:  # it raises many kinds for graphs that it cannot read
            raise RunError(f"The graph cannot be written in 8 bits ({type(error).__name__}: {error}).") from error
    metadata = {own.key: own.value for own in onnx.load_model_from_string(content).metadata_props}
    onnx.helper.set_model_props(found, metadata)
    return found.SerializeToString()


KINDS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""What counts with numbers of 8 bits: layers with weights."""

BETWEEN = ("Relu", "Clip", "Add")
"""What lies between them and is taken along: a range is that behind a ReLU, not before it, which is much wider."""


def _without_weights(model: Any) -> list[str]:  # noqa: ANN401 - onnx.ModelProto
    """Names of the nodes of :data:`KINDS` whose second input is no constant, such as a resize written as a product."""
    constants = {own.name for own in model.graph.initializer}
    return [node.name for node in model.graph.node if node.op_type in KINDS and node.input[1] not in constants]


def _timed(first: _Watched, second: _Watched, shown: Sequence[NDArray[Any]]) -> tuple[float, float]:
    """Milliseconds for a picture of each of two graphs, in turns, the first of each left out."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(_ROUNDS + 1):
        for pixels in shown:
            for own, kept in zip((first, second), times, strict=True):
                seconds = own.seconds(pixels)
                if turn:
                    kept.append(1000 * seconds)
    return statistics.median(times[0]), statistics.median(times[1])
