"""How answers get worse as pictures are changed, of every task, and what the card of a run says of it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.boxed import CLASSES, coco_folder
from tests.support.command import visus
from tests.support.masked import folder_of_masks
from tests.support.photographs import photographs
from visus import InputError
from visus.explain.corrupted import Change, change_of, noise
from visus.explain.robust import Robustness, under_corruption
from visus.images import read
from visus.nets import detection, segmentation, trained
from visus.nets.detection.trained import About as BoxAbout
from visus.nets.detection.trained import Trained as TrainedDetector
from visus.nets.segmentation.trained import About, Trained
from visus.ops import Normalize
from visus.runs import Run
from visus.runs.detect import robust as detect
from visus.runs.robust import measure, save
from visus.runs.segment import robust as segment
from visus.tasks.box_metrics import Detections


def segmenter(folder: Path) -> Path:
    """A small segmenter in a file, with random weights."""
    torch.manual_seed(0)
    options = {"width": 2, "padded": True, "channels": 3}
    net = segmentation.create("unet", classes=3, **options)
    about = About("unet", options, ("ground", "disc", "square"), (64, 64), ((0, 0, 0), (9, 9, 9), (99, 99, 99)))
    trained.write(folder / "best.safetensors", Trained(about, net, Normalize.of_channels((0.5,) * 3, (0.25,) * 3)))
    return folder / "best.safetensors"


def boxes_of(folder: Path, net: str, task: str, **options: Any) -> Path:
    """A detector or a localizer in a file, with random weights."""
    torch.manual_seed(0)
    built: Any = detection.create(net, classes=2, **options)
    trained.write(folder / "best.safetensors", TrainedDetector(BoxAbout(net, options, CLASSES, task=task), built))
    return folder / "best.safetensors"


def is_noisy(picture: np.ndarray, least: float) -> bool:
    """Whether neighbors differ by so much; those of scenes do by their own noise already."""
    return float(np.abs(np.diff(picture[..., 0].astype(float), axis=1)).mean()) > least


def test_changes_are_as_large_as_was_asked_for() -> None:
    picture = read(photographs()["chelsea"])[:96, :96]
    for how in ("noise", "jpeg"):
        for wanted in (4, 8):
            found = change_of(how, wanted / 255)(picture)
            assert (found.shape, found.dtype) == (picture.shape, np.uint8)
            rms = float(np.sqrt(np.mean((found.astype(float) - picture) ** 2)))
            assert rms == pytest.approx(wanted, rel=0.3)
    first, again, other = (change_of("noise", 0.02, seed)(picture) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()
    assert (noise(picture, 0.0, np.random.default_rng(0)) == picture).all()


def test_what_falls_is_told_with_its_size() -> None:
    picture = np.full((32, 32, 3), 128, np.uint8)
    told: list[tuple[int, int]] = []

    def score(change: Change, tell: Callable[[int, int], None] | None) -> float:
        if tell:
            tell(10, 10)
        return 1 - float(np.abs(change(picture).astype(float) - picture).mean()) / 255

    found = under_corruption(
        score, 10, measure="AP", split="val", epsilons=(0.0, 0.1), progress=lambda *own: told.append(own)
    )
    assert (found.clean, found.accuracy["noise"][0]) == (1.0, 1.0)
    assert found.accuracy["noise"][1] == pytest.approx(1 - 0.1 * np.sqrt(2 / np.pi), abs=0.01)
    assert told == [(10, 50), (20, 50), (30, 50), (40, 50), (50, 50)]
    assert found.describe().startswith("10 pictures of val, AP 100.0% as they are; changed by (rms)")
    for sizes in ((), (0.2, 0.1), (-0.1,), (2.0,)):
        with pytest.raises(InputError, match="sizes from small to large"):
            under_corruption(score, 10, measure="AP", split="val", epsilons=sizes)


def test_a_segmenter_under_noise_and_jpeg(tmp_path: Path) -> None:
    data, file = folder_of_masks(tmp_path / "data"), segmenter(tmp_path)
    told: list[tuple[int, int]] = []
    found = measure(file, data, split="test", epsilons=(0.0, 0.3), most=3, progress=lambda *own: told.append(own))
    assert (found.count, found.measure, found.split) == (3, "mean IoU", "test")
    assert found.accuracy["noise"][0] == found.clean  # no noise is no change
    assert found.accuracy["noise"][1] != found.clean
    assert told[-1] == (15, 15)
    assert found.to_dict()["measure"] == "mean IoU"
    again = segment.measure(file, data, split="test", epsilons=(0.0, 0.3), most=3)
    assert again == found
    for option, said in (({"attacks": ("pgd",)}, "attack"), ({"norm": "l2"}, "norm"), ({"steps": 3}, "steps")):
        with pytest.raises(InputError, match=f"^{said} is for classifiers; a network of the task segment"):
            measure(file, data, **option)


def test_a_detector_that_errs_on_noise_loses_average_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, file = (
        coco_folder(tmp_path / "data"),
        boxes_of(tmp_path, "faster_rcnn", "detect", backbone="efficientnet_lite0", side=64),
    )
    truth = iter([own for _ in range(3) for own in detect.evaluate.opened(file, data)[2].splits["val"].objects])

    class Fake:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def answers(self, picture: np.ndarray) -> Detections:
            own = next(truth)
            scores = np.full(len(own), 0.1 if is_noisy(picture, 40) else 0.9, np.float32)
            kept = scores > 0.5
            return Detections(own.boxes[kept], scores[kept], own.labels[kept])

    monkeypatch.setattr(detect, "DetectPredictor", Fake)
    found = detect.measure(file, data, split="val", epsilons=(0.3,))
    assert (found.count, found.measure, found.split, found.clean) == (4, "AP", "val", 1.0)
    assert found.accuracy["noise"] == (0.0,)


@pytest.mark.slow
@pytest.mark.parametrize(("net", "task"), [("faster_rcnn", "detect"), ("localizer", "localize")])
def test_networks_that_answer_with_boxes_are_measured(net: str, task: str, tmp_path: Path) -> None:
    data = coco_folder(tmp_path / "data")
    file = boxes_of(tmp_path, net, task, backbone="efficientnet_lite0", side=64)
    asked = ("explain", "robustness", file, data, "--split", "val", "--epsilon", "8/255", "--most", "1")
    found = json.loads(visus(*asked, "--json", cwd=tmp_path).stdout)
    assert set(found["accuracy"]) == {"noise", "jpeg"}
    assert found["measure"] == {"detect": "AP", "localize": "localized"}[task]
    assert "norm is for classifiers" in visus(*asked, "--norm", "l2", code=2).stderr


def test_volumes_are_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = segmentation.create("vnet", classes=2, width=2)
    network = type("Network", (), {"net": net})
    monkeypatch.setattr(segment, "opened", lambda *_: (None, network, None))
    with pytest.raises(InputError, match="answers volumes; robustness is measured on pictures"):
        segment.measure(tmp_path)


def test_the_table_beside_a_run_goes_into_its_card(trained_run: Run, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained_run.folder, run)
    asked = ("explain", "robustness", run, "--epsilon", "8/255", "--attack", "fgsm")
    visus(*asked, "--out", tmp_path / "elsewhere.csv")
    assert "## Robustness\n\nNot measured" in (run / "card.md").read_text()
    visus(*asked, "--out", run / "robustness.csv")
    text = (run / "card.md").read_text()
    assert "The accuracy on 36 pictures of test, changed by so much of white" in text
    assert "a difference of some points may be chance" in text
    assert "| change | as it is | 8/255 |\n| --- | --- | --- |\n| fgsm |" in text
    found = Robustness((4 / 255,), {"noise": (0.25,), "jpeg": (0.5,)}, 0.75, 200, "linf", "mean IoU", "val")
    save(found, run / "robustness.csv")
    text = (run / "card.md").read_text()
    assert "The mean IoU on 200 pictures of val" in text
    assert "may be chance" not in text
    assert "| noise | 75.0% | 25.0% |\n| jpeg | 75.0% | 50.0% |" in text
    assert "measure" not in text.split("| change")[1].split("## License")[0]
