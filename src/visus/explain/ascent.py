"""Activation maximization: the picture that excites a class, a channel or a unit most.

Erhan, Bengio, Courville and Vincent 2009: gradient ascent on the picture. Simonyan et al., ICLR 2014 workshop, section
2, did so for classes of deep networks. What makes the picture readable is Olah, Mordvintsev and Schubert, "Feature
visualization", Distill 2017, section "The enemy of feature visualization":

1. the picture is a spectrum of frequencies whose steps are scaled by 1 / f, and of colors that are decorrelated
   (section "Preconditioning and parameterization");
2. each step sees it moved, scaled and turned a little at random (section "Transformation robustness");
3. total variation and the distance from gray are penalized (section "Frequency penalization").
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from visus._errors import InputError
from visus.explain.subject import Subject, asking
from visus.explain.subjects import Classifier, open_classifier
from visus.images import draw

STEPS = 256
NOISE = 0.01
_RATE = 0.05
_VARIATION, _DISTANCE = 0.05, 0.02  # weights of the penalties beside a logit
_JITTER = 1 / 14  # part of the side, before and again after the scaling
_SCALES, _TURNS = (0.9, 1.1), 10.0  # of the side; degrees to each side
_GRAY = 0.5
_SPREAD = 4.0  # by which colors are divided before the sigmoid
# Square root of the covariance of the colors of ImageNet's pictures (Olah et al. 2017, section on preconditioning).
_COLORS = ((0.26, 0.09, 0.02), (0.27, 0.0, -0.05), (0.27, -0.09, 0.03))

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Ascent:
    """Pictures that excite what was asked for (Erhan et al. 2009; Simonyan et al. 2014, section 2).

    Attributes:
        pictures: ``(N, H, W, 3)`` uint8.
        names: What each was made for.
        probabilities: The softmax of the class, of each; None where layers were asked for.
        rise: ``(steps, N)`` float32: what was maximized, at each step.
    """

    pictures: NDArray[np.uint8]
    names: tuple[str, ...]
    probabilities: tuple[float, ...] | None
    rise: NDArray[np.float32]

    def sheet(self) -> NDArray[np.uint8]:
        """All of them with captions, ``(H, W, 3)`` uint8."""
        captions = list(self.names)
        if self.probabilities is not None:
            captions = [f"{name} {p:.1%}" for name, p in zip(captions, self.probabilities, strict=True)]
        return draw.contact_sheet(list(self.pictures), captions, columns=min(5, len(captions)), tile=224)


def ascend(
    source: str | os.PathLike[str] | Subject,
    targets: Sequence[str | int] = (),
    *,
    layer: str | None = None,
    channels: Sequence[int] = (),
    unit: bool = False,
    size: int | None = None,
    steps: int = STEPS,
    noise: float = NOISE,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Ascent:
    """Draw what classes or channels of a layer look for, by gradient ascent on pictures.

    Erhan et al. 2009 and Simonyan et al. 2014, section 2, made readable by the means of Olah et al. 2017.

    Args:
        source: A run, a file of a trained classifier, a name of a network with ImageNet weights, or an open subject.
        targets: Names or numbers of classes, a picture for each; or
        layer: a layer by its name in ``visus nets``, with
        channels: its channels, a picture for each.
        unit: Of a layer: the one in the middle of the channel's map, in place of the mean of all.
        size: Side of the pictures in pixels; None for the network's.
        steps: Of the ascent.
        noise: Deviation of the spectrum at the start: 0.01 is all but gray, 1 is noise. (A network without biases sees
            nothing at all in exact gray, where its preprocessing makes that 0, and so gives no gradient.)
        seed: Of the noise and of the changes.
        device: Where it works.
        progress: Told how many steps are done, of how many.

    Raises:
        InputError: There is no such class, layer or channel, not exactly one of both is asked for, a number is out of
            range, or the network takes no pictures of that size.
    """
    subject = open_classifier(source, device=device)
    if bool(targets) == (layer is not None) or (layer is not None) != bool(channels):
        raise InputError("Say classes, or a layer with some of its channels.")
    if unit and layer is None:
        raise InputError("unit does nothing beside classes; it is for the channels of a layer.")
    if steps < 1 or noise < 0:
        raise InputError(f"steps must be at least 1 and noise at least 0, not {steps} and {noise}.")
    none = torch.zeros(1, len(subject.classes))
    places = [subject.target_of(target, none) for target in targets]
    names = tuple(subject.classes[place] for place in places) or tuple(f"{layer} {channel}" for channel in channels)
    side = size or subject.size
    check_side(subject, side)
    generator = torch.Generator().manual_seed(seed)
    spectrum = (noise * torch.randn(len(names), 3, side, side // 2 + 1, 2, generator=generator)).to(subject.device)
    spectrum.requires_grad_()
    optimizer = torch.optim.Adam([spectrum], lr=_RATE)
    rise = np.zeros((steps, len(names)), np.float32)
    with asking(subject), torch.enable_grad():
        score = _of_classes(subject, places) if places else _of_channels(subject, layer or "", channels, unit=unit)
        for step in range(steps):
            picture = painted(spectrum, side)[:, : subject.channels]
            wanted = score(changed(picture, generator))
            rise[step] = wanted.detach().cpu().numpy()
            loss = -wanted.sum() + len(names) * penalty(picture)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if progress:
                progress(step + 1, steps)
        with torch.no_grad():
            final = (255 * painted(spectrum, side)[:, : subject.channels]).round() / 255
            found = subject(final).softmax(1)
    probabilities = tuple(float(found[k, place]) for k, place in enumerate(places)) if places else None
    pixels = (255 * final).round().byte().expand(-1, 3, -1, -1).permute(0, 2, 3, 1).cpu().numpy()
    return Ascent(pixels, names, probabilities, rise)


def check_side(subject: Classifier, side: int) -> None:
    """Refuse a side of which a network takes no squares, by giving it a black one.

    Args:
        subject: The network.
        side: In pixels.

    Raises:
        InputError: It takes none.
    """
    try:
        with torch.inference_mode(), asking(subject):
            subject(torch.zeros(1, subject.channels, side, side, device=subject.device))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise InputError(
            f"{subject.name} takes no pictures of {side} pixels; its own size is {subject.size}."
        ) from error


def painted(spectrum: Tensor, side: int) -> Tensor:
    """The picture of a spectrum (Olah et al. 2017, on preconditioning).

    Args:
        spectrum: ``(N, 3, side, side // 2 + 1, 2)`` float32, real and imaginary parts of three independent colors; 0
            is gray.
        side: In pixels.

    Returns:
        ``(N, 3, side, side)`` float32 in (0, 1).

    >>> painted(torch.zeros(1, 3, 4, 3, 2), side=4).unique().tolist()
    [0.5]
    """
    rows = torch.fft.fftfreq(side, device=spectrum.device)[:, None]
    columns = torch.fft.rfftfreq(side, device=spectrum.device)
    frequency = (rows**2 + columns**2).sqrt().clamp(min=1 / side)
    scaled = torch.view_as_complex(spectrum) / frequency * side  # (N, 3, side, side // 2 + 1)
    independent = torch.fft.irfft2(scaled, s=(side, side)) / _SPREAD
    colors = torch.tensor(_COLORS, device=spectrum.device)
    return torch.sigmoid(torch.einsum("rc,nchw->nrhw", colors / colors.norm(dim=0).max(), independent))


def changed(picture: Tensor, generator: torch.Generator) -> Tensor:
    """A batch moved, scaled, turned and moved again at random, all alike; beyond it lies gray (Olah et al. 2017).

    Args:
        picture: ``(N, C, H, W)`` float in [0, 1].
        generator: Of the change; on the CPU.

    Returns:
        ``(N, C, H, W)`` float in [0, 1].

    >>> changed(torch.full((1, 3, 8, 8), 0.5), torch.Generator().manual_seed(0)).unique().tolist()
    [0.5]
    """
    low, high = _SCALES

    def between(least: float, most: float) -> float:
        return least + (most - least) * float(torch.rand((), generator=generator))

    angle = np.deg2rad(between(-_TURNS, _TURNS))
    scale = 1 / between(low, high)
    moves = [between(-1, 1) * 2 * _JITTER + between(-1, 1) * 2 * _JITTER for _ in range(2)]
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    matrix = torch.tensor([[cosine, -sine, moves[0]], [sine, cosine, moves[1]]], dtype=picture.dtype)
    grid = F.affine_grid(
        matrix.expand(len(picture), -1, -1).to(picture.device), list(picture.shape), align_corners=False
    )
    return F.grid_sample(picture - _GRAY, grid, mode="bilinear", align_corners=False) + _GRAY


def penalty(picture: Tensor) -> Tensor:
    """Mean total variation and mean squared distance from gray, weighed and added (Olah et al. 2017).

    Args:
        picture: ``(N, C, H, W)`` float in [0, 1].

    Returns:
        A scalar, float; 0 for gray all over.

    >>> penalty(torch.full((1, 3, 8, 8), 0.5)).item()
    0.0
    """
    down = (picture[..., 1:, :] - picture[..., :-1, :]).abs().mean()
    right = (picture[..., 1:] - picture[..., :-1]).abs().mean()
    return _VARIATION * (down + right) * 100 + _DISTANCE * ((picture - _GRAY) ** 2).mean() * 100


def _of_classes(subject: Classifier, places: list[int]) -> Callable[[Tensor], Tensor]:
    """The logit of each picture's class."""
    index = torch.tensor(places, device=subject.device)[:, None]
    return lambda x: subject(x).gather(1, index)[:, 0]


def _of_channels(subject: Classifier, layer: str, channels: Sequence[int], *, unit: bool) -> Callable[[Tensor], Tensor]:
    """The mean of each picture's channel, or the unit in the middle of its map."""
    module = subject.layer_named(layer)

    def score(x: Tensor) -> Tensor:
        output = output_of(subject, module, x)
        strange = [channel for channel in channels if not 0 <= channel < output.shape[1]]
        if strange:
            raise InputError(f"{layer} has channels 0 to {output.shape[1] - 1}, not {strange[0]}.")
        rows = [output[k, channel] for k, channel in enumerate(channels)]
        middle = [row[tuple(n // 2 for n in row.shape)] if unit else row.mean() for row in rows]
        return torch.stack(middle)

    return score


def output_of(subject: nn.Module, module: nn.Module, x: Tensor) -> Tensor:
    """What a layer gives for an input of its network; the last time, where it runs more than once.

    Args:
        subject: The network.
        module: The layer, one of its modules.
        x: ``(N, C, H, W)`` float.

    Returns:
        Usually ``(N, channels, h, w)`` or ``(N, features)``, float.

    Raises:
        InputError: It gives no single tensor, or does not run.

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    >>> output_of(net, net[0], torch.ones(1, 1, 2, 2)).tolist()
    [[1.0, 1.0, 1.0, 1.0]]
    """
    kept: list[Any] = []

    def keep(_module: nn.Module, _input: object, output: object) -> object:
        kept.append(output)
        return output.clone() if isinstance(output, Tensor) else None  # what follows may change it in place

    hook = module.register_forward_hook(keep)
    try:
        subject(x)
    finally:
        hook.remove()
    if not kept or not isinstance(kept[-1], Tensor):
        raise InputError("The layer gives no single tensor for each picture; choose another.")
    return kept[-1]
