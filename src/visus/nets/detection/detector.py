"""What every detection network has in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from torch import Tensor, nn
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.models.detection.transform import GeneralizedRCNNTransform, resize_boxes

from visus._errors import InputError
from visus.graphs.boxes import Limits
from visus.ops import boxes

Target = dict[str, Tensor]
"""The objects of a picture: ``boxes`` ``(n, 4)`` float32 in pixels, ``labels`` ``(n,)`` int64 from 0 on, perhaps
``masks`` ``(n, H, W)`` uint8 and ``proposals`` ``(m, 4)``."""

_MANY = 1000  # boxes of a picture that soft suppression looks at
_LEAST = 1e-6

SHORTER_SIDE, LONGER_SIDE = 600, 1000
"""Of a picture, in pixels, in Fast and Faster R-CNN."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a network finds on a picture.

    Attributes:
        boxes: ``(n, 4)`` float32 in pixels of the picture, the most certain first.
        scores: ``(n,)`` float32 in [0, 1].
        labels: ``(n,)`` int64 from 0 on.
        masks: ``(n, m, m)`` float in [0, 1]: how likely each part of a box belongs to its object (He et al. 2017); or
            None.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    masks: Tensor | None = None

    def pasted(self, size: Sequence[int]) -> Iterator[Tensor]:
        """Each mask, laid on the picture: ``(H, W)`` float in [0, 1]; one at a time, since all may be gigabytes.

        Args:
            size: Height and width of the picture.
        """
        height, width = size
        for box, mask in zip(self.boxes, () if self.masks is None else self.masks, strict=True):
            yield paste_masks_in_image(mask[None, None], box[None], (height, width))[0, 0]


def within_heads(limits: Limits) -> tuple[float, float, int]:
    """What torchvision's heads are told: score, overlap, and how many; what is soft they leave to us.

    >>> within_heads(Limits()), within_heads(Limits(soft=True))
    ((0.05, 0.5, 100), (0.05, 1.0, 1000))
    """
    return (limits.score, 1.0, _MANY) if limits.soft else (limits.score, limits.overlap, limits.most)


def softened(limits: Limits, found: Found) -> Found:
    """What is left after scores of overlapping boxes were lowered (Bodla et al., ICCV 2017), if they are to be.

    Args:
        limits: Which answers are given.
        found: All of them.
    """
    if not limits.soft:
        return found
    best = found.scores.topk(min(_MANY, len(found.scores))).indices
    least = max(limits.score, _LEAST)
    kept, scores = boxes.soft_nms(found.boxes[best], found.scores[best], found.labels[best], least=least)
    kept, scores = best[kept[: limits.most]], scores[: limits.most].to(found.scores)
    masks = None if found.masks is None else found.masks[kept]
    return Found(found.boxes[kept], scores, found.labels[kept], masks)


class Detector(nn.Module, ABC):
    """From pictures to boxes.

    Attributes:
        name: Name of the network.
        classes: Number of classes, without the background.
        has_masks: Whether it finds shapes too.
        needs_proposals: Whether boxes that may hold an object must be given.
        has_body: Whether it has a backbone (:class:`visus.nets.detection.body.Body`) whose lower layers may be kept.
        takes_steps: Whether it learns by steps of gradient descent; R-CNN is fitted instead.
        designed_for: Height and width of the pictures of its paper.
        least: Smallest side of a picture that it takes.
        license: Of the weights that come with the whole network.
        keeps_norms: Whether batch normalization keeps its means in training, as it should if they were learned before.
    """

    name: str
    classes: int
    has_masks: bool = False
    needs_proposals: bool = False
    has_body: bool = False
    takes_steps: bool = True
    designed_for: tuple[int, int] = (600, 800)
    least: int = 1
    license: str = ""
    keeps_norms: bool = True

    @abstractmethod
    def losses(self, pictures: Sequence[Tensor], targets: Sequence[Target]) -> dict[str, Tensor]:
        """The losses of some pictures, by name.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].
            targets: The objects of each.

        Returns:
            Of a network in training mode each loss, a scalar, with its gradients.
        """

    @abstractmethod
    def detect(
        self, pictures: Sequence[Tensor], proposals: Sequence[Tensor] | None = None, limits: Limits | None = None
    ) -> list[Found]:
        """What is on some pictures, without gradients.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].
            proposals: For each picture boxes ``(m, 4)`` float32 in pixels, where the network needs them.
            limits: Which answers are given; None for the defaults.

        Returns:
            What was found on each picture, in its pixels.
        """

    def box_scores(self, pictures: Sequence[Tensor], boxes: Sequence[Tensor]) -> Tensor:
        """The scores of the classes of given boxes, with gradients: ``(boxes of all, 1 + classes)``, background first.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].
            boxes: For each picture ``(n, 4)`` float32 in pixels.

        Returns:
            Logits, as they are before the softmax.

        Raises:
            InputError: The network does not see boxes on a map of the picture.
        """
        raise InputError(f"{self.name} sees each box as a picture of its own; ask a classifier about the cut-out.")

    def body_modules(self) -> Iterator[nn.Module]:
        """Parts that may hold trained weights of another task, and so learn more slowly; the rest is new."""
        return iter(())

    def train(self, mode: bool = True) -> Self:
        """As every module, but batch normalization may keep its means."""
        from visus.nets.detection.body import hold_norms

        super().train(mode)
        if self.keeps_norms:
            hold_norms(self)
        return self


def class_scores(heads: Any, features: Any, boxes: list[Tensor], sizes: Any) -> Tensor:  # noqa: ANN401
    """The scores of boxes on resized pictures by torchvision's heads; see :meth:`Detector.box_scores`.

    The classifier of Fast R-CNN (Girshick 2015, section 2), before its softmax.

    Args:
        heads: torchvision's ``RoIHeads``.
        features: The maps by level, each ``(N, C, h, w)`` float32.
        boxes: For each picture ``(n, 4)`` float32 in pixels of the resized picture.
        sizes: Height and width of each resized picture, in pixels.

    Returns:
        Logits ``(boxes of all, 1 + classes)`` float32, background first.
    """
    return heads.box_predictor(heads.box_head(heads.box_roi_pool(features, boxes, sizes)))[0]


def transform_of(mean: Sequence[float], deviation: Sequence[float], side: int) -> GeneralizedRCNNTransform:
    """Subtracts the mean, resizes, and pads pictures to a common size.

    The shorter side becomes ``side``, unless the longer one were more than 5/3 of that, as 1000 to 600 in the papers
    (Girshick 2015; Ren et al. 2015). Sides are padded to multiples of 32.

    Args:
        mean: Of each channel, for values in [0, 1].
        deviation: Of each channel, by which values are divided.
        side: Length of the shorter side in pixels.

    >>> import torch
    >>> images, _ = transform_of([0.5] * 3, [0.25] * 3, 60)([torch.zeros(3, 50, 40)])
    >>> images.image_sizes, tuple(images.tensors.shape)
    ([(75, 60)], (1, 3, 96, 64))
    """
    longest = round(side * LONGER_SIDE / SHORTER_SIDE)
    return GeneralizedRCNNTransform(side, longest, list(mean), list(deviation), size_divisible=32)


def targets_for(targets: Sequence[Target]) -> list[dict[str, Tensor]]:
    """With class 0 for the background, as torchvision's parts count.

    Args:
        targets: The objects of each picture, labels ``(n,)`` int64 from 0 on; they are not changed.

    Returns:
        The same with labels from 1 on.

    >>> import torch
    >>> targets_for([{"labels": torch.tensor([0, 4])}])[0]["labels"].tolist()
    [1, 5]
    """
    return [{**target, "labels": target["labels"] + 1} for target in targets]


def resized(boxes: Sequence[Tensor], before: Sequence[Any], after: Sequence[Any]) -> list[Tensor]:
    """Boxes on pictures whose size has changed.

    Args:
        boxes: For each picture ``(n, 4)`` float32 in pixels.
        before: Height and width of each picture when the boxes were found.
        after: Height and width of each picture now.

    Returns:
        For each picture ``(n, 4)`` float32 in its pixels now.

    >>> import torch
    >>> resized([torch.tensor([[1.0, 2.0, 3.0, 4.0]])], [(10, 10)], [(20, 30)])[0].tolist()
    [[3.0, 4.0, 9.0, 8.0]]
    """
    return [resize_boxes(own, list(old), list(new)) for own, old, new in zip(boxes, before, after, strict=True)]


def found_of(rows: Sequence[dict[str, Tensor]], inner: Sequence[Any], before: Sequence[tuple[int, int]]) -> list[Found]:
    """From what torchvision's parts find on resized pictures.

    Args:
        rows: Of each picture ``boxes`` ``(n, 4)`` and ``scores`` ``(n,)`` float32, ``labels`` ``(n,)`` int64 from 1
            on, perhaps ``masks`` ``(n, 1, m, m)`` float32.
        inner: Height and width of the pictures when they were resized.
        before: Of the pictures as they came.

    Returns:
        For each picture what was found, boxes in its own pixels, labels from 0 on.

    >>> import torch
    >>> row = {"boxes": torch.ones(1, 4), "scores": torch.ones(1), "labels": torch.tensor([3])}
    >>> [found] = found_of([row], [(5, 5)], [(10, 20)])
    >>> found.boxes.tolist(), found.labels.tolist()
    ([[4.0, 2.0, 4.0, 2.0]], [2])
    """
    places = resized([row["boxes"] for row in rows], inner, before)
    return [
        Found(boxes, row["scores"], row["labels"] - 1, row["masks"][:, 0] if "masks" in row else None)
        for boxes, row in zip(places, rows, strict=True)
    ]


def sizes_of(pictures: Sequence[Tensor]) -> list[tuple[int, int]]:
    """Height and width of each picture, in pixels.

    Args:
        pictures: Each ``(..., H, W)`` of any dtype.

    >>> import torch
    >>> sizes_of([torch.zeros(3, 20, 30)])
    [(20, 30)]
    """
    return [(int(p.shape[-2]), int(p.shape[-1])) for p in pictures]


def check_pictures(pictures: Sequence[Tensor], transform: GeneralizedRCNNTransform | None = None) -> None:
    """Whether these are pictures that a detector can take.

    Args:
        pictures: Each ``(3, H, W)`` float in [0, 1]; the range is not looked at.
        transform: What resizes them.

    Raises:
        InputError: A picture has another shape or dtype, is empty, or is so thin that it would be resized to a width
            of less than one pixel.

    >>> import torch
    >>> check_pictures([torch.zeros(3, 20, 30)])
    >>> check_pictures([torch.zeros(20, 30, 3)])
    Traceback (most recent call last):
        ...
    visus._errors.InputError: A detector takes pictures (3, H, W) float in [0, 1], not (20, 30, 3) torch.float32.
    """
    for picture in pictures:
        if picture.ndim != 3 or picture.shape[0] != 3 or not picture.is_floating_point() or not picture.numel():
            raise InputError(
                f"A detector takes pictures (3, H, W) float in [0, 1], not {tuple(picture.shape)} {picture.dtype}."
            )
        short, long = sorted(picture.shape[1:])
        if transform is not None and short * transform.max_size < long:
            raise InputError(f"A picture of {picture.shape[2]}x{picture.shape[1]} pixels is too thin; cut it first.")
