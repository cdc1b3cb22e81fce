"""Words by the classes that a network was trained on: their names, and those of their kinds."""

from dataclasses import dataclass
from typing import Any

from visus.search.describe import Floats
from visus.search.queries import Named, Query
from visus.search.words.chance import least
from visus.search.words.engine import Chance, plural
from visus.search.words.layer import Layer
from visus.search.words.vocabulary import Word, imagenet


@dataclass(frozen=True, slots=True, eq=False)
class ClassWords:
    """The names of classes; see :class:`visus.search.words.engine.Words`.

    Attributes:
        layer: The last one of the network.
    """

    layer: Layer

    def read(self, phrase: str) -> tuple[Word, ...]:
        """The words of a phrase, as few as possible."""
        return self.layer.vocabulary.read(phrase).words

    def direction(self, word: Word) -> Floats:
        """From where vectors of any class lie to where those of the word's kinds do: ``(D,)`` float32 of length 1."""
        return self.layer.direction(word.kinds)

    def asks(self, word: Word, plain: Floats, moved: Floats) -> Query:
        """A query, by vectors ``(D,)`` and ``(d,)`` float32, for the probability of the word's kinds."""
        return Named(plain, moved, self.layer, word.kinds)

    def shown(self, word: Word, vectors: Floats) -> Floats:
        """The probabilities ``(N,)`` float32 that pictures ``(N, D)`` are of one of the word's kinds."""
        return self.layer.probabilities(vectors)[:, word.kinds].sum(axis=1)

    def told(self, word: Word) -> dict[str, Any]:
        """How many kinds the word means, and some of these."""
        names = [self.layer.vocabulary.classes[kind] for kind in word.kinds[:5]]
        return {"kinds": len(word.kinds), "such_as": names}

    def note(self, word: Word) -> str | None:
        """Some of the word's kinds, where it is no name of its only class."""
        if self.layer.vocabulary.is_name(word):
            return None
        count = f" ({len(word.kinds)} kinds)" if len(word.kinds) > 1 else ""
        return f"{word.text} stands for: {self.layer.vocabulary.told(word)}{count}"

    def chance(self, word: Word, pictures: int) -> Chance:
        """By the law of held-out classes; a run, which knows its own classes alone, must be surer than not."""
        if self.layer.vocabulary is not imagenet():
            return Chance(0.5, 0.5, "the network holds it for more likely than not from 0.5 on")
        certain, likely = (least(pictures, len(word.kinds), chances=own) for own in (None, 1))
        return Chance(certain, likely, f"among {plural(pictures)} {certain:.3f} may be chance")
