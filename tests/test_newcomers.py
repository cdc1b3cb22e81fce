"""What a newcomer edits of visus to add a network, a descriptor or a task: one line of a table each.

Each is registered from outside here, by nothing but that line, and then used as every other: by the library and by
the commands. CONTRIBUTING.md says what belongs beside the line: a file or a room, and a test.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn
from typer.testing import CliRunner

import visus
from tests.support.command import visus as run_visus
from tests.support.labeled import splits
from tests.support.masked import folder_of_masks, scene
from visus.cli.train.app import trainer
from visus.nets import overview, registry, segmentation
from visus.nets.backbones import StagedBackbone
from visus.nets.registry import Input, Network
from visus.nets.segmentation import Segmenter
from visus.runs.registry import TASKS
from visus.search.classical import DESCRIPTIONS

ROOT = Path(__file__).parents[1]


def toy(*, classes: int, channels: int = 3) -> StagedBackbone:
    """One convolution, one linear layer."""
    stage = nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU())
    hidden, head = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten()), nn.Linear(128, classes)
    return StagedBackbone("toy", nn.Sequential(stage, hidden, head), [stage], hidden, head)


class ToySegmenter(Segmenter):
    """One convolution."""

    least = 8

    def __init__(self, *, classes: int, channels: int = 3) -> None:
        super().__init__()
        self.name, self.classes, self.channels = "toy_segmenter", classes, channels
        self.net = nn.Conv2d(channels, classes, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


@pytest.mark.slow
def test_a_network_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    edits = [(registry.NETS, "toy", Network(toy, Input(16, 8)))]
    for table, name, entry in edits:
        monkeypatch.setitem(table, name, entry)
    assert len(edits) == 1
    assert "toy" in visus.nets.names()
    assert overview.layers("toy").parameters == 129224
    data = splits(tmp_path / "textures", 20, 6, 6, side=16)
    run = visus.train("classify", data, net="toy", epochs=2, runs=tmp_path, workers=0, augment="none")
    assert run.settings.mode == "scratch"
    assert run.evaluate().classes == ("blob", "checks", "stripes")
    picture = next((data / "test" / "blob").iterdir())
    assert run.predict(picture).label in run.summary["classes"]
    assert run.export().is_file()
    assert "8x16x16" in run_visus("nets", "toy").stdout
    assert "top-1" in run_visus("evaluate", run.folder).stdout


def test_a_segmentation_network_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    edits: list[tuple[Any, str, Any]] = [(segmentation.NETS, "toy_segmenter", ToySegmenter)]
    for table, name, entry in edits:
        monkeypatch.setitem(table, name, entry)
    assert len(edits) == 1
    data = folder_of_masks(tmp_path / "masks")
    run = visus.train("segment", data, net="toy_segmenter", epochs=1, window=(32, 32), runs=tmp_path, workers=0)
    assert run.predict(scene(40)[0]).mask.shape == (72, 80)
    assert "toy_segmenter" in visus.nets.names()
    assert "21x224x224" in run_visus("nets", "toy_segmenter").stdout


def brightness(picture: np.ndarray) -> np.ndarray:
    """How bright each channel is, beside a constant: ``(4,)``."""
    return np.array([*picture.mean((0, 1)), 64], np.float32)


def test_a_descriptor_is_one_line(monkeypatch: pytest.MonkeyPatch, photos: Path, tmp_path: Path) -> None:
    edits = [(DESCRIPTIONS, "brightness", (brightness, 4, 64))]
    for table, name, entry in edits:
        monkeypatch.setitem(table, name, entry)
    assert len(edits) == 1
    place = tmp_path / "i.visus"
    run_visus("index", photos, "--descriptor", "brightness", "--index", place)
    assert visus.Index(place).descriptors == ["embedding", "brightness"]
    hits = json.loads(run_visus("search", photos / "0003.jpg", "--by", "brightness", "--json", "-i", place).stdout)
    assert hits["hits"][0]["path"] == str(photos / "0003.jpg")


def test_a_task_is_a_room_and_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    edits = [(TASKS, "toy", "tests.support.toy_task")]
    for table, name, entry in edits:
        monkeypatch.setitem(table, name, entry)
    assert len(edits) == 1
    data = splits(tmp_path / "textures", 4, 2, 2, side=8)
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(trainer(TASKS), ["toy", "--help"])
    assert "--margin" in shown.output
    assert "Pictures that are bright or dark" in shown.output
    trained = CliRunner().invoke(trainer(TASKS), ["toy", "textures", "--margin", "0.1"])
    assert trained.exit_code == 0, trained.output
    assert "Best: share 100.00% on val" in trained.output
    run = visus.Run("runs/toy/textures-1")
    assert run.finished
    assert run.settings.margin == 0.1
    assert (run.folder / "drawn.txt").is_file()
    assert run.predict(np.full((8, 8, 3), 255, np.uint8)).bright
    assert len(list(run.predict(data / "test" / "blob"))) == 2
    assert visus.evaluate(run, data).split == "test"
    assert "are bright" in run_visus("evaluate", run.folder).stdout
    answers = json.loads(run_visus("predict", run.folder, data / "test" / "blob", "--json").stdout)
    assert len(answers["predictions"]) == 2
    assert '"bright"' in run_visus("predict", run.folder, data / "test" / "blob").stdout
    assert "--crf is for segmenters" in run_visus("evaluate", run.folder, "--crf", code=2).stderr


def test_contributing_names_files_that_there_are() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:visus|tests|docs|benchmarks|src|examples)/[\w/.-]+)`", text)
    assert len(paths) > 10
    for path in (own for own in paths if "NAME" not in own):
        assert any((ROOT / base / path).exists() for base in ("", "src")), path
    for module in re.findall(r"`(visus(?:\.\w+)+)`", text):
        parts = module.split(".")
        value: Any = visus
        for number, part in enumerate(parts[1:], 2):
            if not hasattr(value, part):
                __import__(".".join(parts[:number]))
            value = getattr(value, part)


@pytest.mark.parametrize("table", [registry.NETS, segmentation.NETS, DESCRIPTIONS, TASKS])
def test_tables_are_plain_dicts(table: dict[str, Any]) -> None:
    assert type(table) is dict
