"""Findings on pictures themselves: blurred, dark, blown out, odd.

A picture is named if it is beyond a limit, and beyond what is usual in its set: where all pictures are dark, a dark one
is no fault.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus.review.faults import Measures, odd_areas, odd_ratio, robust
from visus.review.findings import Finding
from visus.review.looking import Looked
from visus.review.subject import Subject

_UNUSUAL = 2.5  # deviations from the median of the set


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of pictures.

    Attributes:
        problem: What it is called.
        score: How grave it is of a picture; the larger, the graver.
        limit: Of the score, from which on it is a fault.
        why: What is said of a picture.
    """

    problem: str
    score: Callable[[Measures], float]
    limit: float
    why: Callable[[Measures], str]


FAULTS = (
    # The blur of a Gaussian of 2 pixels on a side of 256.
    Fault(
        "blurred", lambda own: own.blur, 0.42, lambda own: f"even its sharpest part is blurred ({own.blur:.2f} of 1)"
    ),
    Fault("dark", lambda own: 1 - own.high, 0.8, lambda own: f"99 % of it is darker than {own.high:.0%} of white"),
    Fault("blown-out", lambda own: own.low, 0.9, lambda own: f"95 % of it is brighter than {own.low:.0%} of white"),
    Fault(
        "low-information",
        lambda own: 1 - own.information / 8,
        1 - 1.5 / 8,
        lambda own: f"a pixel holds {own.information:.1f} bits beside its neighbors",
    ),
)
"""Faults that a picture has by itself."""

_ODD_AREA = 3.0  # octaves beyond where most pictures lie
_ODD_RATIO = 1.5  # octaves beyond the usual ratio of sides


def faults(subject: Subject, looked: Looked) -> tuple[list[Finding], list[str]]:
    """What is wrong with the pictures of a set; and where most have a fault, a sentence in place of their names.

    Args:
        subject: The set.
        looked: Its pictures that can be read.
    """
    if not looked.measures:
        return [], []
    findings, notes = [], []
    for fault in FAULTS:
        scores = np.array([fault.score(own) for own in looked.measures])
        beyond = scores >= fault.limit
        named = beyond & (robust(scores) >= _UNUSUAL)
        if beyond.mean() > 0.5:
            notes.append(f"Most of the pictures are {fault.problem} ({beyond.mean():.0%}), so only odd ones are named.")
        findings += [
            _finding(
                subject, looked, k, problem=fault.problem, score=float(scores[k]), why=fault.why(looked.measures[k])
            )
            for k in np.flatnonzero(named).tolist()
        ]
    return findings + _odd(subject, looked), notes


def _odd(subject: Subject, looked: Looked) -> list[Finding]:
    """Pictures whose size or ratio of sides is odd beside those of the others."""
    areas = odd_areas(np.array([own.area for own in looked.measures]))
    usual = float(np.median([own.ratio for own in looked.measures]))
    ratios: NDArray[np.float64] = np.array([odd_ratio(own, usual) for own in looked.measures])
    findings = []
    for k, own in enumerate(looked.measures):
        size = f"{own.width}x{own.height} pixels"
        if areas[k] >= _ODD_AREA:
            why = f"{size}, {2 ** areas[k]:,.0f} times beyond what is usual"
            findings.append(_finding(subject, looked, k, problem="odd-size", score=float(areas[k]), why=why))
        if ratios[k] >= _ODD_RATIO:
            why = f"{size}: one side is {own.ratio:.1f} times the other, and usual is {usual:.1f}"
            findings.append(_finding(subject, looked, k, problem="odd-ratio", score=float(ratios[k]), why=why))
    return findings


def _finding(subject: Subject, looked: Looked, k: int, *, problem: str, score: float, why: str) -> Finding:
    place = int(looked.places[k])
    return Finding(subject.name(place), problem, score, why, None, subject.splits[place], subject.label(place))
