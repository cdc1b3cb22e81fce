"""A trained segmenter as the graph that its run has, run without torch.

The graph (``model.onnx``, described by ``model.json`` beside it) takes pixels ``(N, H, W, 3)`` uint8, or volumes ``(N,
D, H, W)`` float32, of each size that the network takes, and gives ``probabilities`` ``(N, classes, *spatial)`` float32,
for all positions but those of the network's margin. A picture of another size is mirrored at its borders up to one that
the network takes, as :meth:`visus.nets.segmentation.Segmenter.whole` does it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus.graphs.blocks import Sides
from visus.graphs.graph import graph_beside
from visus.graphs.runtime import session

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MaskGraph:
    """A segmenter's graph in a file, and what its description says.

    Attributes:
        path: The ONNX file.
        sides: Which sizes it takes.
        window: Spatial size of the windows that the network was trained on.
    """

    path: Path
    sides: Sides
    window: tuple[int, ...]


def described(sides: Sides, window: Sequence[int]) -> dict[str, Any]:
    """What a graph says of the sizes that it takes, as plain values for JSON."""
    return {**asdict(sides), "window": list(window)}


def as_described(values: dict[str, Any], path: Path) -> MaskGraph:
    """The graph of a description.

    Raises:
        KeyError: A value is missing; ValueError and TypeError say that one cannot be.
    """
    multiple, offset, least, margin = (int(values[name]) for name in ("multiple", "offset", "least", "margin"))
    fixed = None if values["fixed"] is None else int(values["fixed"])
    window = tuple(map(int, values["window"]))
    if multiple < 1 or min(offset, least, margin) < 0 or min((*window, fixed or 1)) < 1 or len(window) not in (2, 3):
        raise ValueError("its sizes cannot be")
    return MaskGraph(path, Sides(multiple, offset, least, margin, fixed), window)


def of_segmenter(file: Path, name: str = "model") -> MaskGraph | None:
    """The graph beside a file of a trained segmenter; None where there is none, or one of other weights.

    Args:
        file: The file of the network.
        name: Of the graph, without its ending.
    """
    return graph_beside(file, name, as_described)


class MaskRunner:
    """A segmenter's graph, ready to answer.

    Args:
        graph: What is known of it.
        own: What runs it, where it was made ready already; None to read its file.
    """

    def __init__(self, graph: MaskGraph, own: Any = None) -> None:  # noqa: ANN401 - ONNX Runtime's
        self.graph = graph
        self._session = own or session(graph.path, cores())

    def probabilities(self, picture: NDArray[Any]) -> Floats:
        """The answers to a picture or volume of any size that fits into memory.

        Args:
            picture: ``(H, W, 3)`` uint8, or ``(D, H, W)`` float32.

        Returns:
            ``(classes, *spatial)`` float32, which sum to 1.
        """
        sides, window = self.graph.sides, self.graph.window
        size = picture.shape[: len(window)]
        if sides.fixed is None:
            return self._within(picture, *sides.around(size, window))
        side, parts = sides.fixed, None
        for block in sides.windows(size):
            part = picture[block.window]
            before = [(side - n) // 2 for n in part.shape[: len(window)]]
            after = [side - n - b for n, b in zip(part.shape, before, strict=False)]
            answer = self._within(part, before, after)
            parts = np.empty((len(answer), *size), np.float32) if parts is None else parts
            parts[(slice(None), *block.place)] = answer[(slice(None), *block.inner)]
        assert parts is not None
        return parts

    def _within(self, picture: NDArray[Any], before: Sequence[int], after: Sequence[int]) -> Floats:
        """The answers to a picture that is mirrored so far before and behind each axis."""
        seen = np.ascontiguousarray(mirrored(picture, before, after))
        answer = np.asarray(self._session.run(["probabilities"], {"pixels": seen[None]})[0])[0]
        first = [b - self.graph.sides.margin for b in before]
        return answer[(slice(None), *(slice(f, f + n) for f, n in zip(first, picture.shape, strict=False)))]


def mirrored(picture: NDArray[Any], before: Sequence[int], after: Sequence[int]) -> NDArray[Any]:
    """Mirror a picture ``(*spatial, ...)`` beyond its borders, which are not repeated, as far as is wanted.

    Args:
        picture: Of any dtype.
        before: How many positions are added before the first one, for each spatial axis.
        after: How many behind the last one.

    >>> mirrored(np.array([1, 2, 3]), [2], [3]).tolist()
    [3, 2, 1, 2, 3, 2, 1, 2]
    """
    for axis, (first, last) in enumerate(zip(before, after, strict=True)):
        if first or last:
            length = picture.shape[axis]
            period = max(1, 2 * (length - 1))
            place = np.arange(-first, length + last) % period
            picture = picture.take(np.minimum(place, period - place) % length, axis)
    return picture


def labels(probabilities: NDArray[np.floating], threshold: float = 0.5) -> NDArray[np.integer]:
    """The class of each position.

    Args:
        probabilities: ``(classes, *spatial)`` float.
        threshold: Of two classes: above which probability of the second a position is of it.

    Returns:
        ``(*spatial)``, positions in the classes.
    """
    if len(probabilities) == 2 and threshold != 0.5:
        return (probabilities[1] > threshold).astype(np.uint8)
    return probabilities.argmax(0)
