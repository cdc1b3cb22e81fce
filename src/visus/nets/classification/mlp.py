"""A multi-layer perceptron: linear layers with an activation between them.

Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 1986. Batch normalization
stands between the linear layer and the activation (Ioffe and Szegedy 2015, section 3.2), dropout after the activation
(Srivastava et al. 2014).
"""

from collections.abc import Callable, Sequence

from torch import nn

from visus._errors import InputError
from visus.nets.backbones import StagedBackbone

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(0.01),
    "prelu": nn.PReLU,
    "elu": nn.ELU,
}
"""What may stand between two linear layers."""


def mlp(
    *,
    classes: int,
    size: int = 28,
    channels: int = 3,
    hidden: Sequence[int] = (256, 128),
    activation: str = "relu",
    batch_norm: bool = False,
    dropout: float = 0.0,
) -> StagedBackbone:
    """Build a perceptron of any depth and width (Rumelhart, Hinton and Williams 1986).

    Args:
        classes: Number of classes.
        size: Side of the input in pixels; it takes no other.
        channels: Channels of the input.
        hidden: Units of each hidden layer; may be empty, for a linear classifier.
        activation: A name in :data:`ACTIVATIONS`.
        batch_norm: Whether to normalize between linear layer and activation.
        dropout: Share of hidden units that are dropped in training, in [0, 1).

    Returns:
        The network; its stages are the hidden layers, seen as maps ``(N, units, 1, 1)``.

    Raises:
        InputError: The activation is unknown, or a number is out of range.

    >>> net = mlp(classes=10, size=4, channels=1, hidden=[8])  # 16 x 8 + 8 and 8 x 10 + 10
    >>> net.dimension, sum(p.numel() for p in net.parameters())
    (8, 226)
    """
    if activation not in ACTIVATIONS:
        raise InputError(f"The activation must be one of {', '.join(ACTIVATIONS)}, not {activation!r}.")
    if any(units < 1 for units in hidden):
        raise InputError(f"Hidden layers need at least 1 unit each, not {', '.join(map(str, hidden))}.")
    if not 0 <= dropout < 1:
        raise InputError(f"dropout must be within [0, 1), not {dropout}.")
    width = channels * size * size
    layers: list[nn.Module] = []
    for units in hidden:
        steps: list[nn.Module] = [nn.Flatten(), nn.Linear(width, units, bias=not batch_norm)]
        if batch_norm:
            steps.append(nn.BatchNorm1d(units))
        steps.append(ACTIVATIONS[activation]())
        if dropout:
            steps.append(nn.Dropout(dropout))
        layers.append(nn.Sequential(*steps, nn.Unflatten(1, (units, 1, 1))))  # (N, units, 1, 1)
        width = units
    head = nn.Linear(width, classes)
    stages = nn.ModuleList(layers)
    net = nn.ModuleDict({"stages": stages, "head": head})
    return StagedBackbone("mlp", net, list(stages) or [nn.Identity()], nn.Flatten(), head)
