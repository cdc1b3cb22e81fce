"""U-Net: Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image segmentation", MICCAI 2015.

Two unpadded convolutions at each of five levels; the left side halves the map and doubles the channels, the right side
does the reverse and takes in what the left side had at the same level, cropped to its size (figure 1). 572x572 pixels
give answers for the 388x388 in their middle.

Deviations: with ``padded`` every convolution keeps its size and nothing is cropped; with ``batch_norm`` each
convolution is normalized over the batch before its ReLU (Ioffe and Szegedy 2015), so that random weights learn from few
pictures, and ``visus train segment`` does so unless it is told not to. The authors' release has more than figure 1
shows: a ReLU behind each up-convolution, and a second dropout, on the fourth level, before its map is pooled and handed
over. ``release=True`` has both.
"""

import torch
from torch import Tensor, nn

from visus._errors import InputError
from visus.nets.segmentation.segmenter import Segmenter
from visus.nets.segmentation.vgg import initialize

LEVELS = 5


class UNet(Segmenter):
    """U-Net (Ronneberger et al. 2015, figure 1): 31,030,658 parameters with one channel and two classes.

    Args:
        classes: Number of classes.
        channels: Channels of the input.
        padded: Whether convolutions keep the size of their map.
        width: Channels of the first level; each level below has twice as many.
        batch_norm: Whether convolutions are normalized over the batch.
        release: Whether it has the layers of the authors' release that the paper does not name.

    Raises:
        InputError: The width is less than 1.
    """

    multiple = 16
    designed_for = (1, 572, 572)
    dense = True

    def __init__(
        self,
        *,
        classes: int,
        channels: int = 1,
        padded: bool = False,
        width: int = 64,
        batch_norm: bool = False,
        release: bool = False,
    ) -> None:
        super().__init__()
        if width < 1:
            raise InputError(f"The width of U-Net must be at least 1, not {width}.")
        self.name, self.classes, self.channels, self.release = "unet", classes, channels, release
        self.margin, self.offset, self.least = (0, 0, 16) if padded else (92, 12, 188)
        widths = [width * 2**level for level in range(LEVELS)]
        inputs = [channels, *widths[:-1]]
        self.down = nn.ModuleList(_twice(i, o, padded, batch_norm) for i, o in zip(inputs, widths, strict=True))
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.5)  # section 3.1: at the end of the contracting path
        rising = list(reversed(widths))
        self.expand = nn.ModuleList(nn.ConvTranspose2d(i, i // 2, 2, stride=2) for i in rising[:-1])
        self.up = nn.ModuleList(_twice(i, i // 2, padded, batch_norm) for i in rising[:-1])
        self.score = nn.Conv2d(width, classes, 1)
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, channels, H, W)`` float to ``(N, classes, H - 184, W - 184)``, or ``(N, classes, H, W)`` if padded.

        Raises:
            InputError: The network does not take this size; see :meth:`check`.
        """
        self.check(x.shape[2:])
        kept = []
        for level, convolutions in enumerate(self.down):
            x = convolutions(self.pool(x) if level else x)
            if self.release and level == LEVELS - 2:
                x = self.dropout(x)
            kept.append(x)  # 568, 280, 136, 64, 28 for an input of 572
        x = self.dropout(kept.pop())
        for expand, convolutions in zip(self.expand, self.up, strict=True):
            x = expand(x).relu() if self.release else expand(x)
            beside = _crop(kept.pop(), x.shape[2:]) if self.margin else kept.pop()
            x = convolutions(torch.cat([beside, x], dim=1))  # 52, 100, 196, 388
        return self.score(x)


def _twice(inputs: int, outputs: int, padded: bool, batch_norm: bool) -> nn.Sequential:
    """Two 3x3 convolutions, each with its ReLU, and perhaps normalized before it."""
    padding = 1 if padded else 0
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers.append(nn.Conv2d(channels, outputs, 3, padding=padding))
        layers += [nn.BatchNorm2d(outputs)] if batch_norm else []
        layers.append(nn.ReLU(True))
    return nn.Sequential(*layers)


def _crop(x: Tensor, size: torch.Size) -> Tensor:
    """The middle of a map."""
    top, left = (x.shape[2] - size[0]) // 2, (x.shape[3] - size[1]) // 2
    return x[:, :, top : top + size[0], left : left + size[1]]
