"""``visus explain`` as a user types it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.command import visus
from tests.support.photographs import photographs
from visus import Run
from visus.cli.explain import saliency
from visus.explain import METHODS
from visus.images import read


@pytest.mark.slow
def test_a_map_its_values_and_its_checks(tmp_path: Path) -> None:
    Image.fromarray(read(photographs()["chelsea"])).save(tmp_path / "Kätzchen.png")
    asked = ("explain", "gradcam", "efficientnet_lite0", "Kätzchen.png")
    assert "cat" in visus(*asked, cwd=tmp_path).stdout
    with Image.open(tmp_path / "why.png") as drawn:
        assert drawn.width > 600
    answer = visus(*asked, "--target", "lynx", "--out", "a.npy", "--curves", "--json", cwd=tmp_path)
    found = json.loads(answer.stdout)
    assert found["class"] == "lynx"
    assert 0 <= found["deletion"] < 1
    assert 0 <= found["insertion"] < 1
    assert np.load(tmp_path / "a.npy").shape == (1, 224, 224)
    for arguments, words in (
        (("gradcam", "efficientnet_lite0", "nowhere.png"), "nowhere.png"),
        (("gradcam", "no_net", "Kätzchen.png"), "no_net"),
        (("gradcam", "efficientnet_lite0", "Kätzchen.png", "--out", "a.gif"), "--out must end in"),
        (("guided", "efficientnet_lite0", "Kätzchen.png", "--layer", "blocks"), "layer does nothing"),
    ):
        error = visus("explain", *arguments, cwd=tmp_path, code=2).stderr
        assert words in error
        assert "Traceback" not in error


def test_the_command_knows_every_method() -> None:
    assert tuple(saliency.METHODS) == METHODS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Bilder").mkdir()
    for name in ("chelsea", "coffee", "china", "rocket"):
        Image.fromarray(read(photographs()[name])).save(tmp_path / "Bilder" / f"{name}.png")
    return tmp_path


@pytest.mark.slow
def test_what_it_has_learned(folder: Path) -> None:
    net, cat = "efficientnet_lite0", "Bilder/chelsea.png"
    visus("explain", "filters", net, cwd=folder)
    answer = visus("explain", "maps", net, cat, "--layer", "blocks.1", "--out", "maps.npy", cwd=folder)
    assert "24 maps of 56x56" in answer.stdout
    assert np.load(folder / "maps.npy").shape == (24, 56, 56)
    asked = ("explain", "units", net, "Bilder", "--layer", "blocks.1", "--channel", "3", "--json", "--most", "2")
    assert len(json.loads(visus(*asked, cwd=folder).stdout)["pictures"]) == 2
    found = json.loads(visus("explain", "neighbors", net, cat, "Bilder", "-k", "2", "--json", cwd=folder).stdout)
    assert found["neighbors"][0]["file"].endswith("chelsea.png")
    visus("index", "Bilder", "--index", "b.visus", cwd=folder)
    assert "4 pictures by pca" in visus("explain", "space", net, "b.visus", "--layout", "pca", cwd=folder).stdout
    answer = visus("explain", "ascent", net, "--target", "goldfish", "--steps", "2", "--size", "64", cwd=folder)
    assert "goldfish" in answer.stdout
    asked = ("explain", "invert", net, cat, "--layer", "conv_stem", "--steps", "2", "--json", "--curves", "curves.png")
    assert json.loads(visus(*asked, cwd=folder).stdout)[0]["layer"] == "conv_stem"
    asked = ("explain", "ascent", net, "--target", "goldfish", "--steps", "2", "--size", "64", "--plain", "--json")
    assert [row["kind"] for row in json.loads(visus(*asked, cwd=folder).stdout)] == ["plain", "regularized"]
    found = json.loads(visus("explain", "templates", net, "Bilder", "-k", "2", "--json", cwd=folder).stdout)
    assert {len(own["nearest"]) for own in found["classes"]} == {2}
    answer = visus("explain", "blocks", net, "Bilder", cwd=folder).stdout
    assert answer.count("of answers stay") == 9
    for name in ("curves.png", "templates.png", "blocks.png"):
        assert read(folder / name).ndim == 3
    for name in ("filters.png", "units.png", "neighbors.png", "space.png", "ascent.png", "inverted.png"):
        assert read(folder / name).ndim == 3


@pytest.mark.slow
def test_how_it_is_fooled(folder: Path) -> None:
    net, cat = "efficientnet_lite0", "Bilder/chelsea.png"
    asked = ("explain", "fool", net, cat, "--target", "goldfish", "--epsilon", "2/255")
    answer = visus(*asked, cwd=folder)
    assert "->  goldfish" in answer.stdout
    assert read(folder / "fooled.png").ndim == 3
    found = json.loads(visus("explain", "fool", net, cat, "--attack", "fgsm", "--json", cwd=folder).stdout)
    assert found["linf"] <= 2.001 / 255
    asked = ("explain", "robustness", net, "Bilder", "--epsilon", "2/255", "--attack", "fgsm", "--out", "r.csv")
    assert "4 pictures, 100.0% right" in visus(*asked, cwd=folder).stdout
    assert (folder / "r.csv").read_text().startswith("change,0,")
    for arguments, words in (
        (("fool", net), "Name a picture"),
        (("fool", net, cat, "--epsilon", "much"), "--epsilon takes a number such as"),
        (("fool", net, cat, "--at", "1,2"), "at does nothing"),
        (("gradcam", net, cat, "--box", "1,2"), "--box takes 4 numbers"),
        (("robustness", net), "is no run"),
        (("robustness", net, "Bilder", "--attack", "magic"), "attacks among"),
        (("units", net, "nowhere", "--layer", "a", "--channel", "0"), "nowhere does not exist"),
        (("ascent", net), "Say classes"),
        (("ascent", net, "--plain", "--layer", "blocks.1"), "--plain is for classes"),
        (("templates", net), "name pictures to compare"),
    ):
        error = visus("explain", *arguments, cwd=folder, code=2).stderr
        assert words in " ".join(error.split())


def test_robustness_of_a_run(trained_run: Run, tmp_path: Path) -> None:
    answer = visus("explain", "robustness", trained_run.folder, "--epsilon", "8/255", "--json", cwd=tmp_path)
    found = json.loads(answer.stdout)
    assert found["pictures"] == 36
    assert found["accuracy"]["pgd"][0] < found["clean"]


def test_how_far_integrated_gradients_are_from_adding_up_is_told(trained_run: Run, tmp_path: Path) -> None:
    picture = next((trained_run.folder.parents[2] / "textures" / "test" / "checks").iterdir())
    asked = ("explain", "integrated", trained_run.folder, picture)
    assert "up to 0." in visus(*asked, cwd=tmp_path).stdout
    assert 0 <= json.loads(visus(*asked, "--json", cwd=tmp_path).stdout)["gap"] <= 0.02
    assert "gap" not in json.loads(visus("explain", "saliency", *asked[2:], "--json", cwd=tmp_path).stdout)
