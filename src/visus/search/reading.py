"""Read and describe many picture files: by threads of this process, or by the processes of a cluster.

Each worker reads, decodes and describes small batches of its own, so that decoding and the network overlap and all
cores are busy. Nothing is written here.
"""

import hashlib
import queue
import threading
from collections.abc import Callable, Container, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.graphs.runtime import Device, Precision
from visus.images import MAX_PIXELS, decode, encode_jpeg, read_bytes, shrink
from visus.images.decode import Decoded
from visus.images.facts import Facts, facts_of, facts_of_large, gray_hash, sharpness
from visus.images.older import reads_otherwise
from visus.images.strips import open_to_shrink, shrunk
from visus.search.classical import Classical
from visus.search.describe import Descriptor, Embedder, unit
from visus.search.rows import EMBEDDING
from visus.search.walk import Found

NOTHING = Facts("")

_PART = 1 << 20  # bytes of a large file that are read at once

THUMBNAIL_SIDE = 256
"""Longest side of the thumbnails in an index, in pixels."""


def content_hash(data: bytes) -> bytes:
    """What tells a file's content from others: BLAKE2b-128."""
    return hashlib.blake2b(data, digest_size=16).digest()


def hash_of_file(path: str) -> bytes:
    """The same of a file, which is read part by part.

    Raises:
        InputError: It cannot be read.
    """
    found = hashlib.blake2b(digest_size=16)
    try:
        with open(path, "rb") as file:
            while part := file.read(_PART):
                found.update(part)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the disk and name.") from error
    return found.digest()


def as_thumbnail(small: NDArray[np.uint8]) -> bytes:
    """A shrunk picture ``(h, w, 3)`` uint8 as an index keeps it: JPEG."""
    return encode_jpeg(small, quality=80)


@dataclass(slots=True)
class Done:
    """What was found out about a file: a failure, a content that is known, or a new description.

    Attributes:
        found: The file.
        failure: Why it cannot be used, if so.
        hash: Of its content.
        width: Of the picture, in pixels.
        height: Likewise.
        thumbnail: A small JPEG.
        facts: What the file says of itself.
        sharpness: See :func:`visus.images.facts.sharpness`.
        gray_hash: See :func:`visus.images.facts.gray_hash`.
        vectors: By the column that takes them; empty for a known content.
        squares: ``(N, D)`` float32, vectors of the squares of a long picture; None for any other.
        notes: What must be said of how it was decoded.
    """

    found: Found
    failure: str | None = None
    hash: bytes = b""
    width: int = 0
    height: int = 0
    thumbnail: bytes = b""
    facts: Facts = NOTHING
    sharpness: float = 0.0
    gray_hash: int = 0
    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    squares: NDArray[np.float32] | None = None
    notes: tuple[str, ...] = ()


_LONG = 2.5  # a picture whose sides are farther apart is described in squares too
_MOST_SQUARES = 16


def squares_of(picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The squares of a long picture, each half over the next, from one end to the other; none of any other picture.

    Squeezed into the network's square, a panorama looks like nothing that is in it.

    Args:
        picture: ``(H, W, 3)`` uint8.

    >>> squares = squares_of(np.zeros((10, 40, 3), np.uint8))
    >>> len(squares), squares[0].shape
    (7, (10, 10, 3))
    """
    short, long = sorted(picture.shape[:2])
    if long <= _LONG * short:
        return []
    count = min(_MOST_SQUARES, -(-2 * (long - short) // short) + 1)
    starts = np.linspace(0, long - short, count).round().astype(int)
    if picture.shape[0] > picture.shape[1]:
        return [picture[start : start + short] for start in starts]
    return [picture[:, start : start + short] for start in starts]


def _state(path: Path) -> tuple[int, int, int]:
    """What tells a file from another one of its name."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


Answers = Generator[list[Done], None, None]
"""What was found out about batches of files, in any order."""


class Reader:
    """Reads and describes batches of files, for one thread.

    Args:
        descriptors: What describes pictures, by the column that takes its vectors.
        known: Contents (hashes) that need no description.
        lacking: By descriptor, known contents that lack its vector.
        older: Known contents that an earlier decoder may have read otherwise.
        max_pixels: Larger pictures count as unreadable.
    """

    def __init__(
        self,
        descriptors: Mapping[str, Descriptor],
        known: Container[bytes],
        lacking: Mapping[str, Container[bytes]],
        older: Container[bytes] = (),
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.descriptors = descriptors
        self.known = known
        self.lacking = lacking
        self.older = older
        self.max_pixels = max_pixels
        self.least_side = max(descriptor.least_side for descriptor in descriptors.values())
        self._runners = {name: descriptor.runner() for name, descriptor in descriptors.items()}

    def __call__(self, batch: list[Found]) -> list[Done]:
        """What there is to know of each file."""
        done: list[Done] = []
        prepared: dict[str, list[tuple[Done, NDArray[Any]]]] = {name: [] for name in self.descriptors}
        parts_of: list[tuple[Done, list[NDArray[Any]]]] = []
        for found in batch:
            answer = Done(found)
            done.append(answer)
            try:
                wanted, picture = self._look(answer)
                if picture is None:
                    continue
            except InputError as error:
                answer.failure = str(error)
                continue
            for name in wanted:
                prepared[name].append((answer, self.descriptors[name].prepare(picture.pixels)))
            if EMBEDDING in wanted and (squares := squares_of(picture.pixels)):
                parts_of.append((answer, [self.descriptors[EMBEDDING].prepare(square) for square in squares]))
            small = shrink(picture.pixels, THUMBNAIL_SIDE)
            answer.thumbnail = as_thumbnail(small)
            answer.width, answer.height, answer.notes = picture.width, picture.height, picture.notes
            answer.sharpness, answer.gray_hash = sharpness(picture.pixels), gray_hash(small)
        for name, parts in prepared.items():
            if parts:
                vectors = self._vectors(name, [part for _, part in parts])
                for (answer, _), vector in zip(parts, vectors, strict=True):
                    answer.vectors[name] = vector
        for answer, parts in parts_of:
            answer.squares = self._vectors(EMBEDDING, parts)
        return done

    def _look(self, answer: Done) -> tuple[list[str], Decoded | None]:
        """The descriptors that a file still needs, and its picture; none where it needs none. Fills in hash and facts.

        Of a large PNG or TIFF file that is new, neither the content nor the picture is ever in memory as a whole.
        """
        path = answer.found.path
        if (told := self._in_strips(answer, Path(path))) is not None:
            return told
        data = read_bytes(path)
        answer.hash = content_hash(data)
        wanted = self._wanted(answer, data)
        if not wanted:
            return [], None
        answer.facts = facts_of(data, path)
        return wanted, decode(data, name=path, min_side=self.least_side, max_pixels=self.max_pixels, range="own")

    def _in_strips(self, answer: Done, path: Path) -> tuple[list[str], Decoded | None] | None:
        """The same of a large file that is shrunk as it is read; None where it is read as a whole, or was exchanged."""
        large = open_to_shrink(path, self.max_pixels)
        if large is None:
            return None
        try:
            before = _state(path)
            answer.hash = hash_of_file(str(path))
            if answer.hash in self.known:
                return None if answer.hash in self.older or self._lacking(answer) else ([], None)
            pixels, notes = shrunk(large, self.least_side)
            answer.facts = facts_of_large(path)
            if _state(path) != before:
                return None
        except (InputError, OSError):  # read as a whole, it is there, or tells what is wrong
            return None
        return list(self.descriptors), Decoded(pixels, large.opened.width, large.opened.height, notes)

    def _vectors(self, name: str, prepared: list[NDArray[Any]]) -> NDArray[np.float32]:
        return unit(self._runners[name].vectors(np.stack(prepared)))

    def _wanted(self, answer: Done, data: bytes) -> list[str]:
        """Which descriptors a file still needs: all of them if its content is new, or comes out otherwise now."""
        if answer.hash not in self.known or (answer.hash in self.older and reads_otherwise(data, answer.found.path)):
            return list(self.descriptors)
        return self._lacking(answer)

    def _lacking(self, answer: Done) -> list[str]:
        """Which descriptors a known content lacks."""
        return [name for name, contents in self.lacking.items() if answer.hash in contents]


def by_threads(make: Callable[[], Reader], batches: Iterable[list[Found]], threads: int) -> Answers:
    """Read batches in threads of this process.

    Args:
        make: Makes the reader of a thread.
        batches: Files; the next one is taken when a thread is free.
        threads: How many.

    Raises:
        Exception: Whatever a thread stumbles over.
    """
    answers: queue.Queue[list[Done] | BaseException | None] = queue.Queue(maxsize=4 * threads)
    waiting = iter(batches)
    turn, stop = threading.Lock(), threading.Event()

    def worker() -> None:
        try:
            reader = make()
            while not stop.is_set():
                with turn:
                    batch = next(waiting, None)
                if batch is None:
                    break
                answers.put(reader(batch))
        except BaseException as error:  # handed to the calling thread, which raises it
            answers.put(error)
        answers.put(None)

    workers = [threading.Thread(target=worker, daemon=True) for _ in range(threads)]
    for thread in workers:
        thread.start()
    left = len(workers)
    try:
        while left:
            answer = answers.get()
            if isinstance(answer, BaseException):
                raise answer
            if answer is None:
                left -= 1
            else:
                yield answer
    finally:
        stop.set()
        _drain(answers, workers)


def _drain(answers: "queue.Queue[Any]", workers: list[threading.Thread]) -> None:
    """Let threads that wait to hand something over come to their end."""
    while any(thread.is_alive() for thread in workers):
        try:
            answers.get(timeout=0.05)
        except queue.Empty:
            continue


@dataclass(frozen=True)
class Recipe:
    """How another process makes its reader.

    Attributes:
        model: Of the embedder; see :class:`visus.search.describe.Embedder`.
        digest: Of the network that the index is made with.
        weights: As the embedder's.
        precision: Likewise.
        device: Likewise.
        extras: Names of the classical descriptors.
        known: See :class:`Reader`.
        lacking: Likewise.
        older: Likewise.
        max_pixels: Likewise.
    """

    model: str
    digest: str
    weights: str
    precision: Precision
    device: Device
    extras: tuple[str, ...] = ()
    known: frozenset[bytes] = frozenset()
    lacking: Mapping[str, frozenset[bytes]] = field(default_factory=dict)
    older: frozenset[bytes] = frozenset()
    max_pixels: int = MAX_PIXELS

    def __call__(self) -> Reader:
        """The reader of this process.

        Raises:
            InputError: This machine has other weights than the one that the index was begun on.
        """
        embedder = Embedder(self.model, weights=self.weights, streams=1, precision=self.precision, device=self.device)
        if embedder.graph.digest != self.digest:
            raise InputError(
                f"A machine of the cluster has other weights of {self.model} ({embedder.graph.weights}) than the index "
                "is made with; install the same versions on all."
            )
        descriptors: dict[str, Descriptor] = {"embedding": embedder}
        descriptors |= {name: Classical(name) for name in self.extras}  # pyright: ignore[reportArgumentType]
        return Reader(descriptors, self.known, self.lacking, self.older, self.max_pixels)
