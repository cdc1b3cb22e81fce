"""A small convolutional network of our own, for small pictures: 3x3 convolutions with batch normalization and pooling.

The blocks are those of VGG (Simonyan and Zisserman 2015) with batch normalization (Ioffe and Szegedy 2015) and global
average pooling in place of hidden linear layers (Lin, Chen and Yan, "Network in network", 2014, section 3.2).
"""

from collections.abc import Sequence

from torch import nn

from visus._errors import InputError
from visus.nets.backbones import StagedBackbone


def cnn(
    *, classes: int, channels: int = 3, widths: Sequence[int] = (32, 64, 128), dropout: float = 0.25
) -> StagedBackbone:
    """Build the network: each stage convolves twice, and each but the first halves the map before that.

    Blocks of Simonyan and Zisserman 2015, batch normalization of Ioffe and Szegedy 2015, global average pooling of Lin,
    Chen and Yan 2014.

    Args:
        classes: Number of classes.
        channels: Channels of the input.
        widths: Channels of each stage.
        dropout: Share of the pooled features that are dropped in training, in [0, 1).

    Raises:
        InputError: A number is out of range.

    >>> import torch
    >>> with torch.device("meta"):
    ...     print([tuple(x.shape) for x in cnn(classes=10).features(torch.zeros(1, 3, 32, 32))])
    [(1, 32, 32, 32), (1, 64, 16, 16), (1, 128, 8, 8)]
    """
    if not widths or any(width < 1 for width in widths):
        raise InputError(f"widths must be whole numbers above 0, not {', '.join(map(str, widths))}.")
    if not 0 <= dropout < 1:
        raise InputError(f"dropout must be within [0, 1), not {dropout}.")
    stages = nn.ModuleList()
    before = channels
    for k, width in enumerate(widths):
        layers: list[nn.Module] = [nn.MaxPool2d(2)] if k else []  # (N, C, H / 2^k, W / 2^k)
        for inputs in (before, width):
            layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True)]
        stages.append(nn.Sequential(*layers))
        before = width
    head = nn.Linear(before, classes)
    hidden = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))  # (N, C)
    net = nn.ModuleDict({"stages": stages, "hidden": hidden, "head": head})
    return StagedBackbone("cnn", net, list(stages), hidden, head)
