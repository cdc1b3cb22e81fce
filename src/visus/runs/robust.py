"""Measure how robust a trained network of any task is, and keep the table where its card is made."""

import os
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus.explain.robust import Robustness
from visus.nets.file import is_trained, task_of
from visus.runs import registry
from visus.runs.engine.task import Corrupts
from visus.runs.record import card
from visus.runs.record.folder import is_run

_OF_ATTACKS = {"attacks": "attack", "norm": "norm", "steps": "steps"}


def measure(source: str | os.PathLike[str], data: str | os.PathLike[str] | None = None, **options: Any) -> Robustness:
    """How answers get worse as pictures are changed.

    Args:
        source: A run, a file of a trained network, or a name of a classifier with ImageNet weights.
        data: Labeled pictures; None for those that the run was trained on.
        options: Those of :func:`visus.runs.classify.robust.measure`, which attacks, too, or of
            :func:`visus.runs.segment.robust.measure`, :func:`visus.runs.detect.robust.measure` and
            :func:`visus.runs.localize.robust.measure`, which change pictures by noise and JPEG alone.

    Raises:
        InputError: There are no such pictures, or an option is for classifiers.
    """
    name = task_of(source) if is_trained(source) else "classify"
    task = registry.task_of(name)
    if not isinstance(task, Corrupts):
        raise InputError(f"Of networks of the task {name} it is not known how robust they are.")
    strange = [said for option, said in _OF_ATTACKS.items() if option in options]
    if name != "classify" and strange:
        raise InputError(
            f"{strange[0]} is for classifiers; a network of the task {name} is measured under noise and JPEG alone."
        )
    return task.robustness(source, data, **options)


def save(found: Robustness, path: str | os.PathLike[str]) -> None:
    """Write curves (``.png``) or a table (``.csv``); the card of a run is made anew where the table lies in its folder.

    Raises:
        InputError: The place cannot be written.
    """
    place = Path(path)
    found.save(place)
    if place.name == card.ROBUSTNESS and is_run(place.parent):
        card.write(place.parent)
