"""Texton histograms as a transformer, which learns its dictionary."""

from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from visus.filters.textons import learn_textons, texton_histogram
from visus.filters.texture import Scales
from visus.images import shrink
from visus.search.describe import Floats, Pixels
from visus.search.query import Picture, load
from visus.sklearn.pictures import OfPictures, Pictures, each, pictures_of


class Textons(ClassNamePrefixFeaturesOutMixin, TransformerMixin, OfPictures):
    """Pictures become histograms of textons, the few kinds of local structure that they are made of.

    Varma and Zisserman (2005), IJCV 62(1); see :mod:`visus.filters.textons`. Where ``fit`` is told classes, each gives
    its own textons to the dictionary, as in the paper.

    Args:
        count: How many textons, of each class where there are classes.
        scales: ``"small"`` or ``"large"``, of :func:`visus.filters.leung_malik`.
        side: Longest side in pixels; larger pictures are shrunk, so that their texture is told at one scale.
        seed: Repeats the same dictionary.

    Attributes:
        textons_: ``(K, 48)`` float32, once it is fitted.
    """

    def __init__(self, count: int = 40, *, scales: Scales = "small", side: int = 384, seed: int | None = 0) -> None:
        self.count = count
        self.scales: Scales = scales
        self.side = side
        self.seed = seed

    def fit(self, X: Pictures, y: Any = None) -> Self:  # noqa: ANN401 - labels of any kind
        """Learn the textons of some pictures.

        Args:
            X: Pictures.
            y: The class of each; None for one dictionary of all.

        Raises:
            InputError: A picture cannot be read, or there are fewer pixels than textons.
        """
        pictures = each(pictures_of(X), self._gray)
        labels = np.zeros(len(pictures)) if y is None else np.asarray(y)
        parts = [
            learn_textons(
                [pictures[k] for k in np.flatnonzero(labels == name)], self.count, scales=self.scales, seed=self.seed
            )
            for name in np.unique(labels)
        ]
        self.textons_ = np.concatenate(parts)
        self._n_features_out = len(self.textons_)
        return self

    def transform(self, X: Pictures) -> Floats:
        """How often each texton occurs in each picture.

        Args:
            X: N pictures.

        Returns:
            ``(N, K)`` float32, each row summing to 1.

        Raises:
            InputError: A picture cannot be read.
        """
        check_is_fitted(self, "textons_")
        return np.stack(
            each(
                pictures_of(X),
                lambda picture: texton_histogram(self._gray(picture), self.textons_, scales=self.scales),
            )
        )

    def _gray(self, picture: Picture) -> Pixels:
        return shrink(load(picture, 2 * self.side), self.side)
