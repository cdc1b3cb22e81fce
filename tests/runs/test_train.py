"""Training end to end, on pictures that a small network learns in seconds."""

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.labeled import folder_of_classes, idx_folder, splits, write_class
from visus import InputError, RunError, nets, read
from visus.data import Batches, load
from visus.nets import trained
from visus.runs import ClassifySettings, Run, resume, train
from visus.runs.classify.resolve import resolve
from visus.runs.classify.training import begin
from visus.runs.engine.progress import EpochDone, Progress
from visus.tasks.losses import LOSSES
from visus.tasks.optimizers import OPTIMIZERS, SCHEDULES

FAST = {"net": "mlp", "hidden": (16,), "epochs": 2, "augment": "none", "size": 16, "health": False}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return splits(tmp_path_factory.mktemp("data") / "textures", 30, 10, 10, side=16)


def test_a_run_holds_all_that_the_guide_names(trained_run: Run) -> None:
    names = {path.name for path in trained_run.folder.iterdir()}
    assert names >= {
        "config.toml", "best.safetensors", "metrics.csv", "curves.png", "health.png", "confusion.png", "summary.json",
    }  # fmt: skip
    assert "last.ckpt" not in names  # it is finished
    summary = trained_run.summary
    assert summary["status"] == "finished"
    assert summary["classes"] == ["blob", "checks", "stripes"]
    assert summary["best"]["val_accuracy"] > 0.9
    with (trained_run.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(1, len(rows) + 1))
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    for name in ("curves", "health", "confusion"):
        assert read(trained_run.folder / f"{name}.png").shape[0] > 200
    assert trained_run.folder.name == "textures-1"
    assert trained_run.settings.hidden == (32,)


def test_the_best_weights_are_kept_not_the_last(data: Path, tmp_path: Path) -> None:
    # A learning rate far too high: later epochs are worse by chance, and the best one must be found again.
    run = train(
        "classify", data, runs=tmp_path, **{**FAST, "epochs": 6, "lr": 0.3, "schedule": "constant", "patience": 0}
    )
    with (run.folder / "metrics.csv").open() as file:
        accuracies = [float(row["val_accuracy"]) for row in csv.DictReader(file)]
    assert len(accuracies) == 6
    assert run.evaluate(split="val").top1 == pytest.approx(max(accuracies), abs=1e-4)


def test_runs_are_numbered_and_reproducible(data: Path, tmp_path: Path) -> None:
    runs = [train("classify", data, runs=tmp_path, **{**FAST, "seed": seed}) for seed in (1, 1, 2)]
    assert [run.folder.name for run in runs] == ["textures-1", "textures-2", "textures-3"]
    first, again, other = (run.load().backbone.state_dict() for run in runs)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.slow
def test_a_config_repeats_a_run(trained_run: Run, tmp_path: Path) -> None:
    from visus.runs.classify.settings import ClassifySettings
    from visus.runs.record.settings import read_values

    values = read_values(trained_run.folder / "config.toml", ClassifySettings)
    again = train("classify", values.pop("data"), runs=tmp_path, **values)
    first, second = trained_run.load().backbone.state_dict(), again.load().backbone.state_dict()
    assert all(torch.allclose(first[name], second[name], atol=1e-6) for name in first)


def test_the_callers_random_numbers_are_left_alone(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train("classify", data, runs=tmp_path, **FAST)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns(data: Path, tmp_path: Path, optimizer: str) -> None:
    run = train("classify", data, runs=tmp_path, **{**FAST, "optimizer": optimizer, "epochs": 6})
    assert run.summary["best"]["val_accuracy"] > 0.6


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_schedule_and_loss(data: Path, tmp_path: Path, schedule: str, loss: str) -> None:
    options = {**FAST, "schedule": schedule, "loss": loss, "epochs": 4}
    if schedule not in ("plateau", "one_cycle"):
        options["warmup"] = 0.1
    if loss != "hinge":
        options["label_smoothing"] = 0.1
    run = train("classify", data, runs=tmp_path, **options)
    assert run.summary["best"]["val_accuracy"] > 0.5


@pytest.mark.parametrize(
    "preprocess", ["none", "mean_picture", "channel_mean", "zscore", "pca", "pca_whiten", "zca_whiten"]
)
def test_preprocessing_is_fitted_and_kept_with_the_run(tmp_path: Path, preprocess: str) -> None:
    digits = idx_folder(tmp_path / "digits", 300, 60)
    options = {**FAST, "preprocess": preprocess, "epochs": 10, "batch_size": 16, "size": 12}
    run = train("classify", digits, runs=tmp_path, **options)
    normalize = run.load().normalize
    assert (normalize.matrix is not None) == ("pca" in preprocess or "zca" in preprocess)
    own = dataset_of(digits)
    x = torch.stack([normalize(own.tensor(k)[None])[0] for k in range(len(own))])
    if preprocess != "none":
        assert x.mean().abs() < 0.05
    if "whiten" in preprocess:  # directions that hold nothing but noise stay below 1
        assert 0.5 < x.flatten(1).var(0).mean() < 1.1
    else:  # 250 pictures are too few to learn from whitened ones
        assert run.evaluate().top1 > 0.6


def dataset_of(folder: Path) -> Batches:
    """The training pictures of a folder, as the training sees them."""
    return Batches(load(folder).splits["train"], 12, gray=True)


@pytest.mark.parametrize(
    "change", [{"clip_norm": 0.1}, {"clip_value": 0.01}, {"balance": "weights"}, {"balance": "sampling"}]
)
def test_options_change_what_happens(data: Path, tmp_path: Path, change: dict) -> None:
    write_class(tmp_path / "d" / "blob", 0, 40, side=16)
    write_class(tmp_path / "d" / "checks", 1, 8, side=16)
    plain, changed = (
        train("classify", tmp_path / "d", runs=tmp_path / "r", **{**FAST, "optimizer": "sgd", **extra})
        for extra in ({}, change)
    )
    first, second = plain.load().backbone.state_dict(), changed.load().backbone.state_dict()
    assert not all(torch.equal(first[name], second[name]) for name in first)


def test_a_table_leaves_pictures_out_and_the_run_remembers(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ("train/blob/0000.png,", "train/blob/0001.png,keep", "test/blob/0040.png,leave out")
    (tmp_path / "check.csv").write_text("file,decision\n" + "\n".join(lines))
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    run = train("classify", data, runs=tmp_path, without="check.csv", say=said.append, **FAST)
    assert any("By check.csv: 2 pictures are left out." in line for line in said)
    monkeypatch.chdir("/")
    assert run.settings.without == str(tmp_path / "check.csv")
    assert run.evaluate(split="test").confusion.sum() == 29


@pytest.mark.slow
def test_idx_files_and_a_convolutional_network(tmp_path: Path) -> None:
    run = train(
        "classify",
        idx_folder(tmp_path / "digits", 240, 60),
        net="cnn",
        epochs=8,
        batch_size=16,
        runs=tmp_path,
        augment="none",
    )
    assert run.load().about.gray
    assert run.evaluate().top1 > 0.8
    assert run.predict(read_first(tmp_path / "digits")).classes[0] in ("0", "1", "2")


def read_first(folder: Path) -> np.ndarray:
    from visus.data import load

    return load(folder).splits["test"].read(0)


@pytest.mark.slow
def test_every_network_of_ours_trains_on_small_pictures(data: Path, tmp_path: Path) -> None:
    for net, size in (("googlenet_paper", 32), ("resnet18", 32)):
        run = train("classify", data, net=net, mode="scratch", size=size, epochs=1, runs=tmp_path, augment="light")
        assert run.summary["status"] == "finished"
        assert run.load().about.size == size


@pytest.mark.slow
def test_a_probe_trains_the_last_layer_only(data: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    run = train("classify", data, mode="probe", size=64, runs=tmp_path, epochs=30, progress=seen.append)
    assert run.summary["best"]["val_accuracy"] > 0.9
    assert {p.phase for p in seen} == {"checking", "features", "training"}
    before, after = (
        nets.create("efficientnet_lite0", weights="imagenet").net.state_dict(),
        run.load().backbone.net.state_dict(),
    )
    changed = {
        name for name in after if before[name].shape != after[name].shape or not torch.equal(before[name], after[name])
    }
    assert changed == {"classifier.weight", "classifier.bias"}
    # What the probe learned on features is what the whole network answers.
    assert run.evaluate(split="val").top1 == pytest.approx(run.summary["best"]["val_accuracy"], abs=0.04)


@pytest.mark.slow
def test_fine_tuning_changes_layers_and_learns(data: Path, tmp_path: Path) -> None:
    run = train("classify", data, size=32, epochs=3, lr=1e-3, patience=0, runs=tmp_path)
    assert run.settings.mode == "finetune"
    before, after = (
        nets.create("efficientnet_lite0", weights="imagenet").net.state_dict(),
        run.load().backbone.net.state_dict(),
    )
    assert not torch.equal(before["conv_head.weight"], after["conv_head.weight"])
    assert torch.equal(before["bn2.running_mean"], after["bn2.running_mean"])
    assert not torch.equal(before["bn2.weight"], after["bn2.weight"])
    assert run.evaluate().top1 > 0.7
    with (run.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "3"]  # the probe is the first candidate
    least = min(float(row["val_loss"]) for row in rows)
    assert run.summary["best"]["val_loss"] == pytest.approx(least, abs=1e-5)


def test_a_fine_tuning_that_only_spoils_ends_with_its_probe(trained_run: Run, data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    options = {"net": "mlp", "mode": "finetune", "size": 16, "epochs": 2, "augment": "none", "runs": tmp_path}
    spoiling = {"optimizer": "sgd", "lr": 1e4, "patience": 0, "health": False, "weights": str(trained_run.folder)}
    run = train("classify", data, say=said.append, **options, **spoiling)
    assert run.summary["best"]["epoch"] == 0
    assert run.summary["epochs"] == 2
    assert any("of the probe, which 2 epochs did not better" in text for text in said)
    assert run.evaluate(split="val").top1 == pytest.approx(run.summary["best"]["val_accuracy"], abs=1e-4)
    low, high = run.summary["val_interval"]
    assert low < run.summary["best"]["val_accuracy"] <= high
    assert any("95 % interval" in text for text in said)


@pytest.mark.parametrize("refit", [False, True])
def test_a_fine_tuning_ends_with_a_probe_that_is_all_right(
    trained_run: Run, data: Path, tmp_path: Path, refit: bool
) -> None:
    said: list[str] = []
    options = {"net": "mlp", "mode": "finetune", "size": 16, "augment": "none", "runs": tmp_path, "refit": refit}
    run = train("classify", data, say=said.append, weights=str(trained_run.folder), **options)
    assert (run.summary["best"]["val_accuracy"], run.summary["epochs"]) == (1, 0)
    assert any("answers all 30 pictures of val right" in text and "--patience 0" in text for text in said)
    assert any("of the probe; " in text for text in said)
    assert run.evaluate(split="val").top1 == 1


def test_an_adversarial_fine_tuning_has_a_sound_probe_and_keeps_an_epoch_of_its_own(
    trained_run: Run, data: Path, tmp_path: Path
) -> None:
    options = {"net": "mlp", "mode": "finetune", "size": 16, "augment": "none", "epochs": 1, "runs": tmp_path}
    run = train("classify", data, weights=str(trained_run.folder), adversarial=8 / 255, **options)
    with (run.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert float(rows[0]["train_accuracy"]) > 0.9
    assert run.summary["best"]["epoch"] == 1


def test_of_few_pictures_of_val_the_loss_chooses_and_is_told(trained_run: Run, data: Path, tmp_path: Path) -> None:
    events: list[object] = []
    options = {"net": "mlp", "mode": "finetune", "size": 16, "augment": "none", "epochs": 2, "runs": tmp_path}
    run = train("classify", data, weights=str(trained_run.folder), patience=0, events=events.append, **options)
    with (run.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    least = min(rows, key=lambda row: float(row["val_loss"]))
    assert (run.summary["best_by"], run.summary["best"]["epoch"]) == ("val_loss", int(least["epoch"]))
    told = [event for event in events if isinstance(event, EpochDone)]
    assert all("val loss" in event.describe() and event.to_dict()["best"]["by"] == "val_loss" for event in told)
    assert "by whose loss the epoch was chosen" in (run.folder / "card.md").read_text()


def test_layers_that_a_short_fine_tuning_never_opens_are_not_called_frozen_by_mistake(
    trained_run: Run, data: Path, tmp_path: Path
) -> None:
    options = {"net": "mlp", "mode": "finetune", "size": 16, "epochs": 1, "augment": "none", "runs": tmp_path}
    run = train("classify", data, weights=str(trained_run.folder), patience=0, **options)
    assert not any("learn nothing" in sentence for sentence in run.summary["health"])


@pytest.mark.parametrize("mode", ["scratch", "probe", "finetune"])
def test_a_refit_learns_from_val_too(trained_run: Run, data: Path, tmp_path: Path, mode: str) -> None:
    said: list[str] = []
    options = {**FAST, "hidden": (32,), "mode": mode, "epochs": 3}
    if mode != "scratch":
        options |= {"weights": str(trained_run.folder)}
        del options["hidden"]
    run = train("classify", data, runs=tmp_path, refit=True, say=said.append, **options)
    assert run.summary["refit"] == {"epochs": run.summary["best"]["epoch"], "pictures": 120}
    assert any("Trained once more on the 120 pictures of train and val" in text for text in said)
    assert "trained on 30 of these 30" in " ".join(run.evaluate(split="val").remarks)
    assert run.evaluate(split="test").top1 > 0.5


def test_an_earlier_run_is_a_start(data: Path, trained_run: Run, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "two")
    for split in ("train", "val", "test"):
        shutil.rmtree(tmp_path / "two" / split / "stripes")
    options = {"net": "mlp", "mode": "finetune", "size": 16, "epochs": 2, "augment": "none", "runs": tmp_path}
    run = train("classify", tmp_path / "two", weights=str(trained_run.folder), **options)
    assert run.load().about.classes == ("blob", "checks")
    assert run.evaluate().top1 > 0.8
    from visus import WeightsError

    with pytest.raises(WeightsError, match="holds mlp, not cnn"):
        train("classify", data, weights=str(trained_run.folder), **{**options, "net": "cnn"})
    with pytest.raises(InputError, match="takes pictures of 16 pixels"):
        train("classify", data, weights=str(trained_run.folder), **{**options, "size": 20})


def test_a_found_learning_rate_trains(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    run = train("classify", data, runs=tmp_path, find_lr=True, say=said.append, **{**FAST, "epochs": 5})
    assert any("range test found" in text for text in said)
    assert (run.folder / "lr.png").is_file()
    assert run.settings.lr is not None
    assert 1e-4 < run.settings.lr < 1
    assert not run.settings.find_lr
    assert run.summary["best"]["val_accuracy"] > 0.6


def test_early_stopping(data: Path, tmp_path: Path) -> None:
    run = train(
        "classify", data, runs=tmp_path, **{**FAST, "epochs": 60, "patience": 2, "lr": 0.1, "schedule": "constant"}
    )
    best, count = run.summary["best"]["epoch"], run.summary["epochs"]
    assert count < 60
    assert count - best == 2


def test_divergence_is_named_and_keeps_what_was_good(data: Path, tmp_path: Path) -> None:
    options = {**FAST, "health": True, "optimizer": "sgd", "lr": 1e30, "hidden": (16, 16), "batch_size": 16}
    with pytest.raises(RunError, match=r"diverged in epoch 1.*nothing is kept.*Lower --lr"):
        train("classify", data, runs=tmp_path, **options)
    run = Run(tmp_path / "classify" / "textures-1")
    assert run.summary["status"] == "diverged"
    assert (run.folder / "health.png").is_file()


def test_a_bad_epoch_later_keeps_the_last_good_checkpoint(data: Path, tmp_path: Path, monkeypatch) -> None:
    from visus.tasks.classify import Classify

    step = Classify.training_step

    def broken(self: Classify, batch: tuple, number: int) -> torch.Tensor:
        if self.current_epoch == 2:
            batch = (batch[0].float() * float("nan"), batch[1])
        return step(self, batch, number)

    monkeypatch.setattr(Classify, "training_step", broken)
    with pytest.raises(RunError, match=r"diverged in epoch 3.*the weights of epoch \d are in"):
        train("classify", data, runs=tmp_path, **{**FAST, "epochs": 5})
    folder = tmp_path / "classify" / "textures-1"
    assert trained.read(folder).about.net == "mlp"
    assert (folder / "last.ckpt").is_file()
    monkeypatch.setattr(Classify, "training_step", step)
    assert resume(folder).summary["epochs"] == 5


def test_health_is_said_while_it_trains(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    options = {**FAST, "health": True, "hidden": (12,) * 10, "activation": "sigmoid", "epochs": 6}
    run = train("classify", data, runs=tmp_path, say=said.append, **options)
    assert sum("gradient vanishes" in text for text in said) == 1
    assert any("gradient vanishes" in text for text in run.summary["health"])


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": "plateau"},
        {"net": "cnn", "hidden": (256, 128), "schedule": "one_cycle", "augment": "light", "dropout": 0.4},
        {"batch_norm": True, "dropout": 0.5, "optimizer": "nesterov", "balance": "sampling"},
        pytest.param(
            {"net": "efficientnet_lite0", "hidden": (256, 128), "mode": "finetune", "size": 32, "augment": "light"},
            marks=pytest.mark.slow,
        ),
        {"net": "efficientnet_lite0", "hidden": (256, 128), "mode": "probe", "size": 32},
    ],
)
def test_a_stopped_training_goes_on_as_if_undisturbed(data: Path, tmp_path: Path, change: dict) -> None:
    options = {**FAST, "epochs": 4, "patience": 0, "health": True, **change}
    whole = train("classify", data, runs=tmp_path / "a", **options)
    halves = _stop_after(2, data, tmp_path / "b", options)
    assert not Run(halves).finished
    run = resume(halves)
    assert run.finished
    assert not (halves / "last.ckpt").exists()
    first, second = whole.load().backbone.state_dict(), run.load().backbone.state_dict()
    assert all(torch.allclose(first[name], second[name], atol=1e-5) for name in first)
    left, right = ((r.folder / "metrics.csv").read_text().splitlines() for r in (whole, run))
    assert [line.rsplit(",", 1)[0] for line in left] == [line.rsplit(",", 1)[0] for line in right]


@pytest.mark.slow
def test_layers_train_in_training_mode(data: Path, tmp_path: Path) -> None:
    """Dropout drops and batch normalization counts, in every mode."""
    run = train("classify", data, net="cnn", epochs=1, runs=tmp_path, size=16, augment="none")
    counts = [v.item() for n, v in run.load().backbone.net.state_dict().items() if n.endswith("num_batches_tracked")]
    assert counts
    assert set(counts) == {2}  # 90 pictures in batches of 64


@pytest.mark.parametrize(("norms", "kept"), [(None, True), ("kept", True), ("batch", False)])
def test_the_norms_of_opened_layers_are_as_the_settings_say(
    trained_run: Run, data: Path, norms: str | None, kept: bool
) -> None:
    wanted = {"net": "mlp", "mode": "finetune", "size": 16, "weights": str(trained_run.folder), "norms": norms}
    pictures = load(data)
    job = begin(resolve(ClassifySettings.of(data, wanted), pictures), pictures)
    assert job.unfreeze(3).keep_norms == kept


def test_a_training_that_was_killed_after_its_last_epoch_only_finishes(data: Path, tmp_path: Path, monkeypatch) -> None:
    from visus.runs.engine import training

    options = {**FAST, "epochs": 40, "patience": 2, "lr": 0.1, "schedule": "constant"}

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    finish = training._finish
    monkeypatch.setattr(training, "_finish", killed)
    with pytest.raises(KeyboardInterrupt):
        train("classify", data, runs=tmp_path, **options)
    folder = tmp_path / "classify" / "textures-1"
    rows = (folder / "metrics.csv").read_text()
    monkeypatch.setattr(training, "_finish", finish)
    assert resume(folder).finished
    assert (folder / "metrics.csv").read_text() == rows


def test_two_processes_do_not_train_in_one_folder(data: Path, tmp_path: Path) -> None:
    import filelock

    folder = _stop_after(1, data, tmp_path, FAST)
    with filelock.FileLock(folder / ".lock"), pytest.raises(RunError, match="Another process trains"):
        resume(folder)


def test_changed_settings_are_not_resumed_with(data: Path, tmp_path: Path) -> None:
    folder = _stop_after(1, data, tmp_path, FAST)
    config = folder / "config.toml"
    config.write_text(config.read_text().replace("adamw", "sgd"))
    with pytest.raises(RunError, match=r"config\.toml was changed"):
        resume(folder)


def test_other_workers_can_be_resumed_with(data: Path, tmp_path: Path) -> None:
    options = {**FAST, "epochs": 3, "patience": 0, "augment": "light", "workers": 0}
    whole = train("classify", data, runs=tmp_path / "a", **options)
    run = resume(_stop_after(1, data, tmp_path / "b", options), workers=2)
    assert run.settings.workers == 2
    first, second = whole.load().backbone.state_dict(), run.load().backbone.state_dict()
    assert all(torch.allclose(first[name], second[name], atol=1e-5) for name in first)


def test_moved_pictures_can_be_resumed_with(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "textures")
    folder = _stop_after(1, tmp_path / "textures", tmp_path, FAST)
    shutil.move(tmp_path / "textures", tmp_path / "elsewhere")
    with pytest.raises(InputError, match="does not exist"):
        resume(folder)
    assert resume(folder, tmp_path / "elsewhere").finished


def test_names_of_classes_that_formulas_would_choke_on(tmp_path: Path) -> None:
    write_class(tmp_path / "d" / "a$b_{c$", 0, 12, side=16)
    write_class(tmp_path / "d" / "数据", 1, 12, side=16)
    assert train("classify", tmp_path / "d", runs=tmp_path, **FAST).finished


def _stop_after(epochs: int, data: Path, runs: Path, options: dict) -> Path:
    """Train, and break off in the epoch after."""

    def stop(progress: Progress) -> None:
        if progress.epoch > epochs:
            raise RuntimeError("the power went off")

    with pytest.raises(RuntimeError, match="power"):
        train("classify", data, runs=runs, progress=stop, **options)
    return runs / "classify" / "textures-1"


def test_what_cannot_be_resumed(trained_run: Run, data: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="finished"):
        resume(trained_run.folder)
    with pytest.raises(RunError, match="is no run"):
        resume(tmp_path)
    copied = splits(tmp_path / "copy", 12, 4, 4, side=16)

    def stop(progress: Progress) -> None:
        if progress.epoch > 1:
            raise RuntimeError("power")

    with pytest.raises(RuntimeError):
        train("classify", copied, runs=tmp_path / "r", progress=stop, **FAST)
    place = tmp_path / "r" / "classify" / "copy-1"
    checkpoint = (place / "last.ckpt").read_bytes()
    (place / "last.ckpt").write_bytes(checkpoint[: len(checkpoint) // 2])
    with pytest.raises(RunError, match=r"last\.ckpt is damaged"):
        resume(place)
    write_class(copied / "train" / "blob", 0, 3, first=500, side=16)
    with pytest.raises(RunError, match="not those that"):
        resume(place)


def test_a_checkpoint_is_never_unpickled(data: Path, tmp_path: Path) -> None:
    import pickle

    def stop(progress: Progress) -> None:
        if progress.epoch > 1:
            raise RuntimeError("power")

    with pytest.raises(RuntimeError):
        train("classify", data, runs=tmp_path, progress=stop, **FAST)
    place = tmp_path / "classify" / "textures-1"

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "pwned",))

    torch.save({"state_dict": Evil()}, place / "last.ckpt", pickle_module=pickle)
    with pytest.raises(RunError, match="damaged"):
        resume(place)
    assert not (tmp_path / "pwned").exists()


def test_bad_calls(data: Path, tmp_path: Path) -> None:
    for options, words in [
        ({"epoch": 3}, "no setting 'epoch'"),
        ({"net": "resnet19"}, "resnet1"),
        ({"weights": str(tmp_path / "none.safetensors"), "net": "resnet18"}, "does not exist"),
        ({"runs": data / "train" / "blob" / "0000.png"}, "cannot be made"),
    ]:
        with pytest.raises(Exception, match=words) as raised:
            train("classify", data, **{"runs": tmp_path, **options})
        from visus import VisusError

        assert isinstance(raised.value, VisusError)
    with pytest.raises(InputError, match="task must be one of classify, localize, segment, detect"):
        train("guess", data)


def test_folder_of_classes_and_unicode_names(tmp_path: Path) -> None:
    run = train("classify", folder_of_classes(tmp_path / "Bilder von früher", 20, side=16), runs=tmp_path, **FAST)
    assert run.folder.name == "Bilder-von-früher-1"
    assert json.loads((run.folder / "summary.json").read_text())["status"] == "finished"
    assert dataclasses.is_dataclass(run.settings)


def test_a_step_of_one_picture_under_batch_normalization_is_one_sentence(tmp_path: Path) -> None:
    data = folder_of_classes(tmp_path / "d", 4, side=16)
    with pytest.raises(InputError, match="say --batch-size 2 or more"):
        train("classify", data, net="resnet18", mode="scratch", batch_size=1, epochs=1, size=32, runs=tmp_path)
