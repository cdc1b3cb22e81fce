"""Look through labeled pictures before a network does: what cannot be read, what is there twice."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data.left_out import LeftOut
from visus.data.near import Card, card_of
from visus.data.samples import Pictures, counted
from visus.data.threads import in_threads
from visus.images import decode, read_bytes
from visus.images.wide import stretched

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
        stretched: How many would be nearly black; see :mod:`visus.images.wide`.
    """

    readable: NDArray[np.int64]
    left_out: list[LeftOut]
    digests: list[bytes]
    cards: list[Card]
    stretched: int = 0


def look(pictures: Pictures, *, progress: Callable[[int, int], None] | None = None) -> Checked:
    """Decode every picture once.

    Args:
        pictures: A split.
        progress: Called with how many are done, of how many.
    """
    if pictures.arrays is not None:
        digests = [digest_of(picture.tobytes()) for picture in pictures.arrays]
        cards = [card_of(pictures.read(place)) for place in range(len(pictures))]
        return Checked(np.arange(len(pictures)), [], digests, cards)
    answers: list[Looked | str] = []
    for answer in in_threads(_look, pictures.files):
        answers.append(answer)
        if progress:
            progress(len(answers), len(pictures))
    failed = {k: answer for k, answer in enumerate(answers) if isinstance(answer, str)}
    good = [answer for answer in answers if not isinstance(answer, str)]
    readable = np.array([k for k in range(len(answers)) if k not in failed], dtype=np.int64)
    left_out = [LeftOut(pictures.files[k], reason) for k, reason in failed.items()]
    wide = sum(is_stretched for _, _, is_stretched in good)
    return Checked(readable, left_out, [digest for digest, _, _ in good], [card for _, card, _ in good], wide)


Looked = tuple[bytes, Card, bool]


def _look(path: str) -> Looked | str:
    """The hash of a file's content, its card, and whether it was stretched; or why it cannot be used."""
    try:
        content = read_bytes(path)
        found = decode(content, name=path, min_side=_ENOUGH)
        wide = stretched(path, found.pixels)
    except InputError as error:
        return str(error)
    card = card_of(found.pixels if wide is None else wide, size=(found.width, found.height))
    return digest_of(content), card, wide is not None


def said_of_stretched(count: int) -> list[str]:
    """One sentence on so many pictures that were stretched; none on none."""
    if not count:
        return []
    hold = "holds" if count == 1 else "hold"
    return [
        f"{counted(count)} {hold} 12 bits or less in a file of 16 and would be nearly black; each is stretched to its "
        "own bits, here and where a network is asked."
    ]


def digest_of(*parts: bytes) -> bytes:
    """What tells one content, of one part or of several, from another."""
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        found.update(part)
    return found.digest()


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
