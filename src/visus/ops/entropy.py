"""Entropy and what follows from it: how far one distribution is from another.

With p and q distributions over C outcomes, and 0 log 0 = 0:

    entropy           H(p)     = -sum p log p                    (Shannon 1948, section 6)
    cross-entropy     H(p, q)  = -sum p log q
    relative entropy  D(p, q)  =  sum p log(p / q) = H(p, q) - H(p)   (Kullback and Leibler 1951)

The natural logarithm counts in nats, that of base 2 in bits: 1 nat is 1.4427 bits.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from visus._errors import InputError

Unit = Literal["nats", "bits"]
_NATS = {"nats": 1.0, "bits": math.log(2)}  # in one of each
_NEAR = 1e-4  # by which a sum may miss 1: what float32 leaves of a softmax over a thousand classes is a hundredth of it


def entropy(p: Tensor, *, unit: Unit = "nats") -> Tensor:
    """How uncertain an outcome is (Shannon 1948, section 6): 0 where it is sure, log C where all are alike.

    Args:
        p: ``(..., C)`` float in [0, 1], each row with the sum 1.
        unit: ``"nats"`` or ``"bits"``.

    Returns:
        ``(...)`` float, in that unit.

    Raises:
        InputError: A row is no distribution, or there is no such unit.

    >>> entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]]), unit="bits").tolist()
    [1.0, 0.0]
    """
    nats = _nats_in(unit)
    return -torch.special.xlogy(_checked(p), p).sum(-1) / nats + 0.0  # -0 is 0


def cross_entropy(p: Tensor, q: Tensor, *, unit: Unit = "nats") -> Tensor:
    """How long messages about p are on average in a code that is made for q: H(p) and what the wrong code costs.

    Args:
        p: ``(..., C)`` float in [0, 1], each row with the sum 1: what is so.
        q: The same, broadcast against p: what is believed.
        unit: ``"nats"`` or ``"bits"``.

    Returns:
        ``(...)`` float, in that unit; infinite where q holds impossible what p does not.

    Raises:
        InputError: A row is no distribution, p and q differ in their outcomes, or there is no such unit.

    >>> cross_entropy(torch.tensor([1.0, 0.0]), torch.tensor([0.25, 0.75]), unit="bits").item()
    2.0
    """
    nats = _nats_in(unit)
    if p.shape[-1:] != q.shape[-1:]:
        raise InputError(f"Both distributions need the same outcomes, not {p.shape[-1]} and {q.shape[-1]}.")
    return -torch.special.xlogy(_checked(p), _checked(q)).sum(-1) / nats + 0.0


def relative_entropy(p: Tensor, q: Tensor, *, unit: Unit = "nats") -> Tensor:
    """What the wrong code costs, also called Kullback-Leibler divergence (Kullback and Leibler 1951): H(p, q) - H(p).

    Args:
        p: ``(..., C)`` float in [0, 1], each row with the sum 1: what is so.
        q: The same, broadcast against p: what is believed.
        unit: ``"nats"`` or ``"bits"``.

    Returns:
        ``(...)`` float from 0 on, in that unit; 0 where both agree, infinite where q holds impossible what p does not.

    Raises:
        InputError: A row is no distribution, p and q differ in their outcomes, or there is no such unit.

    >>> relative_entropy(torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.5]), unit="bits").item()
    1.0
    """
    return (cross_entropy(p, q, unit=unit) - entropy(p, unit=unit)).clamp_min(0)


def _nats_in(unit: Unit) -> float:
    if unit not in _NATS:
        raise InputError(f"The unit must be one of {', '.join(_NATS)}, not {unit!r}.")
    return _NATS[unit]


def _checked(p: Tensor) -> Tensor:
    """A distribution as it is.

    Raises:
        InputError: It is none.
    """
    if not p.is_floating_point() or p.ndim == 0 or not p.shape[-1]:
        raise InputError(f"A distribution must be (..., C) float, not {tuple(p.shape)} {p.dtype}.")
    if not bool((p >= 0).all()) or not bool(((p.sum(-1) - 1).abs() < _NEAR).all()):
        raise InputError("Each row of a distribution must be shares from 0 on whose sum is 1; apply a softmax first.")
    return p
