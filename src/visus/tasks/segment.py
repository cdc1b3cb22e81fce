"""The task ``segment``: one class for each position of a picture or volume."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from visus.data.masks import IGNORE
from visus.nets.segmentation.segmenter import Segmenter
from visus.tasks import learner, optimizers, pixel_losses, pixel_metrics

AUXILIARY = 0.5
"""Weight of an auxiliary classifier's loss, as torchvision trains its own."""


@dataclass(frozen=True, slots=True)
class Recipe(learner.Recipe):
    """How a segmenter learns.

    Attributes:
        losses: Names in :data:`visus.tasks.pixel_losses.PIXEL_LOSSES`, which are summed.
        weights: How much a position of each class counts, or None.
        window: Spatial size of the windows, which smaller pictures are brought to; empty for none.
    """

    losses: tuple[pixel_losses.PixelLoss, ...] = ("cross_entropy",)
    weights: Tensor | None = None
    window: tuple[int, ...] = ()


@dataclass
class Sums:
    """Loss and confusion matrix of an epoch.

    Attributes:
        classes: Number of classes.
    """

    classes: int
    loss: Tensor | float = 0.0
    count: float = 0
    confusion: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.confusion = torch.zeros(self.classes, self.classes, dtype=torch.int64)

    def add(self, loss: Tensor, answers: Tensor, labels: Tensor, count: float) -> None:
        """Count a batch more of so many pictures, or of a part of one.

        Args:
            loss: A scalar float, the loss of the batch.
            answers: ``(N, *spatial)`` int64, the class that each position is called.
            labels: ``(N, *spatial)`` int64, :data:`~visus.data.masks.IGNORE` where a position does not count.
            count: Pictures that the loss weighs for; less than 1 for a part of one.
        """
        self.loss = self.loss + loss.detach() * count
        self.count += count
        self.confusion = self.confusion.to(answers.device) + pixel_metrics.confusion(answers, labels, self.classes)

    def mean_loss(self) -> float:
        """Mean loss so far, a scalar; 0 before the first batch."""
        return float(self.loss) / max(1e-9, self.count)

    def means(self) -> tuple[float, float]:
        """Mean loss, and mean IoU in [0, 1]."""
        ious = pixel_metrics.ious(self.confusion.cpu().numpy())
        return self.mean_loss(), pixel_metrics.mean(ious)


class Segment(learner.Learner[Sums]):
    """Trains a network that gives each position a class.

    Args:
        net: The network.
        normalize: From what the loader gives to its input.
        recipe: How it learns.
        groups: Its parameters, with a factor of the learning rate each.
    """

    net: Segmenter
    recipe: Recipe

    def __init__(self, net: Segmenter, normalize: nn.Module, recipe: Recipe, groups: list[optimizers.Group]) -> None:
        self._classes = net.classes
        super().__init__(net, normalize, recipe, groups)
        self.register_buffer("class_weights", recipe.weights, persistent=False)

    def new_sums(self) -> Sums:
        """Empty sums of loss and confusion matrix."""
        return Sums(self._classes)

    def loss(self, logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """The loss of a batch of logits.

        Args:
            logits: ``(N, C, *spatial)`` float.
            labels: ``(N, *spatial)`` int64, :data:`~visus.data.masks.IGNORE` where a position does not count.
            weights: ``(N, *spatial)`` float, how much each position counts; None for alike.

        Returns:
            A scalar float32.
        """
        classes: Tensor | None = self.class_weights  # pyright: ignore[reportAssignmentType]
        return pixel_losses.compute(self.recipe.losses, logits, labels, class_weights=classes, position_weights=weights)

    def batch_loss(self, batch: tuple[Tensor, ...]) -> Tensor:
        """The loss of a batch of windows.

        Args:
            batch: Windows ``(N, C, H, W)`` uint8 or ``(N, 1, D, H, W)`` float32, their masks ``(N, *spatial)`` int64
                without the margins, and perhaps a weight for each position, float32.

        Returns:
            A scalar float32.
        """
        x, labels, *weights = batch
        return self.loss(self.net(self.prepare(x)), labels, *weights)

    def training_step(self, batch: tuple[Tensor, ...], _: int) -> Tensor:
        """The loss of one batch, auxiliary classifiers included.

        Args:
            batch: Windows ``(N, C, H, W)`` uint8 or ``(N, 1, D, H, W)`` float32, their masks ``(N, *spatial)`` int64
                without the margins, and perhaps a weight for each position, float32.

        Returns:
            A scalar float32.

        Raises:
            Diverged: It is NaN or infinite.
        """
        x, labels, *weights = batch
        logits, *auxiliary = self.net.heads(self.prepare(x))
        loss = self.loss(logits, labels, *weights)
        self.train_sums.add(loss, logits.detach().argmax(1), labels, len(x))
        for other in auxiliary:
            loss = loss + AUXILIARY * self.loss(other, labels, *weights)
        return self.checked(loss)

    def validation_step(self, batch: tuple[Tensor, ...], _: int) -> None:
        """Loss and answers of whole pictures, block by block.

        Args:
            batch: Pictures ``(N, C, H, W)`` uint8 or volumes ``(N, 1, D, H, W)`` float32, and their masks
                ``(N, *spatial)`` int64.
        """
        x, labels = batch[:2]
        total = max(1, int((labels != IGNORE).sum()))
        for block in self.net.blocks(x.shape[2:], self.recipe.window or x.shape[2:]):
            logits = self.net.whole(self.prepare(x[(..., *block.window)]), self.recipe.window)[(..., *block.inner)]
            here = labels[(..., *block.place)]
            share = len(x) * int((here != IGNORE).sum()) / total
            loss = self.loss(logits, here)
            if "cross_entropy_sum" in self.recipe.losses and share:  # summed over the blocks, not averaged
                loss = loss * len(x) / share
            self.val_sums.add(loss, logits.argmax(1), here, share)
