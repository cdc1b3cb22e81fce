"""Loggers: what each is told of a training, and that none of them ends it or asks a network."""

import csv
import importlib.machinery
import json
import os
import site
import socket
import subprocess
import sys
import threading
import types
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.support.command import visus
from tests.support.labeled import splits
from visus import DependencyError, InputError, RunError
from visus.runs import resume, train
from visus.runs.engine import loggers

FAST = {"net": "mlp", "hidden": (16,), "epochs": 2, "augment": "none", "size": 16, "health": False}
PINNED = {"tensorboard": "2.21.0", "mlflow": "3.17.2", "wandb": "0.31.0"}
NETWORK = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}


class Told:
    """A logger that keeps what it is told."""

    made: ClassVar[list[Any]] = []

    def __init__(self, folder: Path, name: str, settings: dict[str, Any]) -> None:
        folder.mkdir()
        self.name, self.settings, self.status = name, settings, ""
        self.epochs: dict[int, dict[str, float]] = {}
        Told.made.append(self)

    def tell(self, epoch: int, values: Mapping[str, float]) -> None:
        self.epochs[epoch] = dict(values)

    def close(self, status: str) -> None:
        self.status = status


class Broken(Told):
    def tell(self, epoch: int, values: Mapping[str, float]) -> None:
        raise OSError("no space left\non the device")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return splits(tmp_path_factory.mktemp("data") / "textures", 30, 10, 10, side=16)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Told]:
    monkeypatch.setattr(loggers, "is_installed", lambda _: True)
    monkeypatch.setattr(loggers, "LOGGERS", {"tensorboard": Told, "mlflow": Told, "wandb": Broken})
    monkeypatch.setattr(Told, "made", [])
    return Told.made


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_they_are_told_what_the_table_holds(data: Path, tmp_path: Path, told: list[Told]) -> None:
    run = train("classify", data, runs=tmp_path, log=("tensorboard",), **FAST)
    (logger,) = told
    rows = _rows(run.folder)
    assert logger.name == "textures-1"
    assert logger.settings["hidden"] == (16,)
    assert logger.settings["task"] == "classify"
    assert logger.status == loggers.FINISHED
    assert list(logger.epochs) == [int(row["epoch"]) for row in rows] == [1, 2]
    for row in rows:
        own = logger.epochs[int(row.pop("epoch"))]
        assert own == pytest.approx({name: float(value) for name, value in row.items()}, rel=1e-4)
    assert run.settings.log == ("tensorboard",)


def test_one_that_fails_is_said_once_and_ends_nothing(data: Path, tmp_path: Path, told: list[Told]) -> None:
    said: list[str] = []
    run = train("classify", data, runs=tmp_path, log=["wandb", "mlflow"], say=said.append, **FAST)
    assert run.finished
    assert [own for own in said if "logs no more" in own] == [
        "wandb logs no more (no space left); the training goes on, and metrics.csv has every epoch."
    ]
    assert [own.status for own in told if not isinstance(own, Broken)] == [loggers.FINISHED]


def test_how_a_training_ended_is_told(data: Path, tmp_path: Path, told: list[Told]) -> None:
    with pytest.raises(RunError, match="diverged"):
        train("classify", data, runs=tmp_path, log=["mlflow"], lr=1e30, optimizer="sgd", **FAST)
    assert told[-1].status == loggers.FAILED


def test_a_training_that_goes_on_tells_the_epochs_before(
    data: Path, tmp_path: Path, told: list[Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(self: Told, epoch: int, values: Mapping[str, float]) -> None:
        self.epochs[epoch] = dict(values)
        if epoch == 2 and len(told) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Told, "tell", stopped)
    with pytest.raises(KeyboardInterrupt):
        train("classify", data, runs=tmp_path, log=["mlflow"], **{**FAST, "epochs": 3})
    run = resume(tmp_path / "classify" / "textures-1")
    first, second = told
    assert first.status == loggers.STOPPED
    assert list(first.epochs) == [1, 2]
    assert list(second.epochs) == [1, 2, 3] == [int(row["epoch"]) for row in _rows(run.folder)]
    assert second.epochs[1] == first.epochs[1]


@pytest.mark.parametrize("name", sorted(loggers.LOGGERS))
def test_a_package_that_is_missing_is_said_before_anything_begins(
    data: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loggers, "is_installed", lambda _: False)
    with pytest.raises(DependencyError, match=rf"pip install 'visus\[{name}\]'"):
        train("classify", data, runs=tmp_path, log=[name], **FAST)
    assert not (tmp_path / "classify").exists()


def test_what_cannot_be(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="log must be one of tensorboard, mlflow, wandb, not 'comet'"):
        train("classify", data, runs=tmp_path, log=["comet"], **FAST)
    wrong = visus("train", "classify", data, "--log", "comet", "--runs", tmp_path, code=2)
    assert "log must be one of tensorboard, mlflow, wandb, not 'comet'" in wrong.stderr


class _Calls:
    """Stands for any object of a library: notes what is called."""

    def __init__(self, calls: list[tuple[str, tuple, dict]], name: str) -> None:
        self._calls, self._name = calls, name

    def __getattr__(self, name: str) -> "_Calls":
        return _Calls(self._calls, f"{self._name}.{name}")

    def __call__(self, *args: Any, **options: Any) -> "_Calls":
        self._calls.append((self._name, args, options))
        return _Calls(self._calls, f"{self._name}()")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple, dict]]:
    """What the three packages are asked for, where they are replaced."""
    found: list[tuple[str, tuple, dict]] = []
    for name in ("mlflow", "wandb", "tensorboard", "torch.utils.tensorboard"):
        module: Any = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        for part in ("MlflowClient", "entities", "Settings", "init", "SummaryWriter"):
            setattr(module, part, _Calls(found, f"{name}.{part}"))
        monkeypatch.setitem(sys.modules, name, module)
    for name in ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_LOGGING_LEVEL", "WANDB_ERROR_REPORTING"):
        monkeypatch.setenv(name, "x")  # so that it is taken away again
        monkeypatch.delenv(name)
    return found


def test_what_the_packages_are_asked_for(data: Path, tmp_path: Path, calls: list[tuple[str, tuple, dict]]) -> None:
    said: list[str] = []
    run = train("classify", data, runs=tmp_path, log=list(loggers.LOGGERS), say=said.append, **FAST)
    assert not [own for own in said if "logs no more" in own]
    asked = {name: (args, options) for name, args, options in calls}
    begun = asked["wandb.init"][1]
    assert begun["mode"] == "offline"
    assert begun["dir"] == str(run.folder)
    assert asked["wandb.init().finish"][1] == {"exit_code": 0}
    assert asked["mlflow.MlflowClient"][0] == (f"sqlite:///{run.folder.resolve()}/mlflow/mlflow.db",)
    assert asked["mlflow.MlflowClient().set_terminated"][0][1] == "FINISHED"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["WANDB_ERROR_REPORTING"] == "false"
    scalars = [args for name, args, _ in calls if name.endswith("SummaryWriter().add_scalar")]
    names = [name for name in _rows(run.folder)[0] if name != "epoch"]
    assert [(name, step) for name, _, step in scalars] == [(name, step) for step in (1, 2) for name in names]


_READ = """
import json, sys
from pathlib import Path
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
import mlflow
from wandb.proto import wandb_internal_pb2

def records(data):  # LevelDB's log: blocks of 32 KiB with whole records, or the first, middle and last parts of one
    place, parts = 7, b""
    while place + 7 <= len(data):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
        length, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        parts += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            yield parts
            parts = b""

run = Path(sys.argv[1])
events = EventAccumulator(str(run / "tensorboard")).Reload()
client = mlflow.MlflowClient(f"sqlite:///{run}/mlflow/mlflow.db")
(experiment,) = client.search_experiments(filter_string="name = 'visus'")
(own,) = client.search_runs([experiment.experiment_id])
(place,) = (run / "wandb").glob("offline-run-*/*.wandb")
steps = []
for data in records(place.read_bytes()):
    record = wandb_internal_pb2.Record.FromString(data)
    if record.WhichOneof("record_type") == "history":
        items = record.history.item
        steps.append({item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items})
print(json.dumps({
    "tensorboard": [[event.step, event.value] for event in events.Scalars("val_accuracy")],
    "mlflow": [[m.step, m.value] for m in client.get_metric_history(own.info.run_id, "val_accuracy")],
    "wandb": [[row["_step"], row["val_accuracy"]] for row in steps],
    "status": own.info.status,
    "net": own.data.params["net"],
}))
"""


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A place that all requests would go to, and those that came."""
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    came.append(connection.recv(200).decode(errors="replace").split("\r\n")[0])

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", came
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.long
def test_the_real_packages_are_told_the_same_and_ask_no_network(
    data: Path, tmp_path: Path, proxy: tuple[str, list[str]]
) -> None:
    home = tmp_path / "own"
    venv.create(home, symlinks=True)
    python = home / "bin/python"
    (place,) = (home / "lib").glob("python*/site-packages")
    (place / "others.pth").write_text("\n".join([*site.getsitepackages(), *map(os.path.abspath, sys.path[1:])]))
    wanted = [f"{name}=={version}" for name, version in PINNED.items()]
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", *wanted]
    subprocess.run(command, check=True, timeout=1200)
    url, came = proxy
    environment = {**os.environ, **dict.fromkeys(NETWORK | {name.lower() for name in NETWORK}, url)}
    command = [str(python), "-m", "visus", "train", "classify", str(data), "--runs", str(tmp_path), "--net", "mlp"]
    command += ["--hidden", "16", "--epochs", "2", "--augment", "none", "--size", "16"]
    command += [part for name in loggers.LOGGERS for part in ("--log", name)]
    done = subprocess.run(command, check=False, env=environment, timeout=600, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "logs no more" not in done.stdout
    run = tmp_path / "classify" / "textures-1"
    read = subprocess.run(
        [str(python), "-c", _READ, str(run)], check=False, env=environment, timeout=300, capture_output=True, text=True
    )
    assert read.returncode == 0, read.stderr
    found = json.loads(read.stdout)
    expected = [[int(row["epoch"]), float(row["val_accuracy"])] for row in _rows(run)]
    for name in loggers.LOGGERS:
        assert [step for step, _ in found[name]] == [step for step, _ in expected]
        assert [value for _, value in found[name]] == pytest.approx([value for _, value in expected], abs=1e-4)
    assert (found["status"], found["net"]) == ("FINISHED", "mlp")
    assert came == []
