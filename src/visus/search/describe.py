"""A picture becomes a vector.

The descriptor ``embedding`` is the pooled last feature map of a network, scaled to length 1, of the whole
picture squeezed into the network's square input: nothing is cut off, so that what lies at the border counts
too. Every further descriptor is one more class with what :class:`Descriptor` names.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.graphs import graph as _graph
from visus.graphs.runtime import Device, Precision, Runner, start
from visus.images import resize

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Descriptor(Protocol):
    """Turns pictures into vectors of length 1."""

    @property
    def least_side(self) -> int:
        """How many pixels both sides of a decoded JPEG must have at least."""
        ...

    def about(self) -> dict[str, Any]:
        """What tells this descriptor from others; an index keeps it and refuses vectors of another."""
        ...

    def prepare(self, picture: Pixels) -> NDArray[Any]:
        """From a picture ``(H, W, 3)`` uint8 to an array of one shape, so that several can be stacked."""
        ...

    def runner(self) -> "Describes":
        """What describes batches of prepared pictures, for one thread."""
        ...


class Describes(Protocol):
    """Describes batches of prepared pictures."""

    def vectors(self, prepared: NDArray[Any], /) -> Floats:
        """``(N, ...)`` prepared pictures to ``(N, D)`` float32, not yet scaled to length 1."""
        ...


class Describing(Protocol):
    """What describes the pictures of a search: an :class:`Embedder`, or what stands before one."""

    @property
    def least_side(self) -> int:
        """How many pixels both sides of a decoded JPEG must have at least."""
        ...

    def __call__(self, pictures: Sequence[Pixels]) -> Floats:
        """``(N, D)`` float32, each row of length 1."""
        ...

    def maps(self, picture: Pixels) -> Floats:
        """The feature map ``(h, w, D)`` float32 of a picture ``(H, W, 3)`` uint8; see :meth:`Embedder.maps`."""
        ...


def unit(vectors: NDArray[np.floating]) -> Floats:
    """Scale vectors ``(N, D)``, or one ``(D,)``, to length 1, in float32; zero vectors stay zero.

    >>> unit(np.array([[3.0, 4.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """
    values = vectors.astype(np.float32, copy=False)
    length = np.linalg.norm(values, axis=-1, keepdims=True)
    return values / np.maximum(length, np.finfo(np.float32).tiny)


class Embedder:
    """The descriptor ``embedding``: the pooled features of a network.

    Args:
        model: Name of a network (see :func:`visus.nets.create`).
        weights: ``"imagenet"`` or a file of weights.
        streams: How many threads will describe many pictures at the same time; None for a few pictures.
        precision: ``"auto"``, ``"f32"`` or ``"bf16"``; see :func:`visus.graphs.runtime.start`.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises:
        InputError: The network or the device is unknown.
        WeightsError: The weights are not at hand.
    """

    def __init__(
        self,
        model: str = "efficientnet_lite0",
        *,
        weights: str = "imagenet",
        streams: int | None = None,
        precision: Precision = "auto",
        device: Device = "auto",
    ) -> None:
        self.graph = _graph.load(model, weights)
        self.runtime = start(self.graph, streams=streams, precision=precision, device=device, weights=weights)
        self._runner = self.runtime.runner()

    @property
    def size(self) -> int:
        """Side of the network's square input in pixels."""
        return self.graph.preprocessing.size

    @property
    def least_side(self) -> int:
        """How many pixels both sides of a decoded JPEG must have, so that its reduced scale hardly shows."""
        return 2 * self.size

    def about(self) -> dict[str, Any]:
        """What tells this descriptor from others."""
        return {
            "descriptor": "embedding",
            "model": self.graph.model,
            "weights": self.graph.weights,
            "digest": self.graph.digest,
            "size": self.size,
            "fit": "squeeze",
            "dimension": self.graph.dimension,
        }

    def prepare(self, picture: Pixels) -> Pixels:
        """Squeeze a picture ``(H, W, 3)`` uint8 into the input ``(size, size, 3)`` uint8, antialiased bicubic."""
        return resize(picture, self.size, self.size)

    def runner(self) -> Runner:
        """What describes batches of prepared pictures, for one thread."""
        return self.runtime.runner()

    def __call__(self, pictures: Sequence[Pixels]) -> Floats:
        """Describe pictures of any size: ``(N, D)`` float32, each row of length 1."""
        return unit(self._runner.vectors(np.stack([self.prepare(picture) for picture in pictures])))

    def maps(self, picture: Pixels) -> Floats:
        """The feature map whose mean over positions is the vector before scaling.

        Args:
            picture: ``(H, W, 3)`` uint8.

        Returns:
            ``(h, w, D)`` float32.

        Raises:
            InputError: The network does not pool by average, so positions have no parts in the vector.
        """
        if not self.graph.has_map:
            raise InputError(
                f"{self.graph.model} does not pool its last map by average, so a similarity does not split into "
                "parts of the picture; index with a network that does, for example efficientnet_lite0."
            )
        return self._runner.maps(self.prepare(picture)[None])[0]
