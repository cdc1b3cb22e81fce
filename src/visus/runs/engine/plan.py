"""A training that ends after some minutes: how many epochs, and how large the input, from a few timed steps."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import lightning.pytorch as lightning
import torch
from lightning.fabric.utilities import move_data_to_device

from visus._errors import InputError
from visus.runs.engine.clock import Place, rehearsed
from visus.runs.engine.progress import duration
from visus.runs.engine.task import Data, Hooks, Job, Task
from visus.runs.record.settings import TrainSettings

FEWEST = 4
"""Epochs: where there is time for less, the input is made smaller."""

SHARES = (1.0, 0.75, 0.5)
"""Of the side of the input that would be taken without a limit."""

_SIDES = ("size", "side", "window")
"""What the tasks call that side in their settings."""

_END = 12.0  # seconds for plots and the graph of the network
_TRIES = 4


@dataclasses.dataclass(frozen=True, slots=True)
class Pace:
    """How fast a training is here.

    Attributes:
        steps: Of an epoch.
        step: Seconds of a step.
        check: Seconds of a pass over val.
        before: Seconds before the first step.
    """

    steps: int
    step: float
    check: float
    before: float = 0.0

    @property
    def epoch(self) -> float:
        """Seconds of an epoch."""
        return self.steps * self.step + self.check

    def epochs_in(self, seconds: float) -> int:
        """How many epochs fit into some seconds, one at least.

        >>> Pace(steps=10, step=1.0, check=5.0).epochs_in(120.0)
        6
        """
        return max(1, int((seconds - self.before - self.check - _END) // self.epoch))

    def seconds(self, epochs: int) -> float:
        """How long a training of so many epochs takes, its plots and its graph included."""
        return self.before + epochs * self.epoch + self.check + _END

    def to_dict(self) -> dict[str, float]:
        """As plain values for JSON, with three digits."""
        return {name: float(f"{value:.3g}") for name, value in dataclasses.asdict(self).items()}


def planned(
    task: Task, settings: TrainSettings, whole: TrainSettings, data: Data, hooks: Hooks
) -> tuple[TrainSettings, dict[str, Any]]:
    """The settings of a training that ends after as many minutes as they say, and the plan as its file has it.

    Args:
        task: The task.
        settings: As they were given.
        whole: The same with nothing left open.
        data: What it learns from.
        hooks: Told the plan.

    Raises:
        InputError: Nothing can be left open, or not even an epoch fits.
    """
    assert settings.minutes is not None
    started, seconds = time.perf_counter(), 60 * settings.minutes
    name = next((name for name in _SIDES if hasattr(whole, name)), None)
    free = name is not None and getattr(settings, name) is None
    chosen, share, epochs, pace = whole, 1.0, 1, Pace(1, 0.0, 0.0)
    for share in SHARES if free else SHARES[:1]:
        if name and share != 1:
            smaller = dataclasses.replace(settings, **{name: _less(getattr(whole, name), share)})
            chosen = task.resolve(smaller, data)
        pace = paced(_begun(task, chosen, data))
        epochs = pace.epochs_in(seconds - (time.perf_counter() - started))
        if epochs >= FEWEST:
            break
    needed = time.perf_counter() - started + pace.seconds(epochs)
    if needed > 1.5 * seconds:
        raise InputError(
            f"Not even one epoch fits into {settings.minutes:g} minutes: that takes {duration(needed)}; give more "
            "--minutes, a smaller --net, or fewer pictures."
        )
    patience = 0 if settings.patience is None else settings.patience
    final = dataclasses.replace(chosen, epochs=epochs, patience=patience, minutes=None)
    size = f", {name} {getattr(final, name)}" if name else ""
    hooks.say(f"Plan for {settings.minutes:g} minutes: {epochs} epochs of {duration(pace.epoch)}{size}.")
    plan = {"minutes": settings.minutes, "net": final.net, "epochs": epochs, **pace.to_dict()}
    return final, {**plan, name: getattr(final, name)} if name else plan


def _begun(task: Task, settings: TrainSettings, data: Data) -> Job:
    with torch.random.fork_rng(devices=[]):
        return task.begin(settings, data)


def _less(side: Any, share: float) -> Any:  # noqa: ANN401 - a number or several
    """A share of a side, or of several, in steps of 32 pixels, 32 at least.

    >>> _less(224, 0.75), _less((256, 128), 0.5)
    (160, (128, 64))
    """
    if isinstance(side, tuple):
        return tuple(_less(own, share) for own in side)
    return max(32, int(share * side) // 32 * 32)


def paced(job: Job) -> Pace:
    """How fast a training is, by a few steps; what it has learned is thrown away with it."""
    settings, learner = job.settings, job.learner()
    train, val = job.loader("train"), job.loader("val")
    learner.to(settings.device)
    place = Place(lambda: _precision(settings), lambda batch: move_data_to_device(batch, settings.device))
    step, check = rehearsed(learner, train, val, place, tries=_TRIES)
    return Pace(len(train), step, check, job.seconds_before(check))


@contextlib.contextmanager
def _precision(settings: TrainSettings) -> Iterator[None]:
    low = settings.precision == "bf16"
    with torch.autocast(settings.device, torch.bfloat16, enabled=low):
        yield


class Deadline(lightning.Callback):
    """Ends a training with the epoch behind which no other fits.

    Args:
        end: Of the training, as :func:`time.monotonic` tells it.
    """

    def __init__(self, end: float) -> None:
        self.end = end
        self._began = time.monotonic()

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Look at the clock."""
        self._began = time.monotonic()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Stop where the next epoch would end too late."""
        now = time.monotonic()
        if now + (now - self._began) > self.end - _END:
            trainer.should_stop = True
