"""``visus data``: what a set is, before anything learns from it."""

import json
import re
from pathlib import Path

import pytest

from tests.support import tools
from tests.support.command import visus
from visus import read


@pytest.mark.parametrize("task", ["classify", "segment", "detect"])
def test_what_a_set_is_is_told_and_drawn(tmp_path: Path, task: str) -> None:
    root = tmp_path / "set"
    if task == "classify":
        tools.colors(root, 6)
    elif task == "segment":
        tools.masks(root, range(6))
    else:
        tools.voc(root, range(6))
        (root / "000.xml").write_text("")
    answer = visus("data", root, "--sheet", tmp_path / "sheet.png")
    assert f"visus train {task} {root}" in answer.stdout
    assert read(tmp_path / "sheet.png").std() > 5
    told = json.loads(visus("data", root, "--json").stdout)
    assert told["task"] == task
    assert told["obstacle"] is None
    assert sum(told["pictures"].values()) == {"classify": 12, "segment": 6, "detect": 5}[task]
    assert told["sizes"]["most"] == ([30, 24] if task == "classify" else [120, 90])
    if task == "detect":
        assert told["counts"] == {"all": {"disc": 5, "square": 5}}
        (left_out,) = told["left_out"]
        assert "no element found" in left_out["reason"]
        assert "no element found" in answer.stdout


def test_what_training_would_refuse_is_said(tmp_path: Path) -> None:
    tools.colors(tmp_path / "classes", 6, names=("red",))
    tools.masks(tmp_path / "masks", range(1))
    tools.yolo(tmp_path / "boxes", range(1), extra="train: images\n")
    few = "too few pictures for a val split"
    for name, reason in {"classes": "one class only (red)", "masks": few, "boxes": few}.items():
        answer = visus("data", tmp_path / name).stdout
        assert "Nothing can be learned from it: " in answer
        assert reason in answer
        assert "visus train" not in answer
        assert reason in json.loads(visus("data", tmp_path / name, "--json").stdout)["obstacle"]


def test_crowds_are_counted_apart_and_are_nothing_to_learn_from(tmp_path: Path) -> None:
    root, content = tmp_path / "set", tools.coco(tmp_path / "set", range(6))
    for own in content["annotations"][::2]:
        own["iscrowd"] = 1
    (root / "annotations.json").write_text(json.dumps(content))
    told = json.loads(visus("data", root, "--json").stdout)
    assert sum(told["counts"]["all"].values()) == len(content["annotations"]) == 12
    assert sum(told["crowds"]["all"].values()) == 6
    assert re.search(r"of these, crowds +6\n", visus("data", root).stdout)
    for own in content["annotations"]:
        own["iscrowd"] = 1
    (root / "annotations.json").write_text(json.dumps(content))
    assert "are crowds, which do not count" in visus("data", root).stdout


def test_what_is_no_set_is_one_sentence(tmp_path: Path) -> None:
    assert "holds no labeled pictures" in visus("data", tmp_path, code=2).stderr
    assert "--out must end" in visus("data", tmp_path, "--sheet", "a.txt", code=2).stderr
