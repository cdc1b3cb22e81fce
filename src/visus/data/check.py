"""Look through labeled pictures before a network does: what cannot be read, what is there twice."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data.samples import Pictures
from visus.images import decode, read_bytes

_ENOUGH = 32  # pixels of the shorter side; enough to find out whether a JPEG can be decoded to its end
_IMBALANCE = 5  # how many times more pictures the largest class may have than the smallest without a word


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at every picture of a split found.

    Attributes:
        readable: Positions of the pictures that can be read.
        failures: Why the others cannot, one sentence each.
        digests: Hash of the content of each readable picture.
    """

    readable: NDArray[np.int64]
    failures: list[str]
    digests: list[bytes]


def look(pictures: Pictures, *, threads: int, progress: Callable[[int, int], None] | None = None) -> Checked:
    """Decode every picture once.

    Args:
        pictures: A split.
        threads: How many are decoded at a time.
        progress: Called with how many are done, of how many.
    """
    if pictures.arrays is not None:
        digests = [digest_of(picture.tobytes()) for picture in pictures.arrays]
        return Checked(np.arange(len(pictures)), [], digests)
    answers: list[bytes | str] = []
    with ThreadPoolExecutor(threads) as pool:
        for answer in pool.map(_look, pictures.files, chunksize=16):
            answers.append(answer)
            if progress:
                progress(len(answers), len(pictures))
    readable = np.array([k for k, answer in enumerate(answers) if isinstance(answer, bytes)], dtype=np.int64)
    failures = [answer for answer in answers if isinstance(answer, str)]
    return Checked(readable, failures, [answer for answer in answers if isinstance(answer, bytes)])


def _look(path: str) -> bytes | str:
    """The hash of a file's content, or why it cannot be used."""
    try:
        content = read_bytes(path)
        decode(content, name=path, min_side=_ENOUGH)
    except InputError as error:
        return str(error)
    return digest_of(content)


def digest_of(content: bytes) -> bytes:
    """What tells one content from another."""
    return hashlib.blake2b(content, digest_size=16).digest()


def copies_across(digests: dict[str, list[bytes]]) -> dict[tuple[str, str], int]:
    """How many pictures of the later of two splits are in the earlier too, for each pair that shares some."""
    names = list(digests)
    shared = {}
    for k, first in enumerate(names):
        known = set(digests[first])
        for second in names[k + 1 :]:
            count = sum(digest in known for digest in digests[second])
            if count:
                shared[first, second] = count
    return shared


def contradictions(digests: Sequence[bytes], labels: NDArray[np.int64]) -> int:
    """How many pictures are there under more than one label; all copies of a picture count as one.

    Args:
        digests: Hash of the content of each picture.
        labels: ``(N,)`` int64, the class of each.
    """
    classes: dict[bytes, set[int]] = defaultdict(set)
    for digest, label in zip(digests, labels.tolist(), strict=True):
        classes[digest].add(label)
    return sum(len(found) > 1 for found in classes.values())


def imbalance(counts: NDArray[np.int64], classes: Sequence[str]) -> str | None:
    """One sentence where some class has many times more pictures than another.

    Args:
        counts: ``(C,)`` int64, pictures of each class.
        classes: Their names.

    Returns:
        The sentence; None where the largest class has less than 5 times as many pictures as the smallest.
    """
    least, most = int(counts.argmin()), int(counts.argmax())
    if counts[most] < _IMBALANCE * counts[least]:
        return None
    return (
        f"The classes are uneven: {classes[most]} has {counts[most]:,} pictures to learn from, {classes[least]} "
        f"{counts[least]:,}; --balance weights or --balance sampling makes up for it."
    )
