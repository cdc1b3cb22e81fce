"""Look through labeled pictures before a network does: what cannot be read, what is there twice."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data.depth import refuse_narrow
from visus.data.left_out import LeftOut
from visus.data.near import Card, card_of
from visus.data.samples import Pictures
from visus.images import decode, read_bytes

_ENOUGH = 32  # pixels of the shorter side; enough to find out whether a JPEG can be decoded to its end
_IMBALANCE = 5  # how many times more pictures the largest class may have than the smallest without a word


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at every picture of a split found.

    Attributes:
        readable: Positions of the pictures that can be read.
        left_out: The others.
        digests: Hash of the content of each readable picture.
        cards: What is compared of each readable picture; see :func:`visus.data.near.card_of`.
    """

    readable: NDArray[np.int64]
    left_out: list[LeftOut]
    digests: list[bytes]
    cards: list[Card]


def look(pictures: Pictures, *, threads: int, progress: Callable[[int, int], None] | None = None) -> Checked:
    """Decode every picture once.

    Args:
        pictures: A split.
        threads: How many are decoded at a time.
        progress: Called with how many are done, of how many.
    """
    if pictures.arrays is not None:
        digests = [digest_of(picture.tobytes()) for picture in pictures.arrays]
        cards = [card_of(pictures.read(place)) for place in range(len(pictures))]
        return Checked(np.arange(len(pictures)), [], digests, cards)
    answers: list[tuple[bytes, Card] | str] = []
    with ThreadPoolExecutor(threads) as pool:
        for answer in pool.map(_look, pictures.files, chunksize=16):
            answers.append(answer)
            if progress:
                progress(len(answers), len(pictures))
    failed = {k: answer for k, answer in enumerate(answers) if isinstance(answer, str)}
    good = [answer for answer in answers if not isinstance(answer, str)]
    readable = np.array([k for k in range(len(answers)) if k not in failed], dtype=np.int64)
    left_out = [LeftOut(pictures.files[k], reason) for k, reason in failed.items()]
    return Checked(readable, left_out, [digest for digest, _ in good], [card for _, card in good])


def _look(path: str) -> tuple[bytes, Card] | str:
    """The hash of a file's content and its card, or why it cannot be used."""
    try:
        content = read_bytes(path)
        found = decode(content, name=path, min_side=_ENOUGH)
        refuse_narrow(path, found.pixels)
    except InputError as error:
        return str(error)
    return digest_of(content), card_of(found.pixels)


def digest_of(content: bytes) -> bytes:
    """What tells one content from another."""
    return hashlib.blake2b(content, digest_size=16).digest()


def contradictions(digests: Sequence[bytes], labels: NDArray[np.int64]) -> int:
    """How many pictures are there under more than one label; all copies of a picture count as one.

    Args:
        digests: Hash of the content of each picture.
        labels: ``(N,)`` int64, the class of each; or ``(N, C)`` zeros and ones.
    """
    classes: dict[bytes, set[tuple[int, ...]]] = defaultdict(set)
    for digest, row in zip(digests, labels.reshape(len(labels), -1).tolist(), strict=True):
        classes[digest].add(tuple(row))
    return sum(len(found) > 1 for found in classes.values())


def imbalance(counts: NDArray[np.int64], classes: Sequence[str], *, mend: str) -> str | None:
    """One sentence where some class has many times more pictures than another.

    Args:
        counts: ``(C,)`` int64, pictures of each class.
        classes: Their names.
        mend: The options that make up for it.

    Returns:
        The sentence; None where the largest class has less than 5 times as many pictures as the smallest.
    """
    least, most = int(counts.argmin()), int(counts.argmax())
    if counts[most] < _IMBALANCE * counts[least]:
        return None
    return (
        f"The classes are uneven: {classes[most]} has {counts[most]:,} pictures to learn from, {classes[least]} "
        f"{counts[least]:,}; {mend} makes up for it."
    )
