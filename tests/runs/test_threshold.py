"""The threshold of two classes."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.masked import folder_of_masks
from visus import train
from visus.data.masks import IGNORE
from visus.graphs.masks import labels
from visus.nets import trained
from visus.nets.segmentation.trained import About
from visus.runs.segment import threshold
from visus.runs.segment.predict import SegmentPredictor
from visus.tasks import pixel_metrics

ABOUT = About("unet", {}, ("ground", "cell"), (32, 32), ((0, 0, 0), (255, 0, 0)))


def test_the_threshold_is_where_mean_iou_is_highest() -> None:
    random = np.random.default_rng(0)
    truth = (random.random((60, 60)) < 0.2).astype(np.uint8)
    probability = np.clip(0.25 * truth + 0.1 + 0.1 * random.standard_normal((60, 60)), 0, 1)
    truth[:5] = IGNORE
    choice = threshold.best(threshold.counts(probability, truth))
    import torch

    def score(at: float) -> float:
        answer = torch.from_numpy((probability > at).astype(np.int64))
        matrix = pixel_metrics.confusion(answer, torch.from_numpy(truth.astype(np.int64)), 2).numpy()
        return pixel_metrics.mean(pixel_metrics.ious(matrix))

    steps = [k / threshold.BINS for k in range(1, threshold.BINS)]
    assert choice.mean_iou == pytest.approx(max(map(score, steps)), abs=1e-6)
    assert choice.mean_iou == pytest.approx(score(choice.threshold), abs=1e-6)
    assert choice.before == pytest.approx(score(0.5), abs=1e-6)
    assert choice.before < choice.mean_iou


def test_one_half_stays_where_nothing_is_gained() -> None:
    truth = np.array([0, 0, 1, 1], np.uint8)
    assert threshold.best(threshold.counts(np.array([0.1, 0.2, 0.8, 0.9]), truth)).threshold == 0.5
    assert threshold.best(threshold.counts(np.array([0.1, 0.2]), truth[:2])).threshold == 0.5


def test_labels_follow_the_threshold_of_two_classes() -> None:
    probabilities = np.array([[0.7, 0.4], [0.3, 0.6]])
    assert labels(probabilities).tolist() == [0, 1]
    assert labels(probabilities, 0.25).tolist() == [1, 1]


@pytest.mark.slow
def test_a_run_keeps_its_threshold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = folder_of_masks(tmp_path / "masks", gray=True)
    said: list[str] = []
    choice = threshold.Choice(0.3, 0.8, 0.7)
    monkeypatch.setattr("visus.runs.segment.threshold.best", lambda _: choice)
    options = {"net": "unet", "width": 4, "padded": True, "epochs": 1, "window": (32, 32), "binary": True}
    run = train("segment", data, runs=tmp_path, say=said.append, **options)
    assert trained.read_about(run.folder, "segmenter").threshold == 0.3
    assert run.summary["threshold"] == {"threshold": 0.3, "mean_iou": 0.8, "before": 0.7}
    assert any("from a probability of 0.30 on" in text for text in said)
    assert SegmentPredictor(run.folder).about.threshold == 0.3
