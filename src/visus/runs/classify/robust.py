"""Measure how robust a classifier is on the pictures that it was not trained on."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from visus._errors import InputError
from visus.data import Pictures
from visus.explain.attacks import Attack
from visus.explain.robust import EPSILONS, Robustness, robustness
from visus.explain.subjects import open_classifier
from visus.nets.file import is_trained
from visus.ops.perturb import Norm
from visus.runs.answers import files_of
from visus.runs.classify.evaluate import pictures_of


def measure(
    source: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    *,
    split: str | None = None,
    most: int = 1000,
    epsilons: Sequence[float] | None = None,
    attacks: Sequence[Attack] = ("fgsm", "pgd"),
    norm: Norm = "linf",
    steps: int = 10,
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Robustness:
    """Accuracy against the size of changes; see :func:`visus.explain.robustness`.

    Args:
        source: A run, a file of a trained classifier, or a name of a network with ImageNet weights.
        data: Labeled pictures; of a network that is no run any folder, where its own answers count as right; None for
            those that the run was trained on.
        split: Which split; None for ``test``, else ``val``, else all pictures.
        most: Pictures at most; drawn at random.
        epsilons: See there, as all that follow.
        attacks: See there.
        norm: See there.
        steps: See there.
        seed: Of the draw and of the attacks.
        device: Where it works.
        progress: Told how many pictures are done, of how many.

    Raises:
        InputError: There are no such pictures.
    """
    subject = open_classifier(source, device=device)
    labels, name = None, ""
    if is_trained(source):
        pictures, name = pictures_of(source, data, split)
        if pictures.multilabel:
            raise InputError(
                f"{source} gives pictures several classes; robustness is measured for one class a picture."
            )
        labels = pictures.labels
    elif data is None or split is not None:
        raise InputError(f"{source} is no run: name a folder of pictures, without --split.")
    else:
        files = files_of(Path(data))
        pictures = Pictures(np.zeros(len(files), np.int64), files)
    places = np.sort(np.random.default_rng(seed).permutation(len(pictures))[:most])
    chosen = [pictures.read(int(place)) if pictures.arrays is not None else pictures.files[place] for place in places]
    found = robustness(
        subject,
        chosen,
        None if labels is None else labels[places],
        epsilons=epsilons or EPSILONS,
        attacks=attacks,
        norm=norm,
        steps=steps,
        seed=seed,
        progress=progress,
    )
    return replace(found, split=name)
