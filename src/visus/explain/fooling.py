"""One picture that fools a network, and what was changed (see :mod:`visus.explain.attacks`)."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visus._errors import InputError
from visus.explain.ascent import check_side
from visus.explain.attacks import STEPS, Attack, Goal, attack
from visus.explain.subject import Picture, Subject, as_picture, asking, save_array
from visus.explain.subjects import open_classifier, open_subject
from visus.images import draw, write
from visus.images.check import one_of
from visus.ops.perturb import Norm, length, project

_SHOWN = 20  # times the change is enlarged in the picture of it
_ENLARGED = (1, 0.9, 0.8, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_SURE = 0.999  # where noise counts as taken for the class
_NOISE_STEPS, _NOISE_RATE = 200, 2 / 255


@dataclass(frozen=True, slots=True)
class Fooling:
    """A picture before and after, as the network sees it.

    An adversarial example (Szegedy et al. 2014), or noise that is taken for a class (Nguyen et al. 2015).

    Attributes:
        before: ``(H, W, 3)`` uint8.
        after: The same, changed.
        names: What the network takes each for.
        probabilities: Their softmax.
        fooled: Whether the answer is another one, or the one that was wanted.
        linf: The largest change of a value, as a share of white.
        l2: The root of the sum of squares of all changes.
    """

    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    names: tuple[str, str]
    probabilities: tuple[float, float]
    fooled: bool
    linf: float
    l2: float

    def change(self, times: float = _SHOWN) -> NDArray[np.uint8]:
        """The change, enlarged, with gray for none: ``(H, W, 3)`` uint8."""
        difference = self.after.astype(np.float32) - self.before
        return np.clip(127.5 + times * difference, 0, 255).round().astype(np.uint8)

    def sheet(self) -> NDArray[np.uint8]:
        """Before, the change times 20, after: ``(H, W, 3)`` uint8."""
        captions = [
            f"{self.names[0]} {self.probabilities[0]:.1%}",
            f"change x {_SHOWN}, at most {255 * self.linf:.0f} of 255",
            f"{self.names[1]} {self.probabilities[1]:.1%}",
        ]
        return draw.contact_sheet([self.before, self.change(), self.after], captions, columns=3, tile=280)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the sheet (``.png``, ``.jpg``), or the changed picture as the network sees it (``.npy``).

        Raises:
            InputError: The place cannot be written.
        """
        if Path(path).suffix.lower() == ".npy":
            save_array(path, self.after)
        else:
            write(path, self.sheet())


def fool(
    source: str | os.PathLike[str] | Subject,
    picture: Picture,
    *,
    how: Attack = "pgd",
    target: str | int | None = None,
    epsilon: float = 2 / 255,
    norm: Norm = "linf",
    steps: int = STEPS,
    at: tuple[int, int] | None = None,
    box: Sequence[float] | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> Fooling:
    """Change a picture so little that nobody sees it, and so that a network answers wrongly.

    The answers are those for pictures of 8 bits: what is shown can be written to a file and fools as well.

    Args:
        source: A run, a file of a trained network, a name of a network with ImageNet weights, or an open subject.
        picture: A file, or ``(H, W, 3)`` uint8.
        how: A name in :data:`visus.explain.ATTACKS`; ``"pgd"`` is Madry et al. 2018.
        target: Name or number of the class that it shall be taken for; None for any other.
        epsilon: Radius of the ball, as a share of white.
        norm: ``"linf"`` (of the largest change of a value) or ``"l2"``.
        steps: Of ``ifgsm`` and ``pgd``.
        at: See :func:`visus.explain.saliency`.
        box: See :func:`visus.explain.saliency`.
        seed: Of the start of ``pgd``.
        device: Where it works.

    Raises:
        InputError: The picture cannot be read, there is no such class, it is the picture's class already, or an
            argument is out of range or does nothing beside the attack.
    """
    subject = open_subject(source, at=at, box=box, device=device)
    x, usual = subject.asked(picture)
    first = _answers(subject, x)
    label = subject.target_of(usual, first)
    wanted = None if target is None else subject.target_of(target, first)
    if steps != STEPS and how in ("fgsm", "deepfool"):
        raise InputError(f"steps does nothing beside {how}; it is for ifgsm and pgd.")
    if wanted == label:
        raise InputError(f"{subject.name} takes the picture for {subject.classes[label]} already; name another target.")
    classes = torch.tensor([label], device=x.device)
    goal = None if wanted is None else torch.tensor([wanted], device=x.device)
    found = attack(subject, x, classes, how=how, epsilon=epsilon, norm=norm, targets=goal, steps=steps, seed=seed)
    rounded = rounded_change(Goal(subject, classes, goal), x, found.after, epsilon, norm)
    return _shown(subject, x, rounded, label, wanted)


def fool_from_noise(
    source: str | os.PathLike[str] | Subject,
    target: str | int,
    *,
    size: int | None = None,
    kind: Literal["uniform", "gray"] = "uniform",
    seed: int = 0,
    device: str = "cpu",
) -> Fooling:
    """Noise that a network takes for a class with certainty (Nguyen, Yosinski and Clune, CVPR 2015).

    Args:
        source: See :func:`fool`; a classifier.
        target: Name or number of the class.
        size: Side of the picture in pixels; None for the network's.
        kind: Uniform noise, or a gray picture.
        seed: Of the noise.
        device: Where it works.

    Raises:
        InputError: There is no such class, or the network takes no pictures of that size.
    """
    one_of("kind", kind, ("uniform", "gray"))
    subject = open_classifier(source, device=device)
    side = size or subject.size
    check_side(subject, side)
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(1, subject.channels, side, side, generator=generator).to(subject.device)
    x = torch.full_like(x, 0.5) if kind == "gray" else (255 * x).round() / 255
    first = _answers(subject, x)
    label, wanted = int(first[0].argmax()), subject.target_of(target, first)
    goal = Goal(subject, torch.tensor([label], device=x.device), torch.tensor([wanted], device=x.device))
    after = x
    with asking(subject), torch.enable_grad():
        for _ in range(_NOISE_STEPS):
            point = after.detach().requires_grad_()
            logits = subject(point)
            if float(logits.detach().softmax(1)[0, wanted]) > _SURE:
                break
            (gradient,) = torch.autograd.grad(goal.loss(logits).sum(), point)
            after = (after - _NOISE_RATE * gradient.sign()).clamp(0, 1)
    return _shown(subject, x, (255 * after.detach()).round() / 255, label, wanted)


def _answers(subject: Subject, x: Tensor) -> Tensor:
    with torch.inference_mode(), asking(subject):
        return subject(x)


def rounded_change(goal: Goal, x: Tensor, after: Tensor, epsilon: float, norm: Norm) -> Tensor:
    """The changed picture with 8 bits; a change that is lost in them is enlarged until it fools, in its ball.

    Args:
        goal: What fools.
        x: The picture before, ``(1, C, H, W)`` float in [0, 1], multiples of 1/255.
        after: The picture after, of the same shape and dtype, not rounded.
        epsilon: Radius of the ball.
        norm: Its norm.

    Returns:
        ``(1, C, H, W)`` float in [0, 1], multiples of 1/255; x itself where no rounded change lies in the ball.

    >>> x = torch.tensor([[[[128.0, 127.0]]]]) / 255
    >>> goal = Goal(torch.nn.Flatten(), torch.tensor([0]))  # the scores are the values of the picture
    >>> (255 * rounded_change(goal, x, x + torch.tensor([-0.001, 0.001]), 2 / 255, "linf")).round().tolist()
    [[[[127.0, 128.0]]]]
    """
    rounded = x
    for times in _ENLARGED:
        own = (255 * (project(x + times * (after - x), x, epsilon, norm) - x)).round()
        if norm == "linf":
            most = int(255 * epsilon + 1e-6)
            own = own.clamp(-most, most)
        candidate = (x + own / 255).clamp(0, 1)
        if float(length(candidate - x, norm)) > epsilon + 1e-6:
            continue  # rounding has made it longer
        rounded = candidate
        if bool(goal.reached(_answers(goal.subject, rounded))):
            break
    return rounded


def _shown(subject: Subject, x: Tensor, rounded: Tensor, label: int, wanted: int | None) -> Fooling:
    """Both pictures with 8 bits, and what the network says of them."""
    first, last = (_answers(subject, own).softmax(1)[0] for own in (x, rounded))
    top = int(last.argmax())
    change = rounded - x
    return Fooling(
        as_picture(x),
        as_picture(rounded),
        (subject.classes[label], subject.classes[top]),
        (float(first[label]), float(last[top])),
        top != label if wanted is None else top == wanted,
        float(length(change, "linf")),
        float(length(change, "l2")),
    )
