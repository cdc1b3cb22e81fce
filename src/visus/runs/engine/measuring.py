"""Measuring a trained network of any task: which data, which split, and what makes the figures less trustworthy."""

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.nets.file import Saved
from visus.runs.engine.task import Data
from visus.runs.record import training_hashes
from visus.runs.record.folder import SEEN, summary_of
from visus.runs.record.settings import Kind

AnyData = TypeVar("AnyData", bound=Data)


def data_of(
    saved: Saved,
    settings: Kind | None,
    data: str | os.PathLike[str] | None,
    *,
    load: Callable[[Kind], AnyData],
    whole: Callable[[str | os.PathLike[str]], AnyData],
) -> AnyData:
    """The data that a run was trained on, in its splits, wherever it lies now; other data as it lies on the disk.

    Args:
        saved: The network.
        settings: How it was trained; None where its file lies alone.
        data: Where the data is; None for where it was.
        load: Brings in the data of settings, split as for the training.
        whole: Brings in data as it lies, without making new splits.

    Raises:
        InputError: The data is not there, or cannot be used.
    """
    if settings is None:
        if data is None:
            raise InputError(f"{saved.place} does not say on which pictures it was trained; name some.")
        return whole(data)
    if data is None and not Path(settings.data).exists():
        raise InputError(f"{settings.data}, which {saved.home} was trained on, is not there; name where it is now.")
    place = os.fspath(data or settings.data)
    with contextlib.suppress(InputError):
        own = load(replace(settings, data=place, allow_bad=True))
        if data is None or own.fingerprint() == summary_of(saved.home).get("data"):
            return own
    return whole(place)


def split_of(dataset: Data, split: str | None) -> str:
    """The split that is measured: the one that is named, else test, val, or all pictures.

    Raises:
        InputError: There is no such split, or no picture of it can be read.
    """
    chosen = split or next(name for name in ("test", "val", "all", *dataset.splits) if name in dataset.splits)
    if chosen not in dataset.splits:
        raise InputError(f"{dataset.root} has no split {chosen}; it has {', '.join(dataset.splits)}.")
    if not len(dataset.splits[chosen]):
        raise InputError(f"The split {chosen} of {dataset.root} has no pictures that can be read; bring some.")
    return chosen


def places_in(dataset: Data, classes: Sequence[str]) -> NDArray[np.int64]:
    """For each class of some data its position in the classes of a network, ``(C,)`` int64.

    Raises:
        InputError: There is a class that the network does not know.
    """
    strange = [name for name in dataset.classes if name not in classes]
    if strange:
        raise InputError(
            f"{dataset.root} has the class {strange[0]!r}, which the network does not know; it knows "
            f"{', '.join(classes)}."
        )
    return np.array([classes.index(name) for name in dataset.classes], dtype=np.int64)


def remarks_on(home: Path, dataset: Data, split: str) -> list[str]:
    """What a reader of the figures should know: of the data, and of what the network has seen of it."""
    return [*dataset.remarks, *_seen(home, dataset, split)]


def _seen(home: Path, dataset: Data, split: str) -> list[str]:
    """What takes away from a measurement: pictures that the network was trained on."""
    trained, chosen = training_hashes.count(home / SEEN, dataset.digests[split])
    total = f"{len(dataset.splits[split]):,}"
    said = []
    if trained:
        said.append(f"The network was trained on {trained:,} of these {total} pictures; what is measured is too good.")
    if chosen:
        said.append(
            f"The network chose its weights by {chosen:,} of these {total} pictures; what is measured is too good."
        )
    return said


def plain(value: float) -> Any:  # noqa: ANN401 - a float or None
    """A number for JSON: NaN and infinity become None."""
    return float(value) if np.isfinite(value) else None
