"""Where else a training is told, beside ``metrics.csv``: TensorBoard, MLflow, Weights & Biases.

Each writes into a folder of its own in the run, and asks no network. They are told what ``metrics.csv`` holds; a
training that goes on begins their folders anew, with the epochs before it.
"""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from visus._optional import is_installed, missing, require
from visus.runs.engine.progress import Epoch
from visus.runs.engine.task import Say
from visus.runs.record.settings import TrainSettings

FINISHED, FAILED, STOPPED = "finished", "failed", "stopped"
"""How a training may end."""

_MLFLOW = {FINISHED: "FINISHED", FAILED: "FAILED", STOPPED: "KILLED"}


class Logger(Protocol):
    """What one tool is told of a training; its constructor takes a folder, the name of the run, and the settings."""

    def __init__(self, folder: Path, name: str, settings: dict[str, Any]) -> None: ...

    def tell(self, epoch: int, values: Mapping[str, float]) -> None:
        """Note the numbers of an epoch, so that they are seen at once."""
        ...

    def close(self, status: str) -> None:
        """End: :data:`FINISHED`, :data:`FAILED` or :data:`STOPPED`."""
        ...


class TensorBoard:
    """An event file, as ``tensorboard --logdir RUNS`` reads it."""

    def __init__(self, folder: Path, name: str, settings: dict[str, Any]) -> None:
        self._writer = require("torch.utils.tensorboard").SummaryWriter(str(folder))
        lines = "\n".join(f"| {key} | {value} |" for key, value in settings.items())
        self._writer.add_text("settings", f"| {name} | |\n|---|---|\n{lines}")

    def tell(self, epoch: int, values: Mapping[str, float]) -> None:
        """Write the numbers of an epoch as scalars; see :class:`Logger`."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()

    def close(self, status: str) -> None:
        """Close the event file, whatever the status; see :class:`Logger`."""
        self._writer.close()


class MLflow:
    """A store of SQLite, as ``mlflow ui --backend-store-uri sqlite:///RUN/mlflow/mlflow.db`` reads it."""

    def __init__(self, folder: Path, name: str, settings: dict[str, Any]) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # it says which tables it makes
        self._mlflow = require("mlflow")
        folder.mkdir()
        self._client = self._mlflow.MlflowClient(f"sqlite:///{folder.resolve()}/mlflow.db")
        experiment = self._client.create_experiment("visus", (folder.resolve() / "artifacts").as_uri())
        self._run = self._client.create_run(experiment, run_name=name).info.run_id
        params = [self._mlflow.entities.Param(key, str(value)) for key, value in settings.items()]
        self._client.log_batch(self._run, params=params)

    def tell(self, epoch: int, values: Mapping[str, float]) -> None:
        """Write the numbers of an epoch as metrics; see :class:`Logger`."""
        now = int(time.time() * 1000)  # milliseconds
        metrics = [self._mlflow.entities.Metric(name, float(value), now, epoch) for name, value in values.items()]
        self._client.log_batch(self._run, metrics=metrics)

    def close(self, status: str) -> None:
        """Say in the store how the training ended; see :class:`Logger`."""
        self._client.set_terminated(self._run, _MLFLOW[status])


class WandB:
    """A run of Weights & Biases offline, as ``wandb sync RUN/wandb/offline-run-*`` takes it to a server."""

    def __init__(self, folder: Path, name: str, settings: dict[str, Any]) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        wandb = require("wandb")
        how = wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True)
        place = str(folder.parent)  # in which it makes its own folder, "wandb"
        self._run = wandb.init(project="visus", name=name, dir=place, mode="offline", config=settings, settings=how)

    def tell(self, epoch: int, values: Mapping[str, float]) -> None:
        """Write the numbers of an epoch as its step; see :class:`Logger`."""
        self._run.log(dict(values), step=epoch)

    def close(self, status: str) -> None:
        """Finish the run, with an exit code; see :class:`Logger`."""
        self._run.finish(exit_code=0 if status == FINISHED else 1)


LOGGERS: dict[str, type[Logger]] = {"tensorboard": TensorBoard, "mlflow": MLflow, "wandb": WandB}
"""The loggers; each is called as the package that it needs, and as its folder in the run."""


def check(names: Sequence[str]) -> None:
    """See that the packages of some loggers are there, before anything begins.

    Raises:
        DependencyError: One is not installed.
    """
    for name in names:
        if not is_installed(name):
            raise missing(ModuleNotFoundError(name=name))


class Loggers:
    """The loggers that the settings of a training name; one that fails is left out, and the training goes on.

    Args:
        settings: Of the training.
        folder: Of its run.
        say: Told which logger failed.
    """

    def __init__(self, settings: TrainSettings, folder: Path, say: Say) -> None:
        self._settings, self._folder, self._say = settings, folder, say
        self._open: dict[str, Logger] = {}
        self._told = 0

    def __enter__(self) -> Self:
        for name in self._settings.log:
            place = self._folder / name
            shutil.rmtree(place, ignore_errors=True)
            values = {"task": self._settings.task, **vars(self._settings)}
            try:
                self._open[name] = LOGGERS[name](place, self._folder.resolve().name, values)
            except Exception as error:  # of another library, whatever it raises
                self._left_out(name, error)
        return self

    def tell(self, epochs: Sequence[Epoch], score: str) -> None:
        """Note the epochs that were not told yet.

        Args:
            epochs: All of them so far.
            score: What their score is called.
        """
        for epoch in epochs[self._told :]:
            values = epoch.named(score)
            number = int(values.pop("epoch"))
            for name, logger in list(self._open.items()):
                try:
                    logger.tell(number, values)
                except Exception as error:
                    self._left_out(name, error)
        self._told = len(epochs)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        status = FINISHED if kind is None else STOPPED if issubclass(kind, KeyboardInterrupt) else FAILED
        for name, logger in list(self._open.items()):
            try:
                logger.close(status)
            except Exception as error:
                self._left_out(name, error)

    def _left_out(self, name: str, error: Exception) -> None:
        self._open.pop(name, None)
        lines = str(error).splitlines() or [type(error).__name__]
        self._say(f"{name} logs no more ({lines[0]}); the training goes on, and metrics.csv has every epoch.")
