"""What every segmentation network has in common: which sizes it takes, and how to use it at any size."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from visus._errors import InputError
from visus.graphs.blocks import Block, Sides


class Segmenter(nn.Module, ABC):
    """From pictures ``(N, C, H, W)``, or volumes ``(N, C, D, H, W)``, to logits for each position.

    Attributes:
        name: Name of the network.
        classes: Number of classes.
        channels: Channels of the input.
        axes: 2 for pictures, 3 for volumes.
        multiple: What each side of the input, less :attr:`offset`, must be a multiple of.
        offset: See there.
        least: Smallest side.
        margin: Positions at each border of the input that get no answer: the network pads nothing.
        fixed: The only side that it takes, or None.
        designed_for: The input of its paper, ``(C, H, W)`` or ``(C, D, H, W)``.
        prepared_like: The classification network whose preprocessing its ImageNet weights expect.
        license: Of the weights that come with the whole network.
        dense: Whether it is made of dense convolutions, which bfloat16 makes faster.
        needs_pairs: Whether it normalizes a map of one position over the batch, and so needs two pictures in a step.
        unsaid: The options of networks whose files do not say them, since there was no choice when they were trained.
    """

    name: str
    classes: int
    channels: int
    axes: int = 2
    multiple: int = 1
    offset: int = 0
    least: int = 1
    margin: int = 0
    fixed: int | None = None
    designed_for: tuple[int, ...] = (3, 224, 224)
    prepared_like: str = "vgg16"
    license: str = ""
    dense: bool = False
    needs_pairs: bool = False
    unsaid: ClassVar[dict[str, Any]] = {}

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, *spatial)`` float to logits ``(N, classes, *spatial less the margins)``."""

    def heads(self, x: Tensor) -> list[Tensor]:
        """The logits that training looks at: those of the network, then those of its auxiliary classifiers.

        Args:
            x: ``(N, C, *spatial)`` float.

        Returns:
            Each ``(N, classes, *spatial less the margins)`` float.
        """
        return [self(x)]

    def body(self) -> Iterator[nn.Module]:
        """Parts that may hold trained weights of another task, and so learn more slowly; the rest is new."""
        return iter(())

    @property
    def sides(self) -> Sides:
        """Which sizes it takes."""
        return Sides(self.multiple, self.offset, self.least, self.margin, self.fixed)

    def fit_side(self, side: int) -> int:
        """The smallest side, at least as large as one that is wanted, that the network takes."""
        return self.sides.fit(side)

    def check(self, size: Sequence[int]) -> None:
        """Whether the network takes a spatial size.

        Raises:
            InputError: It does not; the message proposes the nearest ones.
        """
        if len(size) != self.axes:
            what = "volumes (N, C, D, H, W)" if self.axes == 3 else "pictures (N, C, H, W)"
            raise InputError(f"{self.name} takes {what}, not tensors with {len(size) + 2} axes.")
        for side in size:
            above = self.fit_side(side)
            if above != side:
                below = above - self.multiple
                near = f"{below} or {above}" if self.fixed is None and self.least <= below < side else str(above)
                raise InputError(f"{self.name} does not take a side of {side}; the nearest is {near}.")

    def whole(self, x: Tensor, window: Sequence[int] = ()) -> Tensor:
        """Logits for every position of pictures of any size.

        What the network cannot take is mirrored at the borders (Ronneberger et al. 2015, figure 2), and the answer is
        cut to the picture. A network of fixed size sees overlapping windows of that size.

        Args:
            x: ``(N, C, *spatial)`` float.
            window: What the network was trained on: smaller pictures are mirrored up to that size, as in training,
                since a network that pads knows by its padding where a position lies.

        Returns:
            ``(N, classes, *spatial)`` float.
        """
        size = x.shape[2:]
        if self.fixed is not None:
            return self._in_windows(x, self.fixed)
        before, after = self.sides.around(size, window)
        logits = self(mirrored(x, before, after))
        return logits[(..., *(slice(b - self.margin, b - self.margin + n) for b, n in zip(before, size, strict=True)))]

    def blocks(self, size: Sequence[int], window: Sequence[int]) -> list[Block]:
        """How a picture of any size is cut so that memory stays bounded.

        Args:
            size: Its spatial size.
            window: What the network was trained on; what is looked at is at least as large, where the picture is.
        """
        return self.sides.blocks(size, window)

    def _in_windows(self, x: Tensor, side: int) -> Tensor:
        """Logits from overlapping windows of one side."""
        size = x.shape[2:]
        logits = x.new_empty((x.shape[0], self.classes, *size))
        for block in self.sides.windows(size):
            window = x[(..., *block.window)]
            before = [(side - n) // 2 for n in window.shape[2:]]
            after = [side - n - b for n, b in zip(window.shape[2:], before, strict=True)]
            answer = self(mirrored(window, before, after))
            inner = (slice(b + s.start, b + s.stop) for b, s in zip(before, block.inner, strict=True))
            logits[(..., *block.place)] = answer[(..., *inner)].to(logits.dtype)
        return logits


def mirrored(x: Tensor, before: Sequence[int], after: Sequence[int]) -> Tensor:
    """Mirror a tensor ``(N, C, *spatial)`` beyond its borders, as far as is wanted (Ronneberger et al. 2015, figure 2).

    The border itself is not repeated; a picture smaller than what is wanted is mirrored again and again.

    Args:
        x: Pictures or volumes of any dtype.
        before: How many positions are added before the first one, for each spatial axis.
        after: How many behind the last one.

    Returns:
        ``(N, C, *larger)`` of the same dtype.

    >>> mirrored(torch.tensor([[[1.0, 2.0, 3.0]]]), [2], [3]).tolist()
    [[[3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0, 2.0]]]
    """
    for axis, (first, last) in enumerate(zip(before, after, strict=True), start=2):
        length = x.shape[axis]
        if first == last == 0:
            continue
        period = max(1, 2 * (length - 1))
        place = torch.arange(-first, length + last, device=x.device).remainder(period)
        x = x.index_select(axis, torch.minimum(place, period - place) if length > 1 else torch.zeros_like(place))
    return x
