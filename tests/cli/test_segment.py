"""Segmentation from the command line, as a user types it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.command import visus
from tests.support.masked import folder_of_masks, scene


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, and a run that learned from them."""
    root = tmp_path_factory.mktemp("work")
    folder_of_masks(root / "Bilder ünïcode")
    small = ["--net", "unet", "--padded", "--width", "4", "--size", "48", "--batch-size", "4", "--lr", "0.005"]
    small += ["--windows", "1"]
    answer = visus("train", "segment", "Bilder ünïcode", *small, "--epochs", "12", cwd=root)
    assert "square" in answer.stdout
    assert "mean iou" in answer.stdout
    return root


RUN = "runs/segment/Bilder-ünïcode-1"


def test_evaluate_and_predict(place: Path) -> None:
    answer = visus("evaluate", RUN, cwd=place)
    assert "mean IoU" in answer.stdout
    found = json.loads(visus("evaluate", RUN, "--json", "--flip", cwd=place).stdout)
    assert found["pictures"] == 4
    Image.fromarray(scene(40)[0]).save(place / "street.png")
    answer = visus("predict", RUN, "street.png", "Bilder ünïcode/test/images", "--out", "masks", cwd=place)
    assert answer.stdout.count("ground") == 5
    assert {p.suffix for p in (place / "masks").iterdir()} == {".png", ".jpg", ".json"}
    assert len(list((place / "masks").iterdir())) == 15
    assert np.asarray(Image.open(place / "masks" / "street.png")).shape == (72, 80)
    (place / "broken.png").write_bytes(b"no")
    both = visus("predict", RUN, "street.png", "broken.png", "--json", cwd=place)
    content = json.loads(both.stdout)
    assert (len(content["predictions"]), len(content["unreadable"])) == (1, 1)


def test_a_crf_is_tuned_and_used(place: Path) -> None:
    answer = visus("tune", "crf", RUN, "--trials", "2", cwd=place)
    assert "without a CRF" in answer.stdout
    assert (place / RUN / "crf.toml").is_file()
    visus("evaluate", RUN, "--crf", "--scales", "0.75,1", cwd=place)
    assert (place / RUN / "evaluation-test-crf" / "evaluation.json").is_file()


@pytest.mark.slow
def test_tune_and_train_with_the_best(place: Path) -> None:
    (place / "base.toml").write_text(
        'task = "segment"\nnet = "unet"\npadded = true\nwidth = 2\nwindow = [48, 48]\nbatch_size = 4\n'
    )
    shared = ["--config", "base.toml", "--epochs", "1", "--trials", "2"]
    visus("tune", "segment", "Bilder ünïcode", *shared, cwd=place)
    best = next((place / "runs" / "tune").rglob("best.toml"))
    assert 'task = "segment"' in best.read_text()
    visus("train", "segment", "Bilder ünïcode", "--config", str(best), cwd=place)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "segment", "nowhere"], "no folder of pictures with masks"),
        (["train", "segment"], "Name a folder of pictures with masks"),
        (["train", "segment", "Bilder ünïcode", "--size", "big"], "--size must be whole numbers"),
        (["train", "segment", "Bilder ünïcode", "--net", "unet", "--size", "200"], "nearest is 188 or 204"),
        (["train", "segment", "Bilder ünïcode", "--ignore", "sky"], "no class 'sky'"),
        (["train", "segment", "Bilder ünïcode", "--weights", "imagenet", "--net", "unet"], "no weights for unet"),
        (
            ["train", "segment", "Bilder ünïcode", "--net", "fcn8s"],
            "--backbone efficientnet_lite0, whose weights are here",
        ),
        (["train", "classify", "--resume", RUN], "is a run of the task segment"),
        (["train", "segment", "--resume", RUN], "is finished"),
        (["predict", RUN, "street.txt"], "does not exist"),
        (["predict", RUN, "Bilder ünïcode", "--csv"], "--csv is for classifiers"),
        (["predict", RUN, "Bilder ünïcode", "--scales", "x"], "--scales must be numbers"),
        (["tune", "crf", RUN, "--net", "unet"], "takes no --net"),
        (["tune", "crf", "runs"], "is no run"),
    ],
)
def test_one_sentence_and_exit_code_two(place: Path, arguments: list[str], words: str) -> None:
    answer = visus(*arguments, cwd=place, code=2)
    assert words in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
