"""A training that ends after some minutes."""

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.labeled import splits
from visus import InputError, train
from visus.runs.classify import resolve as resolving
from visus.runs.engine import plan
from visus.runs.engine.plan import Deadline, Pace

FAST: dict[str, Any] = {"net": "cnn", "mode": "scratch", "augment": "none", "batch_size": 10, "health": False}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return splits(tmp_path_factory.mktemp("data") / "textures", 10, 4, 4, side=64)


def test_epochs_are_as_many_as_fit_and_the_plan_is_written(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "paced", lambda _: Pace(3, 5.0, 1.0, before=2.0))
    said: list[str] = []
    run = train("classify", data, runs=tmp_path, minutes=2, size=16, say=said.append, **FAST)
    assert run.settings.epochs == run.summary["epochs"] == 6  # (120 - 2 - 1 - 12) / 16
    assert run.settings.minutes is None  # the file says what was planned, and can be repeated
    assert run.settings.patience == 0
    written = json.loads((run.folder / "plan.json").read_text())
    assert (written["minutes"], written["epochs"], written["size"], written["step"]) == (2, 6, 16, 5.0)
    assert any("Plan for 2 minutes: 6 epochs of 16 s, size 16." in text for text in said)


def test_what_is_left_open_is_filled_in_once(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(plan, "paced", lambda _: Pace(3, 5.0, 1.0, before=2.0))
    monkeypatch.setattr(resolving, "resolve", lambda *own, real=resolving.resolve: calls.append(own) or real(*own))
    train("classify", data, runs=tmp_path, minutes=0.6, size=16, **FAST)
    assert len(calls) == 1


def test_the_input_is_smaller_where_few_epochs_would_fit(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "paced", lambda job: Pace(1, (job.settings.size / 64) ** 2 * 40.0, 0.0))
    run = train("classify", data, runs=tmp_path, minutes=1, **FAST)
    assert (run.settings.size, run.settings.epochs) == (32, 4)
    kept = train("classify", data, runs=tmp_path, minutes=1, size=64, **FAST)
    assert (kept.settings.size, kept.settings.epochs) == (64, 1)  # as it was asked for


def test_what_cannot_end_in_time_is_refused(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "paced", lambda _: Pace(100, 10.0, 1.0))
    with pytest.raises(InputError, match="Not even one epoch fits into 1 minutes"):
        train("classify", data, runs=tmp_path, minutes=1, **FAST)
    assert not list(tmp_path.glob("classify/*"))
    with pytest.raises(InputError, match="epochs does nothing beside minutes"):
        train("classify", data, runs=tmp_path, minutes=1, epochs=3, **FAST)


def test_steps_are_really_timed(data: Path) -> None:
    from visus.runs import ClassifySettings
    from visus.runs.classify.task import TASK

    settings = ClassifySettings.of(data, {**FAST, "size": 16})
    dataset = TASK.load(settings)
    pace = plan.paced(TASK.begin(TASK.resolve(settings, dataset), dataset))
    assert pace.steps == 3
    assert 0 < pace.step < 5
    assert 0 < pace.check < 5


def test_a_deadline_stops_before_an_epoch_that_would_end_too_late() -> None:
    for left, stops in ((1000.0, False), (10.0, True)):
        trainer: Any = SimpleNamespace(should_stop=False)
        deadline = Deadline(time.monotonic() + left)
        deadline.on_train_epoch_start(trainer, None)  # pyright: ignore[reportArgumentType]
        deadline.on_train_epoch_end(trainer, None)  # pyright: ignore[reportArgumentType]
        assert trainer.should_stop == stops
