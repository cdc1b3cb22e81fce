"""DeconvNet: Noh, Hong and Han, "Learning deconvolution network for semantic segmentation", ICCV 2015.

VGG16 without its last layer goes down to a single position (section 3.1, supplementary table 1); a mirror image of
unpoolings and transposed convolutions goes up again. Every layer is normalized over the batch (section 4.1).

Deviations: the network is trained in one stage, on crops, in place of first single objects and then proposals; a
picture is answered by overlapping windows of 224x224, in place of 50 proposals whose answers are merged; only the
thirteen convolutions begin with VGG16's weights, fc6 and fc7 at random; what begins at random is drawn as He et al.
(2015) do, in place of zero-mean Gaussians (section 4.2), which ``release=True`` takes, with the deviation 0.01 of the
authors' release.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from visus.nets.segmentation.segmenter import Segmenter
from visus.nets.segmentation.vgg import (
    WIDTH,
    Weights,
    at_width,
    decode,
    encode,
    fill_from_imagenet,
    groups,
    initialize,
)

# Supplementary table 1: output channels of the deconvolutions behind each unpooling, from the coarsest on.
_UP: tuple[tuple[int, ...], ...] = ((512, 512, 512), (512, 512, 256), (256, 256, 128), (128, 64), (64, 64))


class DeconvNet(Segmenter):
    """DeconvNet (Noh et al. 2015): 251,805,653 parameters with 21 classes; it takes 224x224 pixels.

    Args:
        classes: Number of classes.
        batch_norm: Whether each layer is normalized, as in the paper.
        width: Channels of the first group, 64 in the paper; those of the others in proportion.
        release: Whether what begins at random is drawn as in the authors' release.
        weights: ``"imagenet"`` for the thirteen convolutions of VGG16, or None.

    Raises:
        InputError: The width is less than 1.
        WeightsError: The weights are not at hand, or are for another width.
    """

    fixed = 224
    dense = True
    needs_pairs = True

    def __init__(
        self,
        *,
        classes: int,
        batch_norm: bool = True,
        width: int = WIDTH,
        release: bool = False,
        weights: Weights = None,
    ) -> None:
        super().__init__()
        self.name, self.classes, self.channels = "deconvnet", classes, 3
        encoder = groups(3, batch_norm=batch_norm, width=width)
        channels, wide = at_width(512, width), at_width(4096, width)
        self.encoder = nn.ModuleList(encoder)
        self.fc6 = _layer(nn.Conv2d(channels, wide, 7), batch_norm)  # (N, 4096, 1, 1)
        self.fc7 = _layer(nn.Conv2d(wide, wide, 1), batch_norm)
        self.deconv_fc6 = _layer(nn.ConvTranspose2d(wide, channels, 7), batch_norm)  # (N, 512, 7, 7)
        decoder = []
        for widths in _UP:
            layers = []
            for outputs in (at_width(own, width) for own in widths):
                layers.append(_layer(nn.ConvTranspose2d(channels, outputs, 3, padding=1), batch_norm))
                channels = outputs
            decoder.append(nn.Sequential(*layers))
        self.decoder = nn.ModuleList(decoder)
        self.score = nn.Conv2d(channels, classes, 1)
        initialize(self)
        for layer in self.modules() if release else ():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, 0.0, 0.01)
        if weights == "imagenet":
            fill_from_imagenet(encoder)

    def body(self) -> Iterator[nn.Module]:
        """The convolutions of VGG16."""
        yield self.encoder

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 3, 224, 224)`` float to logits ``(N, classes, 224, 224)``.

        Raises:
            InputError: A side is not 224.
        """
        self.check(x.shape[2:])
        x, remembered = encode(self.encoder, x)  # (N, 512, 7, 7)
        x = self.deconv_fc6(self.fc7(self.fc6(x)))
        return self.score(decode(self.decoder, x, remembered))


def _layer(convolution: nn.Conv2d | nn.ConvTranspose2d, batch_norm: bool) -> nn.Sequential:
    """A layer with its normalization and its ReLU."""
    norm = [nn.BatchNorm2d(convolution.out_channels)] if batch_norm else []
    return nn.Sequential(convolution, *norm, nn.ReLU(True))
