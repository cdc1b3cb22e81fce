"""Graphs of 8 bits: smaller, nearly as right, and what is lost is said."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from tests.support.boxed import coco_folder
from tests.support.command import visus
from tests.support.labeled import splits
from tests.support.masked import folder_of_masks
from tests.test_halves import visus as light
from visus import InputError
from visus.runs import Run, train
from visus.runs.classify.light import GraphPredictor
from visus.runs.quantize import Precision, Quantized, quantize


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    place = tmp_path_factory.mktemp("quantized")
    data = splits(place / "textures", 24, 12, 6, side=32)
    return train("classify", data, net="cnn", epochs=4, augment="none", runs=place / "runs", size=32, seed=1)


@pytest.mark.slow
def test_a_classifier_in_8_bits(run: Run, tmp_path: Path) -> None:
    answer = visus("export", run.folder, "--int8", "--json")
    found = json.loads(answer.stdout)
    f32, int8 = found["graphs"]
    assert (found["measure"], found["pictures"], found["calibrated"]) == ("top-1", 36, 36)
    assert int8["size"] == Path(int8["path"]).stat().st_size < 0.5 * f32["size"]
    assert f32["score"] == pytest.approx(run.evaluate(split="val").top1)
    assert int8["score"] >= f32["score"] - 0.06
    assert found["loss"] == pytest.approx(f32["score"] - int8["score"])
    kinds = {node.op_type for node in onnx.load(int8["path"]).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    plain, small = (onnxruntime.InferenceSession(own["path"]) for own in (f32, int8))
    assert small.get_modelmeta().custom_metadata_map == plain.get_modelmeta().custom_metadata_map
    test = sorted((run.folder.parents[2] / "textures" / "test").rglob("*.png"))
    by_int8, by_f32 = GraphPredictor(run, int8=True), GraphPredictor(run)
    ours, theirs = ([own.predict(path).label for path in test] for own in (by_int8, by_f32))
    assert np.mean([a == b for a, b in zip(ours, theirs, strict=True)]) > 0.9
    answer = light(tmp_path, "predict", str(run.folder), *map(str, test), "--engine", "onnx", "--int8", "--json")
    assert [row["class"] for row in json.loads(answer.stdout)["predictions"]] == ours
    table = visus("export", run.folder, "--int8").stdout
    assert "ms a picture" in table
    assert "Ranges from 36 of the 36 pictures of val" in table


def test_options_that_do_not_go_together(trained_run: Run, tmp_path: Path) -> None:
    run = trained_run
    assert "leave --format" in visus("export", run.folder, "--int8", "--out", tmp_path / "a.onnx", code=2).stderr
    assert "say --engine onnx too" in visus("predict", run.folder, tmp_path, "--int8", code=2).stderr
    other = Path(tmp_path / "best.safetensors")
    other.write_bytes((run.folder / "best.safetensors").read_bytes())
    with pytest.raises(InputError, match="the pictures of its training is not there"):
        quantize(other)


def test_a_loss_is_said_loudly() -> None:
    f32 = Precision("f32", Path("model.onnx"), 4_000_000, 2.0, 0.9)
    found = Quantized(f32, Precision("int8", Path("model-int8.onnx"), 1_000_000, 1.0, 0.85), "mean IoU", 30, 20)
    assert found.describe().splitlines() == [
        "graph       MB  ms a picture  mean IoU on val",
        "f32       4.00          2.00           90.00%",
        "int8      1.00          1.00           85.00%",
        "Ranges from 20 of the 30 pictures of val, on which both are measured.",
        "WARNING: int8 loses 5.0 points of mean IoU on val, more than 1; stay with model.onnx.",
    ]
    assert found.to_dict()["warning"] == found.warning != ""
    better = dataclasses.replace(found, int8=dataclasses.replace(found.int8, score=0.895))
    assert better.warning == ""
    assert "WARNING" not in better.describe()


TASKS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "segment": (folder_of_masks, {"net": "unet", "padded": True, "width": 8, "epochs": 3}, "mean IoU"),
    "detect": (coco_folder, {"epochs": 2, "side": 96}, "AP"),
    "localize": (coco_folder, {"epochs": 3, "crops": True, "side": 64}, "localized"),
}


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("task", TASKS)
def test_the_other_tasks_in_8_bits(task: str, tmp_path: Path) -> None:
    make, settings, measure = TASKS[task]
    data = make(tmp_path / "data")
    run = train(task, data, runs=tmp_path / "runs", augment="none", workers=0, **settings)
    found = quantize(run.folder)
    assert found.measure == measure
    assert found.int8.size < 0.6 * found.f32.size
    assert abs(found.loss) < 0.1
    picture = sorted(tmp_path.rglob("*.png"))[0]
    out = tmp_path / "out"
    answer = light(tmp_path, "predict", str(run.folder), str(picture), "--engine", "onnx", "--int8", "--out", str(out))
    assert answer.returncode == 0, answer.stderr
