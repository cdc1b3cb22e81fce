"""A classifier that gives a picture several classes: trained, measured, asked, exported, on the command line."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.command import visus
from visus import InputError, read
from visus.data import load
from visus.explain import robustness, saliency
from visus.runs import Run, train
from visus.runs.classify.light import GraphPredictor
from visus.runs.classify.multilabel import MultilabelEvaluation
from visus.runs.export import export

NAMES = ("blue", "green", "red")
FAST = {"net": "cnn", "size": 16, "epochs": 12, "augment": "none", "health": False, "workers": 0, "mode": "scratch"}


def bars(folder: Path, count: int) -> Path:
    """Pictures with up to three bars, one of each color, and a table of which."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    rows = ["file,labels"]
    for n in range(count):
        there = [bool(n >> k & 1) for k in range(3)]
        picture = random.integers(0, 60, (24, 24, 3), np.uint8)
        for k, name in enumerate(NAMES):
            if there[k]:
                picture[2 + 8 * k : 8 + 8 * k, :, 2 - NAMES.index(name)] = 250
        Image.fromarray(picture).save(folder / f"{n:03}.png")
        rows.append(f"{n:03}.png,{'|'.join(name for k, name in enumerate(NAMES) if there[k])}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    data = bars(tmp_path_factory.mktemp("data") / "bars", 96)
    return train("classify", data, runs=tmp_path_factory.mktemp("runs"), **FAST)


def test_it_learns_which_classes_are_there(run: Run) -> None:
    assert run.settings.multilabel
    assert run.summary["best"]["val_mean_ap"] > 0.95
    found = run.evaluate()
    assert isinstance(found, MultilabelEvaluation)
    assert found.mean_ap > 0.95
    assert found.labels.sum() > 0
    told = json.loads((run.folder / "evaluation-test" / "evaluation.json").read_text())
    assert {row["class"] for row in told["classes"]} == set(NAMES)
    assert told["mean_ap"] == pytest.approx(found.mean_ap)
    assert told["intervals"]["mean_ap"][0] <= found.mean_ap <= told["intervals"]["mean_ap"][1]
    assert "95 % intervals over pictures: mAP " in found.describe()
    for place in (run.folder, run.folder / "evaluation-test"):
        assert read(place / "average_precision.png").std() > 1


@pytest.mark.slow
def test_answers_are_independent_and_the_graph_gives_the_same(run: Run) -> None:
    dataset = load(run.settings.data)
    pictures = dataset.splits["test"]
    export(run.folder)
    graph = GraphPredictor(run.folder)
    for file, labels in zip(pictures.files, pictures.labels, strict=True):
        answer = run.predict(file)
        own = dict(zip(answer.classes, answer.probabilities, strict=True))
        other = graph.predict(file)
        assert own == pytest.approx(dict(zip(other.classes, other.probabilities, strict=True)), abs=1e-3)
        assert answer.to_dict()["classes"] == list(answer.labels) == list(other.labels)
        if labels.sum() == 3:
            assert sum(own.values()) > 1.5
        assert "class" not in answer.to_dict()


def test_a_picture_has_all_its_classes_however_few_are_asked_for(run: Run) -> None:
    dataset = load(run.settings.data)
    place = int(dataset.splits["train"].labels.sum(1).argmax())
    assert len(run.predict(dataset.splits["train"].files[place], k=1).labels) > 1


def test_the_command_line(run: Run, tmp_path: Path) -> None:
    data = bars(tmp_path / "bars", 40)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in FAST.items() if name != "health"]
    answer = visus("train", "classify", data, "--runs", tmp_path, "--no-health", "--epochs", 1, *options[:2])
    assert "several classes" in answer.stdout
    home = tmp_path / "classify" / "bars-1"
    with (home / "metrics.csv").open() as file:
        assert "val_mean_ap" in next(csv.reader(file))
    assert "mAP" in visus("evaluate", run.folder, "--split", "val").stdout
    told = json.loads(visus("predict", run.folder, data / "007.png", "--json").stdout)
    assert set(told["predictions"][0]["probabilities"]) == set(NAMES)
    assert "several classes" in visus("data", data).stdout


def test_what_cannot_be_is_one_sentence(run: Run, tmp_path: Path) -> None:
    data = run.settings.data
    for setting, word in ({"loss": "hinge"}, "loss"), ({"balance": "sampling"}, "balance sampling"):
        with pytest.raises(InputError, match=f"{word} does nothing beside multilabel"):
            train("classify", data, runs=tmp_path, **{**FAST, **setting})
    with pytest.raises(InputError, match="gives a picture several classes"):
        robustness(run.folder, [Path(data) / "001.png"])
    assert 0 <= saliency(run.folder, Path(data) / "001.png").probability <= 1


def test_fine_tuning_begins_with_its_probe_and_is_refitted_and_has_no_interval(run: Run, tmp_path: Path) -> None:
    said: list[str] = []
    options = {**FAST, "mode": "finetune", "epochs": 1, "weights": str(run.folder), "refit": True}
    found = train("classify", run.settings.data, runs=tmp_path, say=said.append, **options)
    with (found.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert float(rows[0]["val_mean_ap"]) > 0.9
    counts = found.summary["pictures"]
    assert found.summary["refit"]["pictures"] == counts["train"] + counts["val"]
    assert "val_interval" not in found.summary
    assert not any("interval" in text for text in said)
    evaluation = found.evaluate()
    assert isinstance(evaluation, MultilabelEvaluation)
    assert evaluation.mean_ap > 0.9
    card = (found.folder / "card.md").read_text()
    assert "was trained once more" in card
    assert "Worst class" in card
    assert "| val_mean_ap" in card
    assert "| exact |" in card


def test_weights_of_rare_classes(tmp_path: Path) -> None:
    data = bars(tmp_path / "bars", 40)
    found = train("classify", data, runs=tmp_path, **{**FAST, "epochs": 1, "balance": "weights"})
    assert found.finished
