"""The model card of a run says what its files say, and how sure that is."""

import json
import shutil
from pathlib import Path

import pytest

from visus.runs.record import card
from visus.tasks.wilson import interval

OLD = Path(__file__).parents[1] / "fixtures" / "v0_1" / "runs" / "classify"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD / "textures-1", tmp_path / "textures-1"))


def test_intervals_are_wilsons() -> None:
    assert interval(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-3)
    assert interval(1.0, 10) == pytest.approx((0.7225, 1.0), abs=1e-3)
    assert interval(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-3)


def test_a_card_of_a_run_that_was_not_measured(run: Path) -> None:
    card.write(run)
    text = (run / "card.md").read_text()
    for words in (
        "# textures-1: mlp",
        "3 classes: blob, checks, stripes",
        "val_accuracy | 0.6667",
        "visus evaluate RUN",
    ):
        assert words in text
    assert "## Robustness\n\nNot measured" in text
    assert "is yours to say" in text


def test_a_card_has_intervals_worst_classes_robustness_and_remarks(run: Path) -> None:
    (run / "evaluation-test").mkdir()
    rows = [{"class": name, "recall": recall} for name, recall in (("blob", 0.9), ("checks", 0.2), ("stripes", None))]
    found = {"split": "test", "pictures": 100, "top1": 0.9, "macro_f1": 0.8, "classes": rows, "remarks": ["Mind this."]}
    (run / "evaluation-test" / "evaluation.json").write_text(json.dumps(found))
    (run / "robustness.csv").write_text("epsilon,accuracy\n0.01,0.5\n")
    config = (run / "config.toml").read_text()
    (run / "config.toml").write_text(config.replace('"scratch"', '"finetune"') + 'backbone = "resnet18"\n')
    text = card.text(run)
    assert "| top1 | 0.9000 | 0.8256 and 0.9448 |" in text
    assert "| macro_f1 | 0.8000 | not known |" in text
    assert "Worst class: checks (recall 20.0%)." in text
    assert "- Mind this." in text
    assert "| epsilon | accuracy |\n| --- | --- |\n| 1.0% | 50.0% |" in text


def test_a_card_says_where_the_probe_was_best_and_what_was_trained_once_more(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    summary |= {"best": {**summary["best"], "epoch": 0}, "refit": {"epochs": 0, "pictures": 1200}}
    (run / "summary.json").write_text(json.dumps(summary))
    text = card.text(run)
    assert "the epoch was chosen (the probe before the first of" in text
    assert "trained once more, on the 1,200 pictures of train and val" in text
    assert "Not measured on pictures of their own yet" in text


def test_a_detectors_card_names_the_classes_of_the_least_precision(run: Path) -> None:
    (run / "evaluation-val").mkdir()
    sure = {"each": [[0.05, 0.2], None, None]}
    boxes = {"ap": 0.4, "ap50": 0.6, "each": [0.1, -1.0, 0.5], "intervals": sure}
    found = {"split": "val", "pictures": 9, "boxes": boxes, "intervals": {"ap": [0.3, 0.5]}, "remarks": []}
    (run / "evaluation-val" / "evaluation.json").write_text(json.dumps(found))
    text = card.text(run)
    assert "| ap | 0.4000 | 0.3000 and 0.5000 |" in text
    assert "| ap50 | 0.6000 | not known |" in text
    assert "Worst class: blob (AP 10.0%, 5.0% to 20.0%)." in text
