"""How far a training has come, and the results of its epochs."""

import dataclasses
import math
from dataclasses import dataclass


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
    """

    phase: str
    done: int
    total: int
    epoch: int = 0
    epochs: int = 0
    loss: float = math.nan


@dataclass(frozen=True, slots=True)
class Epoch:
    """What an epoch came to.

    Attributes:
        epoch: From 1 on.
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

    def better_than(self, other: "Epoch | None") -> bool:
        """Whether it answers better on the val split: a higher score, then a smaller loss."""
        return other is None or (self.val_score, -self.val_loss) > (other.val_score, -other.val_loss)

    def named(self, score: str) -> dict[str, float]:
        """As plain values, with the scores under their own name.

        >>> Epoch(1, 0.1, 2.0, 0.5, 2.5, 0.4, 1.0).named("accuracy")["val_accuracy"]
        0.4
        """
        values = dataclasses.asdict(self)
        if math.isnan(self.train_score):
            del values["train_score"]
        return {key.replace("score", score): value for key, value in values.items()}


def said(score: str) -> str:
    """The name of a score as people read it; the key in files is that of 0.1.

    >>> said("mean_iou"), said("localised")
    ('mean iou', 'localized')
    """
    return {"localised": "localized"}.get(score, score).replace("_", " ")
