"""Training of a localizer, end to end."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.boxed import coco_folder, scene
from visus._errors import InputError, RunError
from visus.data import load_boxes
from visus.data.boxes import objects
from visus.nets import trained
from visus.runs import Run, train
from visus.runs.engine.loop import Checkpointer
from visus.runs.engine.progress import Epoch
from visus.runs.localize.evaluate import LocalEvaluation, evaluate
from visus.runs.localize.resolve import resolve
from visus.runs.localize.settings import LocalizeSettings
from visus.runs.localize.training import stage_of
from visus.tasks import box_metrics
from visus.tasks.box_metrics import Detections

SMALL: dict[str, Any] = {"side": 64, "workers": 0, "crops": True, "health": False}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return coco_folder(tmp_path_factory.mktemp("data") / "shapes", {"train": 40, "val": 10})


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train("localize", data, runs=tmp_path_factory.mktemp("runs"), epochs=9, **SMALL)


@pytest.mark.slow
def test_it_learns_in_stages(run: Run) -> None:
    with (run.folder / "metrics.csv").open() as file:
        rows = [float(row["val_localised"]) for row in csv.DictReader(file)]
    assert max(rows[:3]) < 0.6 < max(rows[6:])  # while only the class is learned, the box stays in the middle
    assert run.task == "localize"
    assert (run.folder / "mistakes.jpg").is_file() or max(rows) == 1
    found: LocalEvaluation = run.evaluate()
    own = found.localization
    assert own.localized == pytest.approx(max(rows))
    assert own.accuracy >= own.localized
    assert "95 % intervals over pictures: localized " in found.describe()
    low, high = found.intervals()["mean_iou"]
    assert low <= own.mean_iou <= high
    content = json.loads((run.folder / "evaluation-val" / "evaluation.json").read_text())
    assert content["localised"] == own.localized
    shown = json.loads((run.folder / "evaluation-val" / "pictures.json").read_text())
    assert len({entry["id"] for entry in shown["images"]}) == len(shown["images"]) == len(found.pictures)
    answer = run.predict(scene(3)[0])
    assert len(answer.boxes) == 1
    assert trained.read(run.folder).about.task == "localize"


@pytest.mark.slow
def test_both_at_once(data: Path, tmp_path: Path) -> None:
    joint = train("localize", data, runs=tmp_path, epochs=6, staged=False, **SMALL)
    assert joint.summary["best"]["val_localised"] > 0.6


def test_stages_have_equal_lengths() -> None:
    assert [stage_of(epoch, 7) for epoch in range(7)] == ["class"] * 3 + ["box"] * 2 + ["both"] * 2


def test_no_epoch_before_the_last_stage_is_the_best() -> None:
    saved: list[int] = []
    keep = Checkpointer(lambda: saved.append(keep.epochs[-1].epoch))
    keep.first = 3
    for number, loss in enumerate((0.3, 0.2, 0.9, 0.8, 0.85), 1):
        keep.note(Epoch(number, 1e-3, 0.5, float("nan"), loss, 0.0, 1.0))
    assert keep.best is keep.epochs[3]
    assert saved == [1, 2, 3, 4]


def test_the_measure_is_ilsvrcs() -> None:
    truth = [objects([{"box": (0, 0, 10, 10), "label": 1}]) for _ in range(4)]
    answers = [
        Detections(np.array([[0, 0, 10, 10]], np.float32), np.array([0.9], np.float32), np.array([1])),
        Detections(np.array([[0, 0, 10, 10]], np.float32), np.array([0.9], np.float32), np.array([0])),
        Detections(np.array([[0, 0, 10, 4]], np.float32), np.array([0.9], np.float32), np.array([1])),
        Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)),
    ]
    found = box_metrics.localization(truth, answers)
    assert (found.accuracy, found.localized) == (0.5, 0.25)
    assert found.mean_iou == pytest.approx(0.6)
    np.testing.assert_allclose(found.ious, [1, 1, 0.4, 0], rtol=1e-6)


def test_settings_that_do_nothing_are_refused(data: Path, tmp_path: Path) -> None:
    dataset = load_boxes(data)
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"epochs": 2}, "at least 3 epochs"),
        ({"epochs": 7}, "a multiple of 3, not 7"),
        ({"schedule": "plateau"}, "plateau does nothing beside staged"),
        ({"patience": 2}, "patience does nothing beside staged"),
        ({"net": "faster_rcnn"}, "localizer, not faster_rcnn"),
        ({"weights": "nowhere"}, "neither 'imagenet' nor 'none'"),
    ]
    for settings, words in mistakes:
        with pytest.raises(InputError, match=words):
            resolve(LocalizeSettings(data=str(data), **settings), dataset)
    with pytest.raises(RunError, match="holds no trained network"):
        evaluate(tmp_path)
