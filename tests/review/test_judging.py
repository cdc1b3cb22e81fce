"""``visus suggest --run``: what a trained network is unsure of, and what it proposes."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import visus
from tests.support import boxed
from tests.support.command import visus as command
from tests.support.labeled import write_class
from tests.support.untrained import finder, painter
from visus import InputError, Run
from visus.data import load_boxes_whole, load_masks_whole
from visus.data.boxes import objects
from visus.graphs.blocks import Sides
from visus.graphs.boxes import Detections, Limits
from visus.graphs.runs import decode
from visus.images import draw
from visus.review.judging import Judge, Opinion, Proposal
from visus.review.suggesting import spread
from visus.runs.detect.prediction import BoxPredictor
from visus.runs.doubts import boxes_judge, entropy, margins, masks_judge
from visus.runs.segment.prediction import MaskPredictor

Pixels = Any


class Brightness(BoxPredictor):
    """Finds a box whose score is how bright the picture is, and a certain one; takes no thin pictures."""

    classes = ("lamp", "wall")
    limits = Limits(score=0.05)

    def _within(self, picture: Pixels, limits: Limits) -> Detections:
        height, width = picture.shape[:2]
        if width > 4 * height:
            raise InputError("A picture of that kind is too thin; cut it first.")
        scores = np.array([1.0, picture.mean() / 255], np.float32)
        boxes = np.array([[0, 0, width, height], [1, 2, 9, 8]], np.float32)
        kept = np.flatnonzero(scores >= limits.score)
        return Detections(boxes[kept], scores[kept], np.array([1, 0], np.int64)[kept])


class Halves(MaskPredictor):
    """Says of each pixel how likely it is of the second class: its brightness."""

    classes = ("dark", "light")
    palette = ((0, 0, 0), (255, 255, 255))
    window = (32, 32)
    spacing = None
    sides = Sides()

    def probabilities(self, picture: Pixels, shown: Pixels = None) -> Any:
        light = picture[..., 0].astype(np.float32) / 255
        return np.stack([1 - light, light])


def pool(folder: Path, brightness: dict[str, float]) -> Path:
    """Pictures of an even brightness with a pattern of their own."""
    folder.mkdir(parents=True)
    for k, (name, value) in enumerate(brightness.items()):
        random = np.random.default_rng(k)
        texture = np.kron(random.normal(0, 0.02, (6, 8, 3)), np.ones((8, 8, 1)))
        picture = np.clip(255 * (value + texture - texture.mean()), 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{name}.png")
    return folder


def names(found: Any) -> list[str]:
    return [Path(own.file).stem for own in found.suggestions]


def test_the_measures_are_those_of_their_papers() -> None:
    assert margins(np.array([0.9, 0.6, 0.5])) == pytest.approx(0.2**2 + 0.8**2 + 1)
    assert margins(np.array([])) == 0
    random = np.random.default_rng(0).dirichlet(np.ones(5), 7).T  # (5, 7)
    expected = [-sum(p * np.log(p) for p in column) / np.log(5) for column in random.T]
    np.testing.assert_allclose(entropy(random), expected)
    assert entropy(np.ones((1, 3))).tolist() == [0, 0, 0]


def test_a_detector_is_asked_where_it_wavers(tmp_path: Path) -> None:
    brightness = {"night": 0.06, "dusk": 0.3, "between": 0.5, "morning": 0.7, "noon": 0.96}
    folder = pool(tmp_path / "pool", brightness)
    Image.fromarray(np.full((8, 90, 3), 128, np.uint8)).save(folder / "thin.png")
    found = visus.suggest(folder, judge=boxes_judge(Brightness(), 0.5), n=9)
    assert names(found)[0] == "between"
    assert (found.pictures, len(found.suggestions)) == (5, 5)
    by_name = dict(zip(names(found), found.suggestions, strict=True))
    for name, value in brightness.items():
        assert by_name[name].uncertainty == pytest.approx((1 - abs(2 * value - 1)) ** 2, abs=0.02)
    counts = {Path(row["file"]).stem: row["proposed"] for row in found.rows()}
    assert (counts["noon"], counts["dusk"]) == ({"lamp": 1, "wall": 1}, {"wall": 1})
    assert found.notes[0] == (
        "1 picture cannot be used by the network and is passed over. "
        "The first: A picture of that kind is too thin; cut it first."
    )
    assert found.to_dict()["measure"] in found.notes[-1]
    assert re.search(r"between\.png: 0\.9\d\d, (1 lamp, )?1 wall\?", found.describe())


def test_pictures_that_it_is_sure_of_come_last() -> None:
    vectors = np.eye(20, dtype=np.float32)
    weights = np.full(20, 0.01, np.float32)
    weights[[3, 8, 12]] = (0.9, 1.0, 0.8)
    first = [set(spread(vectors, None, 3, weights=weights, seed=seed).tolist()) == {3, 8, 12} for seed in range(20)]
    assert np.mean(first) > 0.7
    alike = vectors.copy()
    alike[3] = alike[8]  # of two that are alike one is asked about
    assert not any({3, 8} <= set(spread(alike, None, 9, weights=weights, seed=seed).tolist()) for seed in range(20))


def test_pictures_of_which_a_network_is_sure_are_named_too(tmp_path: Path) -> None:
    folder = pool(tmp_path / "pool", {f"p{k}": 0.5 for k in range(6)})
    for unsure in ({"p2": 1.0}, {}):
        judge = Judge((), lambda file, unsure=unsure: Opinion(unsure.get(Path(file).stem, 0.0)))
        found = names(visus.suggest(folder, judge=judge, n=6))
        assert len(found) == 6
        assert not unsure or found[0] == "p2"


def test_a_segmenter_is_asked_where_its_pixels_waver(tmp_path: Path) -> None:
    folder = pool(tmp_path / "pool", {"dark": 0.1, "between": 0.5, "light": 0.8})
    found = visus.suggest(folder, judge=masks_judge(Halves()), n=3)
    assert names(found)[0] == "between"
    for own in found.suggestions:
        light = visus.read(own.file)[..., 0] / 255
        assert own.uncertainty == pytest.approx(entropy(np.stack([1 - light, light])).mean(), abs=1e-4)
        assert own.proposal is not None
        covered = int((light > 0.5).sum())
        masks = [decode(shape) for shape in own.proposal.objects.shapes]
        assert [int(mask.sum()) for mask in masks] == [covered] * bool(covered)
        assert own.proposal.objects.labels.tolist() == [1] * len(masks)  # the first class is what no mask covers


def test_masks_have_shares_and_are_not_counted(tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    picture = np.full((40, 50, 3), 20, np.uint8)
    picture[:10, :25] = 230  # two bright regions, a fifth of the picture
    picture[-6:, -25:] = 230
    Image.fromarray(picture).save(tmp_path / "pool" / "lamps.png")
    found = visus.suggest(tmp_path / "pool", judge=masks_judge(Halves()), n=1)
    assert re.search(r"lamps\.png: 0\.\d{3}, light 20\.0%\?", found.describe())
    (row,) = found.to_dict()["suggestions"]
    assert (row["proposed"], row["shares"]) == ({}, {"light": 0.2})
    picture[:] = 20
    Image.fromarray(picture).save(tmp_path / "pool" / "lamps.png")
    found = visus.suggest(tmp_path / "pool", judge=masks_judge(Halves()), n=1)
    assert ", nothing?" in found.describe()


def test_masks_come_back_with_the_numbers_of_the_classes(tmp_path: Path) -> None:
    folder = pool(tmp_path / "pool", {"dark": 0.3, "light": 0.8})
    halves = Halves()
    halves.classes = ("ground", "square")
    found = visus.suggest(folder, judge=masks_judge(halves), n=2)
    assert any("What no mask covers is ground" in note and "--task segment" in note for note in found.notes)
    found.export(tmp_path / "cvat", "cvat")
    back = load_masks_whole(tmp_path / "cvat")
    assert back.classes == ("background", "square")
    own = back.splits["all"]
    assert {Path(file).stem: np.unique(own.read(k)[1]).tolist() for k, file in enumerate(own.files)} == {
        "dark": [0],
        "light": [1],
    }
    found.export(tmp_path / "ls", "label-studio")
    config = (tmp_path / "ls" / "label_config.xml").read_text()
    assert "square" in config
    assert "ground" not in config


def test_the_sheet_shows_what_is_proposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[Any, Any]] = []
    monkeypatch.setattr(draw, "contact_sheet", lambda pictures, captions, **_: shown.append((pictures, captions)))
    folder = pool(tmp_path / "pool" / "deep", {"noon": 0.9}).parent
    visus.suggest(folder, judge=boxes_judge(Brightness(), 0.5), n=1).drawn()
    ((picture,), (caption,)) = shown.pop()
    assert re.fullmatch(r"deep/noon\.png\n0\.\d{3}, 1 lamp, 1 wall\?", caption)
    assert (picture == (128, 0, 0)).all(-1).any()  # the frames of lamp and of wall
    assert (picture == (0, 128, 0)).all(-1).any()
    masks = masks_judge(Halves())
    visus.suggest(folder, judge=replace(masks, palette=((0, 0, 0), (0, 0, 200))), n=1).drawn()
    ((picture, _), (caption, legend)) = shown.pop()
    assert re.fullmatch(r"deep/noon\.png\n0\.\d{3}, light 100\.0%\?", caption)
    assert legend == "classes; the first is not drawn"
    assert (picture[..., 2].astype(int) > picture[..., 0] + 80).all()


def test_a_large_picture_is_asked_about_in_parts(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    picture = np.repeat(random.integers(0, 256, (1100, 1300, 1), np.uint8), 3, axis=2)
    Image.fromarray(picture).save(tmp_path / "large.png", compress_level=0)
    opinion = masks_judge(Halves()).doubt(str(tmp_path / "large.png"))
    light = picture[..., 0] / 255
    assert opinion.uncertainty == pytest.approx(entropy(np.stack([1 - light, light])).mean(), abs=1e-6)


class Watched(Halves):
    """Answers by what is handed on beside the picture, which its parts do not tell."""

    def _shown(self, values: Pixels) -> Pixels:
        return 255 - values

    def probabilities(self, picture: Pixels, shown: Pixels = None) -> Any:
        return super().probabilities(shown)


def test_doubts_are_of_the_answers_that_a_prediction_is_of(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 60, 3), 26, np.uint8)).save(tmp_path / "dark.png")
    told: list[tuple[int, int]] = []
    mask = Watched().predict(tmp_path / "dark.png", progress=lambda done, total: told.append((done, total))).mask
    assert mask.min() == 1
    assert told == [(1, 1)]
    judge = masks_judge(Watched())
    uncertainty = judge.doubt(str(tmp_path / "dark.png")).uncertainty
    assert uncertainty == pytest.approx(float(entropy(np.array([26, 229]) / 255)), abs=1e-6)
    assert judge.propose is not None
    assert judge.propose(str(tmp_path / "dark.png")).objects.labels.tolist() == [1]


class Counting:
    """A judge that writes down what it is asked; what it proposes for some pictures it cannot tell."""

    def __init__(self, gone: str = "") -> None:
        self.doubted: list[str] = []
        self.proposed: list[str] = []
        self.gone = gone

    def judge(self) -> Judge:
        return Judge(("disc",), self.doubt, "so", self.propose)

    def doubt(self, file: str) -> Opinion:
        self.doubted.append(Path(file).stem)
        return Opinion(1.0)

    def propose(self, file: str) -> Proposal:
        self.proposed.append(Path(file).stem)
        if Path(file).stem == self.gone:
            raise InputError(f"{Path(file).name} does not exist.")
        return Proposal(objects([{"box": (1, 2, 9, 8), "label": 0}]))


def test_only_chosen_pictures_are_asked_what_is_proposed_and_this_is_told(tmp_path: Path) -> None:
    folder = pool(tmp_path / "pool", {f"p{k}": 0.4 + k / 50 for k in range(6)})
    own, told = Counting(), []
    found = visus.suggest(folder, judge=own.judge(), n=2, progress=lambda *step: told.append(step))
    assert sorted(own.doubted) == [f"p{k}" for k in range(6)]
    assert own.proposed == names(found)
    assert [step for step in told if step[0] == "asking what it proposes"] == [
        ("asking what it proposes", 1, 2),
        ("asking what it proposes", 2, 2),
    ]


def test_a_picture_that_is_gone_after_the_choice_is_passed_over(tmp_path: Path) -> None:
    folder = pool(tmp_path / "pool", {f"p{k}": 0.4 + k / 50 for k in range(3)})
    found = visus.suggest(folder, judge=Counting("p1").judge(), n=3)
    assert sorted(names(found)) == ["p0", "p2"]
    assert (
        found.notes[0]
        == "1 picture cannot be used by the network and is passed over. The first: p1.png does not exist."
    )


def test_a_classifier_tells_by_its_gradients(trained_run: Run, tmp_path: Path) -> None:
    for label in range(3):
        write_class(tmp_path / "pool", label, 4, first=10 * label + 100, side=96)
    found = trained_run.suggest(tmp_path / "pool", n=5)
    assert found.classes == ("blob", "checks", "stripes")
    assert found.measure == ""
    for own in found.suggestions:
        said = trained_run.predict(own.file)
        assert (own.predicted_label, own.uncertainty) == (said.label, None)
        assert own.probability == pytest.approx(said.probabilities[0], abs=1e-5)
        assert own.margin == pytest.approx(said.probabilities[0] - said.probabilities[1], abs=1e-5)


def test_two_ways_to_know_are_refused(trained_run: Run, tmp_path: Path) -> None:
    folder = pool(tmp_path / "pool", {"a": 0.5, "b": 0.4})
    told = command("suggest", folder, "--labeled", folder, "--run", trained_run.folder, code=2).stderr
    assert told == "visus: --run and --labeled both tell what is uncertain; leave one of them out.\n"
    assert "holds no trained network" in command("suggest", folder, "--run", folder, code=2).stderr
    with pytest.raises(InputError, match="leave one of them out"):
        visus.suggest(folder, labeled=folder, judge=Judge((), lambda _: Opinion(0.0)))
    thin = Judge((), _refusing("too thin"))
    with pytest.raises(InputError, match="can use no picture; the first one: too thin"):
        visus.suggest(folder, judge=thin)


def _refusing(sentence: str) -> Callable[[str], Opinion]:
    def ask(_: str) -> Opinion:
        raise InputError(sentence)

    return ask


@pytest.mark.slow
@pytest.mark.parametrize(("make", "kinds"), [(finder, {"box", "mask", "polygon"}), (painter, {"mask"})])
def test_what_networks_propose_is_written_for_annotation_tools(
    make: Callable[[Path], Path], kinds: set[str], tmp_path: Path
) -> None:
    run = make(tmp_path / "run")
    (tmp_path / "pool").mkdir()
    for k in range(4):
        Image.fromarray(boxed.scene(k)[0]).save(tmp_path / "pool" / f"{k}.png")
    asked = ("suggest", tmp_path / "pool", "--run", run, "-n", 3)
    told = json.loads(command(*asked, "--json", "--out", tmp_path / "cvat", "--to", "cvat").stdout)
    assert len(told["suggestions"]) == 3
    counts = {Path(own["file"]).name: sum(own["proposed"].values()) + len(own["shares"]) for own in told["suggestions"]}
    tree = ElementTree.parse(tmp_path / "cvat" / "annotations.xml").getroot()
    for image in tree.iter("image"):
        shapes = [own for own in image if own.get("label")]
        assert len(shapes) == counts[str(image.get("name"))]
        assert {own.tag for own in shapes} <= kinds
        assert {own.get("source") for own in shapes} <= {"auto"}
    back = load_boxes_whole(tmp_path / "cvat")
    assert {
        Path(f).name: len(o) for f, o in zip(back.splits["all"].files, back.splits["all"].objects, strict=True)
    } == {name: count for name, count in counts.items() if count}
    command(*asked, "--out", tmp_path / "ls", "--to", "label-studio")
    for task in json.loads((tmp_path / "ls" / "tasks.json").read_text()):
        (prediction,) = task["predictions"]
        assert task["annotations"] == []
        assert len(prediction["result"]) == counts[Path(task["data"]["image"]).name]
