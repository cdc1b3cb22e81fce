"""Which pictures the robustness of a run is measured on: some of a split, drawn at random, so that it ends soon."""

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from visus.runs.engine.measuring import split_of
from visus.runs.engine.task import Data

MOST = 50
"""Pictures, at most: each is answered seven times."""

AnySet = TypeVar("AnySet", bound=Data)


def some_of(dataset: AnySet, split: str | None, most: int, seed: int) -> tuple[AnySet, str]:
    """A split with at most so many of its pictures, and its name.

    Args:
        dataset: Pictures in splits.
        split: Which; None for ``test``, else ``val``, else all pictures.
        most: Pictures at most.
        seed: Of the draw.

    Raises:
        InputError: There is no such split.
    """
    chosen = split_of(dataset, split)
    own: Any = dataset.splits[chosen]
    places = np.sort(np.random.default_rng(seed).permutation(len(own))[:most])
    part: Any = dataset
    return replace(part, splits={chosen: own.take(places)}), chosen
