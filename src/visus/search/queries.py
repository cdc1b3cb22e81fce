"""What asks in a search: a vector, a word, or several of both that are all wanted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus.search.describe import Floats
from visus.search.space import Space
from visus.search.words.layer import Layer, probability

_FEW = 50  # vectors that do not tell how far cosines are spread,
_USUAL = 0.1  # which is taken in their place,
_LEAST = 0.01  # and the least spread


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A query as a vector, as it is and in the space in which it is compared.

    Attributes:
        plain: ``(D,)`` float32 of length 1, as pictures are described; zeros where nothing is said.
        moved: ``(d,)`` float32 of length 1, in the space in which vectors are compared.
    """

    plain: Floats
    moved: Floats

    def scores(self, vectors: Floats, space: Space) -> Floats:
        """The scores ``(N,)`` float32 of vectors ``(N, D)`` of length 1, which are compared in a space."""
        return space(vectors) @ self.moved


@dataclass(frozen=True, slots=True, eq=False)
class Named(Query):
    """A query as a word: what asks is how likely a picture shows what the word names.

    Attributes:
        layer: From vectors to classes.
        kinds: Numbers of the classes that the word names, rising.
    """

    layer: Layer
    kinds: tuple[int, ...]

    def scores(self, vectors: Floats, space: Space) -> Floats:
        """The probabilities ``(N,)`` float32 that vectors are of one of the kinds."""
        return probability(self.layer.odds(vectors, self.kinds))


@dataclass(frozen=True, slots=True, eq=False)
class Joined(Query):
    """Several queries of which a picture is to have all: what it lacks most counts most.

    Among vectors near the sum of two there are many that have much of one and nothing of the other.

    Attributes:
        parts: ``(n, d)`` float32, the queries, each of length 1, in the space in which vectors are compared.
        weights: ``(n,)`` float32, which sum to 1.
        spreads: ``(n,)`` float32 above 0: how far the cosines with each are spread, see :func:`spreads_of`.
    """

    parts: Floats
    weights: Floats
    spreads: Floats

    def scores(self, vectors: Floats, space: Space) -> Floats:
        """The soft minimum ``(N,)`` float32 of the cosines of vectors ``(N, D)`` of length 1 with the parts."""
        return soft_least(space(vectors) @ self.parts.T, self.weights, self.spreads)

    def asked(self, vector: Floats) -> Floats:
        """The parts ``(d,)`` float32 as they count for a vector ``(d,)`` of length 1: the rather the less it has."""
        lacking = -(self.parts @ vector) / self.spreads
        counted = self.weights * np.exp(lacking - lacking.max())
        return (counted / counted.sum() * (self.weights @ self.spreads) / self.spreads) @ self.parts


def soft_least(cosines: NDArray[np.floating], weights: Floats, spreads: Floats) -> Floats:
    """The soft minimum of cosines, -s log sum_i w_i exp(-c_i / s_i), where s is the mean of the spreads.

    Args:
        cosines: ``(N, n)`` float in [-1, 1].
        weights: ``(n,)`` float32, which sum to 1.
        spreads: ``(n,)`` float32 above 0.

    Returns:
        ``(N,)`` float32: the value where all are alike, else near the least.

    >>> half, tenth = np.full(2, 0.5, np.float32), np.full(2, 0.1, np.float32)
    >>> [round(float(own), 3) for own in soft_least(np.array([[0.3, 0.3], [0.1, 0.5]]), half, tenth)]
    [0.3, 0.167]
    """
    scaled = cosines / spreads
    least = scaled.min(axis=1, keepdims=True)
    soft = least[:, 0] - np.log(np.exp(least - scaled) @ weights)
    return (soft * (weights @ spreads)).astype(np.float32)


def spreads_of(parts: Floats, sample: Floats) -> Floats:
    """How far the cosines of vectors with each of some queries are spread: their standard deviation.

    The cosines with a word are closer together than those with a picture, and would always be the least.

    Args:
        parts: ``(n, d)`` float32, each of length 1.
        sample: ``(N, d)`` float32, some of the vectors that are searched.

    Returns:
        ``(n,)`` float32 above 0.
    """
    if len(sample) < _FEW:
        return np.full(len(parts), _USUAL, np.float32)
    return np.maximum((sample @ parts.T).std(axis=0), _LEAST).astype(np.float32)
