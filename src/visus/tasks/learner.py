"""What all tasks have in common: an optimizer with its schedule, and sums over an epoch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn

from visus._errors import RunError
from visus.tasks import optimizers
from visus.tasks.processes import averaged


class Diverged(RunError):
    """The loss has become NaN or infinite."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network learns.

    Attributes:
        lr: Learning rate.
        optimizer: A name in :data:`visus.tasks.optimizers.OPTIMIZERS`.
        momentum: Of ``momentum`` and ``nesterov``.
        weight_decay: L2 penalty of weights.
        schedule: A name in :data:`visus.tasks.optimizers.SCHEDULES`.
        warmup: Share of the training in which the rate grows from 0.
        rho: Of ``rmsprop``.
        betas: Of ``adam`` and ``adamw``.
        bias_correction: Whether these correct their moments for the start at 0.
        stages: Equal parts of the training, in each of which the schedule begins anew.
    """

    lr: float
    optimizer: optimizers.Name = "adamw"
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: optimizers.Schedule = "cosine"
    warmup: float = 0.0
    rho: float = field(default=0.99, kw_only=True)
    betas: tuple[float, float] = field(default=(0.9, 0.999), kw_only=True)
    bias_correction: bool = field(default=True, kw_only=True)
    stages: int = field(default=1, kw_only=True)

    def build(self, groups: list[optimizers.Group], *, lr: float, weight_decay: float = 0.0) -> torch.optim.Optimizer:
        """The optimizer that the recipe names, for groups of parameters.

        Args:
            groups: Parameters, with a factor of the learning rate each.
            lr: Learning rate.
            weight_decay: L2 penalty of weights.
        """
        return optimizers.build(
            self.optimizer,
            groups,
            lr=lr,
            momentum=self.momentum,
            rho=self.rho,
            betas=self.betas,
            bias_correction=self.bias_correction,
            weight_decay=weight_decay,
        )


class Sums(Protocol):
    """What is summed over an epoch."""

    def mean_loss(self) -> float:
        """Mean loss so far, a scalar; 0 before the first batch."""
        ...

    def means(self) -> tuple[float, float]:
        """The mean loss, and the score, of which more is better."""
        ...


AnySums = TypeVar("AnySums", bound=Sums)


class Learner(lightning.LightningModule, Generic[AnySums]):
    """A network that learns; each task adds its steps.

    Args:
        net: The network.
        normalize: From what a loader gives to its input.
        recipe: How it learns.
        groups: Its parameters, with a factor of the learning rate each.

    Attributes:
        train_sums: Sums over the training pictures of this epoch.
        val_sums: Sums over the val split.
        alone: Whether no other process trains the same network (see :mod:`visus.tasks.all_reduce`).
    """

    alone: bool = True
    train_sums: AnySums
    val_sums: AnySums

    def __init__(self, net: nn.Module, normalize: nn.Module, recipe: Recipe, groups: list[optimizers.Group]) -> None:
        super().__init__()
        self.net: Any = net
        self.normalize = normalize
        self.recipe = recipe
        self.groups = groups
        self.train_sums, self.val_sums = self.new_sums(), self.new_sums()
        self._plateau: torch.optim.lr_scheduler.ReduceLROnPlateau | None = None
        self._plateau_state: dict[str, Any] | None = None

    def new_sums(self) -> AnySums:
        """Empty sums for one epoch."""
        raise NotImplementedError

    def batch_loss(self, batch: Any) -> Tensor:  # noqa: ANN401 - what the loader of the task gives
        """The loss of a batch, without auxiliary classifiers.

        Args:
            batch: What the loader of the task gives.

        Returns:
            A scalar float.
        """
        raise NotImplementedError

    def checked(self, loss: Tensor) -> Tensor:
        """The loss as it is, if it is finite; where several processes train together, nothing is checked here.

        These look at their gradients instead (see :mod:`visus.tasks.all_reduce`).

        Args:
            loss: A scalar float.

        Raises:
            Diverged: It is NaN or infinite.
        """
        if self.alone and not torch.isfinite(loss):
            raise Diverged(f"the loss is {loss.item()}")
        return loss

    def prepare(self, x: Tensor) -> Tensor:
        """From bytes ``(N, C, H, W)`` to the input of the network, laid out as convolutions like it best."""
        x = self.normalize(x)
        return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x

    def on_train_epoch_start(self) -> None:
        """Start new sums over the training pictures."""
        self.train_sums = self.new_sums()

    def on_validation_epoch_start(self) -> None:
        """Start new sums over the val split."""
        self.val_sums = self.new_sums()

    def on_validation_epoch_end(self) -> None:
        """Tell the schedule ``plateau`` how it goes."""
        if self._plateau is not None:
            self._plateau.step(averaged(self.val_sums.means()[0])[0])

    def configure_optimizers(self) -> Any:  # noqa: ANN401 - what Lightning takes
        """The optimizer and its schedule."""
        recipe = self.recipe
        optimizer = recipe.build(self.groups, lr=recipe.lr, weight_decay=recipe.weight_decay)
        if recipe.schedule == "plateau":
            self._plateau = optimizers.plateau(optimizer)
            if self._plateau_state is not None:
                self._plateau.load_state_dict(self._plateau_state)
            return optimizer
        total = max(1, int(self.trainer.estimated_stepping_batches))

        def factor(done: int) -> float:
            """At the middle of a step, so that a warm-up does not waste its first."""
            share = recipe.stages * min(1.0, (done + 0.5) / total)
            own = share - min(recipe.stages - 1, int(share))  # of its stage
            return optimizers.factor(recipe.schedule, own, warmup=recipe.warmup)

        scheduler: Any = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return [optimizer], [{"scheduler": scheduler, "interval": "step"}]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the state of the schedule ``plateau``, which Lightning does not see, under the keys of 0.1."""
        checkpoint["state_dict"] = _renamed(checkpoint["state_dict"], "normalize.", _NORMALIZE)
        if self._plateau is not None:
            checkpoint["plateau"] = self._plateau.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Bring it back; the optimizer is made later."""
        checkpoint["state_dict"] = _renamed(checkpoint["state_dict"], _NORMALIZE, "normalize.")
        self._plateau_state = checkpoint.get("plateau")


class ByPieces(Learner[AnySums]):
    """A learner that takes the pieces of a batch one by one, whose gradients add up."""

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: torch.optim.Optimizer) -> None:
        """Nothing: Lightning calls it between the pieces; each step begins with it (:meth:`summed`)."""

    def summed(self, losses: Sequence[Callable[[], Tensor]]) -> Tensor:
        """The sum of the losses of the pieces of a batch, which are taken one by one, so that less memory is needed.

        Args:
            losses: Of each piece its share of the loss of the batch, a scalar float.

        Returns:
            The loss of the batch, a scalar float, with the gradient of the last piece; those of the others are there
            already.

        Raises:
            Diverged: It is NaN or infinite.
        """
        self.zero_grad(set_to_none=True)
        told = 0.0
        for loss in losses[:-1]:
            own = self.checked(loss())
            own.backward()
            told = told + own.detach()
        return self.checked(told + losses[-1]())


_NORMALIZE = "normalise."  # checkpoints call it so since 0.1


def _renamed(state: Mapping[str, Tensor], old: str, new: str) -> dict[str, Tensor]:
    """The same tensors with another prefix where they had one."""
    return {new + key.removeprefix(old) if key.startswith(old) else key: value for key, value in state.items()}
