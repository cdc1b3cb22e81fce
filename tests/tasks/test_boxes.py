"""Measures of detectors beside pycocotools itself and plain versions."""

import contextlib
import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tests.support.boxed import coco_folder
from visus.data import coco, load_boxes_whole
from visus.data.boxes import Objects, objects
from visus.tasks import box_metrics
from visus.tasks.box_metrics import Detections


def one(box: list[float], label: int = 0, **more: Any) -> Objects:
    return objects([{"box": box, "label": label, **more}])


def answers(*rows: tuple[list[float], float, int]) -> Detections:
    return Detections(
        np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[1] for row in rows], np.float32),
        np.array([row[2] for row in rows], np.int64),
    )


def guesses(own: Objects, random: np.random.Generator, size: tuple[int, int]) -> Detections:
    """The objects, a bit off, some twice, some with another class, and some where nothing is."""
    rows: list[tuple[list[float], float, int]] = []
    for box, label in zip(own.boxes.tolist(), own.labels.tolist(), strict=True):
        for _ in range(int(random.integers(0, 3))):
            moved = np.clip(np.array(box) + random.normal(0, 3, 4), 0, [size[1], size[0]] * 2)
            rows.append((moved.tolist(), float(random.random()), label if random.random() < 0.8 else 1 - label))
    rows.append(([2.0, 2, 30, 30], float(random.random()), 0))
    found = answers(*rows)
    masks = []
    for x0, y0, x1, y1 in np.rint(found.boxes).astype(int).tolist():
        mask = np.zeros(size, bool)
        mask[y0:y1, x0:x1] = True
        masks.append(coco.encode(mask))
    return Detections(found.boxes, found.scores, found.labels, masks)


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_they_are_those_of_pycocotools_on_its_own_files(tmp_path: Path, kind: Any) -> None:
    root = coco_folder(tmp_path / "a", {"train": 1, "val": 25})
    dataset = load_boxes_whole(root)
    own, random = dataset.splits["val"].objects, np.random.default_rng(0)
    found = [guesses(o, random, (96, 128)) for o in own]
    ours = box_metrics.coco(own, found, [(96, 128)] * 25, 2, kind=kind)
    rows = []
    for picture, answer in enumerate(found):
        assert answer.shapes is not None
        for (x0, y0, x1, y1), score, label, shape in zip(
            answer.boxes.tolist(), answer.scores.tolist(), answer.labels.tolist(), answer.shapes, strict=True
        ):
            box = [x0, y0, x1 - x0, y1 - y0]
            row = {"image_id": picture, "category_id": label + 1, "score": score}
            rows.append(row | ({"bbox": box} if kind == "bbox" else {"segmentation": shape}))
    (tmp_path / "results.json").write_text(json.dumps(rows))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(root / "val.json"))
        judge = COCOeval(truth, truth.loadRes(str(tmp_path / "results.json")), kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    mine = [getattr(ours, field.name) for field in dataclasses.fields(ours)[:9]]
    assert mine == pytest.approx(judge.stats[:9].tolist(), abs=1e-6)
    assert 0.1 < ours.ap50 < 0.95
    assert ours.each50.mean() == pytest.approx(ours.ap50)
    assert ours.curves.shape == (2, 101)


def test_voc_by_hand() -> None:
    """Three objects; answers in the order right, wrong, right, and the third object is missed: precision 1, 1/2, 2/3
    at recalls 1/3, 1/3, 2/3."""
    truth = [one([0, 0, 10, 10]), one([0, 0, 10, 10]), one([0, 0, 10, 10])]
    found = [answers(([0, 0, 10, 10], 0.9, 0)), answers(([50, 50, 60, 60], 0.8, 0), ([0, 0, 10, 9], 0.7, 0)), answers()]
    assert box_metrics.voc(truth, found, 2)[0] == pytest.approx(1 / 3 + 2 / 9)
    assert box_metrics.voc(truth, found, 2, points=11)[0] == pytest.approx((4 * 1 + 3 * 2 / 3) / 11)
    assert np.isnan(box_metrics.voc(truth, found, 2)[1])


def test_an_object_is_found_once_and_difficult_ones_count_neither_way() -> None:
    twice = answers(([0, 0, 10, 10], 0.9, 0), ([0, 0, 10, 10], 0.8, 0))
    assert box_metrics.voc([one([0, 0, 10, 10])], [twice], 1)[0] == 1
    swapped = [answers(([0, 0, 10, 10], 0.9, 0), ([0, 0, 10, 10], 0.8, 0), ([40, 0, 50, 10], 0.7, 0))]
    both = objects([{"box": [0, 0, 10, 10], "label": 0}, {"box": [40, 0, 50, 10], "label": 0}])
    assert box_metrics.voc([both], swapped, 1)[0] == pytest.approx(0.5 + 0.5 * 2 / 3)
    hard = objects([{"box": [0, 0, 10, 10], "label": 0, "difficult": True}, {"box": [40, 0, 50, 10], "label": 0}])
    assert box_metrics.voc([hard], swapped, 1)[0] == 1
    once = [answers(([0, 0, 10, 10], 0.9, 0), ([40, 0, 50, 10], 0.7, 0))]
    assert box_metrics.coco([hard], once, [(60, 60)], 1).ap50 == pytest.approx(1)


def test_a_small_answer_within_a_difficult_object_is_wrong_and_within_a_crowd_is_not() -> None:
    found = [answers(([10, 10, 40, 40], 0.9, 0), ([140, 0, 150, 10], 0.8, 0))]
    easy = {"box": [140, 0, 150, 10], "label": 0}
    for kind, ap in (("difficult", 0.5), ("crowd", 1.0)):
        own = objects([{"box": [0, 0, 100, 100], "label": 0, kind: True}, easy])
        assert box_metrics.coco([own], found, [(200, 200)], 1).ap50 == pytest.approx(ap, abs=0.01)
        assert box_metrics.voc([own], found, 1)[0] == pytest.approx(ap)
        assert box_metrics.confusion([own], found, 1).tolist() == [[1, 0], [1 if kind == "difficult" else 0, 0]]


def test_the_area_under_the_curve_is_a_plain_sum() -> None:
    random = np.random.default_rng(1)
    for _ in range(20):
        truth, found = [], []
        for _ in range(6):
            count = int(random.integers(1, 4))
            own = objects([{"box": [40.0 * k, 0, 40 * k + 20, 20], "label": 0} for k in range(count)])
            rows = [
                ([40.0 * k + random.integers(0, 12), 0, 40 * k + 20, 20], float(random.random()), 0) for k in range(4)
            ]
            truth.append(own)
            found.append(answers(*rows))
        scored = []
        for own, answer in zip(truth, found, strict=True):
            for box, score in zip(answer.boxes.tolist(), answer.scores.tolist(), strict=True):
                k = int(box[2] - 20) // 40
                scored.append((score, k < len(own) and (box[2] - box[0]) / 20 >= 0.5))
        scored.sort(reverse=True)
        total, hits, points = sum(map(len, truth)), 0, []
        for rank, (_, right) in enumerate(scored, 1):
            hits += right
            points.append((hits / total, hits / rank))
        area, before = 0.0, 0.0
        for recall in sorted({p[0] for p in points}):
            area += (recall - before) * max(p[1] for p in points if p[0] >= recall)
            before = recall
        assert box_metrics.voc(truth, found, 1)[0] == pytest.approx(area)


def test_confusion_counts_misses_and_answers_where_nothing_is() -> None:
    own = objects([
        {"box": [0, 0, 10, 10], "label": 0},
        {"box": [20, 0, 30, 10], "label": 1},
        {"box": [40, 0, 50, 10], "label": 1},
        {"box": [60, 0, 70, 10], "label": 0, "crowd": True},
    ])  # fmt: skip
    found = answers(
        ([0, 0, 10, 10], 0.9, 0), ([20, 0, 30, 10], 0.9, 0), ([80, 0, 90, 10], 0.9, 1), ([60, 0, 70, 10], 0.9, 0),
        ([62, 0, 70, 10], 0.9, 0), ([40, 0, 50, 10], 0.3, 1),
    )  # fmt: skip
    assert box_metrics.confusion([own], [found], 2).tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 0]]
    pairs = box_metrics.pairs(own, found)
    assert (sorted(pairs.matches), pairs.missed, pairs.wrong) == ([(0, 0), (1, 1)], [2], [2])


def test_nothing_to_find_and_nothing_found() -> None:
    none, no_answers = objects([]), answers()
    assert box_metrics.coco([none], [no_answers], [(9, 9)], 2).ap == -1
    assert box_metrics.coco([one([0, 0, 5, 5])], [no_answers], [(9, 9)], 1).ap == 0
    assert box_metrics.confusion([none], [no_answers], 1).tolist() == [[0, 0], [0, 0]]
    assert box_metrics.voc([one([0, 0, 5, 5])], [no_answers], 1).tolist() == [0]
