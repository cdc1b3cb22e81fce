"""Trainings, measures and answers of detectors on small pictures."""

import contextlib
import csv
import dataclasses
import io
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.boxed import CLASSES, coco_folder, scene
from visus import Run, train
from visus._errors import InputError, RunError
from visus.data import load_boxes
from visus.data.save_boxes import save_boxes
from visus.nets import trained
from visus.nets.detection import Limits
from visus.runs import resume
from visus.runs.detect.evaluate import BoxEvaluation, evaluate
from visus.runs.detect.predict import BoxPrediction, DetectPredictor
from visus.runs.detect.resolve import resolve
from visus.runs.detect.settings import DetectSettings
from visus.runs.detect.task import TASK
from visus.runs.engine.task import Hooks
from visus.runs.engine.training import try_settings

pytestmark = pytest.mark.timeout(900)  # trainings of whole detectors

SMALL: dict[str, Any] = {
    "epochs": 14,
    "lr": 1e-3,
    "workers": 0,
    "side": 96,
    "batch_size": 2,
    "augment": "none",
    "boxes": 32,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return coco_folder(tmp_path_factory.mktemp("data") / "shapes", {"train": 32, "val": 8, "test": 8})


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VISUS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("visus.nets.detection.faster_rcnn._TESTING", 40)
        yield


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train("detect", data, net="mask_rcnn", width=16, runs=tmp_path_factory.mktemp("runs"), **SMALL)


def measured(found: object) -> BoxEvaluation:
    assert isinstance(found, BoxEvaluation)
    return found


def measured_by_pycocotools(folder: Path, kind: Any) -> tuple[float, float]:
    """AP and AP50 of the files that an evaluation has written."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth: Any = COCO(str(folder / "pictures.json"))
        judge: Any = COCOeval(truth, truth.loadRes(str(folder / "results.json")), kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return float(judge.stats[0]), float(judge.stats[1])


def predicted(found: object) -> BoxPrediction:
    assert isinstance(found, BoxPrediction)
    return found


@pytest.mark.long
def test_a_run_learns_and_has_all_its_files(run: Run) -> None:
    names = {p.name for p in run.folder.iterdir()}
    assert {"best.safetensors", "config.toml", "curves.png", "confusion.png", "precision.png"} <= names
    assert "last.ckpt" not in names
    with (run.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 14
    assert "train_ap50" not in rows[0]
    assert float(rows[-1]["val_ap"]) > 0.35
    assert (run.task, run.finished) == ("detect", True)
    assert json.loads((run.folder / "summary.json").read_text())["best"]["val_ap"] > 0.35


@pytest.mark.long
def test_evaluation(run: Run, tmp_path: Path) -> None:
    found = measured(run.evaluate(split="test"))
    assert found.ap50 > 0.6
    assert found.shapes is not None
    assert found.shapes.ap50 > 0.6
    folder = run.folder / "evaluation-test"
    content = json.loads((folder / "evaluation.json").read_text())
    assert content["boxes"]["ap50"] == pytest.approx(found.ap50)
    assert set(content["voc"]) == set(CLASSES)
    rows = json.loads((folder / "results.json").read_text())
    assert {"image_id", "category_id", "bbox", "score", "segmentation"} <= rows[0].keys()
    for kind, own in (("bbox", found.boxes), ("segm", found.shapes)):
        assert measured_by_pycocotools(folder, kind) == pytest.approx((own.ap, own.ap50), abs=1e-6)
    for name in ("confusion.png", "precision.png"):
        assert (folder / name).is_file()
    low, high = content["intervals"]["ap"]
    assert low <= found.ap <= high
    assert f"95 % intervals over pictures: AP {100 * low:.1f} to {100 * high:.1f} %" in found.describe()
    assert f"| ap | {found.ap:.4f} | {low:.1%} and {high:.1%} |" in (run.folder / "card.md").read_text()
    assert measured(run.evaluate(split="val")).ap == pytest.approx(run.summary["best"]["val_ap"], abs=0.05)


@pytest.mark.long
def test_other_pictures_of_another_format_and_classes_that_are_strange(run: Run, data: Path, tmp_path: Path) -> None:
    other = save_boxes(load_boxes(data), tmp_path / "voc", "voc")
    found = measured(evaluate(run.folder, other, split="test"))
    assert found.ap50 == pytest.approx(measured(run.evaluate(split="test")).ap50, abs=0.02)
    for path in (other / "Annotations").glob("*.xml"):
        path.write_text(path.read_text().replace("disc", "ball"))
    with pytest.raises(InputError, match="'ball', which the network does not know"):
        evaluate(run.folder, other)
    alone = tmp_path / "alone.safetensors"
    shutil.copy(run.folder / "best.safetensors", alone)
    assert measured(evaluate(alone, data, split="test")).ap50 > 0.6
    with pytest.raises(InputError, match="name some"):
        evaluate(alone)


@pytest.mark.long
def test_prediction_and_what_it_writes(run: Run, tmp_path: Path) -> None:
    picture, rows = scene(3)
    found = predicted(run.predict(picture, limits=Limits(score=0.5)))
    assert sorted(found.names) == sorted(row["name"] for row in rows)
    masks = found.masks()
    for row in rows:
        overlaps = [(mask & row["mask"]).sum() / (mask | row["mask"]).sum() for mask in masks]
        assert max(overlaps) > 0.6
    Image.fromarray(picture).save(tmp_path / "päinting.png")
    from_file = predicted(run.predict(tmp_path / "päinting.png"))
    np.testing.assert_array_equal(from_file.boxes, found.boxes)
    from_file.save(tmp_path / "o.jpg")
    from_file.save(tmp_path / "o.json")
    content = json.loads((tmp_path / "o.json").read_text())
    assert len(content["objects"]) == len(rows)
    assert content["objects"][0]["segmentation"]["size"] == [96, 128]
    assert not len(predicted(run.predict(picture, limits=Limits(score=1.0))).boxes)
    with pytest.raises(InputError, match=r"must end in \.json"):
        found.save(tmp_path / "o.txt")
    with pytest.raises(InputError, match="uint8"):
        run.predict(picture.astype(float))


@pytest.mark.long
def test_a_stopped_training_goes_on_to_the_same_end(data: Path, tmp_path: Path) -> None:
    settings = {**SMALL, "net": "faster_rcnn", "epochs": 3, "side": 64}
    whole = train("detect", data, runs=tmp_path / "a", **settings)

    class Stop(Exception):
        pass

    def stop(progress: Any) -> None:
        if progress.phase == "training" and progress.epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        train("detect", data, runs=tmp_path / "b", progress=stop, **settings)
    later = resume(tmp_path / "b" / "detect" / "shapes-1")
    with (whole.folder / "metrics.csv").open() as first, (later.folder / "metrics.csv").open() as second:
        ours, theirs = list(csv.DictReader(first)), list(csv.DictReader(second))
    for one, other in zip(ours, theirs, strict=True):
        assert float(one["train_loss"]) == pytest.approx(float(other["train_loss"]), rel=1e-3)
        assert float(one["val_loss"]) == pytest.approx(float(other["val_loss"]), rel=1e-2)


@pytest.mark.slow
def test_fast_rcnn_says_how_good_its_proposals_are(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    run = train("detect", data, net="fast_rcnn", runs=tmp_path, say=said.append, **{**SMALL, "epochs": 4})
    assert any("of the objects lie in a proposal" in text for text in said)
    assert run.summary["best"]["val_ap"] > 0.08
    with pytest.raises(InputError, match="finds boxes only"):
        predicted(run.predict(scene(40)[0])).masks()


@pytest.mark.slow
def test_rcnn_is_fitted_to_features_that_are_computed_once(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    phases: list[str] = []
    settings = {"net": "rcnn", "most": 150, "workers": 0, "side": 64}
    run = train("detect", data, runs=tmp_path, say=said.append, progress=lambda p: phases.append(p.phase), **settings)
    assert run.summary["best"]["val_ap"] > 0.12
    assert not (run.folder / "features").exists()
    assert phases.count("features") == 32
    assert measured(run.evaluate(split="test")).ap50 > 0.3
    shown = [predicted(run.predict(scene(40 + k)[0])) for k in range(6)]
    assert sum(len(own.boxes) for own in shown) >= 3  # scores are calibrated on val: some answers are sure enough
    none = predicted(run.predict(scene(40)[0], limits=Limits(score=1.0)))
    assert none.best is not None
    assert none.best[0] in none.classes
    assert none.to_dict()["best"]["score"] == pytest.approx(none.best[1], abs=1e-5)
    for idle in ({"epochs": 5}, {"optimizer": "sgd"}, {"augment": "strong"}):
        with pytest.raises(InputError, match=next(iter(idle))):
            train("detect", data, runs=tmp_path, **idle, **settings)


@pytest.mark.slow
def test_rcnn_goes_on_with_the_features_that_are_there(data: Path, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(progress: Any) -> None:
        if progress.phase == "features" and progress.done == 20:
            raise Stop

    with pytest.raises(Stop):
        train("detect", data, runs=tmp_path, progress=stop, net="rcnn", most=40, workers=0, side=64)
    (folder,) = (tmp_path / "detect").iterdir()
    files = sorted((folder / "features").iterdir())
    assert len(files) == 20
    files[3].write_bytes(b"torn")
    times = {path.name: path.stat().st_mtime_ns for path in files}
    kept: list[str] = []

    def look(progress: Any) -> None:
        if progress.phase == "training" and not kept:
            kept.extend(p.name for p in files if p.stat().st_mtime_ns == times[p.name])

    run = resume(folder, progress=look)
    assert run.finished
    assert len(kept) == 19


def test_a_trial_of_rcnn_that_is_given_up_leaves_nothing_behind(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    class GivenUp(Exception):
        pass

    def give_up(_: Any) -> None:
        raise GivenUp

    dataset = load_boxes(data)
    settings = resolve(
        DetectSettings.of(data, {"net": "rcnn", "most": 20, "workers": 0, "side": 64, "device": "cpu"}), dataset
    )
    with pytest.raises(GivenUp):
        try_settings(TASK, settings, dataset, Hooks(on_epoch=give_up))
    assert not list(tmp_path.iterdir())


@pytest.mark.long
def test_a_later_network_takes_the_layers_of_the_one_before(data: Path, run: Run, tmp_path: Path) -> None:
    later = train("detect", data, net="faster_rcnn", weights=str(run.folder), runs=tmp_path, **{**SMALL, "epochs": 1})
    assert later.summary["best"]["val_ap"] > 0.25


@pytest.mark.long
def test_a_damaged_or_strange_file_is_refused(run: Run, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    path.write_bytes((run.folder / "best.safetensors").read_bytes()[:5000])
    with pytest.raises(RunError, match="damaged"):
        DetectPredictor(tmp_path)
    network = trained.read(run.folder)
    for name, value in (("classes", ("a",)), ("options", {"backbone": "efficientnet_lite0", "side": 10**9})):
        trained.write(path, dataclasses.replace(network, about=dataclasses.replace(network.about, **{name: value})))
        with pytest.raises(RunError, match=r"does not fit|damaged"):
            trained.read(path)


def test_settings_that_cannot_be(data: Path, tmp_path: Path) -> None:
    dataset = load_boxes(data)

    def resolved(**values: Any) -> DetectSettings:
        return resolve(DetectSettings.of(data, values), dataset)

    assert [resolved(net=net).side for net in ("faster_rcnn_fpn", "faster_rcnn")] == [192, 96]
    assert resolved(net="mask_rcnn").width == 64
    small, middle, large = resolved(side=96).sizes or (0, 0, 0)
    assert 18 <= small <= middle <= large <= 44  # as the scenes draw them
    assert resolved(side=192).sizes == pytest.approx((2 * small, 2 * middle, 2 * large), abs=2)
    assert resolved(sizes=(8, 16)).sizes == (8, 16)
    assert [resolved(net=net).boxes for net in ("faster_rcnn_fpn", "faster_rcnn")] == [128, 32]
    assert resolved(net="faster_rcnn", backbone="resnet18").boxes == 64
    assert [resolved(backbone=name).width for name in ("efficientnet_lite0", "resnet18")] == [128, 256]
    assert (resolved().lower, resolved(weights="none").lower, resolved(net="rcnn").lower) == ("kept", None, None)
    with pytest.raises(InputError, match="lower does nothing beside rcnn"):
        resolved(net="rcnn", lower="learn")
    with pytest.raises(InputError, match="say visus train localize"):
        resolved(net="localizer")
    with pytest.raises(InputError, match="must be from 1 to"):
        resolved(sizes=(10**6,))
    with pytest.raises(InputError, match="no option sizes"):
        resolved(net="fast_rcnn", sizes=(8, 16))
    with pytest.raises(InputError, match="no option width"):
        resolved(net="faster_rcnn", width=8)
    with pytest.raises(InputError, match="proposals"):
        resolved(proposals="quality")
    with pytest.raises(InputError, match="neither 'imagenet' nor 'none'"):
        resolved(weights="nowhere")
    with pytest.raises(InputError, match="no detection network 'yolo'"):
        resolved(net="yolo")
    plain = load_boxes(save_boxes(dataset, tmp_path / "voc", "voc"))
    with pytest.raises(InputError, match="learns shapes"):
        resolve(DetectSettings.of(data, {"net": "mask_rcnn"}), plain)


@pytest.mark.long
def test_a_network_of_torchvision_trains(data: Path, tmp_path: Path) -> None:
    small = {**SMALL, "epochs": 1, "side": 64, "weights": "none"}
    run = train("detect", data, net="maskrcnn_resnet50_fpn", runs=tmp_path, **small)
    assert run.summary["epochs"] == 1
    assert measured(run.evaluate(split="test")).shapes is not None
