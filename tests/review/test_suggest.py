"""``visus suggest``: what to label next, and the files for annotation tools."""

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import visus
from tests.support import boxed
from tests.support.command import visus as command
from tests.support.labeled import write_class
from tests.support.pictures import folder_of
from visus.review.exporting import export
from visus.review.suggesting import spread
from visus.search.describe import unit


def test_points_are_drawn_apart_and_uncertain_ones_first() -> None:
    random = np.random.default_rng(0)
    middles = unit(random.normal(size=(6, 16)))
    vectors = unit((np.repeat(middles, 20, 0) + random.normal(0, 0.02, (120, 16))).astype(np.float32))
    assert len({k // 20 for k in spread(vectors, None, 6).tolist()}) == 6
    push = np.tile(np.array([[0.02, -0.02]], np.float32), (120, 1))
    push[:60] = (0.5, -0.5)  # of these the probe is unsure
    assert {k // 20 for k in spread(vectors, push, 4).tolist()} >= {0, 1, 2}  # and one of those that say nothing new
    chosen = spread(vectors, push, 9).tolist()
    assert spread(vectors, push, 9, seed=1).tolist() != chosen
    assert spread(vectors, push, 9).tolist() == chosen


def test_no_more_are_drawn_than_differ() -> None:
    same = np.ones((5, 3), np.float32)
    assert spread(same, None, 4).tolist() == [0]
    assert len(spread(same[:0], None, 4)) == 0


def test_the_product_is_that_of_the_gradients() -> None:
    random = np.random.default_rng(1)
    vectors, push = random.normal(size=(30, 5)).astype(np.float32), random.normal(size=(30, 3)).astype(np.float32)
    whole = (vectors[:, :, None] * push[:, None, :]).reshape(30, 15)
    first = spread(vectors, push, 12, seed=3)
    start = int(np.argmax((whole**2).sum(1)))
    random, expected, nearest = np.random.default_rng(3), [start], np.full(30, np.inf)
    while len(expected) < 12:  # k-means++ as it is written
        nearest = np.minimum(nearest, ((whole - whole[expected[-1]]) ** 2).sum(1))
        expected.append(int(random.choice(30, p=nearest / nearest.sum())))
    assert first.tolist() == expected


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Labeled pictures, and a pool with a copy of one of them, and one that is there twice."""
    root = tmp_path_factory.mktemp("suggest")
    for label, name in enumerate(("blob", "checks", "stripes")):
        write_class(root / "labeled" / name, label, 8, side=96)
        write_class(root / "pool", label, 4, first=10 * label + 100, side=96)
    shutil.copy(root / "labeled" / "blob" / "0000.png", root / "pool" / "known.png")
    shutil.copy(root / "pool" / "0100.png", root / "pool" / "twice.png")
    return root / "labeled", root / "pool"


def test_copies_and_labeled_pictures_are_passed_over(places: tuple[Path, Path]) -> None:
    labeled, pool = places
    found = visus.suggest(pool, labeled=labeled, n=5)
    assert (found.pictures, len(found.suggestions)) == (12, 5)
    assert "2 pictures are the same as others or labeled ones and are passed over." in found.notes
    assert not {"known.png", "twice.png"} & {Path(own.file).name for own in found.suggestions}
    truth = {100: "blob", 110: "checks", 120: "stripes"}
    every = visus.suggest(pool, labeled=labeled, n=99).suggestions
    right = [own.predicted_label == truth[int(Path(own.file).stem) // 10 * 10] for own in every]
    assert np.mean(right) > 0.8
    assert all(own.probability and own.margin is not None and own.margin <= own.probability for own in every)


def test_nothing_need_be_labeled(places: tuple[Path, Path], tmp_path: Path) -> None:
    told = json.loads(command("suggest", places[1], "--n", 3, "--json", "--sheet", tmp_path / "s.png").stdout)
    assert len(told["suggestions"]) == 3
    assert told["suggestions"][0]["probability"] is None
    assert visus.read(tmp_path / "s.png").std() > 5


def test_what_annotation_tools_read_is_written(places: tuple[Path, Path], tmp_path: Path) -> None:
    labeled, pool = places
    command("suggest", pool, "--labeled", labeled, "--n", 4, "--out", tmp_path / "ls", "--to", "label-studio")
    tasks = json.loads((tmp_path / "ls" / "tasks.json").read_text())
    assert len(tasks) == 4
    for task in tasks:
        name = task["data"]["image"].rpartition("?d=")[2]
        assert (tmp_path / "ls" / name).is_file()
        (prediction,) = task["predictions"]
        assert prediction["result"][0]["value"]["choices"][0] in ("blob", "checks", "stripes")
        assert 0 < prediction["score"] <= 1
    command("suggest", pool, "--labeled", labeled, "--n", 4, "--out", tmp_path / "cvat", "--to", "cvat")
    tree = ElementTree.parse(tmp_path / "cvat" / "annotations.xml").getroot()
    assert [own.text for own in tree.iter("name")] == ["blob", "checks", "stripes"]
    for image in tree.iter("image"):
        assert (image.get("width"), image.get("height")) == ("96", "96")
        assert (tmp_path / "cvat" / "images" / str(image.get("name"))).is_file()
        assert [tag.get("source") for tag in image.iter("tag")] == ["auto"]


def test_pictures_of_one_name_have_names_of_their_own(tmp_path: Path) -> None:
    paths = [*folder_of(tmp_path / "a", 1), *folder_of(tmp_path / "b", 1)]
    export([(str(path), "", 0.0) for path in paths], (), tmp_path / "out", "label-studio")
    assert len(list((tmp_path / "out" / "images").iterdir())) == 2
    assert json.loads((tmp_path / "out" / "tasks.json").read_text())[0]["predictions"] == []


def test_what_cannot_be_is_one_sentence(places: tuple[Path, Path], tmp_path: Path) -> None:
    pool = places[1]
    assert "go together" in command("suggest", pool, "--out", tmp_path / "x", code=2).stderr
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("")
    told = command("suggest", pool, "--n", 1, "--out", tmp_path / "full", "--to", "cvat", code=2).stderr
    assert "not empty" in told
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_text("text")
    (tmp_path / "bad" / "b.png").write_bytes(b"")
    told = command("suggest", tmp_path / "bad", code=2).stderr
    assert "can be read; the first one" in told
    assert told.count("\n") == 1
    cells = boxed.coco_folder(tmp_path / "cells")
    assert "A probe chooses pictures for classes, and" in command("suggest", pool, "--labeled", cells, code=2).stderr
    for name in ("a", "b"):
        folder_of(tmp_path / "few" / name, 1)
    assert "needs ten pictures" in command("suggest", pool, "--labeled", tmp_path / "few", code=2).stderr
