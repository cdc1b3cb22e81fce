"""Measures of a detector: COCO's and Pascal VOC's average precision, and what is taken for what.

Average precision is the area under precision over recall, where answers are counted from the most certain on; an answer
is right if it overlaps a true object of its class, which no surer answer has taken, by at least some IoU.

COCO's measures (Lin et al. 2014) are those of pycocotools, which defines them: the mean over ten IoUs from 0.5 to 0.95.
VOC's (Everingham et al. 2010, section 4.2) are at an IoU of 0.5, from 11 points of recall (until 2009) or the whole
area.
"""

import contextlib
import functools
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from visus._renamed import renamed
from visus.data.boxes import Objects
from visus.data.coco import encode
from visus.graphs.boxes import Detections
from visus.ops import boxes as _boxes
from visus.tasks.box_intervals import Intervals, intervals

Floats = NDArray[np.float64]
_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Measures:
    """COCO's measures; -1 where there is nothing to measure by.

    Attributes:
        ap: Mean over IoUs from 0.5 to 0.95, and over the classes.
        ap50: At an IoU of 0.5.
        ap75: At an IoU of 0.75.
        small: Of objects below 32x32 pixels.
        medium: Up to 96x96.
        large: Beyond.
        recall1: Average recall with one answer for each picture.
        recall10: With ten.
        recall100: With a hundred.
        recall_small: With a hundred, of small objects.
        recall_medium: Of medium ones.
        recall_large: Of large ones.
        each: ``(C,)``, AP of each class.
        each50: ``(C,)``, AP50 of each class.
        curves: ``(C, 101)``, precision at an IoU of 0.5 for recalls 0, 0.01 .. 1.
        intervals: How sure the average precision is, where that was asked for.
    """

    ap: float
    ap50: float
    ap75: float
    small: float
    medium: float
    large: float
    recall1: float
    recall10: float
    recall100: float
    recall_small: float
    recall_medium: float
    recall_large: float
    each: Floats
    each50: Floats
    curves: Floats
    intervals: Intervals | None = None


def coco(
    truth: Sequence[Objects],
    answers: Sequence[Detections],
    sizes: Sequence[Sequence[int]],
    classes: int,
    *,
    kind: Literal["bbox", "segm"] = "bbox",
    sure: bool = False,
) -> Measures:
    """COCO's measures of boxes, or of shapes.

    Args:
        truth: The objects of each picture.
        answers: The answers to each.
        sizes: Height and width of each.
        classes: Number of classes.
        kind: ``"segm"`` compares shapes, which all objects and answers must have.
        sure: Whether to say how sure the average precision is.
    """
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pycocotools speaks an older NumPy
        judge = _judge()(_truth_of(truth, sizes, classes, kind), _answers_of(answers, sizes, classes), kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    precision = judge.eval["precision"]  # (IoUs, recalls, classes, areas, most answers)
    all_sizes = precision[:, :, :, 0, -1]
    return Measures(
        *(float(value) for value in judge.stats[:12]),
        each=_mean_where(all_sizes, (0, 1)),
        each50=_mean_where(all_sizes[:1], (0, 1)),
        curves=np.asarray(all_sizes[0].T, np.float64),
        intervals=intervals(judge, classes, len(truth)) if sure else None,
    )


@functools.cache
def _judge() -> Any:  # noqa: ANN401 - pycocotools has no types
    from pycocotools.cocoeval import COCOeval

    base: Any = COCOeval

    class Judge(base):
        """Difficult objects count neither way, as crowds do, but are single objects."""

        def _prepare(self) -> None:
            super()._prepare()
            for rows in self._gts.values():
                for row in rows:
                    row["ignore"] = row["ignore"] or row["difficult"]

    return Judge


def _mean_where(values: NDArray[Any], axes: tuple[int, ...]) -> Floats:
    """Means over what is measured; -1 where nothing is."""
    known = values > -1
    count = known.sum(axes)
    return np.where(count > 0, np.where(known, values, 0).sum(axes) / np.maximum(1, count), -1.0)


def _coco_of(content: dict[str, Any]) -> Any:  # noqa: ANN401 - pycocotools has no types
    from pycocotools.coco import COCO

    made: Any = COCO()
    made.dataset = content
    made.createIndex()
    return made


def _frame(sizes: Sequence[Sequence[int]], classes: int) -> dict[str, Any]:
    images = [{"id": k, "height": int(size[0]), "width": int(size[1])} for k, size in enumerate(sizes)]
    return {"images": images, "categories": [{"id": k} for k in range(classes)]}


def _truth_of(truth: Sequence[Objects], sizes: Sequence[Sequence[int]], classes: int, kind: str) -> Any:  # noqa: ANN401
    rows = annotations_of(truth, sizes, shapes=kind == "segm", first=0)
    return _coco_of({**_frame(sizes, classes), "annotations": rows})


def annotations_of(
    truth: Sequence[Objects], sizes: Sequence[Sequence[int]], *, shapes: bool = False, first: int = 1
) -> list[dict[str, Any]]:
    """Objects as COCO's annotations.

    Args:
        truth: The objects of each picture.
        sizes: Height and width of each.
        shapes: Whether a box without a shape becomes one.
        first: Number of the first picture and of the first class.
    """
    from pycocotools import mask as runs

    rows: list[dict[str, Any]] = []
    for picture, (own, size) in enumerate(zip(truth, sizes, strict=True), start=first):
        for k, (x0, y0, x1, y1) in enumerate(own.boxes.astype(np.float64).tolist()):
            row = {"id": len(rows) + 1, "image_id": picture, "category_id": int(own.labels[k]) + first}
            row |= {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}
            row |= {"iscrowd": int(own.crowd[k]), "difficult": int(own.difficult[k])}
            if shapes or own.shapes[k]:
                coded: Any = encode(own.take([k]).masks(size)[0])
                row |= {"segmentation": coded, "area": float(runs.area(coded))}
            if np.isfinite(own.areas[k]):
                row["area"] = float(own.areas[k])
            rows.append(row)
    return rows


def _answers_of(answers: Sequence[Detections], sizes: Sequence[Sequence[int]], classes: int) -> Any:  # noqa: ANN401
    rows = []
    for picture, own in enumerate(answers):
        for k, (x0, y0, x1, y1) in enumerate(own.boxes.astype(np.float64).tolist()):
            row: dict[str, Any] = {
                "image_id": picture,
                "category_id": int(own.labels[k]),
                "score": float(own.scores[k]),
            }
            row |= {"id": len(rows) + 1, "bbox": [x0, y0, x1 - x0, y1 - y0], "iscrowd": 0}
            row["area"] = (x1 - x0) * (y1 - y0)
            if own.shapes is not None:
                from pycocotools import mask as runs

                row["segmentation"] = own.shapes[k]
                row["area"] = float(runs.area(own.shapes[k]))
            rows.append(row)
    return _coco_of({**_frame(sizes, classes), "annotations": rows})


def voc(
    truth: Sequence[Objects], answers: Sequence[Detections], classes: int, *, points: Literal["all", 11] = "all"
) -> Floats:
    """VOC's average precision of each class at an IoU of 0.5.

    Args:
        truth: The objects of each picture; difficult ones and crowds count neither way. (Crowds follow COCO's
            rule; VOC's own program knows none.)
        answers: The answers to each.
        classes: Number of classes.
        points: 11 for the mean of the best precision at recalls of 0, 0.1 .. 1; ``"all"`` for the area.

    Returns:
        ``(classes,)`` float64 in [0, 1], NaN for a class of which there is no object that counts.
    """
    found = np.full(classes, np.nan)
    for label in range(classes):
        total = sum(int(((own.labels == label) & ~(own.crowd | own.difficult)).sum()) for own in truth)
        if not total:
            continue
        scores, right, counts = _judged(truth, answers, label)
        order = np.argsort(-scores, kind="stable")
        order = order[counts[order]]
        hits = np.cumsum(right[order])
        precision, recall = hits / np.arange(1, len(hits) + 1), hits / total
        found[label] = _area(precision, recall) if points == "all" else _eleven(precision, recall)
    return found


def _judged(
    truth: Sequence[Objects], answers: Sequence[Detections], label: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Scores of the answers of a class, whether each is right, and whether it counts."""
    scores: list[float] = []
    right: list[bool] = []
    counts: list[bool] = []
    for own, answer in zip(truth, answers, strict=True):
        there, given = own.take(own.labels == label), np.flatnonzero(answer.labels == label)
        given = given[np.argsort(-answer.scores[given], kind="stable")]
        overlaps = _overlaps(there, answer.boxes[given]).T
        taken = np.zeros(len(there), bool)
        easy = ~(there.crowd | there.difficult)
        for place, row in zip(given.tolist(), overlaps, strict=True):
            best = int(row.argmax()) if len(row) else -1
            single = np.where(there.crowd, 0, row)  # an object before the crowd that it stands in
            best = int(single.argmax()) if single.max(initial=0) >= _IOU else best
            fits = best >= 0 and row[best] >= _IOU
            scores.append(float(answer.scores[place]))
            right.append(bool(fits and easy[best] and not taken[best]))
            counts.append(not fits or bool(easy[best]))
            if fits:
                taken[best] = True
    return np.array(scores, np.float32), np.array(right, bool), np.array(counts, bool)


def _overlaps(own: Objects, answers: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(objects, answers)``: IoU, and for a crowd the share of the answer that lies in it."""
    truth, given = torch.from_numpy(own.boxes), torch.from_numpy(answers)
    low, high = torch.maximum(truth[:, None, :2], given[:, :2]), torch.minimum(truth[:, None, 2:], given[:, 2:])
    inner = (high - low).clamp(min=0).prod(-1)
    share = inner / _boxes.area(given).clamp(min=1e-9)
    return torch.where(torch.from_numpy(own.crowd)[:, None], share, _boxes.iou(truth, given)).numpy()


def _area(precision: Floats, recall: Floats) -> float:
    """Under the curve, made falling."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0) * best).sum())


def _eleven(precision: Floats, recall: Floats) -> float:
    """The mean over eleven recalls."""
    best = [precision[recall >= level - 1e-9].max(initial=0) for level in np.linspace(0, 1, 11)]
    return float(np.mean(best))


@dataclass(frozen=True, slots=True)
class Localization:
    """How well pictures with one object are answered with one box.

    Attributes:
        accuracy: Share whose class is right.
        mean_iou: Of the box and the true one.
        localized: Share whose class is right and whose box overlaps the true one by an IoU of at least 0.5, as in the
            localization task of ILSVRC (Russakovsky et al. 2015, section 4.2), with one guess.
        ious: ``(n,)``, of each picture; 0 where nothing was answered.
    """

    accuracy: float
    mean_iou: float
    localized: float
    ious: Floats


def localization(truth: Sequence[Objects], answers: Sequence[Detections]) -> Localization:
    """Compare the surest answer to each picture with its one object.

    Args:
        truth: The object of each picture.
        answers: What was answered.
    """
    right, ious = np.zeros(len(truth), bool), np.zeros(len(truth))
    for k, (own, answer) in enumerate(zip(truth, answers, strict=True)):
        if len(answer):
            one = own.take(~own.crowd)
            right[k] = answer.labels[0] == one.labels[0]
            ious[k] = _boxes.iou(torch.from_numpy(answer.boxes[:1]), torch.from_numpy(one.boxes[:1])).item()
    count = max(1, len(truth))
    localized = (right & (ious >= _IOU)).sum() / count
    return Localization(float(right.sum() / count), float(ious.sum() / count), float(localized), ious)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Which answers belong to which objects of a picture, whatever their classes.

    Attributes:
        matches: Pairs (object, answer) with an IoU of at least 0.5, each in one pair.
        missed: Objects without an answer.
        wrong: Detections without an object.
    """

    matches: list[tuple[int, int]]
    missed: list[int]
    wrong: list[int]


def pairs(own: Objects, answer: Detections, *, least: float = 0.5) -> Pairs:
    """Match answers of at least a score to objects: the largest IoU first, those of the same class before others.

    Crowds and difficult objects are no misses, and an answer on one is not wrong.
    """
    given = np.flatnonzero(answer.scores >= least)
    overlaps = _overlaps(own, answer.boxes[given])
    same = own.labels[:, None] == answer.labels[given][None]
    easy = ~(own.crowd | own.difficult)
    matches: list[tuple[int, int]] = []
    order = np.argsort(-(overlaps + same), axis=None, kind="stable")
    objects: set[int] = set()
    answers: set[int] = set()
    for place in order.tolist():
        k, j = divmod(place, len(given))
        if overlaps[k, j] >= _IOU and k not in objects and j not in answers:
            objects.add(k)
            answers.add(j)
            if easy[k]:
                matches.append((k, int(given[j])))
    hard = overlaps[~easy].max(0, initial=0) >= _IOU
    missed = [k for k in range(len(own)) if k not in objects and easy[k]]
    wrong = [int(given[j]) for j in range(len(given)) if j not in answers and not hard[j]]
    return Pairs(matches, missed, wrong)


def confusion(
    truth: Sequence[Objects], answers: Sequence[Detections], classes: int, *, least: float = 0.5
) -> NDArray[np.int64]:
    """``(classes + 1, classes + 1)`` int64: true classes in rows, answers in columns, at an IoU of 0.5.

    The last column counts objects that were missed, the last row answers where nothing is.

    Args:
        truth: The objects of each picture; crowds and difficult ones count neither way.
        answers: The answers to each.
        classes: Number of classes.
        least: Least score of an answer that counts.
    """
    matrix = np.zeros((classes + 1, classes + 1), np.int64)
    for own, answer in zip(truth, answers, strict=True):
        found = pairs(own, answer, least=least)
        for k, j in found.matches:
            matrix[own.labels[k], answer.labels[j]] += 1
        for k in found.missed:
            matrix[own.labels[k], classes] += 1
        for j in found.wrong:
            matrix[classes, answer.labels[j]] += 1
    return matrix


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    return renamed(__name__, name)
