"""The task ``detect``: a box, a class and perhaps a shape for each object."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from visus.data.box_batches import Batch
from visus.data.boxes import Boxed, Objects
from visus.data.coco import encode
from visus.nets.detection import Detector, Found
from visus.nets.detection.body import hold_chance
from visus.tasks import box_metrics, learner, optimizers
from visus.tasks.box_metrics import Detections

_PIXELS = 160_000  # of a piece, after resizing: boxes take several times the memory of a classifier's pictures
_WHOLE = 1_000_000  # pictures: more than a batch has


def answers_of(found: Found, size: Sequence[int]) -> Detections:
    """What a network found, as measures take it; shapes as run lengths, cut at a probability of one half.

    Args:
        found: On a picture.
        size: Its height and width.
    """
    shapes = None
    if found.masks is not None:
        shapes = [encode((mask >= 0.5).cpu().numpy()) for mask in found.pasted(size)]
    return Detections(
        found.boxes.float().cpu().numpy(),
        found.scores.float().cpu().numpy(),
        found.labels.cpu().numpy().astype(np.int64),
        shapes,
    )


def loss_of(net: Detector, batch: Batch) -> Tensor:
    """The sum of all losses of a network.

    Args:
        net: The network.
        batch: Pictures ``(3, H, W)`` uint8, and the objects of each (see :data:`visus.data.box_batches.Batch`).

    Returns:
        A scalar float.
    """
    pictures, targets = batch
    losses = net.losses([picture.float() / 255 for picture in pictures], targets)
    return torch.stack(list(losses.values())).sum()


def piece_of(net: Detector) -> int:
    """How many pictures a piece of a batch has, by their size as the network resizes them.

    Where batch normalization takes the statistics of a batch, it stays whole.

    Args:
        net: The network.

    >>> from visus.nets.detection import create
    >>> [piece_of(create("faster_rcnn_fpn", backbone="resnet18", side=side)) for side in (600, 240, 96)]
    [1, 2, 13]
    """
    transform: Any = getattr(net, "transform", None)
    if transform is None or not net.keeps_norms:
        return _WHOLE
    return max(1, round(_PIXELS / (4 / 3 * transform.min_size[0] ** 2)))


def score_of(found: box_metrics.Measures, name: str) -> float:
    """One of COCO's measures, 0 where there is nothing to find.

    Args:
        found: All of them.
        name: ``"ap"`` or ``"ap50"``.
    """
    return max(0.0, found.ap if name == "ap" else found.ap50)


@dataclass
class Sums:
    """Losses, and answers beside the truth, of an epoch.

    Attributes:
        classes: Number of classes.
        score_is: ``"ap"`` or ``"ap50"``.
    """

    classes: int
    score_is: str = "ap"
    loss: Tensor | float = 0.0
    count: int = 0
    truth: list[Objects] = field(default_factory=list)
    answers: list[Detections] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)

    def add(self, loss: Tensor, count: int) -> None:
        """Count one batch more.

        Args:
            loss: A scalar float, the loss of the batch.
            count: How many pictures it has.
        """
        self.loss = self.loss + loss.detach() * count
        self.count += count

    def mean_loss(self) -> float:
        """Mean loss so far, a scalar; 0 before the first batch."""
        return float(self.loss) / max(1, self.count)

    def means(self) -> tuple[float, float]:
        """Mean loss, and the score; NaN where nothing was answered, as in training."""
        return self.mean_loss(), self.score() if self.truth else math.nan

    def score(self) -> float:
        """Average precision of the boxes."""
        return score_of(box_metrics.coco(self.truth, self.answers, self.sizes, self.classes), self.score_is)


class Detect(learner.ByPieces[Sums]):
    """Trains a network that finds objects.

    Args:
        net: The network.
        recipe: How it learns.
        groups: Its parameters, with a factor of the learning rate each.
        val: The pictures of val, whose objects its answers are measured by.
        hasten: From the network in evaluation mode to what answers as it does, and sooner; None for the network.
        score_is: What epochs are compared by: ``"ap"`` or ``"ap50"``.
    """

    net: Detector

    def __init__(
        self,
        net: Detector,
        recipe: learner.Recipe,
        groups: list[optimizers.Group],
        val: Boxed,
        hasten: Callable[[Detector], Detector] | None = None,
        *,
        score_is: str = "ap",
    ) -> None:
        self._classes, self._val, self._hasten, self._score_is = net.classes, val, hasten, score_is
        super().__init__(net, nn.Identity(), recipe, groups)
        self._answering = (net,)
        self._piece = piece_of(net)

    def new_sums(self) -> Sums:
        """Empty sums of losses, with room for answers."""
        return Sums(self._classes, self._score_is)

    def on_validation_epoch_start(self) -> None:
        """Start new sums over the val split, and have what answers made ready."""
        super().on_validation_epoch_start()
        self._answering = (self._hasten(self.net.eval()) if self._hasten else self.net,)

    def batch_loss(self, batch: Batch) -> Tensor:
        """The sum of all losses of a batch.

        Args:
            batch: Pictures ``(3, H, W)`` uint8, and the objects of each (see :data:`visus.data.box_batches.Batch`).

        Returns:
            A scalar float.
        """
        return loss_of(self.net, batch)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of one batch, large pictures in pieces (see :meth:`~visus.tasks.learner.ByPieces.summed`).

        The losses are means over anchors and boxes: in pieces over those of a piece, so that each picture counts alike.

        Args:
            batch: Pictures ``(3, H, W)`` uint8, and the objects of each.

        Returns:
            A scalar float.

        Raises:
            Diverged: It is NaN or infinite.
        """
        return self.summed([partial(self._share, piece, len(batch[0])) for piece in self._pieces(batch)])

    def _pieces(self, batch: Batch) -> list[Batch]:
        pictures, targets = batch
        size = self._piece if pictures[0].device.type == "cpu" else len(pictures)
        return [(pictures[k : k + size], targets[k : k + size]) for k in range(0, len(pictures), size)]

    def _share(self, piece: Batch, count: int) -> Tensor:
        loss = self.batch_loss(piece)
        self.train_sums.add(loss, len(piece[0]))
        return loss * (len(piece[0]) / count)

    def validation_step(self, batch: Batch, _: int) -> None:
        """The losses, with boxes drawn as in training but without dropout, and the answers."""
        for piece in self._pieces(batch):
            self._validate(piece)

    def _validate(self, piece: Batch) -> None:
        pictures, targets = piece
        net = self._answering[0].train()
        hold_chance(net)
        self.val_sums.add(loss_of(net, piece), len(pictures))
        net.eval()
        proposals = [target["proposals"] for target in targets] if self.net.needs_proposals else None
        for found, picture, target in zip(
            net.detect([picture.float() / 255 for picture in pictures], proposals), pictures, targets, strict=True
        ):
            plain = Found(found.boxes, found.scores, found.labels)  # shapes do not count here
            self.val_sums.answers.append(answers_of(plain, picture.shape[1:]))
            self.val_sums.truth.append(self._val.objects[int(target["place"])])
            self.val_sums.sizes.append((int(picture.shape[1]), int(picture.shape[2])))
