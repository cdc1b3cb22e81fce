"""Why these decoders, resizers, runtimes and precisions: each measured beside its rivals, in turn.

python benchmarks/choices.py --data DATA
"""

import io
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from place import data_folder
from visus.graphs import graph
from visus.graphs.runtime import OnnxRuntime, OpenVinoRuntime, Runtime
from visus.nets.embedding import TorchRuntime
from visus.search.describe import unit

SIZE = 224
Prepare = Callable[[bytes], np.ndarray]


def pillow(data: bytes) -> np.ndarray:
    """Pillow decodes and resizes: the reference."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def draft(data: bytes) -> np.ndarray:
    """Pillow decodes at a reduced scale."""
    picture = Image.open(io.BytesIO(data))
    picture.draft("RGB", (SIZE, SIZE))
    return np.asarray(picture.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def opencv(data: bytes) -> np.ndarray:
    """OpenCV decodes and averages areas."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    return np.asarray(cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA))


def turbo(least: int, exact: bool, pillow_resize: bool) -> Prepare:
    """libjpeg-turbo by simplejpeg, at a reduced scale where ``least`` pixels a side are enough."""

    def prepare(data: bytes) -> np.ndarray:
        options = {"fastdct": not exact, "fastupsample": not exact, "min_width": least, "min_height": least}
        picture = simplejpeg.decode_jpeg(data, colorspace="RGB", **options)
        if pillow_resize:
            return np.asarray(Image.fromarray(picture).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
        return np.asarray(cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA))

    return prepare


DECODERS: dict[str, Prepare] = {
    "Pillow, bicubic (reference)": pillow,
    "Pillow draft, bicubic": draft,
    "OpenCV, area": opencv,
    "turbo fast, area": turbo(0, False, False),
    "turbo fast at >= 224, area": turbo(224, False, False),
    "turbo exact at >= 224, bicubic": turbo(224, True, True),
    "turbo exact at >= 448, bicubic (chosen)": turbo(448, True, True),
}


def first_neighbors(vectors: np.ndarray) -> np.ndarray:
    """The most similar other row of each row."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    return similarity.argmax(axis=1)


def enlarged(path: Path, width: int) -> bytes:
    """A JPEG file as a camera writes it: the picture at a width of thousands of pixels."""
    picture = Image.open(path).convert("RGB")
    buffer = io.BytesIO()
    picture.resize((width, picture.height * width // picture.width), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


def decoders(folder: Path) -> None:
    """Time of decoding and resizing, and how often the first neighbor stays the same."""
    paths = sorted(folder.rglob("*.jpg"))
    small = [path.read_bytes() for path in paths]
    large = [enlarged(path, 4000) for path in paths[::50]]
    runner = OpenVinoRuntime(graph.load("efficientnet_lite0")).runner()
    times: dict[str, list[list[float]]] = {name: [[], []] for name in DECODERS}
    for _ in range(3):
        for name, prepare in DECODERS.items():
            for column, files in enumerate((small[::5], large)):
                began = time.perf_counter()
                for data in files:
                    prepare(data)
                times[name][column].append((time.perf_counter() - began) / len(files) * 1000)
    reference = None
    heads = f"{'384x256 ms':>11} {'4000x2667 ms':>13} {'equal first':>12} {'cosine':>8}"
    print(f"{'decode and resize to 224 x 224':42} {heads}")
    for name, prepare in DECODERS.items():
        vectors = unit(runner.vectors(np.stack([prepare(data) for data in small])))
        reference = vectors if reference is None else reference
        equal = (first_neighbors(vectors) == first_neighbors(reference)).mean()
        cosine = (vectors * reference).sum(axis=1).mean()
        speed = [statistics.median(column) for column in times[name]]
        print(f"{name:42} {speed[0]:11.2f} {speed[1]:13.1f} {equal:12.1%} {cosine:8.4f}", flush=True)


def throughput(ready: Runtime, pixels: np.ndarray, threads: int) -> float:
    """Milliseconds a picture when several threads run at once."""

    def work() -> None:
        runner = ready.runner()
        for start in range(0, len(pixels), 8):
            runner.vectors(pixels[start : start + 8])

    workers = [threading.Thread(target=work) for _ in range(threads)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return (time.perf_counter() - began) / (threads * len(pixels)) * 1000


def runtimes(folder: Path) -> None:
    """Time of the network, and how close its vectors are to torch's."""
    pixels = np.stack([pillow(path.read_bytes()) for path in sorted(folder.rglob("*.jpg"))[::10]])
    exported = graph.load("efficientnet_lite0")
    ready: dict[str, tuple[Runtime, int]] = {
        "torch eager fp32, 2 threads in one run": (TorchRuntime(exported, "cpu"), 1),
        "ONNX Runtime fp32, 2 runs at once": (OnnxRuntime(exported, 2), 2),
        "OpenVINO f32, 2 runs at once (chosen)": (OpenVinoRuntime(exported, 2), 2),
        "OpenVINO bf16, 2 runs at once": (OpenVinoRuntime(exported, 2, "bf16"), 2),
    }
    reference = unit(ready["torch eager fp32, 2 threads in one run"][0].runner().vectors(pixels))
    times: dict[str, list[float]] = {name: [] for name in ready}
    for _ in range(3):
        for name, (runtime, threads) in ready.items():
            times[name].append(throughput(runtime, pixels, threads))
    print(f"\n{'EfficientNet-Lite0':42} {'ms/picture':>11} {'cosine to torch: mean':>22} {'least':>8}")
    for name, (runtime, _) in ready.items():
        cosines = (unit(runtime.runner().vectors(pixels)) * reference).sum(axis=1)
        print(
            f"{name:42} {statistics.median(times[name]):11.2f} {cosines.mean():22.6f} {cosines.min():8.5f}", flush=True
        )


def main() -> None:
    """Print both tables."""
    data = data_folder(__doc__)
    decoders(data / "corel1k")
    runtimes(data / "corel1k")


if __name__ == "__main__":
    main()
