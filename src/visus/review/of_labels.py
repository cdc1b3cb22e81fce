"""Findings on labels: probably wrong ones, and pictures that look like no other."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from visus.review.faults import robust
from visus.review.findings import Finding
from visus.review.labels import Opinion, joined, judge
from visus.review.looking import Looked
from visus.review.neighbors import distances, votes, votes_each
from visus.review.probe import components, out_of_sample, out_of_sample_each
from visus.review.subject import Subject

_LEAST = 10  # pictures with labels from which on something can be said of them
_LEAST_MARKS = 5  # pictures that have a class, and that have it not, from which on it is judged
_FAR = 6.0  # deviations from the median distance of neighbors, from which on a picture is an outlier


def opinion_on(
    looked: Looked,
    labels: NDArray[np.int64],
    classes: int,
    near: tuple[NDArray[np.int64], NDArray[np.float32]],
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Opinion:
    """What probe and neighbors think of the labels of pictures.

    Args:
        looked: The pictures that can be read.
        labels: ``(N,)`` int64, the class of each of these.
        classes: How many there are.
        near: Neighbors, see :func:`visus.review.neighbors.nearest`.
        seed: Of the parts that the probe is asked about.
        progress: Called with how many parts are done, of how many.
    """
    probe = out_of_sample(components(looked.vectors), labels, classes, seed=seed, progress=progress)
    return judge(joined(probe, votes(*near, labels, classes)), labels)


def wrong_labels(
    subject: Subject, looked: Looked, labels: NDArray[np.int64], found: Opinion, *, least: float
) -> list[Finding]:
    """Pictures whose label is probably wrong.

    Args:
        subject: The set.
        looked: Its pictures that can be read.
        labels: ``(N,)`` int64, the class of each of these.
        found: What is thought of them.
        least: Certainty from which on they are named.
    """
    findings = []
    for k in np.flatnonzero(found.wrong & (found.certainty >= least)).tolist():
        place = int(looked.places[k])
        own, other = subject.classes[int(labels[k])], subject.classes[int(found.suggested[k])]
        sure = float(found.certainty[k])
        why = f"looks like {other} rather than {own} ({sure:.2f})"
        findings.append(Finding(subject.name(place), "wrong-label", sure, why, sure, subject.splits[place], own, other))
    return findings


def wrong_marks(
    subject: Subject,
    looked: Looked,
    near: tuple[NDArray[np.int64], NDArray[np.float32]],
    *,
    least: float,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Pictures that probably lack a class that they show, or have one that they do not, where they may have several.

    Each class is judged on its own, as one of two: pictures have it, or not. Of a picture its most certain fault is
    named.

    Args:
        subject: A set whose pictures may have several classes.
        looked: Its pictures that can be read.
        near: Neighbors, see :func:`visus.review.neighbors.nearest`.
        least: Certainty from which on they are named.
        seed: Of the parts that the probe is asked about.
        progress: Called with how many parts are done, of how many.
    """
    assert subject.marks is not None
    marks = subject.marks[looked.places]
    probe = out_of_sample_each(components(looked.vectors), marks, seed=seed, progress=progress)
    vote = votes_each(*near, marks)
    found: dict[int, Finding] = {}
    for k in np.flatnonzero(np.minimum(marks.sum(0), (1 - marks).sum(0)) >= _LEAST_MARKS).tolist():
        both = (np.stack([1 - own[:, k], own[:, k]], axis=1) for own in (probe, vote))
        opinion = judge(joined(*both), marks[:, k])
        for row in np.flatnonzero(opinion.wrong & (opinion.certainty >= least)).tolist():
            own = _of_mark(subject, int(looked.places[row]), k, float(opinion.certainty[row]), bool(marks[row, k]))
            if row not in found or found[row].score < own.score:
                found[row] = own
    return list(found.values())


def _of_mark(subject: Subject, place: int, k: int, sure: float, has: bool) -> Finding:
    name = subject.classes[k]
    why = f"does not look like {name}, which it has" if has else f"looks like {name}, which it has not"
    given, other = (name, "") if has else ("", name)
    return Finding(
        subject.name(place), "wrong-label", sure, f"{why} ({sure:.2f})", sure, subject.splits[place], given, other
    )


def outliers(subject: Subject, looked: Looked, cosines: NDArray[np.float32]) -> list[Finding]:
    """Pictures that are much farther from their neighbors than most are.

    Args:
        subject: The set.
        looked: Its pictures that can be read.
        cosines: ``(N, k)`` float32, of the neighbors.
    """
    if len(cosines) < _LEAST:
        return []
    away = distances(cosines)
    findings = []
    for k in np.flatnonzero(robust(away) >= _FAR).tolist():
        place = int(looked.places[k])
        why = f"its nearest pictures are {away[k] / np.median(away):.1f} times as far away as usual"
        findings.append(
            Finding(
                subject.name(place), "outlier", float(away[k]), why, None, subject.splits[place], subject.label(place)
            )
        )
    return findings


def can_be_judged(labels: NDArray[np.int64], classes: int) -> bool:
    """Whether there are enough labels to ask a probe and neighbors: at least two of each of two classes.

    Args:
        labels: ``(N,)`` int64.
        classes: How many there are.
    """
    counts = np.bincount(labels, minlength=classes)
    return len(labels) >= _LEAST and int((counts >= 2).sum()) >= 2
