"""V-Net: volumes, stage by stage down and up again.

Milletari, Navab and Ahmadi, "V-Net: fully convolutional neural networks for volumetric medical image segmentation",
3DV 2016.

Stages of one to three 5x5x5 convolutions, each stage with its input added to its output (figure 2). Between stages on
the left a 2x2x2 convolution with stride 2 halves the volume and doubles the channels (16 to 256), on the right a
transposed one does the reverse, and what the left stage had is put beside it. PReLU behind every layer.

The paper's reading here: on the right, a transposed convolution gives half of the channels of its stage (128, 64, 32,
16), the left stage the other half, so that the right stages have 256, 128, 64 and 32 channels as in figure 2; the
single channel of the input is repeated so that it can be added.

Deviations: ``batch_norm`` adds batch normalization, which the paper has not; without it the network learns slowly.
The authors' release differs from the paper's figure: 1, 1, 2, 3 and 3 convolutions on the left, 3, 2, 1 and 1 on the
right, and a 5x5x5 convolution with PReLU to the classes before the 1x1x1 one. ``release=True`` builds that.
"""

import torch
from torch import Tensor, nn

from visus._errors import InputError
from visus.nets.segmentation.segmenter import Segmenter
from visus.nets.segmentation.vgg import initialize

_PAPER = ((1, 2, 3, 3, 3), (3, 3, 2, 1))  # convolutions of each stage on the left, and on the right
_RELEASE = ((1, 1, 2, 3, 3), (3, 2, 1, 1))


class Stage(nn.Module):
    """Convolutions of 5x5x5 with PReLU, and the input of the stage added before the last PReLU.

    Milletari et al. 2016, figure 2.

    Args:
        inputs: Channels of what comes in.
        channels: Channels of the stage.
        convolutions: How many.
        batch_norm: Whether each is normalized.
    """

    def __init__(self, inputs: int, channels: int, convolutions: int, *, batch_norm: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for k in range(convolutions):
            layers.append(nn.Conv3d(inputs if k == 0 else channels, channels, 5, padding=2))
            if batch_norm:
                layers.append(nn.BatchNorm3d(channels))
            if k < convolutions - 1:
                layers.append(nn.PReLU(channels))
        self.layers = nn.Sequential(*layers)
        self.prelu = nn.PReLU(channels)

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        """``(N, inputs, D, H, W)`` float to ``(N, channels, D, H, W)``; the shortcut has one or all of the channels."""
        return self.prelu(self.layers(x) + shortcut)


class VNet(Segmenter):
    """V-Net (Milletari et al. 2016): volumes go down five stages and up four.

    Args:
        classes: Number of classes.
        channels: Channels of the input.
        batch_norm: Whether layers are normalized over the batch.
        width: Channels of the first stage, 16 in the paper.
        release: Whether it has the layers of the authors' release, 61,982,682 parameters with two classes.

    Raises:
        InputError: The width is less than 1.
    """

    axes = 3
    multiple = 16
    least = 16
    designed_for = (1, 128, 128, 64)

    def __init__(
        self, *, classes: int, channels: int = 1, batch_norm: bool = False, width: int = 16, release: bool = False
    ) -> None:
        super().__init__()
        if width < 1:
            raise InputError(f"The width of V-Net must be at least 1, not {width}.")
        self.name, self.classes, self.channels = "vnet", classes, channels
        left, right = _RELEASE if release else _PAPER
        widths = [width * 2**level for level in range(len(left))]  # 16, 32, 64, 128, 256
        self.left = nn.ModuleList(
            Stage(channels if level == 0 else w, w, left[level], batch_norm=batch_norm)
            for level, w in enumerate(widths)
        )
        self.down = nn.ModuleList(_down(w, batch_norm) for w in widths[:-1])
        self.up, self.right = nn.ModuleList(), nn.ModuleList()
        coming = widths[-1]
        for level, convolutions in zip(reversed(range(len(widths) - 1)), right, strict=True):
            half = widths[level]
            self.up.append(_up(coming, half, batch_norm))
            self.right.append(Stage(2 * half, 2 * half, convolutions, batch_norm=batch_norm))
            coming = 2 * half
        before = [nn.Conv3d(coming, classes, 5, padding=2), nn.PReLU(classes)] if release else []
        last = nn.Conv3d(classes if release else coming, classes, 1)
        self.score = nn.Sequential(*before, last) if release else last
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, channels, D, H, W)`` float, sides a multiple of 16, to logits ``(N, classes, D, H, W)``.

        Raises:
            InputError: A side is no multiple of 16, or x holds pictures.
        """
        self.check(x.shape[2:])
        x = self.left[0](x, x.mean(1, keepdim=True))  # (N, 16, D, H, W)
        kept = [x]
        for down, stage in zip(self.down, list(self.left)[1:], strict=True):
            x = down(x)
            x = stage(x, x)  # (N, 32 to 256, D/2 to D/16, ...)
            kept.append(x)
        x = kept.pop()
        for up, stage in zip(self.up, self.right, strict=True):
            x = torch.cat([up(x), kept.pop()], dim=1)
            x = stage(x, x)  # (N, 256 to 32, D/8 to D, ...)
        return self.score(x)


def _down(channels: int, batch_norm: bool) -> nn.Sequential:
    """Half the volume, twice the channels."""
    norm = [nn.BatchNorm3d(2 * channels)] if batch_norm else []
    return nn.Sequential(nn.Conv3d(channels, 2 * channels, 2, stride=2), *norm, nn.PReLU(2 * channels))


def _up(inputs: int, outputs: int, batch_norm: bool) -> nn.Sequential:
    """Twice the volume."""
    norm = [nn.BatchNorm3d(outputs)] if batch_norm else []
    return nn.Sequential(nn.ConvTranspose3d(inputs, outputs, 2, stride=2), *norm, nn.PReLU(outputs))
