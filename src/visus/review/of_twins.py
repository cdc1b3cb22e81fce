"""Findings on pictures that are there twice: in two splits, with two classes, or for nothing."""

from collections import defaultdict
from collections.abc import Sequence

from visus.review.findings import Finding
from visus.review.looking import Looked
from visus.review.subject import Subject
from visus.review.twins import Twins

_ORDER = ("train", "", "val", "test")
"""Of two splits, the one from which a picture should go comes first."""


def repeated(subject: Subject, looked: Looked, pairs: Sequence[Twins]) -> list[Finding]:
    """What is wrong with pictures that are the same.

    A picture in two splits is named in the earlier one, so that test and val stay as they are; one with two classes in
    both places; any other is named where it is smaller, or comes later.

    Args:
        subject: The set.
        looked: Its pictures that can be read.
        pairs: Which are the same.
    """
    findings: dict[tuple[str, str], Finding] = {}

    def add(place: int, problem: str, other: int, exact: bool) -> None:
        how = "holds the same bytes as" if exact else "is the same picture as"
        beside = {"leak": f" in {subject.splits[other]}", "twin-other-label": f", labeled {subject.label(other)}"}
        why = f"{how} {subject.name(other)}{beside.get(problem, '')}"
        own = Finding(subject.name(place), problem, 1.0 if exact else 0.9, why, None, subject.splits[place],
                      subject.label(place), "", subject.name(other))  # fmt: skip
        findings.setdefault((own.file, problem), own)

    for pair, (first, second) in _placed(looked, pairs):
        if subject.labels is not None and subject.labels[first] != subject.labels[second]:
            add(first, "twin-other-label", second, pair.exact)
            add(second, "twin-other-label", first, pair.exact)
        if subject.splits[first] != subject.splits[second]:
            early, late = sorted((first, second), key=lambda place: _ORDER.index(subject.splits[place]))
            add(early, "leak", late, pair.exact)
    for kept, rest in _groups(subject, looked, pairs):
        for place, exact in rest:
            add(place, "twin", kept, exact)
    return list(findings.values())


def _placed(looked: Looked, pairs: Sequence[Twins]) -> list[tuple[Twins, tuple[int, int]]]:
    """Pairs with the places of their pictures in the set."""
    return [(pair, (int(looked.places[pair.first]), int(looked.places[pair.second]))) for pair in pairs]


def _groups(subject: Subject, looked: Looked, pairs: Sequence[Twins]) -> list[tuple[int, list[tuple[int, bool]]]]:
    """Of pictures of one split and class that are the same, the one to keep (the largest), and the others."""
    area = {int(place): own.area for place, own in zip(looked.places, looked.measures, strict=True)}
    digest = {int(place): own for place, own in zip(looked.places, looked.digests, strict=True)}
    leader: dict[int, int] = {}

    def lead(place: int) -> int:
        while leader.get(place, place) != place:
            place = leader[place]
        return place

    for _, (first, second) in _placed(looked, pairs):
        one = subject.splits[first] == subject.splits[second]
        if one and (subject.labels is None or subject.labels[first] == subject.labels[second]):
            kept, gone = sorted((lead(first), lead(second)), key=lambda place: (-area[place], place))
            leader[gone] = kept
    groups: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for place in leader:
        if (kept := lead(place)) != place:
            groups[kept].append((place, digest[place] == digest[kept]))
    return list(groups.items())
