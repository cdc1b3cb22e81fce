"""Batches of pictures for a network.

What a picture looks like depends on the seed, the epoch and the picture's number alone, never on the process that
reads it or on what came before: a training that is resumed sees what an undisturbed one would have seen.
"""

import contextlib
import functools
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision.transforms import v2

from visus._errors import InputError, VisusError
from visus.data.augment import Augmentation, seeded
from visus.data.samples import Pictures
from visus.images import square

# Readers are forked, and open no index; a process that has one open would be warned of that.
warnings.filterwarnings("ignore", message="lance is not fork-safe")
warnings.filterwarnings(
    "ignore", message="This DataLoader will create"
)  # where there is one core; --workers was asked for

Key = tuple[int, int]
"""The epoch, and the position of a picture."""


Sample = tuple[Tensor, int | NDArray[np.int64]]
"""A picture, and its class; or ``(C,)`` zeros and ones where it may have several."""


@dataclass
class Batches(Dataset[Sample]):
    """Pictures as tensors ``(C, size, size)`` uint8, with their labels.

    Attributes:
        pictures: A split.
        size: Side in pixels.
        resize_to: Length of the shorter side before the middle is cut out, in pixels; None for ``size``.
        interpolation: ``"bicubic"`` or ``"bilinear"``.
        gray: One channel (the luma) in place of three.
        augmentation: What changes pictures at random.
        seed: Of the changes.
    """

    pictures: Pictures
    size: int
    resize_to: int | None = None
    interpolation: Literal["bicubic", "bilinear"] = "bilinear"
    gray: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, key: Key) -> Sample:
        epoch, place = key
        label = self.pictures.label(place)
        if self.augmentation.strength == "none":
            return self.tensor(place), label
        # Three quarters of the area may be cut away, so the picture is read with more pixels than the network sees.
        side = 2 * self.size
        picture = self._channels(self.pictures.read(place, min_side=side))
        seed = int(np.random.SeedSequence((self.seed, epoch, place)).generate_state(1)[0])
        return seeded(self._transform, picture, seed), label

    def __getitems__(self, keys: list[Key]) -> list[Sample]:
        """Several at a time; pictures in memory that need no change are cut out of their array at once."""
        arrays = self.pictures.arrays
        same = arrays is not None and arrays.shape[1:3] == (self.size, self.size) == (self.resize_to or self.size,) * 2
        if arrays is None or not same or self.augmentation.strength != "none":
            return [self[key] for key in keys]
        places = np.fromiter((place for _, place in keys), np.int64, len(keys))
        return Whole(self._stacked(arrays[places]), torch.from_numpy(self.pictures.labels[places]))

    def plain(self) -> "Batches":
        """The same without augmentation."""
        return replace(self, augmentation=Augmentation())

    def tensor(self, place: int) -> Tensor:
        """A picture without augmentation, ``(C, size, size)`` uint8.

        Raises:
            InputError: Its file is missing or damaged.
        """
        resize_to = self.resize_to or self.size
        picture = self.pictures.read(place, min_side=resize_to)
        if picture.shape[:2] != (self.size, self.size) or resize_to != self.size:
            picture = square(picture, size=self.size, resize_to=resize_to, interpolation=self.interpolation)
        return self._channels(picture)

    @functools.cached_property
    def _transform(self) -> v2.Transform:
        return self.augmentation.transform(self.size, gray=self.gray)

    def _channels(self, picture: NDArray[np.uint8]) -> Tensor:
        """``(H, W, 3)`` to ``(C, H, W)``."""
        tensor = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
        if not self.gray:
            return tensor
        return tensor[:1] if _is_gray(picture) else v2.functional.rgb_to_grayscale(tensor)

    def _stacked(self, arrays: NDArray[np.uint8]) -> Tensor:
        """``(N, H, W)`` or ``(N, H, W, 3)`` to ``(N, C, H, W)``."""
        if arrays.ndim == 3:
            tensor = torch.from_numpy(arrays)[:, None]  # (N, 1, H, W)
            return tensor if self.gray else tensor.expand(-1, 3, -1, -1)
        tensor = torch.from_numpy(np.ascontiguousarray(arrays.transpose(0, 3, 1, 2)))  # (N, 3, H, W)
        return v2.functional.rgb_to_grayscale(tensor) if self.gray else tensor


def one(
    picture: str | os.PathLike[str] | NDArray[np.uint8],
    size: int,
    resize_to: int,
    interpolation: Literal["bicubic", "bilinear"],
    *,
    gray: bool,
) -> Tensor:
    """One picture as a network sees it, ``(C, size, size)`` uint8.

    Args:
        picture: A file, or ``(H, W)`` or ``(H, W, 3)`` uint8.
        size: See :class:`Batches`, as the others.
        resize_to: Length of the shorter side before the middle is cut out.
        interpolation: ``"bicubic"`` or ``"bilinear"``.
        gray: One channel in place of three.

    Raises:
        InputError: It cannot be read, or is no such array.
    """
    if isinstance(picture, np.ndarray):
        fine = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)
        if picture.dtype != np.uint8 or not fine or not picture.size:
            raise InputError(f"A picture must be (H, W) or (H, W, 3) uint8, not {picture.shape} {picture.dtype}.")
        pictures = Pictures(np.zeros(1, np.int64), arrays=picture[None])
    else:
        pictures = Pictures(np.zeros(1, np.int64), [os.fspath(picture)])
    return Batches(pictures, size, resize_to, interpolation, gray).tensor(0)


def _is_gray(picture: NDArray[np.uint8]) -> bool:
    return picture.strides[2] == 0 or bool((picture[..., :1] == picture).all())


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Errors of the processes that read ahead come with their whole story; let the sentence alone through."""
    try:
        yield
    except VisusError as error:
        text = str(error)
        if not text.startswith("Caught"):
            raise
        raise type(error)(text.strip().splitlines()[-1].split(": ", 1)[-1]) from None


def reading_ahead(workers: int) -> dict[str, Any]:
    """How a loader reads ahead, as its arguments.

    Args:
        workers: Processes that do; 0 to read between the steps.
    """
    return {
        "num_workers": workers,
        "persistent_workers": workers > 0,
        "prefetch_factor": 4 if workers else None,
        "worker_init_fn": _apart,
    }


def _apart(_worker: int) -> None:
    """Let what ends a whole job, Ctrl-C perhaps, reach the training alone: it ends those who read ahead itself.

    Torch raises an error wherever the training is when one of them ends before it; a lock may then never be given back.
    """
    if hasattr(os, "setpgrp"):
        os.setpgrp()


class Whole(list[Sample]):
    """A batch that is collated already; a list, since that is what a loader expects to be handed."""

    def __init__(self, pictures: Tensor, labels: Tensor) -> None:
        super().__init__()
        self.batch = pictures, labels


def _collate(samples: list[Sample]) -> tuple[Tensor, Tensor]:
    """Samples to ``(N, C, size, size)`` uint8, and ``(N,)`` or ``(N, classes)`` int64."""
    if isinstance(samples, Whole):
        return samples.batch
    labels = np.array([label for _, label in samples], np.int64)
    return torch.stack([picture for picture, _ in samples]), torch.from_numpy(labels)


@dataclass
class Features(Dataset[Sample]):
    """Features that were computed before, in the place of pictures.

    Attributes:
        features: ``(N, D)`` float.
        labels: ``(N,)`` int64, or ``(N, C)`` zeros and ones.
    """

    features: Tensor
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, key: Key) -> Sample:
        return self.features[key[1]], self.labels[key[1]]

    def __getitems__(self, keys: list[Key]) -> list[Sample]:
        """Several at a time."""
        places = np.fromiter((place for _, place in keys), np.int64, len(keys))
        return Whole(self.features[torch.from_numpy(places)], torch.from_numpy(self.labels[places]))


class Order(Sampler[Key]):
    """The order of the pictures in each epoch, from a seed.

    Args:
        labels: ``(N,)`` int64, the class of each picture, or ``(N, C)`` zeros and ones, which cannot be balanced.
        shuffle: A new order in each epoch; False for the order in which they lie.
        balanced: Draw with replacement so that every class is as frequent as the others.
        seed: Of the order.
    """

    def __init__(self, labels: NDArray[np.int64], *, shuffle: bool, balanced: bool = False, seed: int = 0) -> None:
        self.labels = labels
        self.shuffle = shuffle
        self.balanced = balanced
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.labels)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; Lightning does."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Key]:
        random = np.random.default_rng((self.seed, self.epoch))
        places = np.arange(len(self.labels))
        if self.balanced:
            frequency = np.bincount(self.labels)[self.labels].astype(np.float64)
            places = random.choice(places, len(places), p=1 / frequency / (1 / frequency).sum())
        elif self.shuffle:
            places = random.permutation(places)
        return zip([self.epoch] * len(places), places.tolist(), strict=True)


def loader(
    batches: Batches | Features,
    labels: NDArray[np.int64],
    *,
    batch_size: int,
    shuffle: bool = False,
    balanced: bool = False,
    seed: int = 0,
    workers: int = 0,
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Batches in the order of :class:`Order`.

    A last training batch of one picture, which batch normalization cannot take, is left out.

    Args:
        batches: Pictures, or features in their place.
        labels: ``(N,)`` int64, the class of each, or ``(N, C)`` zeros and ones.
        batch_size: Pictures in a batch.
        shuffle: Whether they serve for training.
        balanced: Whether classes are drawn equally often.
        seed: Of the order.
        workers: Processes that read ahead; 0 to read between the steps.

    Returns:
        What gives B pictures ``(B, C, size, size)`` uint8 at a time, or features ``(B, D)`` float, with their labels
        ``(B,)`` or ``(B, C)`` int64.
    """
    return DataLoader(  # pyright: ignore[reportReturnType] - _collate makes batches of samples
        batches,
        batch_size=batch_size,
        sampler=Order(labels, shuffle=shuffle, balanced=balanced, seed=seed),
        collate_fn=_collate,
        **reading_ahead(workers),
        drop_last=shuffle and len(labels) > batch_size and len(labels) % batch_size == 1,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator().manual_seed(seed),
    )
