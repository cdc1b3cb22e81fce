"""Faster R-CNN: the network proposes the boxes itself.

Ren, He, Girshick and Sun, "Faster R-CNN: towards real-time object detection with region proposal networks", NIPS 2015.
A small network slides over the map: a 3x3 convolution, then for each of 9 anchors at each point a two-way softmax
(object or not) and four offsets (section 3.1). An anchor is an object if it overlaps a true box by an IoU of at least
0.7, or more than any other anchor does; none if by less than 0.3; anchors that cross the border are ignored (section
3.3). Of each picture 256 anchors count, at most half of them objects. Proposals are suppressed at an IoU of 0.7; then
Fast R-CNN takes over.

Sampling and losses are torchvision's.

Deviations: both networks learn at once, which the paper calls approximate joint training (section 3.2). The paper's
anchors (128, 256, 512) are for pictures whose shorter side is 600; for another side they are scaled with it, and fewer
proposals are kept in training, a tenth of the anchors as in the paper, so that boxes of background are drawn from those
that look like objects. Crowds are background to the anchors. A proposal is background down to an IoU of 0, not 0.1:
what is learned at once has no first stage whose answers are known.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from visus._errors import InputError
from visus.nets.detection import detector, fast_rcnn
from visus.nets.detection.body import STRIDE, Body, as_features, cut, preprocessing
from visus.nets.detection.detector import Detector, Found, Limits, Target
from visus.nets.segmentation.pyramid import Pyramid
from visus.nets.segmentation.vgg import Weights
from visus.ops import anchors
from visus.ops import boxes as _boxes

_BACKGROUND = 0.0  # every proposal that is no object: the network must learn to refuse its own
_TRAINING, _TESTING = 2000, 300  # proposals that are kept of pictures of the paper's size (section 3.3 and table 2)


AnyProposing = TypeVar("AnyProposing", bound=RegionProposalNetwork)


class SlidingWindow(nn.Module):
    """The small network of section 3.1.

    Args:
        channels: Of the map, and of its hidden layer.
        count: Anchors at each point.
    """

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(channels, channels, 3, padding=1)
        self.object = nn.Conv2d(channels, 2 * count, 1)  # not an object, object
        self.offsets = nn.Conv2d(channels, 4 * count, 1)
        for layer in (self.hidden, self.object, self.offsets):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, maps: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """For each map the logit of "object" ``(N, count, h, w)`` and the offsets ``(N, 4 count, h, w)``.

        The logit is the difference of both scores: its sigmoid is the two-way softmax.

        Args:
            maps: Each ``(N, channels, h, w)`` float.

        Returns:
            The logits and the offsets, all float32.
        """
        logits, offsets = [], []
        for x in maps:
            hidden = self.hidden(x).relu()
            none, some = self.object(hidden).chunk(2, dim=1)
            logits.append((some - none).float())
            offsets.append(self.offsets(hidden).float())
        return logits, offsets


class Anchors(AnchorGenerator):
    """Anchors (Ren et al. 2015) 16 pixels apart, whatever rounding has made of the size of the map."""

    def grid_anchors(self, grid_sizes: list[list[int]], strides: list[list[Tensor]]) -> list[Tensor]:
        """The anchors of each map: all of the first point, then of the next one in its row.

        Args:
            grid_sizes: Height and width of each map.
            strides: Of each map, in y and x, as scalars; 16 is taken in their place.

        Returns:
            For each map ``(height * width * anchors of a point, 4)`` float32 in pixels.
        """
        fixed = [[torch.full_like(value, STRIDE) for value in pair] for pair in strides]
        return super().grid_anchors(grid_sizes, fixed)


class Proposing(RegionProposalNetwork):
    """The region proposal network; anchors that cross the border of the picture do not count in training.

    Ren et al. 2015.
    """

    _sizes: Sequence[tuple[int, int]] = ()

    def forward(
        self,
        images: ImageList,
        features: dict[str, Tensor],
        targets: Any = None,  # noqa: ANN401
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Proposals for each picture, and in training the losses.

        Args:
            images: The resized and padded pictures, ``(N, 3, H, W)`` float, and their sizes before they were padded.
            features: The maps by level, each ``(N, channels, h, w)`` float32.
            targets: In training the objects of each picture, ``boxes`` ``(n, 4)`` float32 in pixels.

        Returns:
            For each picture ``(m, 4)`` float32 in pixels, the likeliest first, cut to the picture; and
            ``loss_objectness`` and ``loss_rpn_box_reg``, each a scalar, or nothing in evaluation mode.
        """
        self._sizes = images.image_sizes
        return super().forward(images, features, targets)

    def assign_targets_to_anchors(
        self, anchors: list[Tensor], targets: list[dict[str, Tensor]]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Labels (1 object, 0 none, -1 ignored) and true boxes of all anchors.

        Args:
            anchors: For each picture ``(n, 4)`` float32 in pixels.
            targets: The objects of each picture, ``boxes`` ``(m, 4)`` float32 in pixels.

        Returns:
            For each picture labels ``(n,)`` and boxes ``(n, 4)``, both float32.
        """
        inside = [within(own, size) for own, size in zip(anchors, self._sizes, strict=True)]
        labels, matched = super().assign_targets_to_anchors(
            [own[there] for own, there in zip(anchors, inside, strict=True)], targets
        )
        all_labels, all_matched = [], []
        for own, there, label, match, target in zip(anchors, inside, labels, matched, targets, strict=True):
            whole = own.new_full((len(own),), -1)
            # The anchor that overlaps an object most is no object where it does not overlap it at all.
            touches = _boxes.iou(own[there], target["boxes"].to(own)).sum(1) > 0
            whole[there] = torch.where(touches, label.to(own), 0)
            truth = own.clone()  # an anchor that is ignored is its own target
            truth[there] = match.to(own)
            all_labels.append(whole)
            all_matched.append(truth)
        return all_labels, all_matched


def within(own: Tensor, size: tuple[int, int]) -> Tensor:
    """Which anchors do not cross the border; all where all do.

    In training the others are ignored (Ren et al. 2015).

    Args:
        own: Anchors ``(n, 4)`` float32 in pixels.
        size: Height and width of the picture.

    Returns:
        ``(n,)`` bool.

    >>> within(torch.tensor([[0.0, 0, 8, 8], [-4, 0, 4, 8]]), (8, 8)).tolist()
    [True, False]
    >>> within(torch.tensor([[-4.0, 0, 4, 8]]), (8, 8)).tolist()
    [True]
    """
    inside = anchors.inside(own, size)
    return inside if bool(inside.any()) else torch.ones_like(inside)


def proposing(channels: int, side: int, sizes: Sequence[float] | None = None) -> Proposing:
    """The region proposal network for a map (Ren et al. 2015).

    Args:
        channels: Of the map.
        side: Length of the shorter side that pictures are brought to, in pixels.
        sizes: Of the anchors, as roots of their areas in pixels of such pictures; None for the paper's.

    Raises:
        InputError: A size is not above 0, or there is none.

    >>> rpn = proposing(8, 300)
    >>> rpn.anchor_generator.sizes, rpn.anchor_generator.aspect_ratios
    (((64.0, 128.0, 256.0),), ((0.5, 1.0, 2.0),))
    """
    if sizes is None:
        sizes = [size * side / detector.SHORTER_SIDE for size in anchors.SIZES]
    if not sizes or min(sizes) <= 0:
        raise InputError(f"Anchors must be larger than 0 pixels, not {list(sizes)}.")
    generator = Anchors((tuple(sizes),), (anchors.RATIOS,))
    window = SlidingWindow(channels, len(sizes) * len(anchors.RATIOS))
    return sampling(Proposing, generator, window, side, (12_000, 6_000))


def sampling(
    kind: type[AnyProposing], generator: AnchorGenerator, window: SlidingWindow, side: int, before: tuple[int, int]
) -> AnyProposing:
    """A region proposal network that takes anchors for objects as Ren et al. 2015 do (section 3.3).

    Args:
        kind: Of torchvision, or one that is made of it.
        generator: Of its anchors.
        window: What slides over the maps.
        side: Length of the shorter side that pictures are brought to, in pixels.
        before: Proposals of each map that are looked at, in training and in evaluation, before overlapping ones go.
    """
    kept = max(_TESTING, round(_TRAINING * (side / detector.SHORTER_SIDE) ** 2))
    top = {"training": before[0], "testing": before[1]}
    left = {"training": kept, "testing": _TESTING}
    return kind(generator, window, 0.7, 0.3, 256, 0.5, top, left, 0.7)


class Proposes(Detector):
    """A detector that proposes its boxes itself: ``transform``, ``body``, then :meth:`maps`, ``rpn`` and ``heads``.

    Ren et al. 2015.
    """

    has_body = True
    transform: GeneralizedRCNNTransform
    body: Body | Pyramid
    rpn: RegionProposalNetwork
    heads: fast_rcnn.Heads

    @abstractmethod
    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """The maps of resized pictures, by level.

        Args:
            x: ``(N, 3, H, W)`` float, sides a multiple of 32.

        Returns:
            Each ``(N, C, h, w)`` float32, fine ones first.
        """

    def losses(self, pictures: Sequence[Tensor], targets: Sequence[Target]) -> dict[str, Tensor]:
        """Of the anchors, and of the boxes that they became.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].
            targets: The objects of each; a network that finds shapes needs their ``masks``.

        Returns:
            In training mode ``loss_objectness`` and ``loss_rpn_box_reg`` of the anchors, ``loss_classifier`` and
            ``loss_box_reg`` of the boxes, and ``loss_mask`` of shapes, each a scalar; in evaluation mode nothing.

        Raises:
            InputError: A picture is none that a detector takes.
        """
        detector.check_pictures(pictures, self.transform)
        images, own = self.transform(list(pictures), detector.targets_for(targets))
        features = self.maps(images.tensors)
        proposals, of_anchors = self.rpn(images, features, own)
        _, of_boxes = self.heads(features, proposals, images.image_sizes, own)
        return {**of_anchors, **of_boxes}

    def box_scores(self, pictures: Sequence[Tensor], boxes: Sequence[Tensor]) -> Tensor:
        """The scores of given boxes, before the softmax.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].
            boxes: For each picture ``(n, 4)`` float32 in pixels.

        Returns:
            ``(boxes of all, 1 + classes)`` float32, background first.

        Raises:
            InputError: A picture is none that a detector takes.
        """
        return fast_rcnn.box_scores(self, pictures, boxes)

    def detect(
        self, pictures: Sequence[Tensor], proposals: Sequence[Tensor] | None = None, limits: Limits | None = None
    ) -> list[Found]:
        """What is on some pictures; proposals are the network's own.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].
            proposals: Not looked at.
            limits: Which answers are given; None for the defaults.

        Raises:
            InputError: A picture is none that a detector takes.
        """
        detector.check_pictures(pictures, self.transform)
        limits = limits or Limits()
        self.heads.limit(limits)
        with torch.inference_mode():
            before = detector.sizes_of(pictures)
            images, _ = self.transform(list(pictures))
            features = self.maps(images.tensors)
            own, _ = self.rpn(images, features)
            rows, _ = self.heads(features, own, images.image_sizes)
            return [detector.softened(limits, own) for own in detector.found_of(rows, images.image_sizes, before)]


class FasterRCNN(Proposes):
    """Faster R-CNN (Ren et al. 2015) on one map of stride 16.

    Args:
        classes: Number of classes, without the background.
        backbone: See :func:`visus.nets.detection.body.cut`; VGG16 and ZFNet are the paper's.
        weights: ``"imagenet"`` or None.
        pooling: ``"pool"`` (the paper's), ``"align"`` or ``"align_maximum"``.
        side: Length of the shorter side that pictures are brought to, in pixels.
        boxes: Of each picture that the second stage sees in a training step.
        sizes: Of the anchors; see :func:`proposing`.
    """

    def __init__(
        self,
        *,
        classes: int,
        backbone: str = "vgg16",
        weights: Weights = None,
        pooling: fast_rcnn.Pooling = "pool",
        side: int = detector.SHORTER_SIDE,
        boxes: int = fast_rcnn.BOXES_OF_A_STEP,
        sizes: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.name, self.classes = "faster_rcnn", classes
        halves = cut(backbone, weights)
        known = preprocessing(backbone)
        self.transform = detector.transform_of(known.mean, known.deviation, side)
        self.body, self.channels = halves.body, halves.channels
        self.rpn = proposing(halves.channels, side, sizes)
        self.heads = fast_rcnn.heads_of(halves, classes, pooling, boxes, _BACKGROUND)

    def body_modules(self) -> Iterator[nn.Module]:
        """Both halves of the backbone."""
        yield self.body
        yield self.heads.box_head

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """The map of resized pictures ``(N, 3, H, W)`` float: ``(N, C, H/16, W/16)`` float32, as the only level."""
        return as_features(self.body(x))
