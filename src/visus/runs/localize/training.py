"""A training of the task ``localize``."""

import dataclasses
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning

from visus.nets.detection.localizer import Localizer, Stage
from visus.nets.detection.trained import About
from visus.runs.detect.training import Detection
from visus.runs.engine.loop import Checkpointer
from visus.runs.engine.task import Hooks
from visus.runs.localize.evaluate import LocalEvaluation
from visus.runs.localize.settings import STAGES
from visus.tasks.learner import Recipe
from visus.tasks.localize import Localize


class Stages(lightning.Callback):
    """Lets the class learn in the first third of the training, the box in the second, both in the last."""

    def __init__(self, net: Localizer, epochs: int) -> None:
        self.net = net
        self.epochs = epochs

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Choose what learns in this epoch."""
        self.net.learn(stage_of(trainer.current_epoch, self.epochs))


def stage_of(epoch: int, epochs: int) -> Stage:
    """What learns in an epoch, counted from 0.

    >>> [stage_of(epoch, 6) for epoch in range(6)]
    ['class', 'class', 'box', 'box', 'both', 'both']
    """
    stages: tuple[Stage, ...] = ("class", "box", "both")
    return stages[min(STAGES - 1, STAGES * epoch // epochs)]


class Localization(Detection):
    """A training of a localizer."""

    is_share = True
    learns = Localize
    sized = "square of"
    keeps_objects = True
    measured = LocalEvaluation
    settings: Any

    @property
    def score(self) -> str:
        """What epochs are compared by, under the name that tables of 0.1 have."""
        return "localised"

    @staticmethod
    def about_of(settings: Any, classes: tuple[str, ...]) -> About:  # noqa: ANN401 - of the task
        """What the trained network will say of itself."""
        return About(settings.net, settings.options, classes, task="localize")

    @property
    def copy_paste(self) -> float:
        """Nothing is pasted: a picture has one object."""
        return 0.0

    @property
    def recipe(self) -> Recipe:
        """How it learns: in each stage the schedule begins anew."""
        return dataclasses.replace(super().recipe, stages=STAGES if self.settings.staged else 1)

    def learn(
        self, callbacks: list[lightning.Callback], keep: Checkpointer, hooks: Hooks, checkpoint: Path | None
    ) -> None:
        """Train in three stages, or all layers at once."""
        if self.settings.staged:
            assert isinstance(self.net, Localizer)
            epochs = self.settings.epochs
            callbacks = [*callbacks, Stages(self.net, epochs)]
            keep.first = 1 + next(epoch for epoch in range(epochs) if stage_of(epoch, epochs) == "both")
        super().learn(callbacks, keep, hooks, checkpoint)


begin = Localization.begin
