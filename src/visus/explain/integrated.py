"""Integrated gradients: the mean gradient on the straight way from black to the picture, times the picture.

Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", ICML 2017. Exactly, the values add up to the
difference of the scores (proposition 1); a sum over points of the way comes near it. The paper takes 20 to 300 steps
and says to check how near (section 5). Here the steps are doubled until it is near enough, each point of the way being
asked once: the trapezoidal rule keeps its points when its steps are halved.
"""

import torch
from torch import Tensor

from visus.explain.subject import Subject

LEAST, MOST = 32, 1024
"""Steps."""

TOLERANCE = 0.02
"""Gap at which no more steps are taken."""

_AT_A_TIME = 8  # points of the way


def integrated(subject: Subject, x: Tensor, targets: list[int]) -> Tensor:
    """The values of several pictures at once (Sundararajan et al. 2017, equation 3).

    Args:
        subject: The network, in evaluation mode.
        x: ``(N, C, H, W)`` float in [0, 1].
        targets: A class for each.

    Returns:
        ``(N, C, H, W)`` float. Of each picture they add up to its score less that of black, up to :data:`TOLERANCE` or
        as near as :data:`MOST` steps come; :func:`gap` says how near.
    """
    x = x.detach()
    ends = torch.tensor([0.0, 1.0], device=x.device)
    total, steps = _gradients(subject, x, targets, ends) / 2, 1
    while True:
        middles = (torch.arange(steps, device=x.device) + 0.5) / steps
        total, steps = total + _gradients(subject, x, targets, middles), 2 * steps
        values = x * total / steps
        if steps >= MOST or (steps >= LEAST and float(gap(subject, x, targets, values).max()) <= TOLERANCE):
            return values


def gap(subject: Subject, x: Tensor, targets: list[int], values: Tensor) -> Tensor:
    """How far values are from what they should add up to, as a share of it (the completeness axiom, proposition 1).

    Args:
        subject: The network, in evaluation mode.
        x: ``(N, C, H, W)`` float in [0, 1].
        targets: A class for each.
        values: ``(N, C, H, W)`` float of :func:`integrated`.

    Returns:
        ``(N,)`` float from 0 on, infinite where black has the same score and the values add up to something.
    """
    with torch.no_grad():
        rise = _scores(subject, x, targets) - _scores(subject, torch.zeros_like(x), targets)
    missed = (values.sum((1, 2, 3)) - rise).abs()
    return torch.where(missed == 0, missed, missed / rise.abs())


def _scores(subject: Subject, x: Tensor, targets: list[int]) -> Tensor:
    return subject(x).gather(1, torch.tensor(targets, device=x.device)[:, None])[:, 0]


def _gradients(subject: Subject, x: Tensor, targets: list[int], shares: Tensor) -> Tensor:
    """The sum of the gradients at points of the way, ``(N, C, H, W)``."""
    total = torch.zeros_like(x)
    for some in shares.split(_AT_A_TIME):
        points = (some.view(-1, 1, 1, 1, 1) * x).flatten(0, 1).requires_grad_()  # (points N, C, H, W)
        score = _scores(subject, points, targets * len(some)).sum()
        (gradient,) = torch.autograd.grad(score, points)
        total += gradient.view(len(some), *x.shape).sum(0)
    return total
