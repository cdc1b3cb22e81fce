"""Small changes of pictures: balls of a radius, and steps along a gradient.

A ball is what lies within epsilon of a picture: by the largest change of a value (L-infinity, Goodfellow et al. 2015),
or by the root of the sum of squares over the picture (L2). Values stay in [0, 1].
"""

from typing import Literal, get_args

import torch
from torch import Tensor

from visus._errors import InputError

Norm = Literal["linf", "l2"]
NORMS: tuple[Norm, ...] = get_args(Norm)
_LEAST = 1e-12


def check_norm(norm: str, epsilon: float) -> None:
    """Refuse a ball that cannot be.

    Args:
        norm: ``"linf"`` or ``"l2"``.
        epsilon: Radius, as a share of white.

    Raises:
        InputError: The norm is unknown, or the radius is no number from 0 on.

    >>> check_norm("l1", 0.5)
    Traceback (most recent call last):
        ...
    visus._errors.InputError: The norm must be one of linf, l2, not 'l1'.
    """
    if norm not in NORMS:
        raise InputError(f"The norm must be one of {', '.join(NORMS)}, not {norm!r}.")
    if not 0 <= epsilon < float("inf"):
        raise InputError(f"epsilon must be a number from 0 on, not {epsilon}.")


def length(change: Tensor, norm: Norm) -> Tensor:
    """How large the changes of pictures are.

    Args:
        change: ``(N, C, H, W)`` float.
        norm: ``"linf"`` for the largest change of a value (Goodfellow et al. 2015), ``"l2"`` for the root of the sum
            of squares.

    Returns:
        ``(N,)`` float.

    >>> change = torch.tensor([[[[3.0, -4.0]]]])
    >>> length(change, "linf").item(), length(change, "l2").item()
    (4.0, 5.0)
    """
    flat = change.flatten(1)
    return flat.abs().amax(1) if norm == "linf" else flat.norm(dim=1)


def project(x: Tensor, center: Tensor, epsilon: float, norm: Norm = "linf") -> Tensor:
    """The nearest pictures with values in [0, 1] within ``epsilon`` of others (Madry et al., ICLR 2018, section 2.1).

    Args:
        x: ``(N, C, H, W)`` float.
        center: The pictures around which the balls lie, of the same shape, with values in [0, 1].
        epsilon: Radius of the balls.
        norm: ``"linf"`` or ``"l2"``. Of the latter a point of the ball, not quite the nearest one.

    Returns:
        ``(N, C, H, W)`` float in [0, 1].

    >>> project(torch.tensor([[[[0.9]]]]), torch.tensor([[[[0.5]]]]), 0.25).item()
    0.75
    """
    change = x - center
    if norm == "linf":
        change = change.clamp(-epsilon, epsilon)
    else:
        change = change * (epsilon / length(change, norm).clamp(min=_LEAST)).clamp(max=1).view(-1, 1, 1, 1)
    return (center + change).clamp(0, 1)  # the cut at 0 and 1 only brings x nearer to the center


def steepest(gradient: Tensor, norm: Norm = "linf") -> Tensor:
    """The change of length 1 along which a linear function grows most: the sign, or the gradient at length 1.

    Goodfellow, Shlens and Szegedy, ICLR 2015, section 4, for the sign.

    Args:
        gradient: ``(N, C, H, W)`` float.
        norm: That in which the change has length 1.

    Returns:
        ``(N, C, H, W)`` float; 0 where the gradient is 0.

    >>> steepest(torch.tensor([[[[3.0, -4.0]]]])).tolist()
    [[[[1.0, -1.0]]]]
    """
    if norm == "linf":
        return gradient.sign()
    return gradient / length(gradient, norm).clamp(min=_LEAST).view(-1, 1, 1, 1)


def anywhere(center: Tensor, epsilon: float, norm: Norm = "linf", *, generator: torch.Generator) -> Tensor:
    """Pictures drawn uniformly from the balls (of L-infinity), or from their surfaces (of L2), then cut to [0, 1].

    Madry et al., ICLR 2018, begin at such pictures.

    Args:
        center: The pictures around which the balls lie, ``(N, C, H, W)`` float in [0, 1].
        epsilon: Radius of the balls.
        norm: ``"linf"`` or ``"l2"``.
        generator: Of the noise; on the CPU.

    Returns:
        ``(N, C, H, W)`` float in [0, 1], of the dtype and on the device of the centers.

    >>> center = torch.full((1, 3, 4, 4), 0.5)
    >>> start = anywhere(center, 0.1, "l2", generator=torch.Generator().manual_seed(0))
    >>> round(length(start - center, "l2").item(), 4)
    0.1
    """
    noise = torch.rand(center.shape, generator=generator).to(center) * 2 - 1
    if norm == "l2":
        normal = torch.randn(center.shape, generator=generator).to(center)
        noise = steepest(normal, norm)
    return project(center + epsilon * noise, center, epsilon, norm)
