"""AlexNet as its paper lays it out.

Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", NIPS 2012.

torchvision's ``alexnet`` is the later one-column variant (Krizhevsky 2014) with other widths and no normalization.

Deviations: one processor runs both columns, which ``groups=2`` keeps apart where the paper does; the map before fc6 is
pooled to 6x6, which changes nothing at 227x227 and lets other sizes in.
"""

from torch import nn

from visus._errors import InputError
from visus.nets.backbones import StagedBackbone


def response_norm() -> nn.LocalResponseNorm:
    """Local response normalization (Krizhevsky, Sutskever and Hinton 2012, section 3.3).

    n = 5, alpha = 1e-4, beta = 0.75, k = 2; torch divides alpha by n, so it is given times n.

    Five channels of 100 become 100 / (2 + 1e-4 * 5 * 100^2)^0.75 in the middle:

    >>> import torch
    >>> round(float(response_norm()(torch.full((1, 5, 1, 1), 100.0))[0, 2, 0, 0]), 2)
    23.24
    """
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)


def alexnet_paper(*, classes: int, channels: int = 3, groups: int = 2) -> StagedBackbone:
    """Build the network of figure 2 (Krizhevsky, Sutskever and Hinton 2012), for pictures of 227x227.

    Args:
        classes: Number of classes.
        channels: Channels of the input.
        groups: 2 as in the paper (60,965,224 parameters at 1000 classes), or 1 for a single column (62,378,344).

    Raises:
        InputError: ``groups`` is neither.

    >>> import torch
    >>> with torch.device("meta"):
    ...     net = alexnet_paper(classes=1000)
    >>> sum(p.numel() for p in net.parameters())
    60965224
    """
    if groups not in (1, 2):
        raise InputError(f"groups must be 1 or 2, not {groups}.")
    stages = nn.ModuleList(
        [
            # (N, 3, 227, 227) -> (N, 96, 55, 55)
            nn.Sequential(nn.Conv2d(channels, 96, 11, stride=4), nn.ReLU(), response_norm()),
            # -> (N, 256, 27, 27)
            nn.Sequential(
                nn.MaxPool2d(3, 2), nn.Conv2d(96, 256, 5, padding=2, groups=groups), nn.ReLU(), response_norm()
            ),
            # -> (N, 256, 13, 13)
            nn.Sequential(
                nn.MaxPool2d(3, 2),
                nn.Conv2d(256, 384, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(384, 384, 3, padding=1, groups=groups),
                nn.ReLU(),
                nn.Conv2d(384, 256, 3, padding=1, groups=groups),
                nn.ReLU(),
            ),
            nn.MaxPool2d(3, 2),  # -> (N, 256, 6, 6)
        ]
    )
    hidden = fully_connected()
    head = nn.Linear(4096, classes)
    net = nn.ModuleDict({"stages": stages, "hidden": hidden, "head": head})
    _initialize(net)
    return StagedBackbone("alexnet_paper", net, list(stages), hidden, head)


def fully_connected() -> nn.Sequential:
    """fc6 and fc7 with dropout before each (section 4.2), from ``(N, 256, 6, 6)`` to ``(N, 4096)``, both float.

    >>> import torch
    >>> with torch.device("meta"):
    ...     print(tuple(fully_connected()(torch.zeros(2, 256, 6, 6)).shape))
    (2, 4096)
    """
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(6),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(256 * 6 * 6, 4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(4096, 4096),
        nn.ReLU(),
    )


def _initialize(net: nn.Module) -> None:
    """Section 5: weights from N(0, 0.01), biases 1 in conv2, conv4, conv5 and the hidden layers, else 0."""
    layers = [module for module in net.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    for number, layer in enumerate(layers, 1):
        assert layer.bias is not None
        nn.init.normal_(layer.weight, std=0.01)
        nn.init.constant_(layer.bias, 1.0 if number in (2, 4, 5, 6, 7) else 0.0)
