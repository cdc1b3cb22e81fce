"""How far a training is, and what its epochs came to."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is.

    Attributes:
        phase: What goes on: ``"checking"``, ``"features"`` or ``"training"``.
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
        train_accuracy: Share of right answers while training.
        val_loss: Mean loss on the val split.
        val_accuracy: Share of right answers on the val split.
        seconds: How long it took.
    """

    epoch: int
    lr: float
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float

    def better_than(self, other: "Epoch | None") -> bool:
        """Whether it answers better on the val split: more right answers, then a smaller loss."""
        return other is None or (self.val_accuracy, -self.val_loss) > (other.val_accuracy, -other.val_loss)
