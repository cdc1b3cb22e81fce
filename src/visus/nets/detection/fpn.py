"""Faster and Mask R-CNN on a pyramid of maps: fine ones for small objects and tight boxes, coarse ones for large ones.

Lin et al., "Feature pyramid networks for object detection", CVPR 2017. A map is brought to a common width by a 1x1
convolution, added to the coarser one, which was enlarged to twice its sides, and smoothed by a 3x3 convolution (section
3). The region proposal network slides over all of them, with anchors of one size on each (section 4.1); those that
cross the border are kept in training (section 5.1). A box of w x h pixels is taken from the map of stride 2^k, where k
is the floor of 4 + log2(sqrt(wh) / 224), pooled to 7x7, and seen by two hidden layers (section 4.2).

Deviations: the maps have strides 8, 16 and 32, where the paper has five from 4 to 64: pictures
are usually smaller than its 800 pixels where a CPU trains. Sides and the sampling of proposals are Faster R-CNN's here,
box regression is class-agnostic, maps and layers can be narrower than the paper's 256 and 1024, and dropout
follows the second hidden layer, since objects to learn from are few.
"""

from collections.abc import Iterator, Sequence

from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign

from visus._errors import InputError
from visus.nets.detection import detector, fast_rcnn, faster_rcnn
from visus.nets.detection.body import preprocessing
from visus.nets.detection.cascade import MOST, CascadeHeads, Saying, Seeing
from visus.nets.detection.mask_rcnn import SIDE, add_shapes
from visus.nets.segmentation.pyramid import STRIDES, Pyramid
from visus.nets.segmentation.vgg import Weights
from visus.ops import anchors, roi

LEVELS = [str(place) for place in range(len(STRIDES))]
"""Names of the maps, fine ones first, as torchvision's parts call them."""

_WIDTH, _HIDDEN = 256, 1024  # of the paper
_BOX = 7
_DROPPED = 0.3  # share of what the hidden layers say


class BoxesForAll(fast_rcnn.Predictor):
    """The last layers with class-agnostic box regression: fewer parameters to learn from few objects.

    Args:
        dimension: Of what they see.
        classes: With the background.
    """

    def __init__(self, dimension: int, classes: int) -> None:
        super().__init__(dimension, classes)
        self.classes = classes
        self.bbox_pred = nn.Linear(dimension, 4)
        fast_rcnn.begin(self.bbox_pred, 0.001)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(boxes, dimension)`` to logits ``(boxes, classes)`` and offsets ``(boxes, 4 classes)``, both float32."""
        logits, offsets = super().forward(x)
        return logits, offsets.repeat(1, self.classes)


class Hidden(TwoMLPHead):
    """Two hidden layers that see a box; in training some of what the second says is left out (dropout).

    Args:
        entering: Values of a pooled box.
        hidden: Units of each layer.
    """

    def __init__(self, entering: int, hidden: int) -> None:
        super().__init__(entering, hidden)
        self.chance = nn.Dropout(_DROPPED)

    def forward(self, x: Tensor) -> Tensor:
        """``(boxes, C, 7, 7)`` to ``(boxes, hidden)``, both float32."""
        return self.chance(super().forward(x))


class FasterRCNNPyramid(faster_rcnn.Proposes):
    """Faster R-CNN on a feature pyramid (Lin et al. 2017).

    Args:
        classes: Number of classes, without the background.
        backbone: A classification network that is a row of convolutions.
        weights: ``"imagenet"`` or None.
        side: Length of the shorter side that pictures are brought to, in pixels.
        boxes: Of each picture that the second stage sees in a training step.
        sizes: Of the anchors on the maps of stride 8, 16 and 32, as roots of their areas in pixels of resized pictures;
            None for 8 times the stride, as in the paper.
        width: Channels of the maps; the hidden layers that see a box have four times as many.
        stages: How many stages refine a box (see :mod:`visus.nets.detection.cascade`).

    Raises:
        InputError: The backbone is unknown or has no such maps, there is not one size for each map, or there are no
            stages or too many.
        WeightsError: The weights are not at hand.
    """

    name = "faster_rcnn_fpn"

    def __init__(
        self,
        *,
        classes: int,
        backbone: str = "resnet50",
        weights: Weights = None,
        side: int = detector.SHORTER_SIDE,
        boxes: int = fast_rcnn.BOXES_OF_A_STEP,
        sizes: Sequence[float] | None = None,
        width: int = 256,
        stages: int = 1,
    ) -> None:
        super().__init__()
        if not 1 <= stages <= MOST:
            raise InputError(f"The stages of a cascade must be from 1 to {MOST}, not {stages}.")
        self.classes = classes
        known = preprocessing(backbone)
        self.transform = detector.transform_of(known.mean, known.deviation, side)
        self.body = Pyramid(backbone, weights)
        self.neck = FeaturePyramidNetwork(self.body.channels, width)
        self.rpn = _proposing(width, side, sizes)
        hidden = _HIDDEN * width // _WIDTH
        heads = [Hidden(width * _BOX**2, hidden) for _ in range(stages)]
        lasts = [BoxesForAll(hidden, classes + 1) for _ in range(stages)]
        if stages == 1:
            self.heads = fast_rcnn.heads_around(pool(_BOX), heads[0], lasts[0], boxes, 0.0)
        else:
            parts = Seeing(heads), Saying(lasts)
            self.heads = fast_rcnn.heads_around(pool(_BOX), *parts, boxes, 0.0, kind=CascadeHeads)
        if self.has_masks:
            add_shapes(self.heads, pool(SIDE), width, width, classes)

    def body_modules(self) -> Iterator[nn.Module]:
        """The backbone, without the layers that bring its maps together."""
        yield self.body

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """The pyramid of resized pictures.

        Args:
            x: ``(N, 3, H, W)`` float, sides a multiple of 32.

        Returns:
            Three maps ``(N, width, H/stride, W/stride)`` float32, of strides 8, 16 and 32.
        """
        found = dict(zip(LEVELS, self.body(x), strict=True))
        return {level: own.float() for level, own in self.neck(found).items()}


class MaskRCNNPyramid(FasterRCNNPyramid):
    """Mask R-CNN (He et al. 2017): :class:`FasterRCNNPyramid` with shapes, and with the same arguments."""

    name = "mask_rcnn_fpn"
    has_masks = True


def pool(size: int) -> MultiScaleRoIAlign:
    """RoIAlign of each box from the map that suits its size (Lin et al. 2017, section 4.2).

    Args:
        size: Side of the small maps.
    """
    return MultiScaleRoIAlign(LEVELS, size, roi.SAMPLES)


def _proposing(width: int, side: int, sizes: Sequence[float] | None) -> RegionProposalNetwork:
    """The region proposal network, with anchors of one size on each map."""
    own = [8 * stride for stride in STRIDES] if sizes is None else list(sizes)
    if len(own) != len(STRIDES) or min(own) <= 0:
        raise InputError(f"A pyramid needs {len(STRIDES)} sizes of anchors above 0, one for each map, not {own}.")
    generator = AnchorGenerator(tuple((size,) for size in sorted(own)), (anchors.RATIOS,) * len(own))
    window = faster_rcnn.SlidingWindow(width, len(anchors.RATIOS))
    return faster_rcnn.sampling(RegionProposalNetwork, generator, window, side, (2000, 1000))
