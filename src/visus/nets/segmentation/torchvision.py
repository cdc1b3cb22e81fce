"""Segmentation networks of torchvision, with its weights for the 21 classes of Pascal VOC."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from visus.nets import weights as _weights
from visus.nets.segmentation.segmenter import Segmenter
from visus.nets.segmentation.vgg import Weights

NAMES = ("fcn_resnet50", "deeplabv3_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large")
"""What torchvision calls them."""

VOC = 21
"""Classes of its weights: background and the twenty of Pascal VOC."""


class TorchvisionSegmenter(Segmenter):
    """A segmentation network of torchvision.

    FCN (Long et al. 2015), DeepLabv3 (Chen et al. 2017) or LR-ASPP (Howard et al. 2019).

    Args:
        name: A name in :data:`NAMES`.
        classes: Number of classes; with weights and another number than 21, the last layers start at random.
        weights: ``"imagenet"`` for weights trained on COCO's pictures with the classes of Pascal VOC, or None.

    Raises:
        WeightsError: The weights are not at hand.
    """

    least = 32
    prepared_like = "resnet50"
    license = "BSD-3-Clause"

    def __init__(self, name: str, *, classes: int, weights: Weights = None) -> None:
        super().__init__()
        self.name, self.classes, self.channels = name, classes, 3
        self.dense = name.endswith("resnet50")
        self.needs_pairs = name.startswith("deeplabv3")
        self.net = _build(name, classes, weights)

    def body(self) -> Iterator[nn.Module]:
        """The backbone, which may hold trained weights."""
        net: Any = self.net
        yield net.backbone

    def heads(self, x: Tensor) -> list[Tensor]:
        """The logits, and those of the auxiliary classifier where there is one.

        Args:
            x: ``(N, 3, H, W)`` float.

        Returns:
            One or two ``(N, classes, H, W)`` float.

        Raises:
            InputError: A side is less than 32.
        """
        self.check(x.shape[2:])
        answers: dict[str, Tensor] = self.net(x)
        return [answers[key] for key in ("out", "aux") if key in answers]

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 3, H, W)`` float to logits ``(N, classes, H, W)``."""
        return self.heads(x)[0]


def _build(name: str, classes: int, weights: Weights) -> nn.Module:
    from torchvision import models

    auxiliary = {} if name.startswith("lraspp") else {"aux_loss": True}
    net = models.get_model(name, weights=None, weights_backbone=None, num_classes=classes, **auxiliary)
    if weights != "imagenet":
        return net
    tensors = _weights.torchvision_tensors(models.get_model_weights(name)["DEFAULT"], name)
    own = net.state_dict()
    if classes == VOC:
        _weights.fill(net, tensors, name)
    else:
        net.load_state_dict({k: v for k, v in tensors.items() if v.shape == own[k].shape}, strict=False)
    return net
