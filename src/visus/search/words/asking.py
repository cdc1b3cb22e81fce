"""What a search asks with: pictures and words with their weights, and the vector that comes of them.

A word's vector points from where vectors lie of anything to where those lie of what it names
(:mod:`visus.search.words.engine`). So words are taken away from pictures as pictures are. What is to be found is all to
be found: the pictures together, which are added up, and each word (:class:`visus.search.queries.Joined`).
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError, VisusError
from visus.search.classical import Classical
from visus.search.describe import Describing, Floats, unit
from visus.search.place import explained
from visus.search.queries import Joined, Query, spreads_of
from visus.search.query import Box, Picture, cut, load, several, single
from visus.search.rows import EMBEDDING
from visus.search.store import Store
from visus.search.words.chance import unshown
from visus.search.words.engine import Words
from visus.search.words.terms import NUMBER, Term, terms_of, weighted
from visus.search.words.vocabulary import UnknownWordsError, Word

Pixels = NDArray[np.uint8]

_NOTHING = 1e-6  # a length of nothing
_LOOKED_AT = 24  # hits that may show a word


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a search asks with.

    Attributes:
        pictures: With their weights.
        words: With their weights.
        files: Names of pictures, as they were typed, that are words of the index too.
    """

    pictures: tuple[tuple[float, Picture], ...]
    words: tuple[tuple[float, Word], ...]
    files: tuple[str, ...] = ()

    @property
    def avoids(self) -> bool:
        """Whether pictures are taken away."""
        return any(weight < 0 for weight, _ in self.pictures)

    @property
    def text(self) -> str:
        """The words, for people."""
        return " ".join(f"{'-' if weight < 0 else '+'} {word.text}" for weight, word in self.words).removeprefix("+ ")

    @property
    def named(self) -> Word | None:
        """The word, where it asks alone."""
        alone = len(self.words) == 1 and not self.pictures and self.words[0][0] > 0
        return self.words[0][1] if alone else None

    def told(self, words: Words) -> list[dict[str, Any]]:
        """How words are understood, as plain values: what was typed, how many kinds it means and some of these."""
        return [{"word": word.text, "weight": weight, **words.told(word)} for weight, word in self.words]

    def notes(self, words: Words) -> list[str]:
        """Sentences on what words mean, where they do not say so themselves."""
        notes = [words.note(word) for _, word in self.words]
        return list(dict.fromkeys(note for note in notes if note))

    def taken(self) -> list[str]:
        """Sentences on words that a file of this name took over."""
        return [f"{name} is a file here; word:{name} asks the word" for name in self.files]

    def unshown(self, store: Store, rows: Sequence[dict[str, Any]], words: Words, pictures: int) -> str | None:
        """A sentence on the words of a mixed query that none of the first hits shows for certain.

        Args:
            store: The table.
            rows: The hits.
            words: Of the index.
            pictures: How many were searched.
        """
        wanted = [word for weight, word in self.words if weight > 0]
        if not wanted or not rows:
            return None
        found = store.rows([row["id"] for row in rows[:_LOOKED_AT]], [EMBEDDING]).values()
        vectors = unit(np.array([row[EMBEDDING] for row in found], np.float32))
        best = [float(words.shown(word, vectors).max()) for word in wanted]
        return unshown([word.text for word in wanted], best, [words.chance(word, pictures) for word in wanted])

    def load(self, describing: Describing | Classical | None, region: Box | None, most: int) -> list[Pixels]:
        """The pixels ``(H, W, 3)`` uint8 of :attr:`pictures`.

        Args:
            describing: What describes them; None where there are none.
            region: x0, y0, x1, y1 in pixels: the part of the only picture to find that asks; None for all of it.
            most: Larger pictures are refused.

        Raises:
            InputError: A picture cannot be read, or there is a region and not one picture to find.
        """
        side = describing.least_side if describing else None
        found = [load(own, None if region is not None and weight > 0 else side, most) for weight, own in self.pictures]
        if region is not None:
            liked = [place for place, (weight, _) in enumerate(self.pictures) if weight > 0]
            found[liked[0] if liked else 0] = cut(single([found[place] for place in liked], "region"), region)
        return found

    def query(self, pictures: Floats, words: Words | None, store: Store, column: str = EMBEDDING) -> Query:
        """What asks, as vectors.

        Args:
            pictures: Vectors ``(N, D)`` float32 of :attr:`pictures`, of length 1.
            words: Of the index, where there are words.
            store: The table that is searched.
            column: Its vectors.

        Raises:
            InputError: What is added and what is taken away are the same.
            PictureIndexError: The table cannot be read.
        """
        space = store.compared[column]
        plain, moved = [*pictures], [*space(pictures)] if len(pictures) else []
        for _, word in self.words:
            assert words is not None
            direction = words.direction(word)
            plain.append(direction)
            moved.append(unit(direction if space.projection is None else direction @ space.projection))
        weights = np.array([weight for weight, _ in (*self.pictures, *self.words)], np.float32)
        total, compared = weights @ np.stack(plain), weights @ np.stack(moved)
        if np.linalg.norm(total) < _NOTHING:
            raise InputError("What is to be found and what is to be avoided are the same; leave one of them away.")
        if self.named and words:
            return words.asks(self.named, unit(total), unit(compared))
        parts, shares = self._parts(np.stack(moved), weights)
        if len(parts) < 2:
            return Query(unit(total), unit(compared))
        with explained(store.location):
            sample = store.segments(column).sample
        return Joined(unit(total), unit(compared), parts, shares, spreads_of(parts, sample))

    def _parts(self, moved: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """What is to be found, ``(n, d)`` float32, and how much of it each is, ``(n,)`` float32: pictures as one.

        From each, its share of what is to be avoided is taken away.
        """
        pictures, place = np.unique(moved[: len(self.pictures)], axis=0, return_inverse=True)  # one may come twice
        own = np.bincount(place.ravel(), weights[: len(self.pictures)], len(pictures))
        moved = np.concatenate([pictures, moved[len(self.pictures) :]])
        weights = np.concatenate([own, weights[len(self.pictures) :]]).astype(np.float32)
        count, found = len(pictures), np.maximum(weights, 0)
        if not found.any():
            return moved[:0], weights[:0]
        wanted = [found[:count] @ moved[:count], *(found[count:, None] * moved[count:])]
        shares = np.array([found[:count].sum(), *found[count:]], np.float32) / found.sum()
        parts = np.stack(wanted) + shares[:, None] * (np.minimum(weights, 0) @ moved)
        there = (shares > 0) & (np.linalg.norm(parts, axis=1) > _NOTHING)
        return unit(parts[there]), (shares[there] / max(shares[there].sum(), _NOTHING)).astype(np.float32)


def asked_of(
    asked: Sequence[Picture],
    *,
    plus: Picture | Sequence[Picture] = (),
    minus: Picture | Sequence[Picture] = (),
    unlike: Picture | Sequence[Picture] = (),
    files: bool = True,
    known: Callable[[], Words],
) -> Asked:
    """Read what a search asks with.

    Args:
        asked: Files, arrays, words and expressions (see :mod:`visus.search.words.terms`).
        plus: Further terms, each perhaps with its weight: ``"0.5:snow"``.
        minus: Terms that are taken away.
        unlike: Pictures whose mean is taken away, with the weight of all that is to be found.
        files: Whether texts may name files.
        known: Gives the words of the index, where there are words.

    Raises:
        InputError: A word is not known, a term is none, or nothing is to be found.
    """
    terms = terms_of(asked, files=files)
    terms += [weighted(own, 1.0, files=files) for own in several(plus)]
    terms += [weighted(own, -1.0, files=files) for own in several(minus)]
    found = sum(term.weight for term in terms if term.weight > 0)
    if not found:
        only = "; it has only what to avoid" if terms else ""
        raise InputError(f"A search needs at least one picture or word to find{only}.")
    avoided = several(unlike)
    terms += [Term(-found / len(avoided), picture) for picture in avoided]
    words: list[tuple[float, Word]] = []
    for term in terms:
        if term.picture is None:
            words += [(term.weight, word) for word in _read(term.words, known(), files=files)]
    pictures = tuple((term.weight, term.picture) for term in terms if term.picture is not None)
    doubtful = dict.fromkeys(str(term.picture) for term in terms if term.perhaps_words)
    return Asked(pictures, _joined(words), tuple(own for own in doubtful if _is_known(own, known)))


def _joined(words: Sequence[tuple[float, Word]]) -> tuple[tuple[float, Word], ...]:
    """Words of which none means the same as another; those that weigh nothing together are left out beside others.

    >>> [(weight, word.text) for weight, word in _joined([(1, Word("dog", (1, 2))), (1, Word("dogs", (1, 2)))])]
    [(2, 'dog')]
    """
    weights: dict[object, float] = {}
    first: dict[object, Word] = {}
    for weight, word in words:
        key = word.kinds or word.text.casefold()
        weights[key] = weights.get(key, 0) + weight
        first.setdefault(key, word)
    every = [(weight, first[key]) for key, weight in weights.items()]
    return tuple([own for own in every if own[0]] or every)


def _read(phrase: str, words: Words, *, files: bool) -> tuple[Word, ...]:
    """The words of a phrase; a number that is no word is a weight, and a folder is no picture."""
    try:
        return words.read(phrase)
    except UnknownWordsError as error:
        if files and os.path.isdir(os.path.expanduser(phrase)):
            raise InputError(f"{phrase} is a folder, not a picture; give a file in it.") from error
        if not NUMBER.fullmatch(phrase):
            raise
        raise InputError(
            f"The weight {phrase[:20]} stands alone; name a picture or words behind it: {phrase[:20]} snow"
        ) from error


def _is_known(phrase: str, known: Callable[[], Words]) -> bool:
    """Whether an index knows all words of a phrase; one without words knows none."""
    try:
        return bool(known().read(phrase))
    except VisusError:
        return False
