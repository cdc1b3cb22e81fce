"""The layer before the last: its weights are a template of each class.

A linear classifier answers by the product of a picture with one row of weights a class. Of a perceptron the row is the
gradient of the class's score at the mean picture (Baehrens et al., JMLR 2010), which for a linear one is that row. A
deep network's rows compare with features, not with pixels; which pictures lie next to each shows what they stand for.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visus._errors import InputError
from visus.explain.layers import as_gray_zero
from visus.explain.similar import Progress, features_of
from visus.explain.subject import Picture, Subject, asking
from visus.explain.subjects import Classifier, open_classifier
from visus.images import draw
from visus.images.result import Result

_MOST = 10  # classes, unless they are named
_TILE = 120


@dataclass(frozen=True, slots=True, repr=False)
class Templates(Result):
    """What stands for each class in the last layer of a network (Baehrens et al. 2010).

    Attributes:
        source: What the network is called.
        names: Of the classes.
        weights: ``(classes, channels, H, W)`` float32 on the pixels; None of a deep network.
        places: Of a deep network: for each class the positions of its nearest pictures in the list, the nearest first.
        alike: The cosine of each to the class's row, in [-1, 1].
        sheet: The templates, or the pictures, ``(H, W, 3)`` uint8.
    """

    source: str
    names: tuple[str, ...]
    weights: NDArray[np.float32] | None
    places: list[list[int]]
    alike: list[list[float]]
    sheet: NDArray[np.uint8]

    def __repr__(self) -> str:
        return f"Templates({self.source!r}, {len(self.names)} classes)"

    def drawn(self) -> NDArray[np.uint8] | None:
        """The sheet, ``(H, W, 3)`` uint8."""
        return self.sheet

    def rows(self) -> list[dict[str, Any]]:
        """One row a class, with the positions of its nearest pictures and their cosines where there are some."""
        if self.weights is not None:
            return [{"class": name} for name in self.names]
        each = zip(self.names, self.places, self.alike, strict=True)
        return [{"class": name, "nearest": places, "cosine": alike} for name, places, alike in each]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "source": self.source,
            "on": "pixels" if self.weights is not None else "features",
            "classes": self.rows(),
        }


def templates(
    source: str | os.PathLike[str] | Subject,
    pictures: Sequence[Picture] = (),
    *,
    targets: Sequence[str | int] = (),
    k: int = 5,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Templates:
    """What stands for each class: weights on the pixels of a perceptron, the nearest pictures of a deep network.

    Baehrens et al. 2010 for the gradient of a perceptron.

    Args:
        source: A run, a file of a trained classifier, a name of a network with ImageNet weights, or an open subject.
        pictures: Of a deep network: those among which it is looked; files, or arrays ``(H, W, 3)`` uint8.
        targets: Names or numbers of classes; none for all of a perceptron, of a deep network for the ten that it sees
            most often in the pictures.
        k: How many pictures for each class.
        device: Where it works.
        progress: Told how many pictures are done, of how many.

    Raises:
        InputError: There is no such class, a deep network is given no pictures, one of them cannot be read, the last
            layer is not linear, or ``k`` is below 1.
    """
    subject = open_classifier(source, device=device)
    none = torch.zeros(1, len(subject.classes))
    wanted = [subject.target_of(target, none) for target in targets]
    if k < 1:
        raise InputError(f"k must be at least 1, not {k}.")
    if not any(isinstance(module, nn.Conv2d) for module in subject.modules()) and not len(pictures):
        return _on_pixels(subject, wanted or list(range(len(subject.classes))))
    if not len(pictures):
        raise InputError(f"{subject.name} is a deep network, whose last layer sees features; name pictures to compare.")
    return _among(subject, pictures, wanted, k, progress)


def _on_pixels(subject: Classifier, wanted: list[int]) -> Templates:
    """Gradients of the scores at the picture that is 0 behind the preprocessing."""
    x = subject.normalize.mean.expand(subject.channels, subject.size, subject.size)[None].clone()
    x = x.to(subject.device).requires_grad_()
    rows = []
    with asking(subject), torch.enable_grad():
        scores = subject(x)[0]
        for place in wanted:
            (slope,) = torch.autograd.grad(scores[place], x, retain_graph=True)
            rows.append(slope[0].cpu().numpy())
    weights = np.stack(rows)
    names = tuple(subject.classes[place] for place in wanted)
    large = [
        np.repeat(np.repeat(as_gray_zero(row), max(1, _TILE // subject.size), 0), max(1, _TILE // subject.size), 1)
        for row in weights
    ]
    return Templates(
        subject.name, names, weights, [], [], draw.contact_sheet(large, list(names), columns=5, tile=_TILE)
    )


def _among(
    subject: Classifier, pictures: Sequence[Picture], wanted: list[int], k: int, progress: Progress | None
) -> Templates:
    """The pictures whose features point most nearly along the row of each class."""
    weight = _last_weight(subject)
    found = features_of(subject, pictures, thumbnail=_TILE, progress=progress)
    if found.values.shape[1] != weight.shape[1]:
        raise InputError(f"The last layer of {subject.name} does not see its features alone; choose another network.")
    if not wanted:
        wanted = [subject.classes.index(name) for name, _ in Counter(found.names).most_common(_MOST)]
    features, rows = _unit(torch.from_numpy(found.values)), _unit(weight[wanted])
    alike = rows @ features.T  # (classes, pictures)
    best = alike.topk(min(k, len(pictures)), dim=1)
    names = tuple(subject.classes[place] for place in wanted)
    shown, captions = [], []
    for name, places, values in zip(names, best.indices.tolist(), best.values.tolist(), strict=True):
        for place, value in zip(places, values, strict=True):
            shown.append(found.thumbnails[place])
            captions.append(f"{name}\ncosine {value:.2f}")
    sheet = draw.contact_sheet(shown, captions, columns=best.indices.shape[1], tile=_TILE)
    return Templates(subject.name, names, None, best.indices.tolist(), best.values.tolist(), sheet)


def _last_weight(subject: Classifier) -> Tensor:
    """The weights of the last linear layer, ``(classes, features)`` float32.

    Raises:
        InputError: There is none.
    """
    linear = [own for own in subject.backbone.head.modules() if isinstance(own, nn.Linear)]
    if not linear:
        raise InputError(f"{subject.name} has no linear last layer, and so no row of weights for each class.")
    return linear[-1].weight.detach().float().cpu()


def _unit(rows: Tensor) -> Tensor:
    return rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12)
