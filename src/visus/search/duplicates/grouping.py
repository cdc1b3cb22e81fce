"""Groups: each picture of a group is compared with the one that is kept, so there are no chains."""

import functools
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from visus._errors import InputError
from visus.search.duplicates.alignment import Matrix
from visus.search.duplicates.decisions import Decision, Pair, pair_of
from visus.search.duplicates.equal import judge_equal
from visus.search.duplicates.keep import DECIDED, Keeping, choose
from visus.search.duplicates.members import Copy, DuplicateGroup, Kind, Member, Relation
from visus.search.duplicates.opened import Opened, Traits, entry, open_member, unchanged
from visus.search.duplicates.relations import Judgment, judge
from visus.search.duplicates.screen import Screen
from visus.search.duplicates.stays import CAPTION, NOTED, SIDECAR, has_more, has_sidecar

_PATIENCE = 2  # pictures that turn out to be others before the rest counts as others too; one more for each copy
_OPEN = 64  # files of a component that are open at once


@dataclass(slots=True)
class Grouped:
    """What became of a component.

    Attributes:
        groups: The groups in it.
        links: Pairs of contents that belong together and are no copies; of a group, the one that is kept.
        shown: Of each content in them, the file that stands for it: of a group, the one that is kept.
        lost: Files that are not there, or no longer what the index says.
        decided: Pairs that are not named since someone decided on them.
    """

    groups: list[DuplicateGroup] = field(default_factory=list)
    links: list[tuple[int, int, Kind]] = field(default_factory=list)
    shown: dict[int, Member] = field(default_factory=dict)
    lost: int = 0
    decided: int = 0


@dataclass(frozen=True, slots=True)
class Grouping:
    """Makes groups of contents whose thumbnails agree.

    Attributes:
        files: Of each content, its files.
        screen: Compares thumbnails.
        ways: How thumbnails lie over one another: of pairs i < j, the transform from i to j.
        decisions: What people decided about pairs of contents.
        stay: Contents that were decided to stay beside another one: they never go.
        wanted: What is kept.
    """

    files: Sequence[Sequence[Member]]
    screen: Screen
    ways: Mapping[tuple[int, int], Matrix]
    decisions: Mapping[Pair, Decision]
    stay: Set[bytes]
    wanted: Keeping

    def __call__(self, contents: Sequence[int]) -> Grouped:
        """The groups of one component.

        Args:
            contents: Positions of contents that are linked.
        """
        return _Component(self, contents).grouped()


class _Component:
    """One component at work."""

    def __init__(self, own: Grouping, contents: Sequence[int]) -> None:
        self.own = own
        self.answer = Grouped()
        self.there: dict[int, list[Member]] = {}
        for content in contents:
            found, lost = _there(own.files[content])
            self.answer.lost += lost
            if found:
                self.there[content] = sorted(found, key=self._first)
        self.opened: Callable[[int], Opened | None] = functools.lru_cache(_OPEN)(self._open)
        self.traits: dict[int, Traits] = {}
        self.grouped_contents: list[set[int]] = []
        self.kept: dict[int, int] = {}  # of each copy, the one that is kept

    def _first(self, member: Member) -> tuple[Any, ...]:
        """Of equal files, the one in the reference folder is kept, then the oldest."""
        wanted = self.own.wanted
        return wanted.reference is not None and not wanted.protects(member.path), member.mtime, member.path

    def _open(self, content: int) -> Opened | None:
        found = open_member(self.there[content][0])
        if found is None:
            self.answer.lost += 1
        else:
            self.traits[content] = found.traits
        return found

    def grouped(self) -> Grouped:
        left = sorted(self.there, key=self._rank)
        while left:
            hub = left.pop(0)
            copies = self._copies(hub, left)
            if copies:
                left = self._close(hub, copies, left)
            elif len(self.there[hub]) > 1:
                self._equal_only(hub)
        self.answer.links = self._links()
        self.answer.shown = {content: self.there[content][0] for link in self.answer.links for content in link[:2]}
        return self.answer

    def _links(self) -> list[tuple[int, int, Kind]]:
        """The links between what is kept, each pair once: what is said of a copy holds for the kept one of its group.

        What both kept ones told themselves comes first.
        """
        found: dict[tuple[int, int], Kind] = {}
        for i, j, kind in sorted(self.answer.links, key=lambda link: link[0] in self.kept or link[1] in self.kept):
            one, two = self.kept.get(i, i), self.kept.get(j, j)
            if one != two and not any({i, j} <= part for part in self.grouped_contents):
                found.setdefault(_key(one, two), kind)
        return [(one, two, kind) for (one, two), kind in found.items()]

    def _rank(self, content: int) -> tuple[Any, ...]:
        """Pictures without a border first, then the largest."""
        member = self.there[content][0]
        framed = len(self.own.screen.look(content).boxes) > 1
        return framed, -member.width * member.height, member.mtime, member.path

    def _equal_only(self, content: int) -> None:
        """The files of one content."""
        sound = [member for member in self.there[content] if self._sound(member)]
        if len(sound) > 1 and not self._decided(content, content):
            self.there[content] = sound
            why = "in the reference folder" if not self._first(sound[0])[0] and self._first(sound[-1])[0] else "older"
            equal = [self._copy(member, sound[0], Relation(("byte-identical",))) for member in sound[1:]]
            self.answer.groups.append(DuplicateGroup(sound[0], equal, why))

    def _copies(self, hub: int, left: Sequence[int]) -> list[tuple[int, Judgment]]:
        """Which contents are copies of one, or show more of the same."""
        found: list[tuple[int, Judgment]] = []
        failures = 0
        for other in self._nearest(hub, left):
            judgment = self._judged(hub, other)
            if judgment is not None and judgment.relation is not None:
                found.append((other, judgment))
                continue
            if judgment is not None and judgment.kind is not None:
                self.answer.links.append((hub, other, judgment.kind))
            failures += 1
            if failures >= _PATIENCE + len(found):
                break
        return found

    def _nearest(self, hub: int, left: Sequence[int]) -> list[int]:
        """Contents in the order in which they are compared with one: known to agree, then by their cards."""
        cards = self.own.screen.look(hub).turns

        def order(other: int) -> tuple[bool, float, int]:
            alike = float((cards @ self.own.screen.look(other).cards[0].ravel()).max())
            return _key(hub, other) not in self.own.ways, -alike, other

        return sorted(left, key=order)

    def _judged(self, hub: int, other: int) -> Judgment | None:
        one, two = self.opened(hub), self.opened(other)
        if one is None or two is None:
            return None
        way = self._way(hub, other)
        try:
            looks = self.own.screen.look(hub), self.own.screen.look(other)
            found = None if way is None else judge(one, two, way, looks)
            return found or judge_equal(one, two)
        except InputError:  # gone, or damaged, since it was opened
            self.answer.lost += 1
            return None

    def _way(self, hub: int, other: int) -> Matrix | None:
        import numpy as np

        known = self.own.ways.get(_key(hub, other))
        if known is None:
            return self.own.screen(hub, other)
        return known if hub < other else np.linalg.inv(known)

    def _close(self, hub: int, copies: list[tuple[int, Judgment]], left: list[int]) -> list[int]:
        """Make the group of a hub and its copies; returns what is left."""
        keep, why, copies = self._chosen(hub, copies, left)
        taken, captions = {keep}, self._captions(copies)
        first, *equal = self._equal(keep)
        others = [self._copy(member, first, Relation(("byte-identical",))) for member in equal]
        for content, judgment in copies:
            if judgment.relation is None or judgment.evidence.outside[1] == "content":
                continue
            taken.add(content)
            if self._decided(keep, content):
                self._equal_only(content)
            else:
                self.kept[content] = keep
                stays = self._decided_to_stay(content) or (CAPTION if content in captions else "")
                stays = stays or (NOTED if judgment.evidence.noted else "")
                stays = stays or has_more(self.traits[content], self.traits[keep], judgment, self.own.wanted)
                others += [self._copy(member, first, judgment.relation, stays) for member in self._equal(content)]
        if others:
            self.answer.groups.append(DuplicateGroup(self.there[keep][0], others, why))
        self.grouped_contents.append(taken)
        return [content for content in (hub, *left) if content not in taken]

    def _chosen(
        self, hub: int, copies: list[tuple[int, Judgment]], left: Sequence[int]
    ) -> tuple[int, str, list[tuple[int, Judgment]]]:
        """Which of a hub and its copies is kept, why, and the copies of that one."""
        others = [(self.traits[k], own) for k, own in self._unlike(hub, copies)]
        kept, why = choose(self.traits[hub], others, self.own.wanted)
        keep = next((content for content, _ in copies if self.traits[content] is kept), hub)
        if keep == hub:
            return hub, why, copies
        # what did not agree with the hub, a framed copy perhaps, may agree with the one that is kept
        found = self._copies(keep, [content for content in (hub, *left) if content != keep])
        if any(content == hub for content, _ in found):
            return keep, why, found
        return self._chosen(hub, [copy for copy in copies if copy[0] != keep], left)  # they agree in one direction only

    def _unlike(self, hub: int, copies: Sequence[tuple[int, Judgment]]) -> list[tuple[int, Judgment]]:
        """Copies, of those with the hub's pixels and equal facts the oldest alone: to choose, all are compared.

        The hub is the oldest of its size.
        """
        kinds: set[Any] = {self._kind(hub)}
        left: set[int] = set()
        for content, judgment in sorted(copies, key=lambda copy: self._age(copy[0])):
            same = judgment.relation is not None and judgment.relation.names == ("same pixels",)
            kind = self._kind(content)
            if not same or kind not in kinds:
                left.add(content)
            if same:
                kinds.add(kind)
        return [copy for copy in copies if copy[0] in left]

    def _kind(self, content: int) -> tuple[Any, ...]:
        return self.traits[content].facts, self.own.wanted.protects(self.there[content][0].path)

    def _age(self, content: int) -> tuple[int, str]:
        return self.there[content][0].mtime, self.there[content][0].path

    def _captions(self, copies: Sequence[tuple[int, Judgment]]) -> set[int]:
        """Copies with marks that differ: a watermark is the same on all, what is said under a picture is not."""
        marked = [content for content, judgment in copies if judgment.relation and judgment.evidence.mark == "second"]
        if all(self._same_mark(marked[0], other) for other in marked[1:]):
            return set()
        return set(marked)

    def _same_mark(self, one: int, other: int) -> bool:
        judgment = self._judged(one, other)
        return judgment is not None and judgment.relation is not None and judgment.evidence.mark is None

    def _equal(self, content: int) -> list[Member]:
        """The files of a content that was compared; one of them where it was decided that all of them stay."""
        first, *equal = self.there[content]
        if not equal or self._decided(content, content):
            return [first]
        return [first, *(member for member in equal if self._sound(member))]

    def _sound(self, member: Member) -> bool:
        sound = unchanged(member)
        self.answer.lost += not sound
        return sound

    def _decided(self, keep: int, other: int) -> bool:
        pair = pair_of(self.there[keep][0].hash, self.there[other][0].hash)
        self.answer.decided += pair in self.own.decisions
        return pair in self.own.decisions

    def _decided_to_stay(self, content: int) -> str:
        return DECIDED if self.there[content][0].hash in self.own.stay else ""

    def _copy(self, member: Member, kept: Member, relation: Relation, stays: str = "") -> Copy:
        if not stays and has_sidecar(member.path, kept.path):
            stays = SIDECAR
        if self.own.wanted.protects(member.path):
            stays = "in the reference folder"
        fields = (member.id, member.path, member.width, member.height, member.size, member.mtime, member.hash)
        return Copy(*fields, relation, stays)


def _key(i: int, j: int) -> tuple[int, int]:
    return min(i, j), max(i, j)


def _there(files: Sequence[Member]) -> tuple[list[Member], int]:
    """The files of a content that are there, hard links of one file once; and how many are not."""
    entries: dict[tuple[int, int], Member] = {}
    lost = 0
    for member in sorted(files, key=lambda m: (m.mtime, m.path)):
        place = entry(member.path)
        if place is None:
            lost += 1
        else:
            entries.setdefault(place, member)
    return list(entries.values()), lost
