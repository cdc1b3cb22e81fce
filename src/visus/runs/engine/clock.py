"""How long a training takes: a plan from a few timed steps before the first one, and the time left at every step."""

import math
import statistics
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as lightning
import torch
from torch import nn
from torch.utils.data import DataLoader

from visus.runs.engine.progress import Event, Plan, Progress
from visus.tasks import processes
from visus.tasks.learner import Diverged, Learner

_QUICK = 1.0  # seconds: a step that takes less is timed once more, when memory and caches are warm
_FEW = 8  # pictures of val that are timed
_LATEST_STEPS, _LATEST_EPOCHS = 20, 7  # from which the time left is told: one alone may be slow by chance
_EPOCH = 0.05  # seconds that an epoch takes however little it learns: the loop, tables, what goes on is told


class Clock(lightning.Callback):
    """Tells the plan of a training before its first step, and after each how far it is and how long it will take.

    Args:
        progress: Told after each step.
        report: Told the plan; None to make none.
        keep: Writes the network once, as each epoch does that is the best so far; it is timed for the plan.

    Attributes:
        broken: Whether the loss was no number before the first step.
        remaining: Seconds from the end of the latest epoch to that of the training.
    """

    def __init__(
        self,
        progress: Callable[[Progress], None] | None,
        report: Callable[[Event], None] | None = None,
        keep: Callable[[], None] = lambda: None,
    ) -> None:
        self.progress = progress
        self.report = report
        self.keep = keep
        self.step, self.check = math.nan, math.nan  # seconds of a step, and of a pass over val
        self.rest = 0.0  # seconds of an epoch beside both
        self.broken = False
        self.remaining = math.nan
        self._stepped, self._checking = 0.0, 0.0  # when the latest step ended, and a pass over val began
        self._steps: deque[float] = deque(maxlen=_LATEST_STEPS)
        self._checks: deque[float] = deque(maxlen=_LATEST_EPOCHS)
        self._rests: deque[float] = deque(maxlen=_LATEST_EPOCHS)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Time a step and a few pictures of val, and tell the plan."""
        if self.report is None:
            return
        assert isinstance(pl_module, Learner)
        if processes.count() == 1:  # several would wait for each other
            try:
                train, val = trainer.train_dataloader, trainer.val_dataloaders
                assert isinstance(train, DataLoader)
                assert isinstance(val, DataLoader)
                place = Place(trainer.precision_plugin.train_step_context, trainer.strategy.batch_to_device)
                self.step, self.check = rehearsed(pl_module, train, val, place)
            except Diverged:
                self.broken = True
                raise
            started = time.perf_counter()
            self.keep()
            self.rest = time.perf_counter() - started + _EPOCH
        epochs, steps = (trainer.max_epochs or 0) - trainer.current_epoch, int(trainer.num_training_batches)
        self.report(Plan(epochs, steps, epochs * (steps * self.step + self.check + self.rest)))

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Look at the clock, and see what the epoch before took beside its steps and its pass over val."""
        now = time.perf_counter()
        if self._checks:
            self._rests.append(max(0.0, now - self._stepped - self._checks[-1]))
            self.rest = statistics.median(self._rests)
        self._stepped = now

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,  # noqa: ANN401 - Lightning's
        batch: object,
        batch_idx: int,
    ) -> None:
        """Tell how far it is."""
        now, done = time.perf_counter(), batch_idx + 1
        self._steps.append(now - self._stepped)
        self._stepped, self.step = now, statistics.mean(self._steps)
        if self.progress is None:
            return
        assert isinstance(pl_module, Learner)
        total, epochs = int(trainer.num_training_batches), trainer.max_epochs or 0
        loss, left = pl_module.train_sums.mean_loss(), self._left(trainer, done)
        self.progress(Progress("training", done, total, trainer.current_epoch + 1, epochs, loss, left))

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Look at the clock."""
        self._checking = time.perf_counter()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Note how long a pass over val takes."""
        self._checks.append(time.perf_counter() - self._checking)
        self.check = statistics.median(self._checks)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Note what is left after this epoch."""
        self.remaining = self._later(trainer)

    def _left(self, trainer: lightning.Trainer, done: int) -> float:
        """Seconds until the end, after so many steps of this epoch."""
        steps = int(trainer.num_training_batches)
        return (steps - done) * self.step + self._beside() + self._later(trainer)

    def _later(self, trainer: lightning.Trainer) -> float:
        """Seconds of the epochs behind this one."""
        epochs, steps = (trainer.max_epochs or 0) - trainer.current_epoch - 1, int(trainer.num_training_batches)
        return epochs * (steps * self.step + self._beside())

    def _beside(self) -> float:
        """Seconds of an epoch beside its steps."""
        return self.rest + (0.0 if math.isnan(self.check) else self.check)


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how steps are computed.

    Attributes:
        context: In which a step is computed, for example in 16 bits.
        move: Brings a batch there.
    """

    context: Callable[[], AbstractContextManager[Any]]
    move: Callable[[Any], Any]


def rehearsed(
    task: Learner, train: DataLoader[Any], val: DataLoader[Any], place: Place, *, tries: int = 2
) -> tuple[float, float]:
    """Seconds of a training step and of a pass over val, each tried out; the network stays as it was.

    Args:
        task: What is trained.
        train: Training batches.
        val: Batches of val.
        place: Where they are computed.
        tries: Steps of less than a second; the last one counts, when memory and caches are warm.

    Raises:
        Diverged: The loss is no number.
    """
    net: nn.Module = task.net
    modes = [(module, module.training) for module in net.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in net.buffers()]
    try:
        with torch.random.fork_rng(devices=[]):
            return _step(task, train, place, tries), _pass(task, val, place)
    finally:
        task.zero_grad(set_to_none=True)
        for module, training in modes:
            module.training = training
        for buffer, before in buffers:
            buffer.copy_(before)


def _step(task: Learner, loader: DataLoader[Any], place: Place, tries: int) -> float:
    reading, batch = _first(loader, place)
    seconds = math.inf
    for _ in range(tries):
        started = time.perf_counter()
        with place.context():
            loss: Any = task.training_step(batch, 0)
        loss.backward()
        seconds = time.perf_counter() - started
        task.zero_grad(set_to_none=True)
        if seconds > _QUICK:
            break
    return _together(reading, seconds, loader)


def _pass(task: Learner, loader: DataLoader[Any], place: Place) -> float:
    reading, batch = _first(loader, place, _FEW)
    started = time.perf_counter()
    with torch.no_grad(), place.context():
        task.eval()
        task.validation_step(batch, 0)
    seconds = _together(reading, time.perf_counter() - started, loader)
    count = len(loader.dataset)  # pyright: ignore[reportArgumentType] - all of ours have a length
    return seconds * count / min(_FEW, loader.batch_size or 1, count)


def _first(loader: DataLoader[Any], place: Place, most: int | None = None) -> tuple[float, Any]:
    """The first batch of a loader, read in this process, and the seconds that it took."""
    started = time.perf_counter()
    keys: Any = next(iter(loader.batch_sampler or ()))[:most]
    data: Any = loader.dataset
    samples = data.__getitems__(keys) if hasattr(data, "__getitems__") else [data[key] for key in keys]
    batch = loader.collate_fn(samples)
    return time.perf_counter() - started, place.move(batch)


def _together(reading: float, computing: float, loader: DataLoader[Any]) -> float:
    """Seconds of both: processes that read ahead do so while others compute."""
    return max(reading / loader.num_workers, computing) if loader.num_workers else reading + computing
