"""Whether an explanation depends on what the network has learned.

Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, section 3: the weights are put at random from the last
layer down to the first; an explanation that stays the same shows the picture, not the network.
"""

import copy
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from visus._errors import InputError
from visus.explain.attribution import Explanation, Method, saliency
from visus.explain.subject import Picture, Subject
from visus.explain.subjects import open_subject

_STEPS = 6
PASSED = 0.5
"""The rank correlation below which an explanation counts as destroyed."""


@dataclass(frozen=True, slots=True)
class Sanity:
    """What became of an explanation while the network was put at random (Adebayo et al. 2018, section 3).

    Attributes:
        layers: How many layers were at random, from the last on, at each step.
        similarity: Spearman's rank correlation of the heat with that of the trained network, at each step.
        explanation: That of the trained network.
    """

    layers: list[int]
    similarity: list[float]
    explanation: Explanation

    @property
    def passed(self) -> bool:
        """Whether nothing is left of it when the whole network is random."""
        return bool(self.similarity) and self.similarity[-1] < PASSED


def sanity(
    source: str | os.PathLike[str] | Subject,
    picture: Picture,
    *,
    method: Method = "gradcam",
    target: str | int | None = None,
    layer: str | None = None,
    seed: int = 0,
) -> Sanity:
    """Put the layers of a network at random, one part after the other, and explain each time.

    Adebayo et al. 2018, section 3.

    Args:
        source: See :func:`visus.explain.saliency`; the network itself is not changed.
        picture: A file, or ``(H, W, 3)`` uint8.
        method: How it is explained.
        target: Name or number of the class; None for the likeliest of the trained network.
        layer: See :func:`visus.explain.saliency`.
        seed: Of the random weights.

    Raises:
        InputError: The picture cannot be read, there is no such method, class or layer, or the map of the trained
            network is the same everywhere.
    """
    first = open_subject(source)
    subject = copy.deepcopy(first)
    before = saliency(subject, picture, method=method, target=target, layer=layer)
    if before.heat().min() == before.heat().max():
        raise InputError(f"The map by {method} is the same everywhere; there is nothing to check.")
    subject.settle()
    layers: list[Any] = [m for m in subject.modules() if callable(getattr(m, "reset_parameters", None))][::-1]
    rest = _loose(subject, layers)
    counts = sorted({round(len(layers) * (k + 1) / _STEPS) for k in range(_STEPS)} - {0})
    similarity = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        done = 0
        for count in counts:
            for module in layers[done:count]:
                module.reset_parameters()
            if count == len(layers):
                _shuffle(rest)
            done = count
            after = saliency(subject, picture, method=method, target=before.target, layer=layer)
            similarity.append(_similar(before, after))
    return Sanity(counts, similarity, before)


def _loose(subject: Subject, layers: list[Any]) -> list[Tensor]:
    """Tensors that no layer begins anew: embeddings of positions, scales, frozen norms."""
    own = {id(tensor) for layer in layers for tensor in (*layer.parameters(), *layer.buffers())}
    outer = {id(tensor) for name, tensor in subject.named_buffers() if name.startswith("normalize")}
    return [t for t in (*subject.parameters(), *subject.buffers()) if id(t) not in own | outer and t.numel() > 1]


def _shuffle(tensors: list[Tensor]) -> None:
    """Put the values of tensors in another order."""
    with torch.no_grad():
        for tensor in tensors:
            tensor.copy_(tensor.flatten()[torch.randperm(tensor.numel())].view_as(tensor))


def _similar(one: Explanation, other: Explanation) -> float:
    """Spearman's rank correlation; 0 where one is the same everywhere."""
    a, b = one.heat().ravel(), other.heat().ravel()
    if a.min() == a.max() or b.min() == b.max():
        return 0.0
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
