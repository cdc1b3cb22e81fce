"""Runs that visus 0.1 made open, answer, are measured, and go on."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.labeled import splits
from tests.support.masked import folder_of_masks, scene
from tests.support.numbered import numbered
from visus import Run, RunError, evaluate
from visus._openvino import core, hints
from visus.graphs.runtime import session
from visus.nets import segmentation
from visus.nets.file import read_header
from visus.nets.segmentation.trained import about_of, assemble
from visus.ops import Normalize
from visus.runs import ClassifySettings, SegmentSettings, resume
from visus.runs.export import export
from visus.runs.segment.predict import SegmentPredictor
from visus.runs.segment.tune_crf import crf_of

OLD = Path(__file__).parents[1] / "fixtures" / "v0_1" / "runs"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of the runs, beside the pictures that they learned from."""
    shutil.copytree(OLD, tmp_path / "runs")
    splits(tmp_path / "textures", 6, 2, 2, side=8)
    return tmp_path


def test_a_classifier_says_what_it_is_answers_and_is_measured(old: Path) -> None:
    run = Run(old / "runs/classify/textures-1")
    assert run.finished
    assert isinstance(run.settings, ClassifySettings)
    assert run.settings.hidden == (4,)
    assert read_header(run)["gray"] is False
    answer = run.predict(old / "textures/test/blob/0008.png", k=3)
    assert answer.classes == ("stripes", "blob", "checks")
    assert answer.probabilities == pytest.approx((0.3768, 0.31265, 0.31054), abs=1e-4)  # as 0.1 answered
    found = run.evaluate(old / "textures")
    assert found.split == "test"
    assert len(found.labels) == 6


@pytest.mark.slow
def test_openvinos_form_answers_as_the_network_or_is_not_written(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = old / "runs/classify/textures-1"
    path = export(run, "openvino", tmp_path / "x.xml")
    model = core().read_model(path)
    about = json.loads(model.get_rt_info("visus").astype(str))
    assert (about["classes"], about["license"]) == (["blob", "checks", "stripes"], None)
    pixels = np.random.default_rng(0).integers(0, 256, (2, *about["pixels"]), dtype=np.uint8)
    graph = session(export(run, "onnx", tmp_path / "x.onnx"), 1)
    found = core().compile_model(model, "CPU", hints(1))([pixels])["probabilities"]
    np.testing.assert_allclose(found, graph.run(["probabilities"], {"pixels": pixels})[0], atol=1e-5)

    class Other:
        def get_outputs(self) -> list[Any]:
            return graph.get_outputs()

        def run(self, *_: Any) -> list[Any]:
            return [np.zeros((3, 3), np.float32)]

    monkeypatch.setattr("visus.runs.export.session", lambda *_: Other())
    with pytest.raises(RunError, match="OpenVINO answers otherwise"):
        export(run, "openvino", tmp_path / "y.xml")
    assert not (tmp_path / "y.xml").exists()


def test_a_segmenter_too(old: Path) -> None:
    run = Run(old / "runs/segment/masks-1")
    assert isinstance(run.settings, SegmentSettings)
    shares = {"ground": 0.28993, "disc": 0.71007}  # as 0.1 answered
    assert run.predict(scene(40)[0]).shares() == pytest.approx(shares, abs=2e-3)
    folder_of_masks(old / "masks")
    assert evaluate(run, old / "masks").mean_iou == pytest.approx(0.1118, abs=2e-3)


def test_a_crf_answers_as_it_did(old: Path) -> None:
    run = old / "runs/segment/masks-1"
    assert crf_of(run).order == "yx"
    (run / "crf.toml").write_text(
        "appearance = 1.0\nalpha = 12.5\nbeta = 15.0\nsmoothness = 0.5\ngamma = 1.5\niterations = 3\n"
    )
    settings = crf_of(run)
    found = SegmentPredictor(run, crf_settings=settings).probabilities(scene(40)[0])
    squares = [[0.1732, 0.017, 0.0674], [0.0563, 0.233, 0.201], [0.0397, 0.1355, 0.2549]]  # as 0.1 answered
    assert found[2, 5::24, 5::32] == pytest.approx(np.array(squares), abs=1e-3)
    newer = SegmentPredictor(run, crf_settings=replace(settings, order="xy")).probabilities(scene(40)[0])
    assert np.abs(newer - found).max() > 0.01


def test_segnet_goes_on_pooling_as_it_was_trained() -> None:
    kept = json.loads((OLD.parent / "segnet.json").read_text())
    header, answers = kept["header"], torch.tensor(kept["answers"])
    pixels = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (1, 3, 45, 70), dtype=np.uint8))
    normal = Normalize.of_channels([0.5] * 3, [0.25] * 3).state_dict()
    about = about_of(header)
    assert about.options["round_up"] is False
    with torch.device("meta"):
        net = segmentation.create("segnet", classes=3).to_empty(device="cpu")
    own = {"net": numbered(net), "normalize": normal}
    found = assemble(about, own).probabilities(pixels)[0]
    torch.testing.assert_close(found[:, ::11, ::23], answers, rtol=1e-3, atol=1e-4)
    newer = about_of({**header, "options": {"channels": 3, "round_up": True}})
    assert (assemble(newer, own).probabilities(pixels)[0] - found).abs().max() > 0.01


def test_a_stopped_training_goes_on(old: Path) -> None:
    folder = old / "runs/classify/textures-2"
    run = resume(folder, old / "textures")
    assert run.finished
    with open(folder / "metrics.csv", newline="") as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [1, 2, 3, 4]
