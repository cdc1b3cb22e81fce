"""Optimizers and schedules of the learning rate.

With g the gradient of the weights w and a the rate::

    sgd        w -= a g
    momentum   v = m v + g,  w -= a v                                     (Polyak 1964)
    nesterov   the same, with the gradient where the momentum leads       (Nesterov 1983; Sutskever et al. 2013)
    adagrad    s += g^2,  w -= a g / sqrt(s)                              (Duchi et al. 2011)
    rmsprop    s = r s + (1 - r) g^2,  w -= a g / sqrt(s)                 (Tieleman and Hinton 2012)
    adam       both moments, divided by 1 - b^t against their start at 0  (Kingma and Ba 2015, algorithm 1)
    adamw      adam with weight decay beside the gradient, not in it      (Loshchilov and Hutter 2019)

Adam without that division is in :mod:`visus.tasks.cold_adam`. A schedule is a factor of the rate as a
function of the progress t in [0, 1].
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer

from visus._errors import InputError
from visus.tasks.cold_adam import ColdAdam

Name = Literal["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]
OPTIMIZERS: tuple[Name, ...] = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")

Schedule = Literal["constant", "step", "cosine", "one_cycle", "plateau"]
SCHEDULES: tuple[Schedule, ...] = ("constant", "step", "cosine", "one_cycle", "plateau")

Group = tuple[list[nn.Parameter], float]
"""Parameters, and their rate as a factor of the optimizer's."""


def build(
    name: Name,
    groups: Sequence[Group],
    *,
    lr: float,
    momentum: float = 0.9,
    rho: float = 0.99,
    betas: tuple[float, float] = (0.9, 0.999),
    bias_correction: bool = True,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Make an optimizer for groups of parameters.

    Args:
        name: One of :data:`OPTIMIZERS`.
        groups: Parameters with a factor of the learning rate each.
        lr: Learning rate.
        momentum: m of ``momentum`` and ``nesterov``, in [0, 1]; with 1 nothing is forgotten, and nothing comes to rest.
        rho: r of ``rmsprop``, in [0, 1); with 0 it sees the present gradient alone.
        betas: b of both moments of ``adam`` and ``adamw``, each in [0, 1).
        bias_correction: Whether these divide their moments by 1 - b^t.
        weight_decay: L2 penalty (with ``adamw``: decay) of weights; biases and the parameters of normalization, which
            have one dimension, are not decayed.

    Raises:
        InputError: There is none of that name, or a number is out of range.
    """
    if not 0 <= momentum <= 1:
        raise InputError(f"momentum must be within [0, 1], not {momentum}.")
    if not all(0 <= share < 1 for share in (rho, *betas)):
        raise InputError(f"rho and betas must be within [0, 1), not {rho}, {betas[0]} and {betas[1]}.")
    split: list[dict[str, Any]] = []
    for parameters, factor in groups:
        for decayed in (True, False):
            chosen = [p for p in parameters if (p.ndim > 1) == decayed]
            if chosen:
                split.append({"params": chosen, "lr": lr * factor, "weight_decay": weight_decay if decayed else 0.0})
    optim = torch.optim
    if name == "sgd":
        return optim.SGD(split, lr=lr)
    if name in ("momentum", "nesterov"):
        return optim.SGD(split, lr=lr, momentum=momentum, nesterov=name == "nesterov" and momentum > 0)
    if name == "adagrad":
        return optim.Adagrad(split, lr=lr)
    if name == "rmsprop":
        return optim.RMSprop(split, lr=lr, alpha=rho)
    if name in ("adam", "adamw"):
        if not bias_correction:
            return ColdAdam(split, lr=lr, betas=betas, decoupled=name == "adamw")
        return (optim.Adam if name == "adam" else optim.AdamW)(split, lr=lr, betas=betas)
    raise InputError(f"The optimizer must be one of {', '.join(OPTIMIZERS)}, not {name!r}.")


def constant(t: float) -> float:
    """The rate stays as it is."""
    return 1.0


def step(t: float) -> float:
    """A tenth after each third (He et al. 2016, section 3.4, in steps of equal length).

    >>> step(0.2), step(0.5), round(step(0.9), 9)
    (1.0, 0.1, 0.01)
    """
    return 0.1 ** min(2, int(3 * t))


def cosine(t: float) -> float:
    """Half a cosine from 1 to 0 (Loshchilov and Hutter 2017, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * t))


def one_cycle(t: float, *, rise: float = 0.3, start: float = 1 / 25, end: float = 1e-5) -> float:
    """Up from 1/25 in the first 30 %, then down to almost nothing, along cosines (Smith and Topin 2018)."""
    if t < rise:
        return start + (1 - start) * (1 - cosine(t / rise))
    return end + (1 - end) * cosine((t - rise) / (1 - rise))


_FACTORS: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "step": step,
    "cosine": cosine,
    "one_cycle": one_cycle,
    "plateau": constant,  # it watches the validation loss; see plateau()
}


def factor(name: Schedule, progress: float, *, warmup: float = 0.0) -> float:
    """The factor of the learning rate at some progress.

    Args:
        name: One of :data:`SCHEDULES`.
        progress: Share of the training that is done, in [0, 1].
        warmup: Share of the training in which the rate grows linearly from 0 first (Goyal et al. 2017, section 2.2).

    Raises:
        InputError: There is none of that name.
    """
    if name not in _FACTORS:
        raise InputError(f"The schedule must be one of {', '.join(SCHEDULES)}, not {name!r}.")
    if progress < warmup:
        return progress / warmup
    return _FACTORS[name]((progress - warmup) / (1 - warmup))


def plateau(optimizer: Optimizer, *, patience: int = 2) -> torch.optim.lr_scheduler.ReduceLROnPlateau:
    """A tenth of the rate whenever the validation loss has not fallen for ``patience`` epochs."""
    return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=patience)
