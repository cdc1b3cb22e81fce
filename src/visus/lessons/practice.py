"""Small trainings: networks that learn handwritten digits, or points of a plane, in a second or two."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from visus._optional import require
from visus.tasks import optimizers

SIDE, CLASSES = 8, 10
_TRAINED = 1200  # digits that are learned from; the others are asked about


def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The 1797 digits of scikit-learn (Alpaydin and Kaynak 1998), the first 1200 to learn from.

    Returns:
        Pictures ``(N, 1, 8, 8)`` float32 in [-1, 1] and labels ``(N,)`` int64, of training, then of test.

    Raises:
        DependencyError: scikit-learn is not installed.
    """
    found = require("sklearn.datasets").load_digits()
    x = torch.tensor(found.images, dtype=torch.float32)[:, None] / 8 - 1  # (1797, 1, 8, 8)
    labels = torch.tensor(found.target)
    return x[:_TRAINED], labels[:_TRAINED], x[_TRAINED:], labels[_TRAINED:]


def learn(
    net: Callable[[Tensor], Tensor],
    parameters: list[nn.Parameter],
    x: Tensor,
    labels: Tensor,
    *,
    epochs: int,
    lr: float,
    batch: int = 64,
    weight_decay: float = 0.0,
) -> None:
    """Train by Adam and softmax cross-entropy; the caller seeds PyTorch.

    Args:
        net: From ``(N, ...)`` to logits ``(N, classes)``, float32.
        parameters: What is learned.
        x: ``(N, ...)`` float32.
        labels: ``(N,)`` int64.
        epochs: Passes.
        lr: Learning rate.
        batch: Rows in a step.
        weight_decay: L2 penalty of weights.
    """
    optimizer = optimizers.build("adam", [(parameters, 1.0)], lr=lr, weight_decay=weight_decay)
    for _ in range(epochs):
        for part in torch.randperm(len(x)).split(batch):
            optimizer.zero_grad()
            F.cross_entropy(net(x[part]), labels[part]).backward()
            optimizer.step()


def accuracy(net: Callable[[Tensor], Tensor], x: Tensor, labels: Tensor) -> float:
    """The share of rows whose largest logit is that of their label, in [0, 1].

    Args:
        net: From ``(N, ...)`` to logits ``(N, classes)``, float32.
        x: ``(N, ...)`` float32.
        labels: ``(N,)`` int64.
    """
    with torch.no_grad():
        return float((net(x).argmax(1) == labels).float().mean())
