"""How answers get worse as pictures are changed: by attacks, and by chance and compression as a control.

A network that loses its accuracy to changes by an attack, and not to noise or JPEG of the same size, is fooled by their
direction, not by their size (Szegedy et al., "Intriguing properties of neural networks", ICLR 2014, section 4.2).
"""

import csv
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visus._errors import InputError
from visus._files import write_atomically
from visus.explain.attacks import ATTACKS, Attack, attack
from visus.explain.corrupted import CORRUPTIONS, SIZES, Change, change_of, jpeg, unchanged
from visus.explain.subject import Picture, Subject, asking
from visus.explain.subjects import Classifier, open_classifier
from visus.images import plots
from visus.ops.perturb import Norm, check_norm

EPSILONS = tuple(k / 255 for k in (0.5, 1, 2, 4))
_AT_A_TIME = 32
_STEPS = 10
_TOLD = ("measure", "pictures", "split")  # behind the values in each row of a table

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Robustness:
    """How right the answers to pictures are that were changed by attacks, noise and JPEG (after Szegedy et al. 2014).

    Attributes:
        epsilons: Sizes of the changes.
        accuracy: By attack, and for ``noise`` and ``jpeg``: one value of the measure for each size.
        clean: That for pictures as they are.
        count: How many pictures.
        norm: Of the sizes; noise and JPEG have the root mean square of a change of all values by that much.
        measure: What is measured: the accuracy of a classifier, or the measure of another task.
        split: Which pictures of the run they are; empty for others.
    """

    epsilons: tuple[float, ...]
    accuracy: dict[str, tuple[float, ...]]
    clean: float
    count: int
    norm: Norm
    measure: str = "accuracy"
    split: str = ""

    @property
    def names(self) -> list[str]:
        """The sizes for people: as parts of 255 where the largest change of a value is meant."""
        return [f"{255 * own:g}/255" if self.norm == "linf" else f"{own:g}" for own in self.epsilons]

    def describe(self) -> str:
        """A table for people."""
        how = f"changed by at most ({self.norm})" if set(self.accuracy) - set(CORRUPTIONS) else "changed by (rms)"
        clean = f"{self.clean:.1%} right" if self.measure == "accuracy" else f"{self.measure} {self.clean:.1%}"
        lines = [f"{self.count:,} pictures{f' of {self.split}' if self.split else ''}, {clean} as they are; {how}"]
        lines.append(f"{'':8}" + "".join(f"{name:>9}" for name in self.names))
        lines += [f"{how:8}" + "".join(f"{value:9.1%}" for value in row) for how, row in self.accuracy.items()]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """As plain values for JSON."""
        return {
            "pictures": self.count,
            "split": self.split,
            "measure": self.measure,
            "norm": self.norm,
            "clean": self.clean,
            "epsilons": list(self.epsilons),
            "accuracy": {how: list(row) for how, row in self.accuracy.items()},
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the curves (``.png``), or the table (``.csv``).

        Raises:
            InputError: The place cannot be written.
        """
        place = Path(path)
        if place.suffix.lower() == ".csv":
            text = io.StringIO(newline="")
            table = csv.writer(text)
            table.writerow(["change", 0, *self.epsilons, *_TOLD])
            told = (self.measure, self.count, self.split)
            table.writerows([how, self.clean, *row, *told] for how, row in self.accuracy.items())
            try:
                write_atomically(place, text.getvalue().encode())
            except OSError as error:
                raise InputError(f"{path} cannot be written ({error.strerror}); choose another place.") from error
            return
        figure = plots.figure(6, 4)
        (axis,) = plots.axes(figure, 1, 1)
        for color, (how, row) in zip(plots.COLORS, self.accuracy.items(), strict=False):
            style = "--" if how in CORRUPTIONS else "-"
            axis.plot(range(len(row) + 1), [self.clean, *row], style, marker="o", ms=4, color=color, label=how)
        axis.set_xticks(range(len(self.epsilons) + 1), ["0", *self.names])
        axis.set_ylim(0, 1)
        axis.set_xlabel(f"size of the change ({self.norm})")
        axis.set_ylabel("right answers" if self.measure == "accuracy" else self.measure)
        axis.legend(frameon=False)
        plots.save(figure, place)


def robustness(
    source: str | os.PathLike[str] | Subject,
    pictures: Sequence[Picture],
    labels: Sequence[int] | NDArray[np.integer] | None = None,
    *,
    epsilons: Sequence[float] = EPSILONS,
    attacks: Sequence[Attack] = ("fgsm", "pgd"),
    norm: Norm = "linf",
    steps: int = _STEPS,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Robustness:
    """Measure a classifier on pictures that are changed more and more, by attacks and by chance.

    Szegedy et al. 2014 compare attacks with noise of the same size.

    A picture that an attack by steps has turned within a small ball counts as turned within the larger ones.

    Args:
        source: A run, a file of a trained classifier, a name of a network with ImageNet weights, or an open one.
        pictures: Files, or arrays ``(H, W, 3)`` uint8.
        labels: The class of each, as a position in the network's classes; None for what the network says of it.
        epsilons: Sizes of the changes, from small to large, as shares of white.
        attacks: Names in :data:`visus.explain.ATTACKS`.
        norm: ``"linf"`` or ``"l2"``. Noise and JPEG have the mean square of a change by the sign of the gradient, or
            the same L2.
        steps: Of attacks by steps.
        seed: Of noise and random starts.
        device: Where it works.
        progress: Told how many pictures are done, of how many.

    Raises:
        InputError: There are no pictures, a size or a name is out of range, or there is not one class of the network
            for each picture.
    """
    subject = open_classifier(source, device=device)
    for epsilon in epsilons:
        check_norm(norm, epsilon)
    strange = [name for name in attacks if name not in ATTACKS]
    if strange or not len(pictures) or not epsilons or list(epsilons) != sorted(epsilons):
        raise InputError(
            f"Robustness needs pictures, sizes from small to large, and attacks among {', '.join(ATTACKS)}; got "
            f"{len(pictures)} pictures, {list(epsilons)} and {list(attacks)}."
        )
    known = None if labels is None else np.asarray(labels, np.int64)
    if known is not None and (len(known) != len(pictures) or known.min() < 0 or known.max() >= len(subject.classes)):
        raise InputError(f"There must be a class of {subject.name}, 0 to {len(subject.classes) - 1}, for each picture.")
    right: dict[str, list[int]] = {name: [0] * len(epsilons) for name in (*attacks, *CORRUPTIONS)}
    clean, done = 0, 0
    for start in range(0, len(pictures), _AT_A_TIME):
        part = pictures[start : start + _AT_A_TIME]
        x = torch.cat([subject.input_of(own) for own in part]).to(subject.device)
        answers = _answers(subject, x)
        truth = answers if known is None else torch.from_numpy(known[start : start + len(part)]).to(x.device)
        sure = answers == truth
        clean += int(sure.sum())
        for how in attacks:
            _count(right[how], subject, x[sure], truth[sure], _Changes(how, epsilons, norm, steps, seed + start))
        for k, epsilon in enumerate(epsilons):
            share = epsilon if norm == "linf" else epsilon / x[0].numel() ** 0.5
            generator = torch.Generator().manual_seed(seed + start)
            noisy = (x + share * torch.randn(x.shape, generator=generator).to(x)).clamp(0, 1)
            right["noise"][k] += int((_answers(subject, noisy) == truth).sum())
            right["jpeg"][k] += int((_answers(subject, compressed(x, share)) == truth).sum())
        done += len(part)
        if progress:
            progress(done, len(pictures))
    accuracy = {how: tuple(value / done for value in row) for how, row in right.items()}
    return Robustness(tuple(epsilons), accuracy, clean / done, done, norm)


@dataclass(frozen=True, slots=True)
class _Changes:
    how: Attack
    epsilons: Sequence[float]
    norm: Norm
    steps: int
    seed: int


def _count(right: list[int], subject: Classifier, x: Tensor, truth: Tensor, changes: _Changes) -> None:
    """Add how many of the pictures withstand an attack of each size."""
    for k, epsilon in enumerate(changes.epsilons):
        if not len(x):
            return
        found = attack(
            subject,
            x,
            truth,
            how=changes.how,
            epsilon=epsilon,
            norm=changes.norm,
            steps=changes.steps,
            stop=True,
            seed=changes.seed,
        )
        right[k] += int((~found.success).sum())
        if changes.how != "fgsm":  # one larger step may miss what a smaller one has found
            x, truth = x[~found.success], truth[~found.success]


def _answers(subject: Classifier, x: Tensor) -> Tensor:
    with torch.inference_mode(), asking(subject):
        return subject(x).argmax(1)


def compressed(x: Tensor, deviation: float) -> Tensor:
    """Pictures through JPEG (ISO/IEC 10918-1), each at the quality whose change comes nearest to a root mean square.

    Args:
        x: ``(N, C, H, W)`` float in [0, 1], with 1 or 3 channels.
        deviation: The root mean square, as a share of white.

    Returns:
        ``(N, C, H, W)`` of the dtype and on the device of x, multiples of 1/255.

    >>> flat = torch.full((1, 1, 8, 8), 128 / 255)
    >>> bool(torch.allclose(compressed(flat, 0.0), flat))
    True
    """
    return torch.stack([_compressed(own, deviation) for own in x])


def _compressed(x: Tensor, deviation: float) -> Tensor:
    values = np.ascontiguousarray((255 * x).round().byte().expand(3, -1, -1).cpu().numpy().transpose(1, 2, 0))
    return torch.from_numpy(jpeg(values, deviation).copy()).permute(2, 0, 1)[: x.shape[0]].to(x) / 255


Score = Callable[[Change, Progress | None], float]
"""From a change of pictures ``(H, W, 3)`` uint8, and who is told how many are answered, to the measure."""


def under_corruption(
    score: Score,
    count: int,
    *,
    measure: str,
    split: str,
    epsilons: Sequence[float] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Robustness:
    """How a measure falls as pictures get noisy, and as JPEG compresses them (Hendrycks and Dietterich 2019).

    Args:
        score: Measures the network on pictures that are changed.
        count: How many pictures it answers each time.
        measure: What it measures, in words.
        split: Which pictures these are.
        epsilons: Root mean squares of the changes, from small to large, as shares of white; None for
            :data:`visus.explain.corrupted.SIZES`.
        seed: Of the noise.
        progress: Told how many answers are there, of how many.

    Raises:
        InputError: A size is none, or they do not grow.
    """
    sizes = tuple(SIZES if epsilons is None else epsilons)
    if not sizes or list(sizes) != sorted(sizes) or not 0 <= sizes[0] <= sizes[-1] <= 1:
        raise InputError(f"Robustness needs sizes from small to large, from 0 to 1; got {list(sizes)}.")
    total, done = count * (1 + len(CORRUPTIONS) * len(sizes)), 0

    def measured(change: Change) -> float:
        nonlocal done
        tell, before = progress, done
        value = score(change, (lambda own, _: tell(before + own, total)) if tell else None)
        done += count
        return value

    clean = measured(unchanged)
    found = {how: tuple(measured(change_of(how, size, seed)) for size in sizes) for how in CORRUPTIONS}
    return Robustness(sizes, found, clean, count, "linf", measure, split)
