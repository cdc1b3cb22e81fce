"""Batches of pictures with their objects, for a network that finds them."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from visus.data.batches import Key, Order, reading_ahead
from visus.data.boxes import Boxed
from visus.data.joint_boxes import JointBoxes, Sample
from visus.data.paste import MOST, paste

Target = dict[str, Tensor]
Batch = tuple[list[Tensor], list[Target]]
"""Pictures ``(3, H, W)`` uint8, and for each ``boxes``, ``labels``, its ``place`` in the split, perhaps ``masks`` and
``proposals``."""


_PIXELS = 64_000_000  # of the shapes of a picture, beyond which nothing is pasted into it


@dataclass
class BoxBatches(Dataset[tuple[Tensor, Target]]):
    """Pictures as tensors, each with its objects; crowds are left out.

    Attributes:
        pictures: A split.
        joint: How they are changed at random.
        shapes: Whether masks are wanted.
        propose: From a picture to boxes that may hold an object, or None.
        seed: Of the changes.
        keep: Whether a picture stays as it is where a change would take an object away.
        calm: First epoch (from 0) in which strong changes give way to light ones and nothing is pasted; None for never.
        pasted: Share of the pictures into which objects of another one are pasted (see :mod:`visus.data.paste`), in
            [0, 1]; all objects need shapes then. A picture whose shapes have more than 64 million pixels in all stays
            without.
    """

    pictures: Boxed
    joint: JointBoxes = field(default_factory=JointBoxes)
    shapes: bool = False
    propose: Callable[[NDArray[np.uint8]], NDArray[np.float32]] | None = None
    seed: int = 0
    keep: bool = False
    calm: int | None = None
    pasted: float = 0.0

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, key: Key) -> tuple[Tensor, Target]:
        epoch, place = key
        random = np.random.default_rng((self.seed, epoch, place))
        plain = self.sample(place)
        if self.pasted and not self.is_calm(epoch):
            plain = self.with_others(plain, random)
        sample = self.joint_at(epoch)(plain, random)
        if self.keep and len(sample.boxes) < len(plain.boxes):
            sample = plain
        if sample.proposals is not None and not len(sample.proposals):
            height, width = sample.picture.shape[:2]
            sample = replace(sample, proposals=np.array([[0, 0, width, height]], np.float32))
        target = {"boxes": torch.from_numpy(sample.boxes), "labels": torch.from_numpy(sample.labels)}
        target["place"] = torch.tensor(place)
        if self.shapes and sample.masks is not None:
            target["masks"] = torch.from_numpy(sample.masks.astype(np.uint8))
        if sample.proposals is not None:
            target["proposals"] = torch.from_numpy(sample.proposals)
        return as_tensor(sample.picture), target

    def joint_at(self, epoch: int) -> JointBoxes:
        """The changes of an epoch."""
        calm = self.is_calm(epoch) and self.joint.strength == "strong"
        return replace(self.joint, strength="light") if calm else self.joint

    def is_calm(self, epoch: int) -> bool:
        """Whether changes are light at most, at the end of a training."""
        return self.calm is not None and epoch >= self.calm

    def with_others(self, sample: Sample, random: np.random.Generator) -> Sample:
        """A picture, perhaps with some objects of another one."""
        if random.random() >= self.pasted or sample.masks is None or not self.full or sample.masks.size > _PIXELS:
            return sample
        picture, own = self.pictures.read(self.full[random.integers(len(self.full))])
        own = own.take(~own.crowd)
        few = own.take(random.permutation(len(own))[: random.integers(1, MOST + 1)])
        other = Sample(picture, few.boxes, few.labels, few.masks(picture.shape[:2]))
        return paste(sample, other, random, flip=self.joint.flip)

    @functools.cached_property
    def full(self) -> list[int]:
        """Pictures that have an object."""
        return [place for place, own in enumerate(self.pictures.objects) if not own.crowd.all()]

    def sample(self, place: int) -> Sample:
        """A picture with its objects, unchanged.

        Raises:
            InputError: The picture, or the shape of an object, cannot be read.
        """
        picture, own = self.pictures.read(place)
        own = own.take(~own.crowd)
        height, width = picture.shape[:2]
        wanted = self.shapes or (self.pasted > 0 and len(own) * height * width <= _PIXELS)
        masks = own.masks((height, width)) if wanted else None
        proposals = self.propose(picture) if self.propose else None
        return Sample(picture, own.boxes, own.labels, masks, proposals)


def as_tensor(picture: NDArray[np.uint8]) -> Tensor:
    """A copy of a picture ``(H, W, 3)`` uint8 as a tensor ``(3, H, W)`` uint8."""
    # A copy even of one pixel, which lies in order already: torch warns of what may not be written to.
    return torch.from_numpy(np.array(picture.transpose(2, 0, 1), order="C"))


def collate(samples: list[tuple[Tensor, Target]]) -> Batch:
    """Make a batch of samples; pictures have different sizes, so that they stay a list.

    Args:
        samples: What :class:`BoxBatches` gives: pictures ``(3, H, W)`` uint8, each with its ``boxes`` ``(n, 4)``
            float32 in pixels, ``labels`` ``(n,)`` int64, ``place``, and perhaps ``masks`` ``(n, H, W)`` uint8 and
            ``proposals`` ``(m, 4)`` float32.

    Returns:
        The pictures, and what belongs to each, in the same order.
    """
    return [picture for picture, _ in samples], [target for _, target in samples]


def box_loader(
    batches: BoxBatches, *, batch_size: int, shuffle: bool = False, seed: int = 0, workers: int = 0
) -> DataLoader[Any]:
    """Batches (see :data:`Batch`) in the order of :class:`visus.data.batches.Order`.

    Args:
        batches: What is read.
        batch_size: Pictures in a batch.
        shuffle: Whether they serve for training.
        seed: Of the order.
        workers: Processes that read ahead; 0 to read between the steps.
    """
    return DataLoader(
        batches,
        batch_size=batch_size,
        sampler=Order(batches.pictures.labels, shuffle=shuffle, seed=seed),
        **reading_ahead(workers),
        collate_fn=collate,
        generator=torch.Generator().manual_seed(seed),
    )
