"""Batches of windows with their masks, for a network that gives each position a class."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from visus.data.batches import Key, Order, reading_ahead
from visus.data.joint import Joint
from visus.data.masks import IGNORE, Mask, Masked

_SIGMA = 5.0  # pixels, Ronneberger et al. 2015, section 3


@dataclass
class Windows(Dataset[tuple[Tensor, ...]]):
    """Windows of pictures or volumes as tensors, each with its mask.

    A sample is the window, ``(C, H, W)`` uint8 or ``(1, D, H, W)`` float32, and its mask, int64 without the margins;
    with :attr:`border` also a weight for each position, float32.

    Attributes:
        pictures: A split.
        size: Spatial size of a window; None for the whole picture.
        gray: One channel in place of three.
        joint: How windows are changed at random.
        margin: How much of each border of a window the mask leaves out.
        border: Weight of positions between touching regions; 0 for none.
        seed: Of the changes.
        each: Windows of each picture in an epoch.
    """

    pictures: Masked
    size: Sequence[int] | None
    gray: bool = False
    joint: Joint = field(default_factory=Joint)
    margin: int = 0
    border: float = 0.0
    seed: int = 0
    each: int = 1

    def __len__(self) -> int:
        return len(self.pictures) * self.each

    def __getitem__(self, key: Key) -> tuple[Tensor, ...]:
        (epoch, number), part = key, []
        place = number
        if self.each > 1:
            place, window = divmod(number, self.each)
            part = [window]
        picture, mask = self.pictures.read(place)
        if self.size is not None:
            random = np.random.default_rng((self.seed, epoch, place, *part))
            picture, mask = self.joint.window(picture, mask, self.size, random, margin=self.margin)
        tensors = (self._tensor(picture), torch.from_numpy(mask.astype(np.int64)))
        if not self.border:
            return tensors
        return *tensors, torch.from_numpy(border_weights(mask, self.border))

    def _tensor(self, picture: np.ndarray) -> Tensor:
        if picture.dtype != np.uint8:
            return torch.from_numpy(np.ascontiguousarray(picture))[None]  # (1, D, H, W)
        if self.gray:
            picture = picture[..., :1]
        return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))  # (C, H, W)


def border_weights(mask: Mask, weight: float, *, sigma: float = _SIGMA) -> np.ndarray:
    """U-Net's weights of positions between touching regions (Ronneberger et al. 2015, equation 2).

    1 + w0 exp(-(d1 + d2)^2 / (2 sigma^2)) at positions of the first class, where d1 and d2 are the distances to the
    nearest and the second nearest region of the other classes; 1 elsewhere.

    Args:
        mask: ``(H, W)`` uint8.
        weight: w0.
        sigma: In pixels.

    Returns:
        ``(H, W)`` float32.
    """
    labeled: Any = ndimage.label((mask != 0) & (mask != IGNORE), np.ones((3,) * mask.ndim))
    regions: NDArray[np.int32] = labeled[0]
    reach = int(np.ceil(4 * sigma))  # beyond, the weight is less than 0.04 % of w0
    first, second = (np.full(mask.shape, np.inf, np.float32) for _ in range(2))
    for number, box in enumerate(ndimage.find_objects(regions), 1):
        wide = tuple(slice(max(0, s.start - reach), s.stop + reach) for s in box)
        exact: Any = ndimage.distance_transform_edt(regions[wide] != number)
        distance = exact.astype(np.float32)
        nearer, farther = np.minimum(distance, first[wide]), np.maximum(distance, first[wide])
        first[wide] = nearer
        second[wide] = np.minimum(second[wide], farther)
    near = np.where(mask == 0, np.exp(-((first + second) ** 2) / (2 * sigma**2)), 0)
    return (1 + weight * near).astype(np.float32)


def window_loader(
    windows: Windows, *, batch_size: int, shuffle: bool = False, seed: int = 0, workers: int = 0
) -> DataLoader[tuple[Tensor, ...]]:
    """Batches of windows in the order of :class:`visus.data.batches.Order`.

    Args:
        windows: What is read.
        batch_size: Windows in a batch.
        shuffle: Whether they serve for training.
        seed: Of the order.
        workers: Processes that read ahead; 0 to read between the steps.

    Returns:
        What gives B windows ``(B, C, H, W)`` uint8 or ``(B, 1, D, H, W)`` float32 at a time, their masks ``(B, H, W)``
        or ``(B, D, H, W)`` int64 without the margins, and, where there are weights of borders, these of the same shape
        as the masks, float32.
    """
    return DataLoader(
        windows,
        batch_size=batch_size,
        sampler=Order(np.zeros(len(windows), np.int64), shuffle=shuffle, seed=seed),
        **reading_ahead(workers),
        drop_last=shuffle and len(windows) > batch_size and len(windows) % batch_size == 1,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator().manual_seed(seed),
    )
