"""R-CNN: each proposed box is warped to one size and seen by a classification network on its own.

Girshick, Donahue, Darrell and Malik, "Rich feature hierarchies for accurate object detection and semantic
segmentation", CVPR 2014. About 2000 proposals of selective search (section 2.1) are warped to the input of the network,
each with 16 pixels of what surrounds it (appendix A); what lies beyond the picture is its mean color. The network's
features go to one linear SVM for each class (section 2.2), whose scores are suppressed greedily, class by class; a
ridge regression for each class moves the boxes (appendix C). Features are scaled to a mean norm of 20.

Deviations: the backbone keeps its ImageNet weights (the paper's "no fine-tuning" rows, table 2); boxes are moved from
the same features as they are classified by, in place of pool5's. Scores are the sigmoid of the SVM's, which the
training turns so that it is the chance that an answer is right (Platt 1999; :func:`visus.tasks.rcnn.calibrate`). The
IoU of the suppression is the caller's, 0.5 if nothing is said; the paper learns it.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from visus._errors import InputError
from visus.nets import registry
from visus.nets.detection import detector
from visus.nets.detection.body import preprocessing
from visus.nets.detection.detector import Detector, Found, Limits, Target
from visus.nets.segmentation.vgg import Weights
from visus.ops import boxes, roi

CONTEXT = 16
"""Pixels around the box in the warped picture, whose side is 227 in the paper."""

NORM = 20.0
_PAPER_SIDE = 227
_AT_A_TIME = 128  # warped boxes that go through the network together


class RCNN(Detector):
    """R-CNN (Girshick et al. 2014): features of each warped box go to linear SVMs and ridge regressions.

    Args:
        classes: Number of classes.
        backbone: Name of any classification network.
        weights: ``"imagenet"`` or None.
        side: Of the warped boxes, in pixels.

    Raises:
        InputError: The side is less than 32, or the backbone is unknown.
        WeightsError: The weights are not at hand.
    """

    needs_proposals = True
    takes_steps = False
    designed_for = (_PAPER_SIDE, _PAPER_SIDE)  # of a warped box
    least = 32
    mean: Tensor
    deviation: Tensor
    svm_weight: Tensor
    svm_bias: Tensor
    ridge_weight: Tensor
    ridge_bias: Tensor
    scale: Tensor

    def __init__(
        self, *, classes: int, backbone: str = "alexnet", weights: Weights = None, side: int = _PAPER_SIDE
    ) -> None:
        super().__init__()
        if side < 32:
            raise InputError(f"Boxes are warped to at least 32 pixels, not {side}.")
        self.name, self.classes, self.side = "rcnn", classes, side
        self.backbone = registry.create(backbone, weights=weights)
        known = preprocessing(backbone)
        self.register_buffer("mean", torch.tensor(known.mean).view(-1, 1, 1))
        self.register_buffer("deviation", torch.tensor(known.deviation).view(-1, 1, 1))
        dimension = self.backbone.dimension
        self.register_buffer("svm_weight", torch.zeros(classes, dimension))
        self.register_buffer("svm_bias", torch.zeros(classes))
        self.register_buffer("ridge_weight", torch.zeros(classes, 4, dimension))
        self.register_buffer("ridge_bias", torch.zeros(classes, 4))
        self.register_buffer("scale", torch.ones(()))
        self._embed: Callable[[Tensor], Tensor] | None = None

    def use(self, embed: Callable[[Tensor], Tensor] | None) -> None:
        """Let something else compute the backbone's embedding, for example the backbone compiled for this CPU.

        Args:
            embed: From warped boxes ``(n, 3, side, side)`` float32, normalized, to ``(n, dimension)`` float32; None for
                the backbone.
        """
        self._embed = embed

    def body_modules(self) -> Iterator[nn.Module]:
        """The backbone, which may hold trained weights."""
        yield self.backbone

    def warp(self, picture: Tensor, proposals: Tensor) -> Tensor:
        """Each box with its context, warped to a square (appendix A).

        Args:
            picture: ``(3, H, W)`` float in [0, 1].
            proposals: ``(n, 4)`` float32 in pixels, at least one.

        Returns:
            ``(n, 3, side, side)`` of the dtype of the picture, not yet normalized.
        """
        border = CONTEXT * self.side / _PAPER_SIDE
        grow = border / (self.side - 2 * border)
        sides = (proposals[:, 2:] - proposals[:, :2]).clamp(min=1)
        wide = torch.cat([proposals[:, :2] - grow * sides, proposals[:, :2] + (1 + grow) * sides], 1)
        height, width = picture.shape[1:]
        beyond = (
            int(torch.stack([-wide.min(), (wide - wide.new_tensor([width, height] * 2)).max()]).max().clamp(min=0)) + 2
        )
        mean = picture.mean((1, 2), keepdim=True)
        padded = F.pad(picture - mean, (beyond,) * 4)[None]  # the mean is 0, as what is padded
        return roi.align(padded, [wide + beyond], self.side) + mean

    def features(self, picture: Tensor, proposals: Tensor) -> Tensor:
        """What the network sees in each box, ``(n, dimension)``, not yet scaled.

        Args:
            picture: ``(3, H, W)`` float in [0, 1].
            proposals: ``(n, 4)`` float32 in pixels.

        Returns:
            float32, without gradients.
        """
        if not len(proposals):
            return torch.zeros(0, self.backbone.dimension, device=picture.device)
        embed = self._embed or self._own
        found = []
        with torch.inference_mode():
            for part in proposals.split(_AT_A_TIME):
                found.append(embed((self.warp(picture, part) - self.mean) / self.deviation))
        return torch.cat(found)

    def _own(self, x: Tensor) -> Tensor:
        return self.backbone.embed(x.contiguous(memory_format=torch.channels_last)).float()

    def score_matrix(self, features: Tensor) -> Tensor:
        """The SVM's score of each box for each class, ``(n, classes)``: above 0 for rather right than wrong.

        Args:
            features: ``(n, dimension)`` float32, as :meth:`features` gives them.
        """
        return (features * self.scale) @ self.svm_weight.T + self.svm_bias

    def moved(self, features: Tensor, proposals: Tensor) -> Tensor:
        """Where each class would have each box, ``(n, classes, 4)`` (appendix C).

        Args:
            features: ``(n, dimension)`` float32, as :meth:`features` gives them.
            proposals: ``(n, 4)`` float32 in pixels.

        Returns:
            float32 in pixels; boxes may reach beyond the picture.
        """
        offsets = torch.einsum("nd,ckd->nck", features * self.scale, self.ridge_weight) + self.ridge_bias
        return boxes.decode(offsets, proposals)

    def found(self, features: Tensor, proposals: Tensor, size: Sequence[int], limits: Limits) -> Found:
        """The objects among the proposals of a picture of height and width (section 2.2).

        Args:
            features: ``(n, dimension)`` float32, as :meth:`features` gives them.
            proposals: ``(n, 4)`` float32 in pixels.
            size: Height and width of the picture.
            limits: Which of them are given.

        Returns:
            The moved boxes that are left, cut to the picture, each side at least a pixel long; scores are sigmoids.
        """
        scores = self.score_matrix(features).sigmoid()  # (n, classes)
        where = boxes.clip(self.moved(features, proposals), size)
        labels = torch.arange(self.classes, device=scores.device).expand_as(scores)
        sure = (scores >= limits.score) & ((where[..., 2:] - where[..., :2]) >= 1).all(-1)
        scores, where, labels = scores[sure], where[sure], labels[sure]
        if limits.soft:
            return detector.softened(limits, Found(where, scores, labels))
        kept = boxes.nms(where, scores, limits.overlap, labels)[: limits.most]
        return Found(where[kept], scores[kept], labels[kept])

    def losses(self, pictures: Sequence[Tensor], targets: Sequence[Target]) -> dict[str, Tensor]:
        """There are none: its SVMs are not trained by steps.

        Args:
            pictures: Each ``(3, H, W)`` float.
            targets: The objects of each.

        Raises:
            InputError: Always.
        """
        raise InputError("R-CNN has no losses: its SVMs are fitted to features; see visus.tasks.rcnn.")

    def detect(
        self, pictures: Sequence[Tensor], proposals: Sequence[Tensor] | None = None, limits: Limits | None = None
    ) -> list[Found]:
        """What is in the proposed boxes.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].
            proposals: For each picture ``(n, 4)`` float32 in pixels.
            limits: Which answers are given; None for the defaults.

        Raises:
            InputError: There are no proposals, or not for each picture; or a picture is none that a detector takes.
        """
        detector.check_pictures(pictures)
        if proposals is None or len(proposals) != len(pictures):
            raise InputError("R-CNN needs proposed boxes for each picture; see visus.ops.proposals.")
        found = []
        for picture, own in zip(pictures, proposals, strict=True):
            features = self.features(picture, own)
            with torch.inference_mode():
                found.append(self.found(features, own, detector.sizes_of([picture])[0], limits or Limits()))
        return found
