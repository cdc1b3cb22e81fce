"""What other inputs and networks would find: a larger input, a mirrored or cut query beside it, EfficientNet-Lite2.

python -m benchmarks.variants --data DATA

The vectors of a set are compared around their mean, as an index does; each picture asks for the others of its class.
"""

import argparse
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._openvino import core, hints
from visus.graphs.graph import load
from visus.images import read, resize
from visus.search.describe import unit
from visus.search.space import Space, centered, moments

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
SETS = ("corel1k", "kth_tips_gray", "flowers5")
MOST = 2000  # pictures of a set


class Network:
    """A network for pictures of one size.

    Args:
        name: Of the network.
        size: Side of its input; 0 for its own.
    """

    def __init__(self, name: str, size: int = 0) -> None:
        graph = load(name)
        self.size = size or graph.preprocessing.size
        model = core().read_model(str(graph.path))
        model.reshape([1, self.size, self.size, 3])
        self._request = core().compile_model(model, "CPU", hints(1, "f32")).create_infer_request()

    def __call__(self, pictures: Iterable[Pixels]) -> Floats:
        """Vectors ``(N, D)`` of length 1."""
        vectors = []
        for picture in pictures:
            small = resize(picture, self.size, self.size, interpolation="bicubic")
            self._request.infer([np.ascontiguousarray(small)[None]])
            vectors.append(self._request.get_tensor("vector").data[0].copy())
        return unit(np.array(vectors))


def middle(picture: Pixels) -> Pixels:
    """The middle of a picture, seven eighths of each side."""
    height, width = picture.shape[:2]
    top, left = height // 16, width // 16
    return picture[top : height - top, left : width - left]


def measures(gallery: Floats, queries: Floats, labels: NDArray[Any]) -> tuple[float, float]:
    """P@20 and mean average precision; a query's own picture is left out."""
    space = Space("", *centered(moments([gallery], covariance=False)))
    scores = space(queries) @ space(gallery).T
    np.fill_diagonal(scores, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :-1]
    relevant = labels[order] == labels[:, None]
    hits = relevant.cumsum(axis=1)
    places = np.arange(1, order.shape[1] + 1)
    average = ((hits / places * relevant).sum(axis=1) / relevant.sum(axis=1)).mean()
    return float(hits[:, 19].mean() / 20), float(average)


def variants(pictures: list[Pixels]) -> dict[str, tuple[Floats, Floats]]:
    """Vectors of the pictures, and those that ask."""
    own: dict[str, Callable[[], Network]] = {
        "Lite0 at 224 (as visus does)": lambda: Network("efficientnet_lite0"),
        "Lite0 at 288": lambda: Network("efficientnet_lite0", 288),
        "Lite2 at 260": lambda: Network("efficientnet_lite2"),
    }
    found: dict[str, tuple[Floats, Floats]] = {}
    for name, make in own.items():
        network = make()
        vectors = network(pictures)
        found[name] = vectors, vectors
        if network.size == 224:
            mirrored = unit(vectors + network(picture[:, ::-1] for picture in pictures))
            found["  mirror beside the query"] = vectors, mirrored
            found["  middle beside the query"] = vectors, unit(vectors + network(map(middle, pictures)))
    return found


def main() -> None:
    """Print one line a set and variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    options = parser.parse_args()
    if options.data is None:
        parser.error("give --data DATA or set VISUS_DATA")
    for name in SETS:
        paths = sorted(path for path in (options.data / name).rglob("*") if path.suffix in (".jpg", ".png"))
        paths = paths[:: -(-len(paths) // MOST)]
        labels = np.array([path.parent.name for path in paths])
        print(f"{name}, {len(paths)} pictures{'':24} P@20    mAP")
        for variant, (gallery, queries) in variants([read(path) for path in paths]).items():
            precision, average = measures(gallery, queries, labels)
            print(f"  {variant:40} {precision:.4f}  {average:.4f}", flush=True)


if __name__ == "__main__":
    main()
