"""Intervals from the bootstrap over pictures: as if each picture were there so often, and as wide as they should be."""

import numpy as np
import pytest

from tests.support.boxed import CLASSES, scene
from visus.data.boxes import Objects, objects
from visus.graphs.boxes import Detections
from visus.tasks import box_intervals, box_metrics, pixel_metrics, ranking
from visus.tasks.bootstrap import TIMES, drawn, interval, mean_of


def _detections(seed: int, classes: int) -> tuple[list[Objects], list[Detections]]:
    """True objects, and answers that are near some of them, on eight pictures; one picture is empty."""
    random = np.random.default_rng(seed)
    truth, answers = [], []
    for k in range(8):
        rows = scene(k)[1] if k else []
        own = objects([{"box": row["box"], "label": CLASSES.index(row["name"])} for row in rows])
        boxes = np.repeat(own.boxes, 2, axis=0) + random.normal(0, 3, (2 * len(own), 4))
        labels = np.repeat(own.labels, 2)
        labels = np.where(random.random(len(labels)) < 0.2, (labels + 1) % classes, labels)
        scores = random.random(len(labels)).round(1)  # many are equal
        truth.append(own)
        answers.append(Detections(boxes.astype(np.float32), scores.astype(np.float32), labels.astype(np.int64)))
    return truth, answers


def test_drawn_boxes_count_as_those_of_pictures_that_are_there_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, answers = _detections(0, 2)
    size = (96, 128)
    often = drawn(len(truth), times=6)
    values: list[np.ndarray] = []
    plain = box_intervals._precision
    monkeypatch.setattr(box_intervals, "drawn", lambda count: often)
    monkeypatch.setattr(box_intervals, "_precision", lambda *args: values.append(plain(*args)) or values[-1])
    box_metrics.coco(truth, answers, [size] * len(truth), 2, sure=True)
    found = np.array(values).reshape(2, 6, 10)  # classes, draws, IoUs
    for time, counts in enumerate(often.tolist()):
        places = [k for k, count in enumerate(counts) for _ in range(count)]
        repeated = [truth[k] for k in places], [answers[k] for k in places], [size] * len(places)
        expected = box_metrics.coco(*repeated, 2).each
        own = mean_of(found[:, time])
        for label in range(2):
            assert (expected[label] == -1 and np.isnan(own[label])) or own[label] == pytest.approx(expected[label])


def test_the_interval_of_a_detector_holds_its_precision() -> None:
    truth, answers = _detections(1, 2)
    found = box_metrics.coco(truth, answers, [(96, 128)] * len(truth), 3, sure=True)
    assert found.intervals is not None
    assert found.intervals.ap is not None
    assert found.intervals.ap50 is not None
    low, high = found.intervals.ap
    assert 0 <= low < found.ap < high <= 1
    assert found.intervals.ap50[0] < found.ap50 < found.intervals.ap50[1]
    assert found.intervals.each[2] is None  # no object of the third class
    one = box_metrics.coco(truth[1:2], answers[1:2], [(96, 128)], 2, sure=True)
    assert one.intervals == box_intervals.Intervals(None, None, (None, None))
    assert box_metrics.coco(truth, answers, [(96, 128)] * len(truth), 3).intervals is None


def test_ranked_classes_count_as_those_of_pictures_that_are_there_so_often() -> None:
    random = np.random.default_rng(0)
    scores, labels = random.random((30, 4)).round(1), (random.random((30, 4)) < 0.2).astype(np.int64)
    labels[:, 3] = 0
    often = drawn(30, times=20)
    found = ranking.resampled(scores, labels, often)
    for row, counts in zip(found, often, strict=True):
        expected = ranking.average_precision(np.repeat(scores, counts, axis=0), np.repeat(labels, counts, axis=0))
        np.testing.assert_allclose(row, expected)


def test_drawn_masks_count_as_those_of_pictures_that_are_there_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    matrices = random.integers(0, 50, (9, 3, 3))
    matrices[:, 2] = matrices[:, :, 2] = 0
    matrices[4, 2, 2] = 5  # a class on one picture
    counts = np.array([pixel_metrics.counts_of(own) for own in matrices])
    often = drawn(9, times=7)
    monkeypatch.setattr(pixel_metrics, "drawn", lambda count: often)
    found = pixel_metrics.resampled(counts)
    for time, row in enumerate(often):
        total = np.tensordot(row, matrices, 1)
        np.testing.assert_allclose(found.ious[time], pixel_metrics.ious(total))
        np.testing.assert_allclose(found.dices[time], pixel_metrics.dices(total))
        np.testing.assert_allclose(found.accuracies[time], pixel_metrics.accuracies(total))
        assert found.pixel_accuracy[time] == pytest.approx(pixel_metrics.pixel_accuracy(total))


def test_about_95_of_100_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(0)
    held = 0
    for seed in range(1, 1001):
        values = random.normal(0.5, 0.1, 60)
        ends = interval(drawn(60, seed=seed) @ values / 60)
        assert ends is not None
        held += ends[0] <= 0.5 <= ends[1]
    assert 0.92 <= held / 1000 <= 0.97


def test_what_is_drawn() -> None:
    often = drawn(5)
    assert often.shape == (TIMES, 5)
    assert (often.sum(1) == 5).all()
    np.testing.assert_array_equal(often, drawn(5))  # the same each time
    assert interval(np.array([np.nan, np.nan])) is None
