"""Run an exported graph on what the machine offers.

On the CPU: OpenVINO for many pictures, since it is fastest, and ONNX Runtime for a few, since it starts fastest; each
stands in for the other where it is missing. On an NVIDIA GPU: torch, with the network itself. All give the same vectors
to within float rounding (docs/performance.md).
"""

import functools
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError, WeightsError
from visus._openvino import core, has_bf16, hints
from visus._optional import require
from visus.graphs.graph import Graph

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Computed = Literal["f32", "bf16"]
Precision = Literal["auto", "f32", "bf16"]
Device = Literal["auto", "cpu", "cuda"]

_KEPT = 2  # compiled graphs


class Runner(Protocol):
    """Runs a graph; each thread uses a runner of its own."""

    def vectors(self, pixels: Pixels) -> Floats:
        """``(N, size, size, 3)`` uint8 to ``(N, D)`` float32."""
        ...

    def maps(self, pixels: Pixels) -> Floats:
        """``(N, size, size, 3)`` uint8 to ``(N, h, w, D)`` float32."""
        ...


class Runtime(Protocol):
    """A graph made ready on a device."""

    name: str
    precision: Computed

    def runner(self) -> Runner:
        """A runner for one thread."""
        ...


def start(
    graph: Graph,
    *,
    streams: int | None = None,
    precision: Precision = "auto",
    device: Device = "auto",
    weights: str = "imagenet",
) -> Runtime:
    """Make a graph ready to run.

    Args:
        graph: The exported network.
        streams: How many threads will run it at the same time, on many pictures; None for a few pictures.
        precision: ``"f32"``, or ``"bf16"``: about twice as fast on processors with AMX or AVX512-BF16, and a
            slightly different vector (cosine 0.999). ``"auto"`` takes the second for many pictures, where OpenVINO is
            installed and the processor has it.
        device: ``"cpu"``, ``"cuda"``, or ``"auto"``: CUDA for many pictures where there is an NVIDIA GPU that torch
            can use.
        weights: Where the weights came from; used on CUDA, where the network itself runs.

    Raises:
        InputError: The device was asked for and is not there.
        DependencyError: CUDA was asked for, and torch is not installed.
    """
    if device == "cuda" or (device == "auto" and streams and shutil.which("nvidia-smi") and find_spec("torch")):
        if require("torch").cuda.is_available():
            return require("visus.nets.embedding").TorchRuntime(graph, "cuda", weights)
        if device == "cuda":
            raise InputError("There is no CUDA GPU that torch can use; say --device cpu.")
    try:
        return OpenVinoRuntime(graph, streams, chosen(precision)) if streams else OnnxRuntime(graph)
    except (ImportError, RuntimeError):  # not installed, or it cannot read this graph
        return OnnxRuntime(graph, streams) if streams else OpenVinoRuntime(graph)


def chosen(precision: Precision) -> Computed:
    """The precision in which OpenVINO describes many pictures on this processor.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    if precision == "auto":
        return "bf16" if has_bf16() else "f32"
    return precision


class OpenVinoRuntime:
    """The graph compiled by OpenVINO for this CPU.

    Pictures go through it one by one: a fixed shape lets OpenVINO plan ahead, and what one picture needs stays in
    the processor's cache.
    """

    name = "OpenVINO"

    def __init__(self, graph: Graph, streams: int = 1, precision: Computed = "f32") -> None:
        self.precision: Computed = precision
        size = graph.preprocessing.size
        core()  # says that OpenVINO is not installed, whatever was compiled before
        self._model = _compiled(graph.path, graph.path.stat().st_mtime_ns, size, streams, precision)
        # The first run sets up state of the binding, one static table a time without Python's lock: two threads that
        # run first at once wait for each other for ever. So one run comes before there are threads.
        self.runner().vectors(np.zeros((1, size, size, 3), np.uint8))

    def runner(self) -> "_OpenVinoRunner":
        """A runner for one thread."""
        return _OpenVinoRunner(self._model.create_infer_request())


@functools.lru_cache(maxsize=_KEPT)
def _compiled(path: Path, written: int, size: int, streams: int, precision: Computed) -> Any:  # noqa: ANN401 - OpenVINO's
    """A graph compiled for this CPU; the next index of this process need not compile it anew.

    Raises:
        WeightsError: Its weights hold NaN.
    """
    network = core().read_model(str(path))
    # Compiled, a ReLU makes 0 of NaN: it would hide what is broken.
    constants = (own.get_data() for own in network.get_ops() if own.get_type_name() == "Constant")
    if any(np.issubdtype(values.dtype, np.floating) and np.isnan(values).any() for values in constants):
        raise WeightsError(f"The graph {path} holds NaN; give other weights, or train anew.")
    network.reshape([1, size, size, 3])
    return core().compile_model(network, "CPU", hints(streams, precision))


class _OpenVinoRunner:
    def __init__(self, request: Any) -> None:  # noqa: ANN401 - a type of OpenVINO, imported at use
        self._request = request

    def _run(self, pixels: Pixels, output: str) -> Floats:
        answers = []
        for picture in pixels:
            self._request.infer([picture[None]], share_inputs=True)
            answers.append(self._request.get_tensor(output).data.copy())
        return np.concatenate(answers)

    def vectors(self, pixels: Pixels) -> Floats:
        return self._run(pixels, "vector")

    def maps(self, pixels: Pixels) -> Floats:
        return self._run(pixels, "map")


def session(graph: Path | bytes, threads: int) -> Any:  # noqa: ANN401 - ONNX Runtime's
    """A graph made ready by ONNX Runtime.

    Args:
        graph: Its file, or its content.
        threads: How many work on one answer.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only
    # A thread that waits busily for its next part costs a core, and where there are few, time too.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


class OnnxRuntime:
    """The graph run by ONNX Runtime."""

    name = "ONNX Runtime"
    precision: Computed = "f32"

    def __init__(self, graph: Graph, streams: int = 1) -> None:
        self._session = session(graph.path, cores() if streams == 1 else 1)

    def runner(self) -> "OnnxRuntime":
        """A runner for one thread: the session itself, which threads may share."""
        return self

    def vectors(self, pixels: Pixels) -> Floats:
        """``(N, size, size, 3)`` uint8 to ``(N, D)`` float32."""
        return np.asarray(self._session.run(["vector"], {"pixels": pixels})[0])

    def maps(self, pixels: Pixels) -> Floats:
        """``(N, size, size, 3)`` uint8 to ``(N, h, w, D)`` float32."""
        return np.asarray(self._session.run(["map"], {"pixels": pixels})[0])

    def probabilities(self, pixels: Pixels) -> Floats:
        """``(N, size, size, 3)`` uint8 to ``(N, classes)`` float32; of the graph of a run."""
        return np.asarray(self._session.run(["probabilities"], {"pixels": pixels})[0])
