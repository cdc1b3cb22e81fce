"""Any words, by a network of two towers: a sentence has a vector, and pictures lie beside those that go with them.

The vectors of sentences lie apart from those of pictures ("the modality gap", Liang et al. 2022). So a word is the
direction from where the sentences of many things lie to its own, as pictures are compared around their mean.

What comes by chance is told by the index itself. Each of 250 names of things is asked among some of its pictures; few
of them are shown by any. The best score of each, less the mean of its scores and in their standard deviations, follows
Gumbel's law of largest values, whose place and width the lower half of the names tells, since that half is the least
likely to be shown.
"""

import functools
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np

from visus._errors import InputError
from visus.graphs.graph import Graph
from visus.graphs.sentences import Sentences
from visus.graphs.towers import folder_beside
from visus.search.describe import Floats, unit
from visus.search.queries import Query
from visus.search.rows import EMBEDDING
from visus.search.store import Store
from visus.search.words.chance import RATE
from visus.search.words.engine import Chance, plural
from visus.search.words.vocabulary import LONGEST, Word

_SAMPLE = 2000  # pictures that tell what comes by chance,
_LEAST = 50  # and from how many on they do

_LOWER, _MIDDLE = 0.25, 0.5  # of the names: where their best scores are looked at


class OpenWords:
    """Any sentence; see :class:`visus.search.words.engine.Words`.

    Args:
        graph: Of the tower of pictures.
        store: The table of the index.

    Raises:
        DependencyError: The package ``tokenizers`` is not installed.
        InputError: The tower of sentences is damaged.
    """

    def __init__(self, graph: Graph, store: Store) -> None:
        self._folder, self._store = folder_beside(graph.path.with_suffix("")), store
        self._names = _ready(self._folder).names

    def read(self, phrase: str) -> tuple[Word, ...]:
        """The whole phrase is one word.

        Raises:
            InputError: It is empty, or too long.
        """
        text = " ".join(phrase.split())
        if len(text) > LONGEST:
            raise InputError(f"Words of a search have at most {LONGEST} characters, not {len(text)}; say it shorter.")
        if not text:
            raise InputError("A search needs at least one picture or word to find.")
        return (Word(text, ()),)

    def direction(self, word: Word) -> Floats:
        """From where the sentences of many things lie to the word's own: ``(D,)`` float32 of length 1."""
        return unit(_described(self._folder, word.text) - self._names.mean(axis=0))

    def asks(self, word: Word, plain: Floats, moved: Floats) -> Query:
        """A query by two vectors ``(D,)`` and ``(d,)`` float32, as pictures have them: as in a mixture."""
        return Query(plain, moved)

    def shown(self, word: Word, vectors: Floats) -> Floats:
        """The cosines ``(N,)`` float32 of pictures ``(N, D)`` with the word, around the mean of the index."""
        return self._space(vectors) @ self._moved(self.direction(word))

    def told(self, word: Word) -> dict[str, Any]:
        """It means no classes."""
        return {"kinds": 0, "such_as": []}

    def note(self, word: Word) -> None:
        """A sentence says itself what it means."""

    def chance(self, word: Word, pictures: int) -> Chance | None:
        """By what the names of many things reach among some of the pictures; None of an index of few pictures."""
        if self._by_chance is None:
            return None
        some, place, width = self._by_chance
        own = some @ self._moved(self.direction(word))
        grown = place + width * math.log(max(pictures, 1) / len(some))
        certain, likely = (
            float(own.mean() + own.std() * (grown - width * math.log(-math.log1p(-rate))))
            for rate in (RATE, 1 - math.exp(-1))
        )
        told = f"among {plural(pictures)} {certain:.3f} may be chance"
        return Chance(certain, likely, told, score="similarity", lowest=-1)

    @functools.cached_property
    def _by_chance(self) -> tuple[Floats, float, float] | None:
        """Some of the pictures, and the law of what many names reach among them; None of an index of few pictures."""
        found = [*(own.moved for own in self._store.segments(EMBEDDING).spread(_SAMPLE))]
        some = np.stack(found or [np.zeros(1)], dtype=np.float32)
        if len(some) < _LEAST:
            return None
        return some, *gumbel(some @ self._moved(unit(self._names - self._names.mean(axis=0))).T)

    @property
    def _space(self) -> Any:  # noqa: ANN401 - callable and projection both
        return self._store.compared[EMBEDDING]

    def _moved(self, directions: Floats) -> Floats:
        projection = self._space.projection
        return directions if projection is None else unit(directions @ projection)


def gumbel(scores: Floats) -> tuple[float, float]:
    """Place and width of Gumbel's law for the largest of standardized scores (Gumbel 1958).

    Args:
        scores: ``(N, M)`` of N pictures for each of M words, few of which any picture shows.

    >>> noise = np.random.default_rng(0).exponential(size=(1000, 500)).astype(np.float32)
    >>> place, width = gumbel(noise)  # of exponential noise, less its mean 1: log 1000 - 1 and 1
    >>> round(place), round(width)
    (6, 1)
    """
    spread = np.maximum(scores.std(axis=0), 1e-12)
    best = (scores.max(axis=0) - scores.mean(axis=0)) / spread
    lower, middle = np.quantile(best, [_LOWER, _MIDDLE])
    at_lower, at_middle = (-math.log(-math.log(own)) for own in (_LOWER, _MIDDLE))
    width = float(middle - lower) / (at_middle - at_lower)
    return float(middle) - width * at_middle, width


_alone = threading.Lock()


@functools.lru_cache(maxsize=2)
def _made_ready(folder: Path) -> Sentences:
    return Sentences(folder)


def _ready(folder: Path) -> Sentences:
    """The tower of sentences; it is read once, whoever asks."""
    with _alone:
        return _made_ready(folder)


@functools.lru_cache(maxsize=256)
def _described(folder: Path, text: str) -> Floats:
    return _ready(folder)([text])[0]
