"""How sure COCO's average precision is: the bootstrap over pictures (see :mod:`visus.tasks.bootstrap`).

Which answer belongs to which object does not change when pictures are drawn anew. So answers are matched once, by
pycocotools, and each draw counts the answers and objects of a picture as often as the picture is there.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus.tasks.bootstrap import Interval, drawn, interval, mean_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Intervals:
    """Of the average precision: 95 % intervals, None where there is nothing to measure by.

    Attributes:
        ap: Of the mean over IoUs and classes.
        ap50: At an IoU of 0.5.
        each: ``(C,)``, of the AP of each class.
    """

    ap: Interval | None
    ap50: Interval | None
    each: tuple[Interval | None, ...]


@dataclass(frozen=True, slots=True)
class _Answers:
    """The answers of one class, the most certain first.

    Attributes:
        picture: ``(n,)``, where each lies.
        right: ``(IoUs, n)`` bool.
        wrong: ``(IoUs, n)`` bool; an answer may be neither.
        objects: ``(pictures,)``, how many objects each picture has that count.
    """

    picture: NDArray[np.int64]
    right: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    objects: NDArray[np.int64]


def intervals(judge: Any, classes: int, pictures: int) -> Intervals:  # noqa: ANN401 - pycocotools has no types
    """The intervals of what was measured.

    Args:
        judge: An evaluated ``COCOeval``, whose pictures and classes are numbered from 0 on.
        classes: How many classes there are.
        pictures: How many pictures.
    """
    if pictures < 2:
        return Intervals(None, None, (None,) * classes)
    often = drawn(pictures)  # (times, pictures)
    levels: Floats = np.asarray(judge.params.recThrs)
    values = np.full((len(often), classes, len(judge.params.iouThrs)), np.nan)
    for label in range(classes):
        answers = _answers(judge, label, pictures)
        for time, counts in enumerate(often):
            values[time, label] = _precision(answers, counts, levels)
    each = mean_of(values)  # (times, C)
    return Intervals(
        interval(mean_of(each)),
        interval(mean_of(values[:, :, 0])),
        tuple(interval(each[:, label]) for label in range(classes)),
    )


def _answers(judge: Any, label: int, pictures: int) -> _Answers:  # noqa: ANN401
    """What pycocotools found of one class, at all sizes."""
    areas, most = len(judge.params.areaRng), judge.params.maxDets[-1]
    first = label * areas * pictures  # pictures lie innermost, then sizes, of which the first is all
    found = judge.evalImgs[first : first + pictures]
    objects = np.zeros(pictures, np.int64)
    scores, place, matched, passed = [], [], [], []
    for picture, own in enumerate(found):
        if own is not None:
            objects[picture] = np.count_nonzero(np.asarray(own["gtIgnore"]) == 0)
            scores.append(np.asarray(own["dtScores"][:most], np.float64))
            place.append(np.full(len(scores[-1]), picture))
            matched.append(np.asarray(own["dtMatches"])[:, :most] > 0)
            passed.append(np.asarray(own["dtIgnore"])[:, :most] > 0)
    if not scores:
        none = np.zeros((len(judge.params.iouThrs), 0), bool)
        return _Answers(np.zeros(0, np.int64), none, none, objects)
    order = np.argsort(-np.concatenate(scores), kind="mergesort")
    hit, skip = np.concatenate(matched, 1)[:, order], np.concatenate(passed, 1)[:, order]
    return _Answers(np.concatenate(place)[order], hit & ~skip, ~hit & ~skip, objects)


def _precision(answers: _Answers, often: NDArray[np.int64], levels: Floats) -> Floats:
    """Average precision at each IoU, ``(IoUs,)``, where pictures are there so often; NaN where no object is."""
    total = int((answers.objects * often).sum())
    if not total:
        return np.full(len(answers.right), np.nan)
    weight = often[answers.picture]
    right, wrong = np.cumsum(answers.right * weight, 1), np.cumsum(answers.wrong * weight, 1)
    precision = right / np.maximum(right + wrong, 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]  # made falling
    best = np.concatenate([best, np.zeros((len(best), 1))], 1)  # what is never reached
    places = [np.searchsorted(row, levels * total - 1e-9) for row in right]
    return np.array([row[place].mean() for row, place in zip(best, places, strict=True)])
