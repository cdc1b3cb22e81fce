"""How long a training takes is told before its first step, and costs nothing of what it learns."""

import math
from pathlib import Path

import pytest
import torch

from tests.support.labeled import splits
from visus.runs import train
from visus.runs.engine import clock
from visus.runs.engine.progress import EpochDone, Event, Plan, Progress

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
