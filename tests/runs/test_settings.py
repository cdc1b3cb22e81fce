"""ClassifySettings: what is refused, what is filled in, what goes through a file."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.labeled import idx_folder, splits
from visus import InputError
from visus.cli.settings import value_of
from visus.data import load
from visus.images.decode import DECODER
from visus.runs import train
from visus.runs.classify.resolve import geometry, resolve
from visus.runs.classify.settings import ClassifySettings
from visus.runs.detect.settings import DetectSettings
from visus.runs.localize.settings import LocalizeSettings
from visus.runs.record.fields import known_settings
from visus.runs.record.folder import decoded_before
from visus.runs.record.settings import TrainSettings, read_values
from visus.runs.segment.settings import SegmentSettings


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mode": "probing"}, "mode must be one of probe"),
        ({"optimizer": "lion"}, "optimizer must be one of"),
        ({"epochs": 0}, "epochs must be a whole number above 0"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"lr": -1.0}, "lr must be above 0"),
        ({"lr": float("nan")}, "must be above 0, not nan"),
        ({"momentum": 1.5}, "momentum must be within"),
        ({"label_smoothing": 1.5}, "label_smoothing"),
        ({"warmup": -0.1}, "warmup"),
        ({"clip_norm": -1.0}, "clip_norm must be at least 0"),
        ({"lr_decay": 0.0}, "lr_decay"),
        ({"seed": -1}, "seed"),
        ({"preprocess": "pca_zca"}, "preprocess must be one of"),
    ],
)
def test_what_is_refused(values: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ClassifySettings(data="d", **values)


def test_settings_go_through_a_file(tmp_path: Path) -> None:
    settings = ClassifySettings(
        data="über uns", net="mlp", hidden=(3, 4), lr=1e-5, epochs=3, flip=False, weight_decay=0.0
    )
    (tmp_path / "config.toml").write_text(settings.to_toml(), encoding="utf-8")
    assert ClassifySettings(**read_values(tmp_path / "config.toml", ClassifySettings)) == settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lr = 'high'", "lr in .* must be a number"),
        ("epochs = 2.5", "a whole number"),
        ("epochs = true", "a whole number"),
        ("flip = 1", "true or false"),
        ("hidden = ['a']", "a list of whole numbers"),
        ("net = 3", "must be text"),
        ("epoch = 3", "'epoch', which there is not"),
        ("lr = ", "no TOML file"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(InputError, match=words):
        read_values(tmp_path / "c.toml", ClassifySettings)
    with pytest.raises(InputError, match="cannot be read"):
        read_values(tmp_path / "none.toml", ClassifySettings)


def test_what_is_filled_in(tmp_path: Path) -> None:
    data = load(splits(tmp_path / "d", 8, 2, 2, side=40))
    own = resolve(ClassifySettings(data="d", net="cnn"), data)
    assert (own.mode, own.size, own.preprocess, own.augment) == ("scratch", 32, "zscore", "light")
    lite = resolve(ClassifySettings(data="d"), data)
    assert (lite.mode, lite.size, lite.preprocess, lite.batch_size) == ("finetune", 224, "weights", 32)
    assert geometry(lite) == (224, 256, "bicubic")
    assert geometry(dataclasses.replace(lite, size=112)) == (112, 128, "bicubic")
    probe = resolve(ClassifySettings(data="d", mode="probe"), data)
    assert (probe.augment, probe.batch_size) == ("none", 256)
    scratch = resolve(ClassifySettings(data="d", net="resnet18", mode="scratch"), data)
    assert (scratch.size, geometry(scratch)) == (40, (40, 40, "bilinear"))
    assert resolve(ClassifySettings(data="d", net="alexnet", mode="scratch"), data).size == 63
    sgd = resolve(ClassifySettings(data="d", net="cnn", optimizer="sgd"), data)
    assert sgd.lr is not None
    assert own.lr is not None
    assert sgd.lr > own.lr
    digits = load(idx_folder(tmp_path / "i"))
    assert resolve(ClassifySettings(data="i", net="mlp"), digits).size == 12


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"net": "cnn", "mode": "finetune"}, "no ImageNet weights for cnn"),
        ({"net": "alexnet", "mode": "scratch", "size": 40}, "at least 63"),
        ({"net": "vit_tiny_patch16_224", "mode": "scratch", "size": 96}, "224 pixels only"),
        ({"mode": "probe", "augment": "light"}, "cannot augment"),
        ({"net": "cnn", "preprocess": "weights"}, "no weights in --mode scratch"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, values: dict, words: str) -> None:
    data = load(splits(tmp_path / "d", 8, 2, 2))
    with pytest.raises(InputError, match=words):
        resolve(ClassifySettings(data="d", **values), data)


@pytest.mark.parametrize(
    "values",
    [
        {"net": "cnn", "loss": "hinge", "label_smoothing": 0.1},
        {"net": "cnn", "clip_norm": 1.0, "clip_value": 1.0},
        {"net": "cnn", "schedule": "one_cycle", "warmup": 0.1},
        {"net": "cnn", "hidden": (4,)},
        {"net": "resnet18", "dropout": 0.1},
        {"net": "cnn", "mode": "scratch", "weights": "nothere"},
    ],
)
def test_options_that_would_do_nothing_are_refused(tmp_path: Path, values: dict) -> None:
    data = load(splits(tmp_path / "d", 8, 2, 2))
    with pytest.raises(InputError, match="does nothing beside"):
        resolve(ClassifySettings(data="d", **values), data)


@pytest.mark.parametrize(
    ("kind", "values", "idle"),
    [
        (ClassifySettings, {"optimizer": "rmsprop", "momentum": 0.5}, "momentum"),
        (ClassifySettings, {"momentum": 0.5}, "momentum"),
        (ClassifySettings, {"find_lr": True, "lr": 0.1}, "lr"),
        (ClassifySettings, {"schedule": "plateau", "warmup": 0.1}, "warmup"),
        (ClassifySettings, {"mode": "scratch", "lr_decay": 0.5}, "lr_decay"),
        (ClassifySettings, {"mode": "probe", "lr_decay": 0.5}, "lr_decay"),
        (ClassifySettings, {"net": "mlp", "hidden": (), "activation": "tanh"}, "activation"),
        (ClassifySettings, {"net": "mlp", "hidden": (), "batch_norm": True}, "batch_norm"),
        (ClassifySettings, {"net": "mlp", "hidden": (), "dropout": 0.5}, "dropout"),
        (SegmentSettings, {"loss": "dice", "border": 5.0}, "border"),
        (SegmentSettings, {"loss": "dice", "class_weights": "median_frequency"}, "class_weights"),
        (SegmentSettings, {"weights": "none", "lr_decay": 0.5}, "lr_decay"),
        (DetectSettings, {"weights": "none", "lr_decay": 0.5}, "lr_decay"),
        (LocalizeSettings, {"weights": "none", "lr_decay": 0.5}, "lr_decay"),
        (LocalizeSettings, {"patience": 2}, "patience"),
    ],
)
def test_the_table_of_idle_options(kind: type[TrainSettings], values: dict, idle: str) -> None:
    with pytest.raises(InputError, match=f"^{idle} does nothing beside .*; leave one of the two away"):
        kind(data="d", **{"net": kind.__dataclass_fields__["net"].default, **values}).refuse_idle()


def test_idle_options_are_refused_before_any_picture_is_looked_at(tmp_path: Path) -> None:
    for task in "classify", "segment", "detect", "localize":
        with pytest.raises(InputError, match=r"^momentum does nothing beside rmsprop"):
            train(task, tmp_path / "nowhere", runs=tmp_path, optimizer="rmsprop", momentum=0.5)


@pytest.mark.parametrize("kind", [ClassifySettings, SegmentSettings, DetectSettings, LocalizeSettings])
def test_nothing_is_idle_where_nothing_is_said(kind: type[TrainSettings]) -> None:
    usual = kind(data="d", net=kind.__dataclass_fields__["net"].default)
    assert not [name for there, name, _ in usual.idle() if there]
    for optimizer in ("momentum", "nesterov"):
        dataclasses.replace(usual, optimizer=optimizer, momentum=0.5).refuse_idle()


def test_a_file_of_an_earlier_visus_means_what_it_meant(tmp_path: Path) -> None:
    data = load(splits(tmp_path / "d", 8, 2, 2))
    own = resolve(ClassifySettings(data="d"), data)
    assert own.norms == "kept"
    lines = [line for line in own.to_toml().splitlines() if not line.startswith(("norms", "thirds"))]
    (tmp_path / "old.toml").write_text("\n".join(lines), encoding="utf-8")
    older = ClassifySettings(**read_values(tmp_path / "old.toml", ClassifySettings))
    assert (older.norms, older.thirds) == ("batch", 3)
    (tmp_path / "own.toml").write_text('mode = "finetune"\nlr = 0.1\n', encoding="utf-8")  # by a user
    assert "norms" not in read_values(tmp_path / "own.toml", ClassifySettings)
    old = SegmentSettings(data="d", net="unet", epochs=1, lr=0.1, device="cpu", precision="f32", padded=True).to_toml()
    (tmp_path / "old.toml").write_text(old, encoding="utf-8")
    values = read_values(tmp_path / "old.toml", SegmentSettings)
    assert (values["windows"], values["batch_norm"]) == (1, False)
    (tmp_path / "old.toml").write_text(old.replace('"unet"', '"segnet"'), encoding="utf-8")
    values = read_values(tmp_path / "old.toml", SegmentSettings)
    assert values["round_up"] is False
    fcn = SegmentSettings(data="d", net="fcn8s", backbone="resnet18", epochs=1, lr=0.1, device="cpu", precision="f32")
    (tmp_path / "old.toml").write_text(fcn.to_toml(), encoding="utf-8")
    assert read_values(tmp_path / "old.toml", SegmentSettings)["lower"] == "learn"
    written = {"data": "d", "epochs": 1, "lr": 0.1, "device": "cpu", "precision": "f32"}
    for net, lower in (("faster_rcnn", "learn"), ("rcnn", None)):
        new = DetectSettings(net=net, **written).to_toml()
        (tmp_path / "old.toml").write_text(new.replace('best_by = "ap"\n', ""), encoding="utf-8")
        values = read_values(tmp_path / "old.toml", DetectSettings)
        assert (values.get("lower"), values["best_by"]) == (lower, "ap50")
        (tmp_path / "new.toml").write_text(new, encoding="utf-8")
        assert read_values(tmp_path / "new.toml", DetectSettings)["best_by"] == "ap"
    assert "batch_norm" not in values


def test_wrong_types_are_refused_and_near_ones_understood() -> None:
    for values in (
        {"hidden": 256}, {"hidden": (2.5,)}, {"hidden": "64"}, {"net": 5}, {"net": None}, {"val": "x"}, {"flip": "no"},
        {"weights": None}, {"seed": True}, {"workers": True}, {"epochs": 1.5}, {"seed": 10**20},
    ):  # fmt: skip
        with pytest.raises(InputError):
            ClassifySettings(data="d", **values)  # pyright: ignore[reportArgumentType]
    near = ClassifySettings(data="d", weights=Path("w"), epochs=np.int64(3), hidden=[4, 5])  # pyright: ignore[reportArgumentType]
    assert (near.weights, near.epochs, near.hidden) == ("w", 3, (4, 5))


def test_the_picture_size_is_taken_from_a_few_pictures(tmp_path: Path) -> None:
    data = load(splits(tmp_path / "d", 8, 2, 2, side=24))
    assert isinstance(resolve(ClassifySettings(data="d", net="mlp"), data).size, int)
    assert resolve(ClassifySettings(data="d", net="mlp"), data).size == 24
    assert np.ndim(resolve(ClassifySettings(data="d", net="mlp"), data).hidden) == 1


def test_a_run_of_an_earlier_decoder_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("task = 'classify'\n", encoding="utf-8")
    assert decoded_before(tmp_path) is None  # nothing has come of it yet
    for summary, said in (({"visus": "0.1.0"}, True), ({"decoder": 1}, True), ({"decoder": DECODER}, False)):
        (tmp_path / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
        assert (decoded_before(tmp_path) is not None) == said
    assert decoded_before(tmp_path.parent) is None  # no run


def test_settings_of_an_optimizer_are_refused_beside_another_and_said_where_they_are_unwise() -> None:
    for idle in (
        {"rho": 0.5},
        {"betas": (0.5, 0.999), "optimizer": "sgd"},
        {"bias_correction": False, "optimizer": "sgd"},
    ):
        with pytest.raises(InputError, match=f"{next(iter(idle))} does nothing beside"):
            ClassifySettings(data="d", net="cnn", **idle).refuse_idle()  # pyright: ignore[reportArgumentType]
    for bad in ((0.9,), (0.9, 1.0), (0.9, "0.9")):
        with pytest.raises(InputError, match="betas must be"):
            ClassifySettings(data="d", net="cnn", betas=bad)  # pyright: ignore[reportArgumentType]
    assert not ClassifySettings(data="d", net="cnn").unwise()
    cold = ClassifySettings(data="d", net="cnn", bias_correction=False)
    assert cold.unwise() == ["Without its correction the first step of adamw is 3.2 times the learning rate."]
    assert "rest" in ClassifySettings(data="d", net="cnn", optimizer="momentum", momentum=1).unwise()[0]
    assert "rho 0" in ClassifySettings(data="d", net="cnn", optimizer="rmsprop", rho=0.0).unwise()[0]


def test_the_command_line_says_two_numbers_for_betas() -> None:
    known = known_settings(ClassifySettings)["betas"]
    assert value_of(known, "0.8,0.99") == (0.8, 0.99)
    with pytest.raises(InputError, match="--betas takes 2 numbers"):
        value_of(known, "0.8")
