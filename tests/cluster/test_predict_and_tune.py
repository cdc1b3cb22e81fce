"""Predictions and trials of a cluster are those of one machine."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.boxed import coco_folder
from tests.support.labeled import splits
from visus import train
from visus.cluster import Cluster
from visus.runs import tune
from visus.runs.answers import Unreadable, answers, files_of
from visus.runs.registry import answering

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
FAST: dict[str, Any] = {"net": "mlp", "hidden": (8,), "epochs": 2, "augment": "none", "size": 16, "workers": 0}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("Größe")
    splits(root / "textures", 20, 8, 0, side=16)
    train("classify", root / "textures", runs=root, **FAST)
    return root


def test_a_classifier_answers_in_order(cluster: Cluster, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from functools import partial

    monkeypatch.chdir(place)
    (place / "textures" / "val" / "broken.png").write_bytes(b"no picture")
    files = files_of("textures/val")
    make = partial(answering, (place / "classify" / "textures-1").absolute(), "classify", {"k": 2})
    here, there = (list(answers(make, files, batch=5, cluster=c)) for c in (None, cluster))
    (place / "textures" / "val" / "broken.png").unlink()
    assert [answer.path for answer in there] == files
    for own, other in zip(here, there, strict=True):
        if isinstance(own, Unreadable):
            assert isinstance(other, Unreadable)
        else:
            assert own.classes == other.classes
            assert own.probabilities == pytest.approx(other.probabilities, abs=1e-5)


def test_trials_of_a_cluster_are_a_study_like_any_other(cluster: Cluster, place: Path, tmp_path: Path) -> None:
    said: list[str] = []
    found = tune("classify", place / "textures", trials=5, runs=tmp_path, say=said.append, cluster=cluster, **FAST)
    with (found.folder / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5
    assert [row["stage"] for row in rows[:3]] == ["coarse"] * 3
    assert sum(text.startswith("trial ") for text in said) == 5
    alone = tune("classify", place / "textures", trials=5, runs=tmp_path, **FAST)
    with (alone.folder / "trials.csv").open() as file:
        others = list(csv.DictReader(file))
    # What the coarse trials draw depends on their numbers, not on who runs them.
    assert {row["lr"] for row in rows[:3]} == {row["lr"] for row in others[:3]}
    again = tune("classify", place / "textures", trials=6, study=found.folder, cluster=cluster, **FAST)
    assert again.trials == 6


def visus(*arguments: object, cwd: Path) -> str:
    command = [sys.executable, "-m", "visus", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.mark.long
def test_a_detectors_files_are_the_same(place: Path) -> None:
    coco_folder(place / "boxes", {"train": 12, "val": 4})
    train("detect", place / "boxes", runs=place / "runs", net="rcnn", side=64, most=50, workers=0)
    run = ("predict", "runs/detect/boxes-1", "boxes/val", "--conf", 0)
    visus(*run, "--out", "here", cwd=place)
    visus(*run, "--out", "there", "--engine", "ray", "--processes", 2, cwd=place)
    names = sorted(path.name for path in (place / "here").iterdir())
    assert names == sorted(path.name for path in (place / "there").iterdir())
    own, other = (json.loads((place / out / "results.json").read_text()) for out in ("here", "there"))
    assert len(own) == len(other) > 0
    for first, second in zip(own, other, strict=True):
        assert first["bbox"] == pytest.approx(second["bbox"], abs=0.01)
        assert first["score"] == pytest.approx(second["score"], abs=1e-4)
    assert json.loads((place / "here" / "pictures.json").read_text()) == json.loads(
        (place / "there" / "pictures.json").read_text()
    )
