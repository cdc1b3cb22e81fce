"""The descriptors of an index as transformers: they learn nothing from the pictures that they are fitted with."""

import threading
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from visus._cores import cores
from visus.graphs.runtime import Device, Precision
from visus.search import describe
from visus.search.classical import Classical
from visus.search.describe import Floats, unit
from visus.search.query import Picture, load
from visus.sklearn.pictures import OfPictures, Pictures, each, pictures_of


class Embedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, OfPictures):
    """Pictures become the pooled features of a network: what an index compares.

    Args:
        model: A name of ``visus nets``, of timm, or the folder of a run.
        weights: ``"imagenet"`` or a file of weights.
        precision: ``"auto"``, ``"f32"`` or ``"bf16"``; see :func:`visus.graphs.runtime.start`.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
    """

    def __init__(
        self,
        model: str = "efficientnet_lite0",
        *,
        weights: str = "imagenet",
        precision: Precision = "auto",
        device: Device = "auto",
    ) -> None:
        self.model = model
        self.weights = weights
        self.precision: Precision = precision
        self.device: Device = device

    def fit(self, X: Pictures, y: Any = None) -> Self:  # noqa: ANN401 - not looked at
        """Make the network ready.

        Args:
            X: Pictures, which are not read.
            y: Not looked at.

        Raises:
            InputError: They are no pictures, or the network or the device is unknown.
            WeightsError: The weights are not at hand.
        """
        pictures_of(X)
        self._made = None
        self._n_features_out = self._network().graph.dimension
        return self

    def transform(self, X: Pictures) -> Floats:
        """Describe each picture by a vector.

        Args:
            X: N pictures.

        Returns:
            ``(N, D)`` float32, each row of length 1.

        Raises:
            InputError: A picture cannot be read.
        """
        check_is_fitted(self, "_n_features_out")
        network, own = self._network(), threading.local()

        def vector(picture: Picture) -> Floats:
            if not hasattr(own, "runner"):
                own.runner = network.runner()
            return own.runner.vectors(network.prepare(load(picture, network.least_side))[None])[0]

        return unit(np.stack(each(pictures_of(X), vector)))

    def _network(self) -> describe.Embedder:
        made: describe.Embedder | None = getattr(self, "_made", None)
        if made is None:
            made = self._made = describe.Embedder(
                self.model, weights=self.weights, streams=cores(), precision=self.precision, device=self.device
            )
        return made

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {**state, "_made": None}  # another process makes its own


class _Classical(ClassNamePrefixFeaturesOutMixin, TransformerMixin, OfPictures):
    """A descriptor without a network."""

    _name: str

    def fit(self, X: Pictures, y: Any = None) -> Self:  # noqa: ANN401 - not looked at
        """Nothing is learned.

        Args:
            X: Pictures, which are not read.
            y: Not looked at.

        Raises:
            InputError: They are no pictures.
        """
        pictures_of(X)
        self._n_features_out = Classical(self._name).dimension
        return self

    def transform(self, X: Pictures) -> NDArray[np.float32]:
        """Describe each picture by a vector.

        Args:
            X: N pictures.

        Returns:
            ``(N, D)`` float32.

        Raises:
            InputError: A picture cannot be read.
        """
        check_is_fitted(self, "_n_features_out")
        own = Classical(self._name)
        return np.stack(each(pictures_of(X), lambda picture: own.prepare(load(picture, own.least_side))))


class Texture(_Classical):
    """Pictures become 48 numbers of their surface, as in the descriptor ``texture`` of an index.

    How their mean Leung-Malik responses differ from those of a natural picture without any texture (see
    :func:`visus.search.classical.texture`).
    """

    _name = "texture"


class Color(_Classical):
    """Pictures become 120 numbers of their colors, as in the descriptor ``color`` of an index.

    Square roots of an HSV histogram (see :func:`visus.search.classical.color`): their product is the Bhattacharyya
    coefficient.
    """

    _name = "color"
