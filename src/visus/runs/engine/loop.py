"""The loop of a training: Lightning's, with what visus keeps of each epoch."""

import contextlib
import dataclasses
import logging
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import torch
from torch.utils.data import DataLoader

from visus._cores import cores
from visus._errors import WeightsError
from visus._files import publish
from visus.data import Order, plain_errors
from visus.runs.engine.progress import Epoch
from visus.runs.record.settings import TrainSettings, rate_for
from visus.tasks import all_reduce, health, processes
from visus.tasks.learner import Learner
from visus.tasks.optimizers import Group

Loader = DataLoader[Any]
_FEW = 16  # samples in an epoch
_USUAL = 1e-3  # learning rate of Adam that most networks train with


Hook = Callable[[Epoch], None]


class Checkpointer(lightning.Callback):
    """Notes every epoch, keeps the best weights, and stops when there is no more progress.

    Args:
        save_best: Called whenever the network is better than before.
        on_epoch: Called after each epoch; it may raise to end the training.
        patience: Epochs without progress before the end; 0 for no limit.
        folder: Where ``last.ckpt`` is kept after each epoch, or None.

    Attributes:
        enough: The score from which on no progress is seen: a smaller loss alone is none then.
        by_loss: Whether the best epoch is that of the least loss on val: a score of few pictures jumps.
    """

    def __init__(
        self,
        save_best: Callable[[], None],
        *,
        on_epoch: Hook | None = None,
        patience: int = 0,
        folder: Path | None = None,
    ) -> None:
        self.save_best = save_best
        self.on_epoch = on_epoch
        self.patience = patience
        self.folder = folder
        self.enough = math.inf
        self.by_loss = False
        self.epochs: list[Epoch] = []
        self.first = 0  # the first epoch that may be the best, once it is reached
        self._started = 0.0

    @property
    def state_key(self) -> str:
        """Its place in a checkpoint, which checkpoints of 0.1 have."""
        return "Keep"

    @property
    def best(self) -> Epoch | None:
        """The best epoch so far."""
        best = None
        for epoch in [own for own in self.epochs if own.epoch >= self.first] or self.epochs:
            best = epoch if epoch.better_than(best, by_loss=self.by_loss) else best
        return best

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Look at the clock."""
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Note the epoch and keep what must not be lost: first the best weights, then the state to go on from."""
        assert isinstance(pl_module, Learner)
        means = (*pl_module.train_sums.means(), *pl_module.val_sums.means())
        train_loss, train_score, val_loss, val_score = processes.averaged(*means)
        rate = max(group["lr"] for group in trainer.optimizers[0].param_groups)
        seconds = time.perf_counter() - self._started
        number = trainer.current_epoch + 1
        self.note(Epoch(number, rate, train_loss, train_score, val_loss, val_score, seconds))
        if self._is_stuck():
            trainer.should_stop = True
        if self.folder:
            save_checkpoint(trainer, self.folder / "last.ckpt")
        self.tell()

    def tell(self) -> None:
        """Tell the latest epoch."""
        if self.on_epoch:
            self.on_epoch(self.epochs[-1])

    def note(self, epoch: Epoch) -> None:
        """Note an epoch, and keep the weights where they are the best so far."""
        self.epochs.append(epoch)
        if self.best is epoch and math.isfinite(epoch.val_loss):
            self.save_best()

    def _is_stuck(self) -> bool:
        if not self.patience or self.best is None:
            return False
        good = (own.epoch for own in self.epochs if own.val_score >= self.enough)
        return self.epochs[-1].epoch - next(good, self.best.epoch) >= self.patience

    def had_stopped(self, checkpoint: Path) -> bool:
        """Whether a training was killed after its last epoch for want of progress; its epochs are then brought back."""
        states = torch.load(checkpoint, map_location="cpu", weights_only=True)["callbacks"]
        mine = Checkpointer(self.save_best, patience=self.patience)
        mine.load_state_dict(states[self.state_key])
        if mine._is_stuck():
            self.epochs, self.by_loss = mine.epochs, mine.by_loss
        return mine._is_stuck()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training needs."""
        epochs = [dataclasses.asdict(epoch) for epoch in self.epochs]
        return {"epochs": epochs, "enough": self.enough, "by_loss": self.by_loss}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self.epochs = [Epoch(**values) for values in state_dict["epochs"]]
        self.enough = state_dict.get("enough", math.inf)
        self.by_loss = state_dict.get("by_loss", False)


def save_checkpoint(trainer: lightning.Trainer, path: Path) -> None:
    """Write all that a training needs to go on; the file appears whole or not at all, and outlives a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    trainer.save_checkpoint(temporary)
    publish(temporary, path)


class Seeded(lightning.Callback):
    """Gives each epoch random numbers of its own, so that a resumed training draws what an undisturbed one does."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Seed the generators of torch."""
        own = self.seed * 1_000_003 + trainer.current_epoch + processes.rank() * 1_000_000_007
        torch.manual_seed(own % 2**63)


class Health(lightning.Callback):
    """Measures a training a few times in each epoch, and says once what is wrong.

    Args:
        say: Told each finding once.
        clipped: Whether gradients are clipped.
    """

    def __init__(self, say: Callable[[str], None], *, clipped: bool = False) -> None:
        self.say, self.clipped = say, clipped
        self.monitor: health.Monitor | None = None
        self.findings: dict[str, str] = {}
        self._loaded: dict[str, Any] | None = None
        self._watching = False

    def setup(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        """Look at the network."""
        assert isinstance(pl_module, Learner)
        learning = [parameter for group, _ in pl_module.groups for parameter in group]
        self.monitor = health.Monitor(pl_module.net, learning=learning)
        self._bring_back()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Choose how often to measure: four times an epoch."""
        assert self.monitor
        self.monitor.every = max(1, int(trainer.num_training_batches) // 4)

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Start anew with the units that are alive."""
        assert self.monitor
        self.monitor.new_epoch()

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Watch the next forward pass, if it is due."""
        assert self.monitor
        self._watching = self.monitor.due(trainer.global_step)
        if self._watching:
            self.monitor.watch()

    def on_before_optimizer_step(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Measure the gradients of the step."""
        assert self.monitor
        if self._watching:
            self.monitor.gradients()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,  # noqa: ANN401 - Lightning's
        batch: object,
        batch_idx: int,
    ) -> None:
        """Measure the updates of the step."""
        assert self.monitor
        if self._watching:
            self.monitor.updates(trainer.global_step - 1, float(outputs["loss"]))

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Say what is wrong."""
        assert isinstance(pl_module, Learner)
        done, total = trainer.current_epoch + 1, trainer.max_epochs or 1
        self.judge(pl_module.recipe.lr, pl_module.recipe.optimizer, young=3 * done < total, finished=done == total)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Say what is wrong with a training that has ended early, for want of progress or of time."""
        assert isinstance(pl_module, Learner)
        if trainer.should_stop:
            self.judge(pl_module.recipe.lr, pl_module.recipe.optimizer, stopped=True)

    def teardown(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        """Leave the network as it was."""
        if self.monitor:
            self.monitor.close()

    def judge(
        self, lr: float, optimizer: str, *, young: bool = False, finished: bool = False, stopped: bool = False
    ) -> None:
        """Look at the measures so far, and say what is new."""
        assert self.monitor
        for finding in health.diagnose(
            self.monitor.history,
            lr=lr,
            clipped=self.clipped,
            young=young,
            finished=finished,
            stopped=stopped,
            usual=rate_for(optimizer, _USUAL),
            optimizer=optimizer,
        ):
            self.find(finding)

    def lower(self, lr: float, optimizer: str) -> str:
        """The mend of a rate that is too high."""
        history = self.monitor.history if self.monitor else None
        clips = not self.clipped and optimizer not in health.SCALE_FREE
        return health.lower(history, lr, usual=rate_for(optimizer, _USUAL), clips=clips)

    def find(self, finding: health.Finding) -> None:
        """Say what is wrong, once."""
        if finding.kind not in self.findings:
            self.findings[finding.kind] = finding.message
            self.say(finding.message)

    def _bring_back(self) -> None:
        """The measures of a training that goes on, if they are of the same layers."""
        assert self.monitor
        if self._loaded and list(self._loaded["layers"]) == self.monitor.history.layers:
            weighted = self.monitor.history.weighted
            self.monitor.history = dataclasses.replace(health.History.from_dict(self._loaded), weighted=weighted)

    def state_dict(self) -> dict[str, Any]:
        """The measures, for a resumed training."""
        assert self.monitor
        return {"history": self.monitor.history.to_dict(), "findings": dict(self.findings)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self._loaded = state_dict["history"]
        self.findings = dict(state_dict["findings"])
        if self.monitor:
            self._bring_back()


def fit(
    task: Learner,
    train: Loader,
    val: Loader | None,
    settings: TrainSettings,
    callbacks: list[lightning.Callback],
    *,
    epochs: int,
    checkpoint: Path | None = None,
) -> None:
    """Train until the last epoch or until a callback stops it.

    Args:
        task: What is trained, and how.
        train: Training batches.
        val: Batches of the val split; None to choose no best epoch by them.
        settings: Device, precision and clipping are taken from here.
        callbacks: What is kept and shown of each epoch.
        epochs: Epochs in all, those before a resumption included.
        checkpoint: ``last.ckpt`` to go on from.

    Raises:
        Diverged: The loss has become NaN or infinite.
        KeyboardInterrupt: The user stopped it.
    """
    if checkpoint:  # Lightning draws the first order before it says which epoch it is
        finished = torch.load(checkpoint, map_location="cpu", weights_only=True)["epoch"] + 1
        order = train.sampler
        assert isinstance(order, Order)
        order.set_epoch(finished)
    if processes.count() > 1:
        train, callbacks = all_reduce.shared(train), [all_reduce.Average(), *callbacks]
    clip = settings.clip_norm or settings.clip_value or None
    with quiet():
        trainer = lightning.Trainer(
            accelerator="gpu" if settings.device == "cuda" else "cpu",
            devices=_device() if settings.device == "cuda" else 1,
            precision="bf16-mixed" if settings.precision == "bf16" else "32-true",
            max_epochs=epochs,
            callbacks=callbacks,
            gradient_clip_val=clip,
            gradient_clip_algorithm="norm" if settings.clip_norm else "value" if settings.clip_value else None,
            logger=False,
            enable_progress_bar=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
        task.train()  # a network comes in evaluation mode, and Lightning leaves it as it is
        try:
            with plain_errors():
                trainer.fit(task, train, val, ckpt_path=checkpoint, weights_only=True)
        except SystemExit as error:  # what Lightning makes of Ctrl-C
            raise KeyboardInterrupt from error
        except RuntimeError as error:  # whoever ends all processes of a job ends those that read ahead first, perhaps
            if not trainer.received_sigterm:
                raise
            raise KeyboardInterrupt from error


def _device() -> int | list[int]:
    """The GPU of this process: Ray shows those of its neighbors on the machine too."""
    if processes.count() == 1:
        return 1
    from ray.train.torch import get_device

    return [get_device().index or 0]  # pyright: ignore[reportAttributeAccessIssue]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning's and torch's advice to themselves; visus says what its users can act on."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric", "lightning")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def groups_of(net: torch.nn.Module, body: Sequence[torch.nn.Parameter], decay: float) -> list[Group]:
    """The parameters that learn, in two groups: what is new, and what was trained before, at a lower rate."""
    before = {id(parameter) for parameter in body}
    new = [parameter for parameter in net.parameters() if parameter.requires_grad and id(parameter) not in before]
    groups: list[Group] = [(new, 1.0), ([parameter for parameter in body if parameter.requires_grad], decay)]
    return [group for group in groups if group[0]]


def carry_over(net: torch.nn.Module, before: torch.nn.Module, source: str) -> list[torch.nn.Parameter]:
    """Take all layers of an earlier training that fit: those of FCN-32s for FCN-16s, of Faster R-CNN for Mask R-CNN.

    Args:
        net: What is trained now.
        before: What was trained.
        source: Where that came from.

    Returns:
        The parameters that were taken.

    Raises:
        WeightsError: Most of the network would be left without.
    """
    own = net.state_dict()
    fitting = {k: v for k, v in before.state_dict().items() if k in own and own[k].shape == v.shape}
    shared = sum(value.numel() for value in fitting.values())
    if 2 * shared < sum(value.numel() for value in own.values()):
        raise WeightsError(f"{source} holds {before.name}, which does not fit {net.name}; choose another run.")
    net.load_state_dict(fitting, strict=False)
    parameters = dict(net.named_parameters())
    return [parameters[name] for name in fitting if name in parameters]


def workers_for(wanted: int | None, count: int) -> int:
    """Processes that read so many samples ahead: none where they are read sooner than a process is started."""
    if wanted is not None:
        return wanted
    return 0 if count < _FEW else max(1, min(8, cores() // 2))
