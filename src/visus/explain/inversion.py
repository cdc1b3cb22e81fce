"""Feature inversion: the picture that a layer remembers.

Mahendran and Vedaldi, "Understanding deep image representations by inverting them", CVPR 2015: find the picture x whose
features are those of another one,

    |F(x) - F0|^2 / |F0|^2  +  lambda_a |x|_a^a  +  lambda_V sum (dx^2 + dy^2)^(b / 2)

with a = 6 and b = 2 (section 2), by gradient descent from noise. Early layers keep the detail, later ones the outline.

Deviations: Adam in place of momentum; the weights of both regularizers are for the means over pixels, of a picture in
[-1, 1], and are the same for all layers.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visus._errors import InputError
from visus.explain.ascent import output_of
from visus.explain.subject import Picture, Subject, as_picture, asking
from visus.explain.subjects import Classifier, open_classifier
from visus.filters.smooth import gaussian
from visus.images import draw, plots
from visus.images.color import to_gray

STEPS = 300
_RATE = 0.05
_ALPHA, _BETA = 6, 2  # section 2 of the paper
_RANGE_WEIGHT, _VARIATION_WEIGHT = 0.05, 4.0
_START = 0.05  # deviation of the noise
_FINE, _COARSE = 1.0, 4.0  # sigmas in pixels, below which is detail, and above which is outline

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Inversion:
    """A picture, and what layers remember of it (Mahendran and Vedaldi 2015).

    Attributes:
        picture: ``(H, W, 3)`` uint8, as the network saw it.
        layers: Their names.
        recovered: ``(layers, H, W, 3)`` uint8.
        errors: The relative error of the features, of each layer.
        differences: The root mean square of the pixels' differences, as a share of white, of each layer.
        details: How much of the fine detail is that of the picture: the correlation of what a Gaussian of sigma 1 takes
            away, in [-1, 1], of each layer. Noise that looks sharp counts for nothing.
        outlines: The same of what a Gaussian of sigma 4 leaves.
    """

    picture: NDArray[np.uint8]
    layers: tuple[str, ...]
    recovered: NDArray[np.uint8]
    errors: tuple[float, ...]
    differences: tuple[float, ...]
    details: tuple[float, ...]
    outlines: tuple[float, ...]

    def sheet(self) -> NDArray[np.uint8]:
        """The picture and what each layer remembers, side by side, ``(H, W, 3)`` uint8."""
        each = zip(self.layers, self.differences, self.details, self.outlines, strict=True)
        captions = [
            "picture",
            *(
                f"{n}, off by {d:.3f}\ndetails {round(f, 2) + 0:.2f}, outlines {round(o, 2) + 0:.2f}"
                for n, d, f, o in each
            ),
        ]
        return draw.contact_sheet([self.picture, *self.recovered], captions, columns=4, tile=224)

    def curves(self) -> NDArray[np.uint8]:
        """What each layer keeps, ``(H, W, 3)`` uint8: early ones details, late ones outlines."""
        figure = plots.figure(7, 3.2)
        (axis,) = plots.axes(figure, 1, 1)
        place = range(len(self.layers))
        axis.plot(place, self.differences, marker="o", color=plots.ACCENT, label="error of the pixels")
        axis.plot(place, self.details, marker="o", color=plots.SECOND, label="details (correlation)")
        axis.plot(place, self.outlines, marker="o", color=plots.COLORS[2], label="outlines (correlation)")
        axis.set_xticks(place, self.layers, fontsize=8)
        axis.set_ylim(-0.1, 1.03)
        axis.legend(fontsize=8)
        return plots.picture_of(figure)


def invert(
    source: str | os.PathLike[str] | Subject,
    picture: Picture,
    layers: Sequence[str] = (),
    *,
    steps: int = STEPS,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Inversion:
    """Recover a picture from its features at some layers (Mahendran and Vedaldi 2015, section 2).

    Args:
        source: A run, a file of a trained classifier, a name of a network with ImageNet weights, or an open subject.
        picture: A file, or ``(H, W, 3)`` uint8.
        layers: Names as in ``visus nets``; none for the stages of the network (``stage 1`` ...) and its embedding.
        steps: Of the descent, for each layer.
        seed: Of the noise that it starts from.
        device: Where it works.
        progress: Told how many steps are done, of how many.

    Raises:
        InputError: The picture cannot be read, there is no such layer, or ``steps`` is below 1.
    """
    subject = open_classifier(source, device=device)
    if steps < 1:
        raise InputError(f"steps must be at least 1, not {steps}.")
    x = subject.input_of(picture).to(subject.device)
    features = _features(subject, x, layers)
    pictures, errors, differences = [], [], []
    total = steps * len(features)
    for done, (_, of) in enumerate(features):

        def tell(step: int, done: int = done) -> None:
            if progress:
                progress(done * steps + step, total)

        found, error = _descend(subject, x, of, steps=steps, seed=seed, tell=tell)
        pictures.append(as_picture(found))
        errors.append(error)
        differences.append(float((found - x).square().mean().sqrt()))
    names = tuple(name for name, _ in features)
    own = as_picture(x)
    kept = [_kept(own, found) for found in pictures]
    details, outlines = tuple(fine for fine, _ in kept), tuple(coarse for _, coarse in kept)
    return Inversion(own, names, np.stack(pictures), tuple(errors), tuple(differences), details, outlines)


def _kept(picture: NDArray[np.uint8], found: NDArray[np.uint8]) -> tuple[float, float]:
    """The correlation of two pictures' fine details, and of their outlines."""
    fine, coarse = [], []
    for luma in (to_gray(own).astype(np.float32) for own in (picture, found)):
        fine.append(luma - gaussian(luma, sigma=_FINE))
        coarse.append(gaussian(luma, sigma=_COARSE))
    return _correlation(*fine), _correlation(*coarse)


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Pearson's; 0 where one of them is flat."""
    a, b = first - first.mean(dtype=np.float64), second - second.mean(dtype=np.float64)
    return float((a * b).sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), 1e-12))


def _features(subject: Classifier, x: Tensor, layers: Sequence[str]) -> list[tuple[str, Callable[[Tensor], Tensor]]]:
    """Functions from a picture to its features."""
    if layers:
        modules = [subject.layer_named(name) for name in layers]
        return [(n, lambda y, m=m: output_of(subject, m, y)) for n, m in zip(layers, modules, strict=True)]

    def stage(k: int) -> Callable[[Tensor], Tensor]:
        return lambda y: subject.backbone.features(subject.normalize(255 * y), k + 1)[k]

    with torch.inference_mode(), asking(subject):
        count = len(subject.backbone.features(subject.normalize(255 * x)))
    return [*((f"stage {k + 1}", stage(k)) for k in range(count)), ("embedding", subject.embed)]


def _descend(
    subject: Classifier,
    x: Tensor,
    features: Callable[[Tensor], Tensor],
    *,
    steps: int,
    seed: int,
    tell: Callable[[int], None],
) -> tuple[Tensor, float]:
    """From noise to a picture with the same features; the relative error of the features beside it."""
    generator = torch.Generator().manual_seed(seed)
    start = _START * torch.randn(x.shape, generator=generator)
    z = start.to(x).requires_grad_()  # in [-1, 1]
    optimizer = torch.optim.Adam([z], lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=_RATE / 20)
    error = torch.ones(())
    with asking(subject), torch.enable_grad():
        with torch.no_grad():
            wanted = features(x)
            size = wanted.square().sum().clamp(min=1e-12)
        for step in range(steps):
            error = (features((z + 1) / 2) - wanted).square().sum() / size
            loss = error + _RANGE_WEIGHT * z.abs().pow(_ALPHA).mean() + _VARIATION_WEIGHT * _variation(z)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            tell(step + 1)
        with torch.no_grad():
            final = ((z + 1) / 2).clamp(0, 1)
            error = (features(final) - wanted).square().sum() / size
    return final, float(error)


def _variation(z: Tensor) -> Tensor:
    """The mean of ``(dx^2 + dy^2)^(b / 2)`` (section 2 of the paper)."""
    down = z[..., 1:, :-1] - z[..., :-1, :-1]
    right = z[..., :-1, 1:] - z[..., :-1, :-1]
    return (down.square() + right.square()).pow(_BETA / 2).mean()
