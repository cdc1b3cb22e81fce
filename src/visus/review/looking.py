"""A look at every picture of a set, once: measures, what tells it from others, and its vector."""

import hashlib
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError
from visus.images import decode, read_bytes, shrink
from visus.images.facts import gray_hash
from visus.review.faults import SIDE, Measures, measure
from visus.review.twins import SIDE as CARD_SIDE
from visus.review.twins import Card, card_of
from visus.search.describe import Describes, Embedder, unit

_BATCH = 8
_ENOUGH = 448  # pixels of the shorter side to which a large JPEG is decoded, where no network asks for more


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found out about the pictures that can be read.

    Attributes:
        places: ``(N,)`` int64, their places among those that were named.
        measures: Of each.
        digests: Of the content of each file.
        hashes: ``(N,)`` int64, see :func:`visus.images.facts.gray_hash`.
        cards: ``(N, 256)`` uint8, see :func:`visus.review.twins.card_of`.
        vectors: ``(N, D)`` float32, of length 1; ``(N, 0)`` where none were asked for.
        failures: By place, why a picture cannot be read.
    """

    places: NDArray[np.int64]
    measures: list[Measures]
    digests: list[bytes]
    hashes: NDArray[np.int64]
    cards: NDArray[np.uint8]
    vectors: NDArray[np.float32]
    failures: dict[int, str]


@dataclass(frozen=True, slots=True)
class _One:
    """What was found out about a picture."""

    measures: Measures
    digest: bytes
    hash: int
    card: Card


_Answer = tuple[list[_One | str], NDArray[np.float32]]
"""Of each picture of a batch what was found out, or why it cannot be read; and the vectors of those that can."""


def look(
    files: Sequence[str],
    *,
    embedder: Embedder | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Looked:
    """Read and measure pictures, by as many threads as there are cores.

    Args:
        files: Their paths.
        embedder: What describes them, made for so many streams; None for no vectors.
        progress: Called with how many are done, of how many.
    """
    threads = cores()
    runners: queue.SimpleQueue[Describes | None] = queue.SimpleQueue()
    for _ in range(threads):
        runners.put(embedder.runner() if embedder else None)
    starts = range(0, len(files), _BATCH)

    def work(start: int) -> _Answer:
        runner = runners.get()
        try:
            return _batch(files[start : start + _BATCH], embedder, runner)
        finally:
            runners.put(runner)

    answers: list[_One | str] = []
    vectors: list[NDArray[np.float32]] = []
    with ThreadPoolExecutor(threads) as pool:
        for own, described in pool.map(work, starts):
            answers += own
            vectors.append(described)
            if progress:
                progress(len(answers), len(files))
    good = [(place, own) for place, own in enumerate(answers) if isinstance(own, _One)]
    return Looked(
        np.array([place for place, _ in good], np.int64),
        [own.measures for _, own in good],
        [own.digest for _, own in good],
        np.array([own.hash for _, own in good], np.int64),
        np.array([own.card for _, own in good], np.uint8).reshape(len(good), CARD_SIDE**2),
        np.concatenate([own for own in vectors if len(own)] or [np.zeros((0, 0), np.float32)]),
        {place: own for place, own in enumerate(answers) if isinstance(own, str)},
    )


def _batch(files: Sequence[str], embedder: Embedder | None, runner: Describes | None) -> _Answer:
    """A look at some pictures."""
    answers: list[_One | str] = []
    prepared = []
    for file in files:
        try:
            data = read_bytes(file)
            found = decode(data, name=file, min_side=embedder.least_side if embedder else _ENOUGH, range="own")
        except InputError as error:
            answers.append(str(error))
            continue
        digest = hashlib.blake2b(data, digest_size=16).digest()
        small = shrink(found.pixels, SIDE)
        answers.append(_One(measure(small, found.width, found.height), digest, gray_hash(small), card_of(small)))
        if embedder:
            prepared.append(embedder.prepare(found.pixels))
    if runner is None or not prepared:
        return answers, np.zeros((sum(isinstance(own, _One) for own in answers), 0), np.float32)
    return answers, unit(runner.vectors(np.stack(prepared)))
