"""How far a training has come, what it plans, and the results of its epochs."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is.

    Attributes:
        phase: What goes on: ``"checking"``, ``"features"``, ``"proposals"`` or ``"training"``.
        done: Steps or pictures done in this epoch or phase.
        total: Of how many.
        epoch: Epoch, from 1 on; 0 before the first.
        epochs: Of how many.
        loss: Mean training loss of this epoch so far.
        left: Seconds until the end of the training, as far as is known.
    """

    phase: str
    done: int
    total: int
    epoch: int = 0
    epochs: int = 0
    loss: float = math.nan
    left: float = math.nan


@dataclass(frozen=True, slots=True)
class Epoch:
    """What an epoch came to.

    Attributes:
        epoch: From 1 on; 0 is the probe that fine-tuning begins with.
        lr: Learning rate at its end.
        train_loss: Mean loss while training, augmentation and dropout included.
        train_score: Score while training: of a classifier the share of right answers, of a segmenter the mean IoU; NaN
            of a detector.
        val_loss: Mean loss on the val split.
        val_score: Score on the val split.
        seconds: How long it took.
    """

    epoch: int
    lr: float
    train_loss: float
    train_score: float
    val_loss: float
    val_score: float
    seconds: float

    @property
    def place(self) -> str:
        """Which one it is, as the end of a sentence."""
        return f"of epoch {self.epoch}" if self.epoch else "of the probe"

    def better_than(self, other: "Epoch | None", *, by_loss: bool = False) -> bool:
        """Whether it answers better on the val split: a higher score, then a smaller loss.

        Args:
            other: Another one; None for none.
            by_loss: Whether the smaller loss counts before the score.
        """
        if other is None:
            return True
        if by_loss:
            return (-self.val_loss, self.val_score) > (-other.val_loss, other.val_score)
        return (self.val_score, -self.val_loss) > (other.val_score, -other.val_loss)

    def named(self, score: str) -> dict[str, float]:
        """As plain values, with the scores under their own name.

        >>> Epoch(1, 0.1, 2.0, 0.5, 2.5, 0.4, 1.0).named("accuracy")["val_accuracy"]
        0.4
        """
        values = dataclasses.asdict(self)
        if math.isnan(self.train_score):
            del values["train_score"]
        return {key.replace("score", score): value for key, value in values.items()}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training is about to do.

    Attributes:
        epochs: Epochs that are left, at most.
        steps: Steps in each.
        seconds: How long they will take, from a few timed steps; NaN where that is not known.
    """

    epochs: int
    steps: int
    seconds: float

    def describe(self) -> str:
        """The plan in a sentence.

        >>> Plan(6, 8, 200.0).describe()
        'Plan: at most 6 epochs of 8 steps, about 3 min.'
        """
        long = "" if math.isnan(self.seconds) else f", about {duration(self.seconds)}"
        return f"Plan: at most {_count(self.epochs, 'epoch')} of {_count(self.steps, 'step')}{long}."

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {"event": "plan", **_plain(dataclasses.asdict(self))}


@dataclass(frozen=True, slots=True)
class EpochDone:
    """The end of an epoch.

    Attributes:
        epoch: What it came to.
        epochs: Epochs in all, at most.
        best: The best one so far.
        score: What the score is called in tables.
        left: Seconds until the end of the training, as far as is known.
        by_loss: Whether the best one is that of the least loss on val.
    """

    epoch: Epoch
    epochs: int
    best: Epoch
    score: str
    left: float = math.nan
    by_loss: bool = False

    def describe(self) -> str:
        """The epoch as a line of a log.

        >>> epoch = Epoch(2, 0.1, 0.4123, 0.9, 0.5, 0.8612, 4.0)
        >>> EpochDone(epoch, 6, epoch, "accuracy", 95.0).describe()
        'epoch 2/6: loss 0.4123, val accuracy 86.12%, best so far, 2 min left'
        """
        own, best = self.epoch, self.best
        record = "best so far" if best is own else f"best {best.val_score:.2%} {best.place}"
        record += " by the loss on val" if self.by_loss else ""
        left = f", {duration(self.left)} left" if self.left > 0 else ""
        score = f"val {said(self.score)} {own.val_score:.2%}" + (
            f", val loss {own.val_loss:.4f}" if self.by_loss else ""
        )
        name = f"epoch {own.epoch}/{self.epochs}" if own.epoch else "probe"
        return f"{name}: loss {own.train_loss:.4f}, {score}, {record}{left}"

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        best = {"epoch": self.best.epoch, f"val_{self.score}": self.best.val_score}
        by = {**_plain({"val_loss": self.best.val_loss}), "by": "val_loss"} if self.by_loss else {}
        values = {**self.epoch.named(self.score), "epochs": self.epochs, "left": self.left}
        return {"event": "epoch", **_plain(values), "best": {**_plain(best), **by}}


Event = Plan | EpochDone
"""What a training tells beside sentences."""


def duration(seconds: float) -> str:
    """How long something takes, for people.

    >>> duration(0.2), duration(42), duration(200), duration(4000), duration(100_000)
    ('1 s', '42 s', '3 min', '1 h 7 min', '28 h')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 10 and rest else f"{hours + (rest >= 30)} h"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Numbers for JSON: NaN and infinity become None."""
    return {key: value if math.isfinite(value) else None for key, value in values.items()}


def said(score: str) -> str:
    """The name of a score as people read it; the key in files is that of 0.1.

    >>> said("mean_iou"), said("localised")
    ('mean iou', 'localized')
    """
    return {"localised": "localized"}.get(score, score).replace("_", " ")
