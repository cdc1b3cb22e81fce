"""The task ``classify``: one class for each picture."""

from dataclasses import dataclass
from typing import Any, Protocol

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn

from visus._errors import RunError
from visus.tasks import losses, optimizers

AUXILIARY = 0.3
"""Weight of each auxiliary classifier's loss (Szegedy et al. 2015, section 5)."""

Batch = tuple[Tensor, Tensor]


class Net(Protocol):
    """What can be trained: a network, or a linear layer on features that were computed before."""

    def heads(self, x: Tensor) -> list[Tensor]:
        """The logits, then those of auxiliary classifiers, each ``(N, classes)``."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """The logits ``(N, classes)``."""
        ...


class Diverged(RunError):
    """The loss has become NaN or infinite."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a classifier learns.

    Attributes:
        lr: Learning rate.
        loss: A name in :data:`visus.tasks.losses.LOSSES`.
        smoothing: Label smoothing, in [0, 1).
        weights: How much a picture of each class counts, or None.
        optimizer: A name in :data:`visus.tasks.optimizers.OPTIMIZERS`.
        momentum: Of ``momentum`` and ``nesterov``.
        weight_decay: L2 penalty of weights.
        schedule: A name in :data:`visus.tasks.optimizers.SCHEDULES`.
        warmup: Share of the training in which the rate grows from 0.
    """

    lr: float
    loss: losses.Loss = "cross_entropy"
    smoothing: float = 0.0
    weights: Tensor | None = None
    optimizer: optimizers.Name = "adamw"
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: optimizers.Schedule = "cosine"
    warmup: float = 0.0


@dataclass
class Sums:
    """Loss and right answers, summed over the pictures of an epoch."""

    loss: Tensor | float = 0.0
    right: Tensor | float = 0.0
    count: int = 0

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """One batch more."""
        self.loss = self.loss + loss.detach() * len(labels)
        self.right = self.right + (logits.detach().argmax(1) == labels).sum()
        self.count += len(labels)

    def means(self) -> tuple[float, float]:
        """Mean loss, and accuracy in [0, 1]."""
        return float(self.loss) / max(1, self.count), float(self.right) / max(1, self.count)


class Classify(lightning.LightningModule):
    """Trains a classifier.

    Args:
        net: The network.
        normalise: From bytes to its input.
        recipe: How it learns.
        groups: Its parameters, with a factor of the learning rate each.
    """

    def __init__(self, net: nn.Module, normalise: nn.Module, recipe: Recipe, groups: list[optimizers.Group]) -> None:
        super().__init__()
        self.net: Any = net
        self.normalise = normalise
        self.recipe = recipe
        self.groups = groups
        self.train_sums, self.val_sums = Sums(), Sums()
        self._plateau: torch.optim.lr_scheduler.ReduceLROnPlateau | None = None
        self._plateau_state: dict[str, Any] | None = None
        self.register_buffer("class_weights", recipe.weights, persistent=False)

    def prepare(self, x: Tensor) -> Tensor:
        """From bytes ``(N, C, H, W)`` to the input of the network, laid out as convolutions like it best."""
        x = self.normalise(x)
        return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch of logits."""
        weights: Any = self.class_weights
        return losses.compute(self.recipe.loss, logits, labels, weights=weights, smoothing=self.recipe.smoothing)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of one batch, auxiliary classifiers included.

        Raises:
            Diverged: It is NaN or infinite.
        """
        x, labels = batch
        logits, *auxiliary = self.net.heads(self.prepare(x))
        loss = self.loss(logits, labels)
        self.train_sums.add(loss, logits, labels)
        for other in auxiliary:
            loss = loss + AUXILIARY * self.loss(other, labels)
        if not torch.isfinite(loss):
            raise Diverged(f"the loss is {loss.item()}")
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """Loss and right answers of one batch of the val split."""
        x, labels = batch
        logits = self.net(self.prepare(x))
        self.val_sums.add(self.loss(logits, labels), logits, labels)

    def on_train_epoch_start(self) -> None:
        """Start new sums."""
        self.train_sums = Sums()

    def on_validation_epoch_start(self) -> None:
        """Start new sums."""
        self.val_sums = Sums()

    def on_validation_epoch_end(self) -> None:
        """Tell the schedule ``plateau`` how it goes."""
        if self._plateau is not None:
            self._plateau.step(self.val_sums.means()[0])

    def configure_optimizers(self) -> Any:  # noqa: ANN401 - what Lightning takes
        """The optimiser and its schedule."""
        recipe = self.recipe
        optimizer = optimizers.build(
            recipe.optimizer, self.groups, lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
        )
        if recipe.schedule == "plateau":
            self._plateau = optimizers.plateau(optimizer)
            if self._plateau_state is not None:
                self._plateau.load_state_dict(self._plateau_state)
            return optimizer
        total = max(1, int(self.trainer.estimated_stepping_batches))

        def factor(done: int) -> float:
            """At the middle of a step, so that a warm-up does not waste its first."""
            return optimizers.factor(recipe.schedule, min(1.0, (done + 0.5) / total), warmup=recipe.warmup)

        scheduler: Any = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return [optimizer], [{"scheduler": scheduler, "interval": "step"}]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the state of the schedule ``plateau``, which Lightning does not see."""
        if self._plateau is not None:
            checkpoint["plateau"] = self._plateau.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Bring it back; the optimiser is made later."""
        self._plateau_state = checkpoint.get("plateau")
