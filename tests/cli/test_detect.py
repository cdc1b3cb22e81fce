"""``visus train detect``, ``evaluate`` and ``predict`` as a user types them."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from tests.support.boxed import coco_folder, scene
from tests.support.command import visus


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, and a run that was trained on them."""
    root = tmp_path_factory.mktemp("cli")
    coco_folder(root / "Fötos", {"train": 24, "val": 4, "test": 4})
    answer = visus("train", "detect", "Fötos", "--net", "rcnn", "--size", 64, "--most", 100, "--workers", 0, cwd=root)
    assert "of the objects lie in a proposal" in answer.stdout
    assert "Best: ap " in answer.stdout
    return root


RUN = "runs/detect/Fötos-1"


def test_evaluate(place: Path) -> None:
    assert "AP50" in visus("evaluate", RUN, cwd=place).stdout
    content = json.loads(visus("evaluate", RUN, "--split", "val", "--json", cwd=place).stdout)
    assert content["pictures"] == 4
    assert (place / RUN / "evaluation-test" / "confusion.png").is_file()


def test_predict(place: Path) -> None:
    Image.fromarray(scene(3)[0]).save(place / "päinting.png")
    (place / "torn.jpg").write_bytes(b"no picture")
    answer = visus("predict", RUN, "päinting.png", "torn.jpg", "--conf", 0.4, "--out", "found", cwd=place)
    assert "päinting.png" in answer.stdout
    assert "Could not use 1 file" in answer.stderr
    assert (place / "found" / "päinting.jpg").is_file()
    assert isinstance(json.loads((place / "found" / "results.json").read_text()), list)
    shown = json.loads(visus("predict", RUN, "päinting.png", "--json", "--max-det", 1, "--conf", 0, cwd=place).stdout)
    assert len(shown["predictions"][0]["objects"]) == 1


def test_where_nothing_passes_the_best_is_named_with_what_shows_it(place: Path) -> None:
    Image.fromarray(scene(3)[0]).save(place / "one.png")
    answer = visus("predict", RUN, "one.png", "--conf", 1, "--out", "none", cwd=place)
    assert "one.png  nothing; the best is " in answer.stdout
    assert "No answer reaches --conf 1; the best is " in answer.stderr
    (enough,) = re.findall(r"say --conf (\S+) to see it", answer.stderr)
    shown = json.loads(visus("predict", RUN, "one.png", "--json", "--conf", enough, cwd=place).stdout)
    assert shown["predictions"][0]["objects"]


def test_mistakes_are_one_sentence(place: Path) -> None:
    for arguments, words in (
        (("predict", RUN, "päinting.png", "--crf"), "--crf is for segmenters"),
        (("predict", RUN, "päinting.png", "-k", 3), "-k is for classifiers"),
        (("predict", RUN, "päinting.png", "--conf", 7), "from 0 to 1"),
        (("predict", RUN, "päinting.png", "--out", "."), "name another folder with --out"),
        (("train", "detect", "Fötos", "--net", "rcnn", "--epochs", 3), "takes no steps"),
        (("train", "detect", "Fötos", "--anchors", "8,x"), "whole numbers above 0 such as"),
        (("train", "detect", "nowhere"), "is no folder of pictures with boxes"),
        (("train", "detect"), "pictures with boxes"),
    ):
        error = visus(*arguments, cwd=place, code=2).stderr
        assert words in error.replace("\n", " ")
        assert "Traceback" not in error


@pytest.mark.slow
def test_a_localizer(place: Path) -> None:
    answer = visus(
        "train", "localize", "Fötos", "--crops", "--epochs", 3, "--size", 64, "--workers", 0, "--no-health", cwd=place
    )
    assert "each object cut out" in answer.stdout
    assert "Best: localized" in answer.stdout
    run = "runs/localize/Fötos-1"
    assert "mean IoU" in visus("evaluate", run, cwd=place).stdout
    Image.fromarray(scene(3)[0]).save(place / "one.png")
    shown = json.loads(visus("predict", run, "one.png", "--json", cwd=place).stdout)
    assert len(shown["predictions"][0]["objects"]) == 1
    error = visus("train", "localize", "Fötos", "--epochs", 2, cwd=place, code=2).stderr
    assert "at least 3 epochs" in error


def test_every_object_is_searched_for_on_its_own(place: Path) -> None:
    folder = place / "parts"
    folder.mkdir()
    picture, rows = scene(5)
    for k, row in enumerate(rows):
        x0, y0, x1, y1 = row["box"]
        Image.fromarray(picture[y0:y1, x0:x1]).resize((64, 64)).save(folder / f"{row['name']}-{k}.png")
    Image.fromarray(picture).save(place / "whole.png")
    visus("index", "parts", cwd=place)
    asked = ("search", "whole.png", "--detect", RUN)
    shown = json.loads(visus(*asked, "--conf", 0.5, "-k", 1, "--json", "--sheet", "s.png", cwd=place).stdout)
    assert {own["class"] for own in shown["objects"]} <= {row["name"] for row in rows}
    for own in shown["objects"]:
        x0, y0, x1, y1 = own["box"]
        assert 0 <= x0 < x1 <= 128
        assert 0 <= y0 < y1 <= 96
        assert Path(own["hits"][0]["path"]).name.startswith(own["class"])
    assert shown["objects"]
    with Image.open(place / "s.png") as drawn:
        assert drawn.width > 400
    assert " at " in visus(*asked, cwd=place).stdout
    assert "lower --conf" in visus(*asked, "--conf", 1, cwd=place).stderr
    for arguments, words in (
        ((*asked, "--region", "0,0,9,9"), "takes one picture and goes with neither"),
        (("search", "whole.png", "--conf", 0.5), "goes with --detect"),
        (("search", "whole.png", "--detect", "nowhere"), "no trained network"),
    ):
        assert words in visus(*arguments, cwd=place, code=2).stderr.replace("\n", " ")
