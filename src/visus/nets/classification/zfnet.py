"""ZFNet: Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, figure 3.

AlexNet in one column, with a first layer of 7x7 at stride 2 in place of 11x11 at stride 4, so that fine detail is kept.

Deviations: contrast normalization across maps is AlexNet's response normalization; the paper names no padding, so it
is chosen to give the paper's sizes (224, 110, 55, 26, 13, 13, 13, 6); the map before fc6 is pooled to 6x6, which
changes nothing at 224x224 and lets other sizes in.
"""

from torch import nn

from visus.nets.backbones import StagedBackbone
from visus.nets.classification.alexnet import fully_connected, response_norm


def zfnet(*, classes: int, channels: int = 3) -> StagedBackbone:
    """Build the network of figure 3 (Zeiler and Fergus 2014), for pictures of 224x224.

    It has 62,357,608 parameters at 1000 classes.

    Args:
        classes: Number of classes.
        channels: Channels of the input.

    >>> import torch
    >>> with torch.device("meta"):
    ...     print([tuple(x.shape[2:]) for x in zfnet(classes=10).features(torch.zeros(1, 3, 224, 224))])
    [(110, 110), (26, 26), (13, 13), (6, 6)]
    """
    stages = nn.ModuleList(
        [
            # (N, 3, 224, 224) -> (N, 96, 110, 110)
            nn.Sequential(nn.Conv2d(channels, 96, 7, stride=2, padding=1), nn.ReLU()),
            # -> (N, 96, 55, 55) -> (N, 256, 26, 26)
            nn.Sequential(nn.MaxPool2d(3, 2, padding=1), response_norm(), nn.Conv2d(96, 256, 5, stride=2), nn.ReLU()),
            # -> (N, 256, 13, 13)
            nn.Sequential(
                nn.MaxPool2d(3, 2, padding=1),
                response_norm(),
                nn.Conv2d(256, 384, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(384, 384, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(384, 256, 3, padding=1),
                nn.ReLU(),
            ),
            nn.MaxPool2d(3, 2),  # -> (N, 256, 6, 6)
        ]
    )
    hidden = fully_connected()
    head = nn.Linear(4096, classes)
    net = nn.ModuleDict({"stages": stages, "hidden": hidden, "head": head})
    for layer in net.modules():  # section 3: weights 1e-2, biases 0
        if isinstance(layer, nn.Conv2d | nn.Linear):
            assert layer.bias is not None
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
    return StagedBackbone("zfnet", net, list(stages), hidden, head)
