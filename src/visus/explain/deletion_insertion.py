"""How well an explanation finds what the network's answer rests on.

Petsiuk, Das and Saenko, "RISE", BMVC 2018, section 4: the pixels are taken away from the hottest on (deletion), or
given to a blurred picture from the hottest on (insertion); the probability of the class is drawn over the share of
pixels. A good explanation has a small area under the first curve and a large one under the second.
"""

import os
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import trapezoid
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from visus.explain.attribution import Explanation
from visus.explain.subject import Picture, Subject, asking
from visus.explain.subjects import open_subject
from visus.images import plots

_STEPS = 32


@dataclass(frozen=True, slots=True)
class Curves:
    """The probability of the class while pixels go and come, the hottest first (Petsiuk, Das and Saenko 2018).

    Attributes:
        share: ``(n,)`` float64: the share of the pixels that are gone, or there, from 0 to 1.
        deletion: ``(n,)`` float64 in [0, 1]: the probability while they go.
        insertion: ``(n,)`` float64 in [0, 1]: the probability while they come.
    """

    share: NDArray[np.float64]
    deletion: NDArray[np.float64]
    insertion: NDArray[np.float64]

    @property
    def areas(self) -> tuple[float, float]:
        """Under the deletion curve, and under the insertion curve."""
        return float(trapezoid(self.deletion, self.share)), float(trapezoid(self.insertion, self.share))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Draw both curves into a file, with the areas under them.

        Raises:
            InputError: The place cannot be written.
        """
        figure = plots.figure(5, 3.5)
        (axis,) = plots.axes(figure, 1, 1)
        rows = zip(("deletion", "insertion"), (self.deletion, self.insertion), self.areas, strict=True)
        for (name, curve, area), color in zip(rows, plots.COLORS, strict=False):
            axis.plot(self.share, curve, color=color, label=f"{name}, area {area:.3f}")
        axis.set_xlabel("share of the pixels, the hottest first")
        axis.set_ylabel("probability of the class")
        axis.legend(frameon=False)
        plots.save(figure, path)


def curves(source: str | os.PathLike[str] | Subject, picture: Picture, explanation: Explanation) -> Curves:
    """Take away and give pixels in the order of an explanation (Petsiuk, Das and Saenko 2018).

    Args:
        source: The network; see :func:`visus.explain.saliency`.
        picture: The picture that was explained.
        explanation: The explanation.
    """
    subject = open_subject(source)
    x, _ = subject.asked(picture)
    order = torch.from_numpy(np.argsort(-explanation.heat().ravel(), kind="stable").copy()).to(x.device)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=x.device)
    share = np.linspace(0, 1, _STEPS + 1)
    counts = [round(part * len(order)) for part in share]
    rank = rank.view(1, 1, *x.shape[2:])
    sigma = min(x.shape[2:]) / 20
    blurred = gaussian_blur(x, [2 * round(2 * sigma) + 1] * 2, [sigma, sigma])
    black = torch.zeros_like(x)
    deletion = [_probability(subject, torch.where(rank < n, black, x), explanation.target) for n in counts]
    insertion = [_probability(subject, torch.where(rank < n, x, blurred), explanation.target) for n in counts]
    return Curves(share, np.array(deletion), np.array(insertion))


def _probability(subject: Subject, x: Tensor, target: int) -> float:
    with torch.inference_mode(), asking(subject):
        return float(subject(x).softmax(1)[0, target])
