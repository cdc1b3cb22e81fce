"""Training, from the command line as a user types it."""

import csv
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.bad_files import write_bad_files
from tests.support.command import visus, visus_process
from tests.support.labeled import idx_folder, splits, write_class
from visus import read
from visus.runs import ClassifySettings, Run

MLP = ("--net", "mlp", "--hidden", "16", "--augment", "none", "--size", "16")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with labeled pictures and a trained run."""
    folder = tmp_path_factory.mktemp("cli")
    splits(folder / "textures", 30, 10, 10, side=16)
    answer = visus("train", "classify", "textures", *MLP, "--epochs", 10, "--lr", 0.003, cwd=folder)
    assert "Best: accuracy" in answer.stdout
    return folder


RUN = "runs/classify/textures-1"


def test_training_says_what_it_sees_and_where_the_run_is(place: Path, tmp_path: Path) -> None:
    answer = visus("train", "classify", place / "textures", *MLP, "--epochs", 2, cwd=tmp_path)
    lines = answer.stdout.splitlines()
    assert "folders of classes, in splits" in lines[0]
    assert lines[1].split() == ["class", "train", "val", "test"]
    assert lines[2].split() == ["blob", "30", "10", "10"]
    assert "parameters" in answer.stdout
    assert "runs/classify/textures-1" in lines[-1]
    assert Run(tmp_path / RUN).finished


def test_a_log_has_a_plan_and_a_line_for_each_epoch(place: Path, tmp_path: Path) -> None:
    lines = visus("train", "classify", place / "textures", *MLP, "--epochs", 3, cwd=tmp_path).stdout.splitlines()
    plan = next(k for k, line in enumerate(lines) if line.startswith("Plan: at most 3 epochs of 2 steps, about "))
    log = lines[plan + 1 : plan + 4]
    assert [line.split(":")[0] for line in log] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert all("loss " in line and "val accuracy " in line and "best" in line for line in log)
    assert log[0].endswith(" left")
    assert not log[-1].endswith(" left")


def test_a_program_follows_events_and_a_script_gets_the_folder(place: Path, tmp_path: Path) -> None:
    options = ("train", "classify", place / "textures", *MLP, "--epochs", 2)
    events = [json.loads(line) for line in visus(*options, "--json", cwd=tmp_path).stdout.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds.count("plan") == 1
    assert kinds.count("epoch") == 2
    assert kinds.index("plan") < kinds.index("epoch")
    plan, last, end = events[kinds.index("plan")], events[-3], events[-1]
    assert plan["seconds"] > 0
    assert (last["epoch"], last["epochs"], last["best"]["epoch"]) == (2, 2, end["summary"]["best"]["epoch"])
    assert end["event"] == "finished"
    assert end["run"] == "runs/classify/textures-1"
    quiet = visus(*options, "--quiet", cwd=tmp_path)
    assert (quiet.stdout, quiet.stderr) == ("runs/classify/textures-2\n", "")
    refused = visus(*options, "--show-batch", "b.png", "--quiet", cwd=tmp_path, code=2)
    assert "leave --quiet and --json away" in refused.stderr


def test_a_full_disk_is_one_sentence(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    answer = visus("evaluate", RUN, "--out", tmp_path / "out", cwd=place, code=2)
    assert answer.stderr.startswith(f"visus: {tmp_path / 'out'}")
    assert "No space left on device; make room" in answer.stderr


def test_evaluate(place: Path, tmp_path: Path) -> None:
    answer = visus("evaluate", RUN, cwd=place)
    assert "30 pictures of test: top-1" in answer.stdout
    assert "precision" in answer.stdout
    values = json.loads(
        visus("evaluate", RUN, "textures", "--split", "val", "--out", tmp_path, "--json", cwd=place).stdout
    )
    assert values["split"] == "val"
    assert values["top1"] > 0.8
    assert read(tmp_path / "confusion.png").shape[2] == 3


def test_predict_in_words_json_and_csv(place: Path, tmp_path: Path) -> None:
    write_class(tmp_path / "new ones", 2, 3, first=700, side=16)
    answer = visus("predict", place / RUN, tmp_path / "new ones", cwd=tmp_path)
    assert len(answer.stdout.splitlines()) == 3
    assert "stripes" in answer.stdout
    bad = write_bad_files(tmp_path / "new ones" / "bad")
    values = json.loads(visus("predict", place / RUN, "new ones", "--json", "-k", 2, cwd=tmp_path).stdout)
    assert len(values["predictions"]) == 3
    assert len(values["unreadable"]) == len(bad)
    assert len(values["predictions"][0]["probabilities"]) == 2
    table = visus("predict", place / RUN, "new ones", "--csv", cwd=tmp_path)
    rows = list(csv.DictReader(table.stdout.splitlines()))
    assert [row["class1"] for row in rows].count("stripes") >= 2
    assert str(bad[0].name) in table.stderr
    assert "None of the files could be used" in visus("predict", place / RUN, tmp_path / "new ones/bad", code=2).stderr


@pytest.mark.slow
def test_export_and_index_with_a_run(place: Path, tmp_path: Path) -> None:
    for form, name in (("onnx", "model.onnx"), ("torchscript", "model.pt")):
        assert name in visus("export", RUN, "--format", form, cwd=place).stdout
        assert (place / RUN / name).is_file()
    index = tmp_path / "i.visus"
    assert "30 added" in visus("index", "textures/test", "--model", RUN, "--index", index, cwd=place).stdout
    first = place / "textures/test/blob/0040.png"
    assert str(first) in visus("search", first, "-k", 1, "--index", index, cwd=tmp_path).stdout


def test_show_batch_draws_and_does_not_train(place: Path, tmp_path: Path) -> None:
    answer = visus(
        "train",
        "classify",
        place / "textures",
        "--net",
        "cnn",
        "--augment",
        "strong",
        "--show-batch",
        "b.png",
        cwd=tmp_path,
    )
    assert "Wrote b.png" in answer.stderr
    assert read(tmp_path / "b.png").shape[1] > 500
    assert not (tmp_path / "runs").exists()


def test_config_and_options_before_it(place: Path, tmp_path: Path) -> None:
    shutil.copy(place / RUN / "config.toml", tmp_path / "c.toml")
    visus("train", "classify", "--config", tmp_path / "c.toml", "--epochs", 2, "--runs", tmp_path / "r", cwd=place)
    settings = Run(tmp_path / "r/classify/textures-1").settings
    assert isinstance(settings, ClassifySettings)
    assert (settings.epochs, settings.hidden, settings.lr) == (2, (16,), 0.003)


@pytest.mark.slow
def test_tune_then_train_with_the_best(place: Path, tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text("lr = { low = 1e-3, high = 1e-1, log = true }\n")
    answer = visus(
        "tune", "classify", place / "textures", "--trials", 4, "--space", "space.toml", "--net", "mlp", "--hidden", "8",
        "--epochs", 2, "--size", 16, cwd=tmp_path,
    )  # fmt: skip
    assert "Coarse: 2 trials" in answer.stdout
    assert "Fine: 2 trials" in answer.stdout
    assert "visus train classify" in answer.stdout
    best = tmp_path / "runs/tune/textures-1/best.toml"
    visus("train", "classify", place / "textures", "--config", best, "--runs", "again", cwd=tmp_path)


def test_idx_files(tmp_path: Path) -> None:
    idx_folder(tmp_path / "digits")
    answer = visus("train", "classify", "digits", "--net", "mlp", "--hidden", "none", "--epochs", 2, cwd=tmp_path)
    assert "idx files" in answer.stdout


@pytest.mark.slow
def test_nets_lists_and_lays_out(tmp_path: Path) -> None:
    table = visus("nets").stdout
    assert "alexnet_paper" in table
    assert "60,965,224" in table
    assert "Apache-2.0" in table
    layers = visus("nets", "alexnet_paper", "--size", "3,227,227").stdout
    assert "256x6x6" in layers
    assert "195" in layers
    rows = json.loads(visus("nets", "--json").stdout)
    assert {row["name"] for row in rows} >= {"mlp", "vgg16", "efficientnet_lite0"}
    assert json.loads(visus("nets", "cnn", "--json").stdout)["parameters"] > 100_000
    assert "224" in visus("nets", "vit_tiny_patch16_224").stdout
    assert "2x388x388" in visus("nets", "unet", "--classes", "2").stdout
    assert {row["name"] for row in rows} >= {"fcn8s", "segnet", "vnet"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "classify"], "Name a folder of labeled pictures"),
        (["train", "classify", "none"], "none does not exist"),
        (["train", "classify", "textures", "--net", "resnet19"], "did you mean"),
        (["train", "classify", "textures", "--net", "vgg16"], "give weights=FILE or weights=None"),
        (["train", "classify", "textures", "--net", "cnn", "--mode", "probe"], "no ImageNet weights for cnn"),
        (["train", "classify", "textures", "--net", "mlp", "--hidden", "a,b"], "--hidden must be whole numbers"),
        (["train", "classify", "textures", "--lr", "-1"], "lr must be above 0"),
        (["train", "classify", "textures", "--mode", "probe", "--augment", "light"], "cannot augment"),
        (["train", "classify", "--lr", "0.1", "--resume", RUN], "leave the other options"),
        (["train", "classify", "--resume", RUN], "is finished"),
        (["train", "classify", "--resume", "none"], "is no run"),
        (["train", "classify", "textures", "--config", "none.toml"], "cannot be read"),
        (["train", "classify", "textures", "--net", "cnn", "--show-batch", "x.txt"], "no ending that visus writes"),
        (["evaluate", "none"], "holds no trained network"),
        (["evaluate", RUN, "none"], "does not exist"),
        (["evaluate", RUN, "--split", "dev"], "has no split dev"),
        (["predict", RUN, "none.jpg"], "does not exist"),
        (["predict", RUN, "textures", "--json", "--csv"], "Choose one"),
        (["export", "textures"], "holds no trained network"),
        (["index", "textures", "--model", "/none/run"], "holds no trained network"),
        (["nets", "resnet19"], "resnet19"),
        (["nets", "mlp", "--size", "3,2"], "three whole numbers"),
        (["nets", "alexnet", "--size", "3,20,20"], "at least 63"),
        (["nets", "resnet18", "--size", "1,64,64"], "3 channels"),
        (["tune", "classify", "textures", "--space", "none.toml"], "cannot be read"),
    ],
)
def test_one_sentence_and_exit_code_two(place: Path, arguments: list[str], words: str) -> None:
    answer = visus(*arguments, cwd=place, code=2)
    assert words in answer.stderr
    assert answer.stderr.count("\n") == 1


def _start(place: Path, runs: Path, *more: str, new_session: bool = False) -> subprocess.Popen[str]:
    options = ["train", "classify", "textures", "--net", "cnn", "--augment", "light", "--size", "24", "--patience", "0"]
    return subprocess.Popen(
        [sys.executable, "-m", "visus", *options, "--epochs", "20", "--runs", str(runs), *more],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=new_session,
    )


def _wait_for_epoch(folder: Path, epoch: int) -> None:
    metrics = folder / "metrics.csv"
    for _ in range(6000):
        if metrics.is_file() and len(metrics.read_text().splitlines()) > epoch:
            return
        time.sleep(0.02)
    raise AssertionError(f"{folder} never came to epoch {epoch}")


def _rows(folder: Path) -> list[list[float]]:
    """The epochs without their seconds."""
    with (folder / "metrics.csv").open() as file:
        return [[float(value) for value in row[:-1]] for row in list(csv.reader(file))[1:]]


@pytest.mark.parametrize(
    "how", [pytest.param(signal.SIGKILL, marks=pytest.mark.slow), pytest.param(signal.SIGINT, marks=pytest.mark.long)]
)
def test_a_killed_training_goes_on_to_the_same_end(place: Path, tmp_path: Path, how: signal.Signals) -> None:
    whole = _start(place, tmp_path / "whole")
    whole.communicate(timeout=250)
    assert whole.returncode == 0
    stopped = _start(place, tmp_path / "stopped")
    folder = tmp_path / "stopped" / "classify" / "textures-1"
    _wait_for_epoch(folder, 2)
    stopped.send_signal(how)
    _, errors = stopped.communicate(timeout=100)
    if how == signal.SIGINT:
        assert stopped.returncode == 130
        assert f"--resume {folder} goes on" in errors
        assert "Traceback" not in errors
    assert not Run(folder).finished
    assert len(_rows(folder)) < 10
    visus_process("train", "classify", "--resume", folder, cwd=place)
    for left, right in zip(_rows(tmp_path / "whole" / "classify" / "textures-1"), _rows(folder), strict=True):
        assert left == pytest.approx(right, rel=1e-4, abs=1e-5)
    assert not [p for p in folder.iterdir() if p.name.startswith(".last")]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_all_processes_of_a_training_that_ends_early_can_be_ended(
    place: Path, tmp_path: Path, how: signal.Signals
) -> None:
    stopped = _start(place, tmp_path / "runs", "--workers", "2", new_session=True)
    folder = tmp_path / "runs" / "classify" / "textures-1"
    _wait_for_epoch(folder, 0)
    os.killpg(stopped.pid, how)
    _, errors = stopped.communicate(timeout=100)
    assert stopped.returncode == 130
    assert errors.splitlines()[-1].startswith(f"visus: stopped; visus train classify --resume {folder} goes on")
    assert "Traceback" not in errors


def test_help_of_training_imports_nothing_heavy() -> None:
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "visus", "train", "classify", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "lightning" not in answer.stderr
    assert " torch\n" not in answer.stderr
    assert "--find-lr" in answer.stdout
