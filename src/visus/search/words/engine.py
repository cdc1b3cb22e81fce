"""What a search by words asks an index for: two engines know words, behind one interface.

An index by a network that tells classes apart knows their names (:mod:`visus.search.words.classes`), one by a network
of two towers any sentence (:mod:`visus.search.words.sentences`).
"""

from dataclasses import dataclass
from typing import Any, Protocol

from visus.search.describe import Floats
from visus.search.queries import Query
from visus.search.words.vocabulary import Word


@dataclass(frozen=True, slots=True)
class Chance:
    """Which scores pictures reach that do not show what a word names.

    Attributes:
        certain: From this score on the best hit is no chance.
        likely: From this score on further hits are given, where the best one is certain.
        told: What :attr:`certain` is, as a part of a sentence.
        score: What a score is called.
        lowest: The least score that there can be.
    """

    certain: float
    likely: float
    told: str
    score: str = "probability"
    lowest: int = 0


def plural(pictures: int) -> str:
    """So many pictures, in words.

    >>> plural(1), plural(2000)
    ('1 picture', '2,000 pictures')
    """
    return "1 picture" if pictures == 1 else f"{pictures:,} pictures"


class Words(Protocol):
    """The words of an index."""

    def read(self, phrase: str) -> tuple[Word, ...]:
        """The words of a phrase.

        Raises:
            InputError: One of them is not known, or the phrase is too long.
        """
        ...

    def direction(self, word: Word) -> Floats:
        """Where vectors lie of pictures that show what a word names: ``(D,)`` float32 of length 1."""
        ...

    def asks(self, word: Word, plain: Floats, moved: Floats) -> Query:
        """A query by a word alone, whose vectors are ``(D,)`` and ``(d,)`` float32, as those of any query."""
        ...

    def shown(self, word: Word, vectors: Floats) -> Floats:
        """The scores ``(N,)`` float32 of pictures for a word alone, from their vectors ``(N, D)`` of length 1."""
        ...

    def told(self, word: Word) -> dict[str, Any]:
        """How a word is understood, as plain values."""
        ...

    def note(self, word: Word) -> str | None:
        """A sentence on what a word means here, where it does not say so itself."""
        ...

    def chance(self, word: Word, pictures: int) -> Chance | None:
        """What comes by chance among so many pictures; None where that cannot be told."""
        ...
