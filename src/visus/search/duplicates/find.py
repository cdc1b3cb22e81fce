"""The search for duplicates from end to end: contents, candidates, thumbnails, files, groups."""

import itertools
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus.search.duplicates import THRESHOLD, equal
from visus.search.duplicates.alignment import Matrix
from visus.search.duplicates.candidates import Pairs, hash_pairs, hashes_of, similar_pairs
from visus.search.duplicates.decisions import Decision, Pair
from visus.search.duplicates.grouping import Grouped, Grouping
from visus.search.duplicates.keep import Keeping, decided_to_stay
from visus.search.duplicates.members import Duplicates, Kind, Member, Stack
from visus.search.duplicates.screen import Screen

Tell = Callable[[str, int, int], object]
"""Is told what is being done, how much of it is done, and of how much."""

P = TypeVar("P")
R = TypeVar("R")

Hashes = tuple[NDArray[np.int64], NDArray[np.uint64]]
"""Which content each hash is of, ``(N,)``, and the hashes in eight turns, ``(N, 8)``."""

_LOOKED_AT = 256  # thumbnails that a thread takes at once
_TOLD = 64  # pictures that threads share, and after which the progress is told


class Thumbnails:
    """Small pictures in one temporary file, so that memory does not grow with their number.

    Args:
        count: How many.
        pictures: The place of each and a JPEG, in any order; what does not come is empty.
    """

    def __init__(self, count: int, pictures: Iterable[tuple[int, bytes]]) -> None:
        self._file = tempfile.TemporaryFile(prefix="visus-")  # noqa: SIM115 - closed by __exit__
        self._turn = threading.Lock()
        self._places = np.zeros((count, 2), np.int64)
        end = 0
        for place, picture in pictures:
            self._file.write(picture)
            self._places[place] = end, len(picture)
            end += len(picture)

    def __enter__(self) -> "Thumbnails":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __call__(self, position: int) -> bytes:
        """One of them."""
        begin, length = self._places[position].tolist()
        with self._turn:
            self._file.seek(begin)
            return self._file.read(length)


def find(
    files: Sequence[Sequence[Member]],
    vectors: NDArray[np.floating],
    thumbnails: Thumbnails,
    *,
    threshold: float = THRESHOLD,
    decisions: Mapping[Pair, Decision],
    wanted: Keeping,
    tell: Tell,
) -> Duplicates:
    """Find the pictures that are the same, and those that belong together.

    Args:
        files: Of each content, its files.
        vectors: ``(N, D)`` float16 or float32, of each content; zeros where nothing is said.
        thumbnails: Of each content.
        threshold: Least similarity of vectors.
        decisions: What people decided about pairs.
        wanted: What is kept.
        tell: Is told of the progress.
    """
    with ThreadPoolExecutor(cores()) as pool:
        screen = Screen(thumbnails)
        owners, hashes = _hashes(screen, len(files), pool, tell)
        similar = similar_pairs(vectors, threshold, each=_each(pool, "Comparing vectors", tell))
        pairs = _joined(similar, hash_pairs(owners, hashes))
        ways = _screened(pairs, screen, len(files), pool, tell)
        ways = _equal(ways, files, thumbnails, pool) | ways
        components = _components(ways, files)
        stay = decided_to_stay(decisions, {own[0].hash for own in files})
        grouping = Grouping(files, screen, ways, decisions, stay, wanted)
        found = list(_each(pool, "Comparing files", tell)(grouping, components))
    return _answer(found, files)


def _each(pool: ThreadPoolExecutor, what: str, tell: Tell) -> Callable[[Callable[[P], R], Sequence[P]], Iterator[R]]:
    """Works through parts in several threads, and tells how far that is."""

    def each(work: Callable[[P], R], parts: Sequence[P]) -> Iterator[R]:
        for done, result in enumerate(pool.map(work, parts)):
            yield result
            tell(what, done + 1, len(parts))

    return each


def _hashes(screen: Screen, count: int, pool: ThreadPoolExecutor, tell: Tell) -> Hashes:
    """The hashes of all thumbnails, with and without border, and which content each is of."""

    def looked(start: int) -> Hashes:
        looks = [screen.look(k) for k in range(start, min(start + _LOOKED_AT, count))]
        owners = np.repeat(np.arange(start, start + len(looks)), [len(look.cards) for look in looks])
        cards = np.concatenate([look.cards for look in looks])
        tells = cards.any(axis=(1, 2))
        return owners[tells], hashes_of(cards[tells])

    parts = list(_each(pool, "Looking at thumbnails", tell)(looked, range(0, count, _LOOKED_AT)))
    owners = np.concatenate([np.zeros(0, np.int64), *(part[0] for part in parts)])
    return owners, np.concatenate([np.zeros((0, 8), np.uint64), *(part[1] for part in parts)])


def _joined(similar: Pairs, hashed: Pairs) -> dict[int, list[tuple[int, bool]]]:
    """Of each picture, its candidates further on, the most alike first, and whether their vectors are similar."""
    found: dict[int, dict[int, bool]] = {}
    for (first, second, alike), by_vector in ((similar, True), (hashed, False)):
        order = np.lexsort((second, -alike, first))
        for i, j in zip(first[order].tolist(), second[order].tolist(), strict=True):
            found.setdefault(i, {}).setdefault(j, by_vector)
    return {i: list(own.items()) for i, own in found.items()}


def _screened(
    pairs: dict[int, list[tuple[int, bool]]], screen: Screen, count: int, pool: ThreadPoolExecutor, tell: Tell
) -> dict[tuple[int, int], Matrix]:
    """The pairs whose thumbnails agree, as far as they link pictures that are not linked already.

    Threads know the links from before their part, and what links within it is kept in order: as one thread would do.
    """
    links, ways, asking = _Links(count), dict[tuple[int, int], Matrix](), sorted(pairs)

    def looked(i: int) -> list[tuple[int, int, Matrix]]:
        found, linked = [], {links.root(i)}
        for j, by_vector in pairs[i]:
            if links.root(j) not in linked and (way := screen(i, j, parts=by_vector)) is not None:
                linked.add(links.root(j))
                found.append((i, j, way))
        return found

    for start in range(0, len(asking), _TOLD):
        part = asking[start : start + _TOLD]
        for i, j, way in itertools.chain.from_iterable(list(pool.map(looked, part))):
            if links.root(i) != links.root(j):
                links.join(i, j)
                ways[i, j] = way
        screen.spent(part)  # the candidates of a picture lie further on
        tell("Comparing thumbnails", min(start + _TOLD, len(asking)), len(asking))
    return ways


def _equal(
    ways: Iterable[tuple[int, int]],
    files: Sequence[Sequence[Member]],
    thumbnails: Thumbnails,
    pool: ThreadPoolExecutor,
) -> dict[tuple[int, int], Matrix]:
    """The pairs of small or flat pictures that hold the same pixels and are not linked already."""
    links, found = _Links(len(files), ways), dict[tuple[int, int], Matrix]()
    for positions in equal.alike([own[0] for own in files], thumbnails):
        if len({links.root(position) for position in positions}) > 1:
            hashes = pool.map(equal.hash_of_pixels, [files[position][0] for position in positions])
            found |= {pair: np.eye(3) for pair in equal.of_one_hash(positions, hashes)}
    return found


class _Links:
    """Which pictures are linked, directly or through others."""

    def __init__(self, count: int, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._parents = list(range(count))
        for i, j in pairs:
            self.join(i, j)

    def root(self, i: int) -> int:
        """A picture that stands for all that are linked with one."""
        while self._parents[i] != i:
            self._parents[i] = self._parents[self._parents[i]]
            i = self._parents[i]
        return i

    def join(self, i: int, j: int) -> None:
        """Link two pictures, and all that are linked with them."""
        one, two = sorted((self.root(i), self.root(j)))
        self._parents[two] = one


def _components(ways: Iterable[tuple[int, int]], files: Sequence[Sequence[Member]]) -> list[list[int]]:
    """Contents that are linked, and those that have several files; the largest first."""
    links = _Links(len(files), ways)
    found: dict[int, list[int]] = {}
    for content in range(len(files)):
        found.setdefault(links.root(content), []).append(content)
    parts = [part for part in found.values() if len(part) > 1 or len(files[part[0]]) > 1]
    return sorted(parts, key=len, reverse=True)


def _answer(found: Sequence[Grouped], files: Sequence[Sequence[Member]]) -> Duplicates:
    groups = [group for grouped in found for group in grouped.groups]
    groups.sort(key=lambda group: (-len(group.others), group.keep.path))
    return Duplicates(groups, _stacks(found, files), _notes(found))


def _stacks(found: Sequence[Grouped], files: Sequence[Sequence[Member]]) -> list[Stack]:
    """Pictures that are linked by one kind of link; what stands in a larger stack whole is not listed again."""
    stacks: list[tuple[Kind, set[int]]] = []
    kinds: dict[Kind, list[tuple[int, int]]] = {}
    shown: dict[int, Member] = {}
    for grouped in found:
        shown |= grouped.shown
        for i, j, kind in grouped.links:
            kinds.setdefault(kind, []).append((i, j))
    for kind, pairs in kinds.items():
        for part in _components(pairs, files):
            if len(part) > 1:
                stacks.append((kind, set(part)))
    holding: dict[int, list[set[int]]] = {}
    for _, part in stacks:
        for content in part:
            holding.setdefault(content, []).append(part)
    listed = [
        Stack(kind, sorted((shown[content] for content in part), key=lambda member: member.path))
        for kind, part in stacks
        if not any(part < other for other in holding[next(iter(part))])
    ]
    return sorted(listed, key=lambda stack: (-len(stack.members), stack.members[0].path))


def _notes(found: Sequence[Grouped]) -> list[str]:
    notes = []
    if lost := sum(grouped.lost for grouped in found):
        files = "1 file is" if lost == 1 else f"{lost:,} files are"
        notes.append(f"{files} not there, or no longer what the index says, and left out; say: visus index FOLDER")
    if decided := sum(grouped.decided for grouped in found):
        pairs = "1 pair is" if decided == 1 else f"{decided:,} pairs are"
        notes.append(f"{pairs} not named, since you decided on them")
    return notes
