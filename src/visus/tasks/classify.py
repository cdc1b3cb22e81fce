"""The task ``classify``: one class for each picture, or several where a picture may have several."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from visus.ops.pieces import pieces
from visus.tasks import learner, losses, optimizers
from visus.tasks.adversarial import fooling
from visus.tasks.ranking import mean_average_precision

AUXILIARY = 0.3
"""Weight of each auxiliary classifier's loss (Szegedy et al. 2015, section 5)."""

Batch = tuple[Tensor, Tensor]


class Net(Protocol):
    """What can be trained: a network, or a linear layer on features that were computed before."""

    def heads(self, x: Tensor) -> list[Tensor]:
        """The logits, then those of auxiliary classifiers, each ``(N, classes)`` float."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """The logits ``(N, classes)``."""
        ...


@dataclass(frozen=True, slots=True)
class Recipe(learner.Recipe):
    """How a classifier learns.

    Attributes:
        loss: A name in :data:`visus.tasks.losses.LOSSES`.
        smoothing: Label smoothing, in [0, 1).
        weights: How much a picture of each class counts, or None.
        adversarial: How far pictures are changed to fool the network, as a share of white; 0 for not at all.
        multilabel: Whether a picture may have several classes, or none; the loss is then binary cross-entropy.
    """

    loss: losses.Loss = "cross_entropy"
    smoothing: float = 0.0
    weights: Tensor | None = None
    adversarial: float = 0.0
    multilabel: bool = False


@dataclass
class Sums:
    """Loss and right answers, summed over the pictures of an epoch."""

    loss: Tensor | float = 0.0
    right: Tensor | float = 0.0
    count: int = 0

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Count one batch more.

        Args:
            loss: A scalar float, the mean over the batch.
            logits: ``(N, classes)`` float.
            labels: ``(N,)`` int64 in [0, classes).
        """
        self.loss = self.loss + loss.detach() * len(labels)
        self.right = self.right + (logits.detach().argmax(1) == labels).sum()
        self.count += len(labels)

    def mean_loss(self) -> float:
        """Mean loss so far, a scalar; 0 before the first batch."""
        return float(self.loss) / max(1, self.count)

    def means(self) -> tuple[float, float]:
        """Mean loss, and accuracy in [0, 1]."""
        return self.mean_loss(), float(self.right) / max(1, self.count)


@dataclass
class RankedSums:
    """Loss, and logits beside the truth, of the pictures of an epoch that may have several classes."""

    loss: Tensor | float = 0.0
    count: int = 0
    logits: list[Tensor] = field(default_factory=list)
    labels: list[Tensor] = field(default_factory=list)

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Count one batch more.

        Args:
            loss: A scalar float, the mean over the batch.
            logits: ``(N, classes)`` float.
            labels: ``(N, classes)`` int64, zeros and ones.
        """
        self.loss = self.loss + loss.detach() * len(labels)
        self.count += len(labels)
        self.logits.append(logits.detach())
        self.labels.append(labels)

    def mean_loss(self) -> float:
        """Mean loss so far, a scalar; 0 before the first batch."""
        return float(self.loss) / max(1, self.count)

    def means(self) -> tuple[float, float]:
        """Mean loss, and mean average precision in [0, 1]; NaN where no picture has any class."""
        if not self.count:
            return 0.0, 0.0
        scores = torch.cat(self.logits).float().cpu().numpy()
        return self.mean_loss(), mean_average_precision(scores, torch.cat(self.labels).cpu().numpy())


class Classify(learner.ByPieces[Sums | RankedSums]):
    """Trains a network that gives each picture one class, or several where the recipe says so.

    Args:
        net: The network.
        normalize: From bytes to its input.
        recipe: How it learns.
        groups: Its parameters, with a factor of the learning rate each.
    """

    recipe: Recipe

    def __init__(self, net: nn.Module, normalize: nn.Module, recipe: Recipe, groups: list[optimizers.Group]) -> None:
        super().__init__(net, normalize, recipe, groups)
        self.register_buffer("class_weights", recipe.weights, persistent=False)

    def new_sums(self) -> Sums | RankedSums:
        """Empty sums of loss and right answers."""
        return RankedSums() if self.recipe.multilabel else Sums()

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch of logits.

        Args:
            logits: ``(N, classes)`` float.
            labels: ``(N,)`` int64 in [0, classes), or ``(N, classes)`` zeros and ones.

        Returns:
            A scalar float32.
        """
        weights: Any = self.class_weights
        if self.recipe.multilabel:
            return losses.binary_cross_entropy(logits.float(), labels, weights=weights)
        return losses.compute(self.recipe.loss, logits, labels, weights=weights, smoothing=self.recipe.smoothing)

    def batch_loss(self, batch: Batch) -> Tensor:
        """The loss of a batch, without auxiliary classifiers.

        Args:
            batch: Pictures ``(N, C, H, W)`` uint8 or float in [0, 255], or features ``(N, D)`` float in their place;
                and their labels ``(N,)`` int64.

        Returns:
            A scalar float32.
        """
        x, labels = batch
        return self.loss(self.net.heads(self.prepare(x))[0], labels)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of one batch, auxiliary classifiers included.

        Large pictures are taken in pieces, so that less memory is needed: what is given has the gradient of the last
        one, and those of the others are there already.

        Args:
            batch: Pictures ``(N, C, H, W)`` uint8, or features ``(N, D)`` float in their place; and their labels
                ``(N,)`` int64.

        Returns:
            A scalar float32.

        Raises:
            Diverged: It is NaN or infinite.
        """
        x, labels = batch
        if self.recipe.adversarial:
            x = fooling(self.net, lambda own: self.batch_loss((own, labels)), x, self.recipe.adversarial)
        return self.summed([partial(self._share, piece, len(x)) for piece in self._pieces(x, labels)])

    def _pieces(self, x: Tensor, labels: Tensor) -> list[Batch]:
        """A batch in parts whose losses and gradients add up to its own, where pictures do not see one another."""
        together = any(isinstance(own, nn.BatchNorm1d | nn.BatchNorm2d) and own.training for own in self.net.modules())
        if together or self.recipe.weights is not None:
            return [(x, labels)]
        parts = pieces(x)
        return list(zip(parts, labels.split([len(part) for part in parts]), strict=True))

    def _share(self, piece: Batch, count: int) -> Tensor:
        x, labels = piece
        logits, *auxiliary = self.net.heads(self.prepare(x))
        loss = self.loss(logits, labels)
        self.train_sums.add(loss, logits, labels)
        for other in auxiliary:
            loss = loss + AUXILIARY * self.loss(other, labels)
        return loss * (len(x) / count)

    def validation_step(self, batch: Batch, _: int) -> None:
        """Loss and right answers of one batch of the val split."""
        x, labels = batch
        logits = torch.cat([self.net(self.prepare(piece)) for piece in pieces(x)])
        self.val_sums.add(self.loss(logits, labels), logits, labels)
