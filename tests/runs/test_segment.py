"""Trainings, measures and answers of segmenters on small pictures and volumes."""

import csv
import dataclasses
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.masked import folder_of_masks, folder_of_volumes, scene
from visus import Run, train
from visus._errors import InputError, RunError, VisusError
from visus.data import load_masks
from visus.data.masks import Masked
from visus.data.windows import Windows, window_loader
from visus.graphs.blocks import blocks
from visus.nets import trained
from visus.nets.segmentation import Segmenter
from visus.ops import crf
from visus.runs import resume
from visus.runs.segment import fitting
from visus.runs.segment.evaluate import MaskEvaluation, evaluate
from visus.runs.segment.fitting import channels_of
from visus.runs.segment.predict import MaskPrediction, SegmentPredictor
from visus.runs.segment.resolve import resolve
from visus.runs.segment.settings import SegmentSettings
from visus.runs.segment.task import TASK
from visus.runs.segment.training import KeptNorms, begin
from visus.runs.segment.tune_crf import crf_of, tune_crf

SMALL: dict[str, Any] = {
    "net": "unet", "padded": True, "width": 4, "window": (48, 48), "windows": 1, "batch_size": 4, "lr": 5e-3
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of_masks(tmp_path_factory.mktemp("data") / "shapes")


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train("segment", data, runs=tmp_path_factory.mktemp("runs"), epochs=25, **SMALL)


def measured(found: object) -> MaskEvaluation:
    assert isinstance(found, MaskEvaluation)
    return found


def predicted(found: object) -> MaskPrediction:
    assert isinstance(found, MaskPrediction)
    return found


def test_a_header_says_how_segnet_pools_and_settings_that_do_not_say_it_are_older(data: Path) -> None:
    masks = load_masks(data)
    settings = resolve(SegmentSettings(data=str(data), net="segnet", weights="none"), masks)
    assert settings.round_up is True
    for own, rule in ((settings, True), (dataclasses.replace(settings, round_up=None), False)):
        begun: Any = TASK.begin(own, masks)
        assert begun.about.options["round_up"] is rule
        assert begun.net.round_up is rule


def test_a_run_learns_and_has_all_its_files(run: Run) -> None:
    names = {path.name for path in run.folder.iterdir()}
    expected = {"config.toml", "best.safetensors", "metrics.csv", "curves.png", "health.png", "confusion.png"}
    assert expected | {"answers.jpg", "summary.json", "seen.npy"} <= names
    with (run.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 25
    assert float(rows[-1]["val_mean_iou"]) > 0.6
    assert run.summary["best"]["val_mean_iou"] > 0.6
    assert (run.task, run.finished) == ("segment", True)


def test_evaluation(run: Run) -> None:
    found = measured(run.evaluate(split="test"))
    assert found.mean_iou > 0.5
    assert found.confusion.sum() == 4 * 72 * 80
    content = json.loads((run.folder / "evaluation-test" / "evaluation.json").read_text())
    assert content["mean_iou"] == pytest.approx(found.mean_iou)
    assert [row["class"] for row in content["classes"]] == ["ground", "disc", "square"]
    assert (run.folder / "evaluation-test" / "answers.jpg").is_file()
    low, high = content["intervals"]["mean_iou"]
    assert low <= found.mean_iou <= high
    assert f"95 % intervals over pictures: mean IoU {100 * low:.1f} to {100 * high:.1f} %" in found.describe()
    assert found._resampled is found._resampled  # pictures are drawn anew once
    assert all(row["dice_interval"][0] <= row["dice"] <= row["dice_interval"][1] for row in content["classes"])
    card = (run.folder / "card.md").read_text()
    assert f"| mean_iou | {found.mean_iou:.4f} | {low:.4f} and {high:.4f} |" in card
    assert measured(run.evaluate(split="val")).mean_iou == pytest.approx(run.summary["best"]["val_mean_iou"], abs=0.01)


def test_prediction_and_what_it_writes(run: Run, tmp_path: Path) -> None:
    picture, truth = scene(17)
    found = predicted(run.predict(picture))
    assert found.mask.shape == truth.shape
    assert (found.mask == truth).mean() > 0.9
    assert sum(found.shares().values()) == pytest.approx(1)
    found.save(tmp_path / "m.png")
    found.save(tmp_path / "o.jpg")
    found.save(tmp_path / "c.json")
    with Image.open(tmp_path / "m.png") as written:
        assert written.mode == "P"
        np.testing.assert_array_equal(np.asarray(written), found.mask)
        assert written.getpalette()[3:6] == [128, 0, 0]  # pyright: ignore[reportOptionalSubscript]
    features = json.loads((tmp_path / "c.json").read_text())["features"]
    assert {f["properties"]["class"] for f in features} <= {"ground", "disc", "square"}
    np.testing.assert_array_equal(_filled(features, found.classes, truth.shape), found.mask)
    with pytest.raises(InputError, match=r"must end in \.png"):
        found.save(tmp_path / "m.txt")


def _filled(features: list[Any], classes: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Contours drawn again: the smaller regions last, so that each lies over what it is a hole of."""
    import cv2

    mask = np.zeros(shape, np.uint8)
    rings = [(f["properties"]["class"], np.array(f["geometry"]["coordinates"][0])) for f in features]
    for name, ring in sorted(rings, key=lambda item: -cv2.contourArea(item[1].astype(np.int32))):
        cv2.fillPoly(mask, [ring.astype(np.int32)], classes.index(name))
    return mask


def test_a_picture_in_blocks_is_answered_as_a_whole(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    large = np.concatenate([np.concatenate([scene(k)[0] for k in (r, r + 1)], 1) for r in (30, 32)], 0)  # 144x160
    whole = SegmentPredictor(run.folder).predict(large).mask
    monkeypatch.setattr("visus.graphs.blocks.SIDE", {2: 64, 3: 32})
    told: list[tuple[int, int]] = []
    parts = SegmentPredictor(run.folder).predict(large, lambda done, total: told.append((done, total))).mask
    assert told[-1] == (9, 9)
    assert (parts != whole).mean() < 0.01


def test_blocks_tile_every_size() -> None:
    for size in [(10,), (7, 13), (5, 6, 9)]:
        seen = np.zeros(size, int)
        for least in (1, 5, 8, 30):
            seen[:] = 0
            for block in blocks(size, 4, 2, [least] * len(size)):
                seen[block.place] += 1
                own = np.arange(np.prod(size)).reshape(size)
                np.testing.assert_array_equal(own[block.window][block.inner], own[block.place])
                assert all(s.stop - s.start >= min(n, least) for s, n in zip(block.window, size, strict=True))
            assert (seen == 1).all()
            if least == 30:
                assert len(list(blocks(size, 4, 2, [least] * len(size)))) == 1


def test_scales_mirrors_and_a_crf(run: Run) -> None:
    picture, truth = scene(18)
    plain = SegmentPredictor(run.folder)
    more = SegmentPredictor(run.folder, scales=(0.75, 1.0, 1.25), flip=True)
    assert more.probabilities(picture).sum(0) == pytest.approx(1, abs=1e-4)
    assert (more.predict(picture).mask == truth).mean() > 0.9
    mirrored = SegmentPredictor(run.folder, flip=True)
    both = mirrored.raw_probabilities(picture)
    np.testing.assert_allclose(mirrored.raw_probabilities(picture[:, ::-1].copy())[..., ::-1], both, atol=1e-4)
    refined = SegmentPredictor(run.folder, crf_settings=crf.Settings(alpha=20, iterations=3)).predict(picture).mask
    assert (refined == truth).mean() > 0.9
    assert (refined != plain.predict(picture).mask).any()
    with pytest.raises(InputError, match="Scales"):
        SegmentPredictor(run.folder, scales=(0.0,))


def test_a_crf_is_tuned_on_val_and_kept_with_the_run(run: Run) -> None:
    assert crf_of(run.folder) == crf.Settings()
    said: list[str] = []
    path = tune_crf(run.folder, trials=6, say=said.append)
    assert path == run.folder / "crf.toml"
    assert "without a CRF" in said[0]
    tuned = crf_of(run.folder)
    before, after = (measured(evaluate(run.folder, split="val", crf_settings=s)) for s in (None, tuned))
    assert after.mean_iou >= before.mean_iou - 0.005
    path.write_text("alpha = 12.5\niterations = 3\ncompatibility = [[0, 1.5, 1], [1.5, 0, 1], [1, 1, 0.25]]\n")
    rows = ((0, 1.5, 1), (1.5, 0, 1), (1, 1, 0.25))
    assert crf_of(run.folder) == crf.Settings(alpha=12.5, iterations=3, compatibility=rows, order="yx")  # as 0.1 wrote
    path.write_text('alpha = 12.5\norder = "xy"\n')
    assert crf_of(run.folder) == crf.Settings(alpha=12.5)
    path.write_text('order = "zx"\n')
    with pytest.raises(InputError, match="xy or yx"):
        crf_of(run.folder)
    path.write_text("iterations = 3\n")
    measured(evaluate(run.folder, split="val", crf_settings=crf_of(run.folder)))
    path.write_text("compatibility = [[0, 'x'], [1, 0]]\n")
    with pytest.raises(InputError, match="must hold numbers"):
        crf_of(run.folder)
    path.write_text("alpha = 'wide'\n")
    with pytest.raises(InputError, match="must hold numbers"):
        crf_of(run.folder)
    path.unlink()


@pytest.mark.slow
def test_a_stopped_training_goes_on_to_the_same_end(data: Path, tmp_path: Path) -> None:
    settings = {**SMALL, "epochs": 4, "elastic": 3.0, "border": 5.0, "augment": "strong"}
    whole = train("segment", data, runs=tmp_path / "a", **settings)

    class Stop(Exception):
        pass

    def stop(progress: Any) -> None:
        if progress.phase == "training" and progress.epoch == 3:
            raise Stop

    with pytest.raises(Stop):
        train("segment", data, runs=tmp_path / "b", progress=stop, **settings)
    later = resume(tmp_path / "b" / "segment" / "shapes-1")
    first, second = (trained.read(r.folder).net.state_dict() for r in (whole, later))
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=1e-4, atol=1e-5)


def test_a_file_alone_remembers_which_classes_did_not_count(data: Path, tmp_path: Path) -> None:
    own = train("segment", data, runs=tmp_path, **{**SMALL, "epochs": 1}, ignore=("square",))
    alone = tmp_path / "alone.safetensors"
    shutil.copy(own.folder / "best.safetensors", alone)
    found = evaluate(alone, data, split="test")
    assert measured(found).classes == ("ground", "disc")
    assert measured(found).confusion.sum() < 4 * 72 * 80
    bare = folder_without_squares(data, tmp_path / "bare")
    assert measured(evaluate(alone, bare)).classes == ("ground", "disc")  # what is to be ignored need not be there


def folder_without_squares(data: Path, root: Path) -> Path:
    shutil.copytree(data, root)
    for path in root.rglob("*.png"):
        if path.parent.name == "masks":
            mask = np.asarray(Image.open(path)).copy()
            mask[mask == 2] = 0
            Image.fromarray(mask).save(path)
    (root / "classes.txt").write_text("ground\ndisc\n")
    return root


@pytest.mark.slow
def test_fcn_in_stages(data: Path, tmp_path: Path) -> None:
    settings = {"runs": tmp_path, "backbone": "efficientnet_lite0", "window": (64, 64), "epochs": 1, "batch_size": 4}
    first = train("segment", data, net="fcn32s", **settings)
    second = train("segment", data, net="fcn16s", weights=first.folder, **settings)
    assert trained.read(second.folder).about.net == "fcn16s"
    scores = [r.summary["best"]["val_mean_iou"] for r in (first, second)]
    assert scores[1] > scores[0] - 0.1
    with pytest.raises(VisusError, match="does not fit unet"):
        train("segment", data, weights=first.folder, **{**SMALL, "runs": tmp_path})


@pytest.mark.slow
def test_unpadded_unet_with_class_weights(data: Path, tmp_path: Path) -> None:
    settings = {**SMALL, "padded": None, "window": (188, 204), "epochs": 1}
    run = train("segment", data, runs=tmp_path, class_weights="median_frequency", loss="cross_entropy+dice", **settings)
    assert predicted(run.predict(scene(3)[0])).mask.shape == (72, 80)
    job: Any = TASK.begin(run.settings, TASK.load(run.settings))
    weights, counts = job.learner().recipe.weights, job.data.pixels["train"]
    frequency = counts.sum(0) / counts.sum()  # every class is in every picture
    assert weights is not None
    assert weights.tolist() == pytest.approx((np.median(frequency) / frequency).tolist(), rel=1e-5)


@pytest.mark.slow
def test_volumes(tmp_path: Path) -> None:
    data = folder_of_volumes(tmp_path / "balls")
    settings: dict[str, Any] = {"net": "vnet", "width": 2, "batch_norm": True, "loss": "cross_entropy+dice", "lr": 1e-2}
    run = train("segment", data, runs=tmp_path, epochs=8, **settings)
    found = measured(run.evaluate(split="test"))
    assert found.dices[1] > 0.6
    (data / "imagesTr" / "notes.png").write_bytes(b"no volume, and not asked about")
    many: Any = run.predict(data / "imagesTr")  # a folder gives an iterator
    assert {answer.mask.shape for answer in map(predicted, many)} == {(18, 20, 16)}
    answer = predicted(run.predict(data / "imagesTr" / "v0.nii.gz"))
    assert answer.mask.shape == (18, 20, 16)
    answer.save(tmp_path / "mask.nii.gz")
    answer.save(tmp_path / "middle.jpg")
    with pytest.raises(InputError, match=r"not what the network takes: volumes"):
        run.predict("cat.jpg")
    with pytest.raises(InputError, match="vnet takes volumes"):
        train("segment", folder_of_masks(tmp_path / "p"), runs=tmp_path, net="vnet")


def test_gray_pictures_have_one_channel(tmp_path: Path) -> None:
    run = train("segment", folder_of_masks(tmp_path / "gray", gray=True), runs=tmp_path, epochs=1, **SMALL)
    about = trained.read_about(run.folder)
    assert about.gray
    assert about.options["channels"] == 1
    assert predicted(run.predict(scene(1)[0])).mask.shape == (72, 80)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"net": "unett"}, "no segmentation network"),
        ({"net": "unet", "backbone": "resnet18"}, "has no option backbone; it has: batch_norm, padded, release, width"),
        ({"net": "unet", "window": (100, 100)}, "nearest is 188"),
        ({"loss": "dices"}, "loss must be one of"),
        ({**SMALL, "loss": "dice", "border": 3.0}, "border does nothing beside the loss dice"),
        ({"net": "unet", "weights": "imagenet"}, "no weights for unet"),
        ({"weights": "nowhere"}, "neither 'imagenet' nor 'none'"),
        ({"window": (64, 64, 64), "backbone": "efficientnet_lite0"}, "has 2 sides, not 3"),
        ({"epoch": 3}, "no setting 'epoch'"),
        ({"backbone": "vit_tiny_patch16_224"}, "cannot be the body"),
    ],
)
def test_what_cannot_be_trained_is_said(data: Path, tmp_path: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(VisusError, match=words):
        train("segment", data, runs=tmp_path, **settings)
    assert not list(tmp_path.glob("segment/*"))


def test_a_damaged_or_foreign_file_is_refused(run: Run, data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run.folder, copy)
    content = (copy / "best.safetensors").read_bytes()
    (copy / "best.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(RunError, match="damaged"):
        SegmentPredictor(copy)
    (copy / "best.safetensors").write_bytes(content.replace(b'width\\": 4', b'width\\": 5'))
    with pytest.raises(RunError, match="does not fit the network unet"):
        SegmentPredictor(copy)
    (copy / "best.safetensors").write_bytes(content.replace(b"padded", b"paddle"))
    with pytest.raises(RunError, match="damaged"):
        SegmentPredictor(copy)
    other = folder_of_masks(tmp_path / "other")
    (other / "classes.txt").write_text("a\nb\nc\n")
    with pytest.raises(InputError, match="has the classes a, b, c"):
        run.evaluate(other)


def test_a_network_of_fixed_size_answers_any_picture_at_its_own_scale() -> None:
    class Echo(Segmenter):
        name, classes, channels, fixed = "echo", 3, 3, 64

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.check(x.shape[2:])
            return 2 * x

    for size in [(40, 50), (64, 64), (150, 65)]:
        x = torch.rand(2, 3, *size)
        torch.testing.assert_close(Echo().whole(x), 2 * x)


def test_the_default_backbone_is_written_down(data: Path) -> None:
    resolved = resolve(SegmentSettings.of(data, {"net": "fcn8s"}), load_masks(data))
    assert (resolved.backbone, resolved.weights) == ("vgg16", "imagenet")
    with pytest.raises(InputError, match="at least two pictures in a step"):
        resolve(SegmentSettings.of(data, {"net": "deeplabv3_resnet50", "batch_size": 1}), load_masks(data))
    with pytest.raises(InputError, match="up to 4096"):
        resolve(SegmentSettings.of(data, {"net": "segnet", "window": (5000,)}), load_masks(data))


def test_segnet_takes_colors_for_its_weights_and_gray_without(tmp_path: Path) -> None:
    gray = load_masks(folder_of_masks(tmp_path / "gray", gray=True))
    for weights, channels in ((None, 3), ("none", 1)):
        assert channels_of(SegmentSettings(data="", net="segnet", weights=weights), gray) == {"channels": channels}


def test_weights_are_found_from_another_folder(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.folder.parent)
    assert SegmentSettings.of(data, {"weights": run.folder.name}).weights == str(run.folder)


def test_random_weights_see_all_of_each_picture_normalized(data: Path) -> None:
    masks = load_masks(data)
    own = resolve(SegmentSettings.of(data, {**SMALL, "window": (32, 32), "windows": None}), masks)
    assert (own.windows, own.batch_norm) == (9, True)  # 72x80 pixels
    assert resolve(SegmentSettings.of(data, {**SMALL, "windows": 2, "batch_norm": False}), masks).windows == 2
    lite = {"net": "fcn8s", "backbone": "efficientnet_lite0", "window": (32, 32)}
    assert resolve(SegmentSettings.of(data, lite), masks).windows == 1


def test_lower_layers_are_kept_where_there_are_such(data: Path) -> None:
    pictures = load_masks(data)

    def lower(**values: Any) -> str | None:
        return resolve(SegmentSettings.of(data, values), pictures).lower

    assert lower(net="fcn8s", backbone="resnet18", weights="none") is None
    assert lower(net="fcn8s", backbone="efficientnet_lite0", lower="learn") == "learn"
    assert lower(net="deeplab", backbone="efficientnet_lite0") is None
    with pytest.raises(InputError, match="lower does nothing beside"):
        lower(net="deeplab", backbone="efficientnet_lite0", lower="kept")


def test_norms_that_are_kept_do_not_count(data: Path) -> None:
    pictures = load_masks(data)
    settings = {"net": "deeplab", "backbone": "efficientnet_lite0", "norms": "kept"}
    job = begin(resolve(SegmentSettings.of(data, settings), pictures), pictures)
    job.net.train()
    KeptNorms(list(job.net.body())).on_train_epoch_start(None, None)  # pyright: ignore[reportArgumentType]
    norms = [layer for layer in job.net.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert norms
    assert not any(layer.training for layer in norms)


def test_a_training_of_few_steps_keeps_the_statistics_of_its_weights(data: Path) -> None:
    pictures = load_masks(data)
    steps = math.ceil(len(pictures.splits["train"]) / 2)

    def norms(**settings: Any) -> str | None:
        wanted = {"backbone": "efficientnet_lite0", "net": "fcn8s", "batch_size": 2, **settings}
        return resolve(SegmentSettings.of(data, wanted), pictures).norms

    assert norms(epochs=99 // steps) == "kept"
    assert norms(epochs=100 // steps + 1) == "batch"
    assert norms(epochs=1, norms="batch") == "batch"
    assert norms(epochs=1, weights="none") is None
    older = {"net": "fcn8s", "backbone": "efficientnet_lite0", "weights": "imagenet"}
    assert SegmentSettings.of_earlier(older)["norms"] == "batch"  # as it was then
    assert "norms" not in SegmentSettings.of_earlier({**older, "weights": "none"})


def test_windows_of_a_picture_differ_and_one_is_as_it_was(data: Path) -> None:
    pictures = load_masks(data).splits["train"]
    one, two = (Windows(pictures, (32, 32), each=each) for each in (1, 2))
    assert (len(one), len(two)) == (12, 24)
    first, second, later = two[0, 0], two[0, 1], two[1, 0]
    assert not torch.equal(first[0], second[0])
    assert not torch.equal(first[0], later[0])
    assert {key[1] for key in window_loader(two, batch_size=5, shuffle=True).sampler} == set(range(24))
    assert Windows(pictures, (32, 32))[0, 3][0].equal(one[0, 3][0])


def test_a_network_is_chosen_by_the_pictures_and_its_width_by_the_machine(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = {"fast": 1e15, "middling": 3e8, "slow": 1.0}
    found = {}
    gray = load_masks(folder_of_masks(tmp_path / "gray", gray=True))
    for name, speed in speeds.items():
        monkeypatch.setattr("visus.runs.segment.resolve.multiply_adds_per_second", lambda _, own=speed: own)
        own = resolve(SegmentSettings.of(data, {}), gray)
        found[name] = own.width
        assert (own.net, own.padded, own.batch_norm) == ("unet", True, True)
        assert f"width = {own.width}" in own.to_toml()
    assert found["fast"] == 64
    assert found["slow"] == 8
    assert 8 <= found["middling"] < 64
    colored = resolve(SegmentSettings.of(data, {}), load_masks(data))
    assert (colored.net, colored.backbone, colored.weights) == ("fcn8s", "efficientnet_lite0", "imagenet")
    assert colored.lower == "learn"
    assert resolve(SegmentSettings.of(data, {"head": "aspp"}), load_masks(data)).net == "deeplab"
    volumes = folder_of_volumes(tmp_path / "volumes")
    assert resolve(SegmentSettings.of(volumes, {}), load_masks(volumes)).net == "vnet"


def test_pictures_are_read_once_to_find_their_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    masks, read, places = load_masks(folder_of_masks(tmp_path, gray=True)), Masked.read, list[int]()
    monkeypatch.setattr(Masked, "read", lambda self, place: places.append(place) or read(self, place))
    assert resolve(SegmentSettings.of(tmp_path, {}), masks).width
    assert len(places) == len(set(places)) > 0


def test_the_network_of_the_paper_says_how_long_it_takes(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    masks = load_masks(data)
    own = resolve(SegmentSettings.of(data, {"net": "unet"}), masks)
    assert own.width is None
    monkeypatch.setattr(fitting, "multiply_adds_per_second", lambda _: 1e9)
    assert "unet as wide as in its paper trains about" in fitting.narrower(own, masks)
    assert "--width 8 takes" in fitting.narrower(own, masks)
    assert not fitting.narrower(dataclasses.replace(own, width=64), masks)
    pretrained = resolve(SegmentSettings.of(data, {"net": "segnet"}), masks)
    assert (pretrained.width, pretrained.round_up, pretrained.weights) == (None, True, "imagenet")
    assert not fitting.narrower(pretrained, masks)  # its weights are for one width
    monkeypatch.setattr(fitting, "multiply_adds_per_second", lambda _: 1e15)
    assert not fitting.narrower(own, masks)


def test_an_earlier_run_hands_its_options_on(run: Run, data: Path) -> None:
    later = resolve(SegmentSettings.of(data, {"weights": str(run.folder)}), load_masks(data))
    assert (later.net, later.width, later.padded, later.batch_norm) == ("unet", 4, True, True)
