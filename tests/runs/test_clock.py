"""How long a training takes is told before its first step, and costs nothing of what it learns."""

import math
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.support.labeled import splits
from visus.runs import Run, train
from visus.runs.engine import clock, training
from visus.runs.engine.loop import Checkpointer
from visus.runs.engine.progress import Epoch, EpochDone, Event, Plan, Progress

FAST = {"net": "cnn", "epochs": 3, "patience": 0, "augment": "none", "size": 16, "batch_size": 10, "health": False}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return splits(tmp_path_factory.mktemp("data") / "textures", 10, 4, 4, side=16)


def test_the_plan_comes_first_and_the_time_left_falls(data: Path, tmp_path: Path) -> None:
    told: list[Event | Progress] = []
    train("classify", data, runs=tmp_path, events=told.append, progress=told.append, **FAST)
    steps = [event for event in told if isinstance(event, Progress) and event.phase == "training"]
    plan = next(event for event in told if isinstance(event, Plan))
    assert (plan.epochs, plan.steps) == (3, 3)
    assert plan.seconds > 0
    assert told.index(plan) < told.index(steps[0])
    assert all(step.left > 0 for step in steps)
    assert steps[-1].left < steps[0].left
    assert [event.epoch.epoch for event in told if isinstance(event, EpochDone)] == [1, 2, 3]
    assert [event.left > 0 for event in told if isinstance(event, EpochDone)] == [True, True, False]


def test_a_rehearsal_leaves_the_network_as_it_was(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_plan = train("classify", data, runs=tmp_path, dropout=0.5, **FAST)
    monkeypatch.setattr(clock, "rehearsed", lambda *_: (1.0, 1.0))
    without = train("classify", data, runs=tmp_path, dropout=0.5, **FAST)
    first, second = (run.load().backbone.state_dict() for run in (with_plan, without))
    assert any("running_mean" in name for name in first)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_what_is_not_known_is_not_said() -> None:
    assert Plan(1, 2, math.nan).describe() == "Plan: at most 1 epoch of 2 steps."
    assert Plan(1, 1, math.nan).to_dict() == {"event": "plan", "epochs": 1, "steps": 1, "seconds": None}


def test_the_plan_knows_what_an_epoch_takes_beside_its_steps(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Event] = []
    monkeypatch.setattr(clock, "rehearsed", lambda *_: (0.0, 0.0))
    monkeypatch.setattr(training, "_tried", lambda *_: time.sleep(0.3))
    train("classify", data, runs=tmp_path, events=told.append, **FAST)
    assert isinstance(told[0], Plan)
    assert told[0].seconds >= 3 * 0.3
    assert not list(tmp_path.rglob("tmp*"))  # what was tried is gone


def test_one_slow_epoch_does_not_change_the_time_left_much(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(clock.time, "perf_counter", lambda: now)
    own, left = clock.Clock(None), []
    trainer: Any = SimpleNamespace(num_training_batches=1, max_epochs=20, current_epoch=0)
    nothing: Any = None
    for number in range(19):
        trainer.current_epoch, slow = number, 10 if number == 9 else 1
        own.on_train_epoch_start(trainer, nothing)
        now += 0.02 * slow
        own.on_train_batch_end(trainer, nothing, nothing, nothing, 0)
        own.on_validation_start(trainer, nothing)
        now += 0.03 * slow
        own.on_validation_end(trainer, nothing)
        own.on_train_epoch_end(trainer, nothing)
        left.append(own.remaining / (19 - number))
        now += 0.05 * slow
    assert left[0] == pytest.approx(0.05)  # what is written after an epoch is not known yet
    assert all(0.099 < each < 0.12 for each in left[1:])


def epoch(number: int, score: float, loss: float) -> Epoch:
    return Epoch(number, 1e-3, 0.1, 1.0, loss, score, 0.1)


def test_where_all_of_val_is_right_a_smaller_loss_is_no_progress() -> None:
    for enough, stuck in ((math.inf, False), (1.0, True)):
        keep = Checkpointer(lambda: None, patience=2)
        keep.enough = enough
        keep.note(epoch(1, 0.9, 0.6))
        for number, loss in ((2, 0.5), (3, 0.4), (4, 0.3)):
            keep.note(epoch(number, 1.0, loss))
        assert keep._is_stuck() is stuck
        assert keep.best is keep.epochs[-1]  # the smallest loss is kept all the same
        again = Checkpointer(lambda: None, patience=2)
        again.load_state_dict(keep.state_dict())
        assert again._is_stuck() is stuck
    missed = Checkpointer(lambda: None, patience=2)
    missed.enough = 1.0
    for number, loss in ((1, 0.5), (2, 0.4), (3, 0.3)):
        missed.note(epoch(number, 0.9, loss))
    assert not missed._is_stuck()


def test_a_probe_ends_where_val_is_right(trained_run: Run, tmp_path: Path) -> None:
    data = trained_run.folder.parents[2] / "textures"
    how = {"net": "mlp", "hidden": (32,), "weights": trained_run, "size": 16, "lr": 0.05, "health": False}
    run = train("classify", data, mode="probe", patience=3, runs=tmp_path, **how)
    rows = (run.folder / "metrics.csv").read_text().splitlines()
    assert run.summary["best"]["val_accuracy"] == 1
    assert len(rows) - 1 == run.summary["epochs"] < 50
