"""A training of the task ``classify``."""

import dataclasses
import functools
import time
from pathlib import Path

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from visus._errors import InputError
from visus.data import LabelSet
from visus.nets import trained
from visus.nets.backbones import Backbone
from visus.runs.classify import probe
from visus.runs.classify.evaluate import measure
from visus.runs.classify.half_frozen import HalfFrozen
from visus.runs.classify.network import Parts, build
from visus.runs.classify.settings import ClassifySettings
from visus.runs.engine.clock import Clock
from visus.runs.engine.loop import Checkpointer, Seeded, fit
from visus.runs.engine.progress import Epoch
from visus.runs.engine.task import Hooks, outline_of
from visus.tasks import unfreeze
from visus.tasks.classify import Classify, Recipe
from visus.tasks.losses import balanced_weights, positive_weights
from visus.tasks.optimizers import Group
from visus.tasks.wilson import FEW

_PROBE_EPOCHS = 30  # of the last layer before fine-tuning
_PROBE_SECONDS = 4.0  # about, beside its features


class Unfreeze(lightning.Callback):
    """Opens a network from the top down (see :mod:`visus.tasks.unfreeze`).

    Args:
        parts: The network, and how it is trained.
        epochs: Of the training.
        half: What runs the closed layers apart, or None.
    """

    def __init__(self, parts: Parts, epochs: int, half: HalfFrozen | None) -> None:
        self.parts = parts
        self.half = half
        self.keep_norms = parts.settings.norms != "batch"
        self.counts = [unfreeze.open_at(epoch, epochs, parts.settings.thirds) for epoch in range(epochs)]

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Open what learns in most epochs, so that a step can be timed."""
        self.open(self.counts[-1])

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Open what learns in this epoch."""
        self.open(self.counts[trainer.current_epoch])

    def open(self, count: int) -> None:
        """Let so many thirds learn."""
        unfreeze.unfreeze(self.parts.net, count, keep_norms=self.keep_norms)
        if self.half:
            self.half.settle(self.counts.count(count) * len(self.parts.dataset.splits["train"]), _example(self.parts))


def _example(parts: Parts) -> Tensor:
    """A picture as a loader gives it, ``(1, C, size, size)`` uint8."""
    return torch.zeros(1, 1 if parts.about.gray else 3, parts.about.size, parts.about.size, dtype=torch.uint8)


@dataclasses.dataclass(frozen=True)
class Classification:
    """A training of a classifier.

    Attributes:
        parts: What it is made of.
    """

    parts: Parts

    @property
    def score(self) -> str:
        """What its score is called in tables."""
        return "mean_ap" if self.settings.multilabel else "accuracy"

    @property
    def is_share(self) -> bool:
        """Whether the score is the share of the pictures that are answered right: average precision is none."""
        return not self.settings.multilabel

    @property
    def settings(self) -> ClassifySettings:
        """How it is trained."""
        return self.parts.settings

    @property
    def data(self) -> LabelSet:
        """The pictures with their labels."""
        return self.parts.dataset

    @property
    def net(self) -> Backbone:
        """The network that is trained."""
        return self.parts.net

    @property
    def outline(self) -> str:
        """The network in a few words."""
        return outline_of(
            self.parts.net, (1 if self.parts.about.gray else 3, self.parts.about.size, self.parts.about.size)
        )

    def with_rate(self, lr: float) -> "Classification":
        """The same with another learning rate."""
        settings = dataclasses.replace(self.settings, lr=lr, find_lr=False)
        return Classification(dataclasses.replace(self.parts, settings=settings))

    def learner(self) -> Classify:
        """The network as it learns.

        Raises:
            InputError: A probe has no learning rate to find.
        """
        if self.settings.mode == "probe":
            raise InputError(
                "A probe has no need of --find-lr: its features are scaled, so that the default fits; leave it."
            )
        net, half = self.net.train(), self.half
        if half:
            self.unfreeze(self.settings.epochs or 1).open(self.settings.thirds)
        recipe, groups = recipe_of(self.parts), groups_of(self.parts)
        return (
            Classify(half, nn.Identity(), recipe, groups)
            if half
            else Classify(net, self.parts.normalize, recipe, groups)
        )

    def loader(self, split: str) -> DataLoader[tuple[Tensor, Tensor]]:
        """Batches of a split, ``(N, C, H, W)`` uint8, and ``(N,)`` or ``(N, classes)`` int64."""
        return self.parts.loader(split)

    def seconds_before(self, check: float) -> float:
        """The probe, whose features take as long as passes over val and train."""
        if self.settings.mode != "finetune":
            return 0.0
        train, val = (len(self.data.splits[split]) for split in ("train", "val"))
        return check * (train + val) / val + _PROBE_SECONDS

    def save(self, path: Path) -> None:
        """Write the network as it is now."""
        trained.write(path, self.parts.trained())

    def draw(self, folder: Path) -> None:
        """Draw which classes are taken for which on the val split, or how well each is found."""
        measure(trained.read(folder, "classifier"), self.data, "val", self.settings).draw(folder)

    def learn(
        self, callbacks: list[lightning.Callback], keep: Checkpointer, hooks: Hooks, checkpoint: Path | None
    ) -> None:
        """Train as the mode says."""
        settings = self.settings
        assert settings.epochs is not None
        if settings.mode == "probe":
            self._probe(callbacks, keep, hooks, checkpoint)
            return
        if settings.mode == "finetune":
            keep.first = int(settings.adversarial > 0)  # pictures of val as they are do not tell what is wanted then
            if checkpoint is None:
                keep.by_loss = self._by_loss
                keep.note(self._probe_first(hooks))
                keep.tell()
                if self._is_all_right(keep, hooks):
                    return
            callbacks = [self.unfreeze(settings.epochs), *callbacks]  # first, since others time what is open
        fit(
            self.learner(),
            self.loader("train"),
            self.loader("val"),
            settings,
            [*callbacks, keep],
            epochs=settings.epochs,
            checkpoint=checkpoint,
        )

    @property
    def _by_loss(self) -> bool:
        """Whether epochs are compared by the loss on val: of few pictures, the share of right answers jumps."""
        return self.is_share and len(self.data.splits["val"]) < FEW

    def _is_all_right(self, keep: Checkpointer, hooks: Hooks) -> bool:
        """Whether the probe answers all of val right, so that no epoch could be seen to be better; it is said."""
        settings = self.settings
        if not self.is_share or not settings.patience or settings.adversarial or keep.best is None:
            return False
        if keep.best.val_score < 1:
            return False
        count = len(self.data.splits["val"])
        pictures = f"all {count} pictures" if count > 1 else "the one picture"
        hooks.say(
            f"The probe answers {pictures} of val right, so no epoch could be seen to be better, and it is kept; "
            "--patience 0 trains on."
        )
        return True

    def refitted(self, epochs: int, hooks: Hooks) -> "Classification":
        """The same trained from its first weights on train and val together, and measured on nothing.

        Args:
            epochs: How many were the best on val; 0 for the probe that fine-tuning begins with.
            hooks: Told how far the features are.
        """
        settings = dataclasses.replace(self.settings, epochs=max(1, epochs))
        again = Classification(build(settings, self.data.joined("train", "val")))
        callbacks: list[lightning.Callback] = [Seeded(settings.seed), Clock(hooks.progress)]
        hooks = dataclasses.replace(hooks, known={})  # features of other pictures
        if settings.mode == "probe":
            again._probe(callbacks, Checkpointer(lambda: None), hooks, None)
            return again
        if settings.mode == "finetune":
            again._probe_first(hooks)
            callbacks.insert(0, again.unfreeze(epochs))
        if epochs:
            fit(again.learner(), again.loader("train"), None, settings, callbacks, epochs=epochs)
        return again

    def unfreeze(self, epochs: int) -> Unfreeze:
        """What opens the network in so many epochs."""
        return Unfreeze(self.parts, epochs, self.half)

    @functools.cached_property
    def half(self) -> HalfFrozen | None:
        """What runs layers apart that never learn; None where all do, or where pictures are changed by gradients."""
        settings = self.settings
        whole = settings.mode != "finetune" or settings.thirds == unfreeze.PARTS or settings.adversarial > 0
        if whole or not self.net.row():
            return None
        return HalfFrozen(self.net, self.parts.normalize, can_compile=settings.device != "cuda")

    def _features(self, hooks: Hooks) -> tuple[Tensor, Tensor]:
        embed = self._embed if self.half and self.settings.device != "cuda" else None
        both = [
            probe.features(self.parts, split, hooks.known, progress=hooks.progress, embed=embed)
            for split in ("train", "val")
        ]
        return both[0], both[1]

    def _embed(self, pictures: Tensor) -> Tensor:
        """Bytes ``(N, C, H, W)`` to embeddings, by what the training has compiled for its longest stage."""
        half = self.half
        assert half is not None
        self.net.eval()
        with torch.no_grad():
            return half.embed(pictures)

    def _probe(
        self, callbacks: list[lightning.Callback], keep: Checkpointer, hooks: Hooks, checkpoint: Path | None
    ) -> None:
        """Train the last layer on features."""
        settings = self.settings
        assert settings.epochs is not None
        assert settings.batch_size is not None

        def own(layer: probe.LinearOnFeatures) -> list[lightning.Callback]:
            write = keep.save_best

            def save() -> None:
                layer.fold()
                write()

            keep.save_best = save
            keep.enough = 1.0  # an epoch takes no time, and yet would be waited for where all of val is right
            return [*callbacks, keep]

        probe.train_on(
            self.parts,
            recipe_of(self.parts),
            *self._features(hooks),
            own,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            checkpoint=checkpoint,
        )

    def _probe_first(self, hooks: Hooks) -> Epoch:
        """Let fine-tuning begin with a last layer that fits the features as they are, and tell how well it does."""
        started = time.perf_counter()
        if self.half:
            self.unfreeze(self.settings.epochs or 1).open(self.settings.thirds)
        kept: list[Checkpointer] = []
        usual = {"betas": (0.9, 0.999), "bias_correction": True}
        simple = dataclasses.replace(
            recipe_of(self.parts), lr=1e-3, optimizer="adamw", schedule="cosine", warmup=0.0, adversarial=0.0, **usual
        )

        def own(layer: probe.LinearOnFeatures) -> list[lightning.Callback]:
            kept.append(Checkpointer(layer.fold))
            kept[0].by_loss = self._by_loss
            return [Seeded(self.settings.seed), *kept]

        probe.train_on(self.parts, simple, *self._features(hooks), own, epochs=_PROBE_EPOCHS, batch_size=256)
        self.net.train()
        best = kept[0].best
        assert best is not None
        return dataclasses.replace(best, epoch=0, seconds=time.perf_counter() - started)


def recipe_of(parts: Parts) -> Recipe:
    """How the network learns."""
    settings = parts.settings
    assert settings.lr is not None
    return Recipe(
        settings.lr,
        settings.optimizer,
        settings.momentum,
        settings.weight_decay,
        settings.schedule,
        settings.warmup,
        settings.loss,
        settings.label_smoothing,
        _weights(parts) if settings.balance == "weights" else None,
        settings.adversarial,
        settings.multilabel,
        rho=settings.rho,
        betas=settings.betas,
        bias_correction=settings.bias_correction,
    )


def _weights(parts: Parts) -> Tensor:
    """How much each class counts, so that rare ones count more."""
    counts = torch.from_numpy(parts.dataset.counts("train"))
    if parts.settings.multilabel:
        return positive_weights(counts, len(parts.dataset.splits["train"]))
    return balanced_weights(counts)


def groups_of(parts: Parts) -> list[Group]:
    """The parameters with the factor of their learning rate: lower below, when fine-tuning."""
    net, settings = parts.net, parts.settings
    if settings.mode != "finetune":
        return [(list(net.net.parameters()), 1.0)]
    body: list[Group] = []
    epochs = settings.epochs or 1
    opened = unfreeze.open_at(epochs - 1, epochs, settings.thirds)  # in its last epoch; in one alone not all
    rates = unfreeze.rates(settings.lr_decay)[:opened]
    for layers, rate in zip(unfreeze.parts(net), rates, strict=False):
        body.append(([p for layer in layers for p in layer.parameters(recurse=False)], rate))
    return [(list(net.head.parameters()), 1.0), *body]


def begin(settings: ClassifySettings, data: LabelSet) -> Classification:
    """The training of a classifier: the network with its first weights, and its preprocessing fitted.

    Raises:
        WeightsError: They are not at hand.
    """
    return Classification(build(settings, data))
