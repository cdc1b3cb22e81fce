"""What a search for settings draws from: a range or a list of choices for each setting."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus.runs.record.settings import read_toml
from visus.runs.registry import task_of

SHRINK = 0.25
"""Width of a range in the second stage, as a share of the first (in the logarithm, where it is drawn there)."""


@dataclass(frozen=True, slots=True)
class Range:
    """From where a number is drawn.

    Attributes:
        low: Smallest value.
        high: Largest value.
        log: Whether it is drawn uniformly in the logarithm.
        whole: Whether it is a whole number.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def around(self, center: float) -> "Range":
        """The part of the range next to a value, with :data:`SHRINK` of its width.

        >>> r = Range(1e-4, 1.0, log=True).around(1e-2)
        >>> round(r.low, 5), round(r.high, 5)
        (0.00316, 0.03162)
        """
        if self.log:
            half = math.log(self.high / self.low) * SHRINK / 2
            low, high = center * math.exp(-half), center * math.exp(half)
        else:
            half = (self.high - self.low) * SHRINK / 2
            low, high = center - half, center + half
        low, high = max(self.low, low), min(self.high, high)
        if self.whole:
            low, high = math.floor(low), math.ceil(high)
        return Range(low, high, self.log, self.whole)

    def __str__(self) -> str:
        kind = " (log)" if self.log else ""
        return f"{self.low:.3g} to {self.high:.3g}{kind}"


Space = dict[str, Range | list[Any]]
"""What is searched: a range, or a list of choices, for each setting."""

_DECAY = Range(1e-5, 1e-1, log=True)

BEFORE: Space = {"lr": Range(1e-4, 1e-1, log=True), "weight_decay": _DECAY}
"""What 0.1 searched unless it was told: its studies go on with that."""


def usual(lr: float) -> Space:
    """What is searched unless it is said: rates up to ten times smaller and larger than the default's, and decay.

    Args:
        lr: The learning rate that a training has by default.

    >>> str(usual(3e-4)["lr"])
    '3e-05 to 0.003 (log)'
    """
    return {"lr": Range(lr / 10, lr * 10, log=True), "weight_decay": _DECAY}


def read_space(path: Path, task: str = "classify") -> Space:
    """A space from a TOML file.

    The file holds for each setting a range, ``lr = { low = 1e-4, high = 1e-1, log = true }``, or a list of choices,
    ``optimizer = ["adamw", "nesterov"]``.

    Args:
        path: The file.
        task: Whose settings are searched.

    Raises:
        InputError: The file is missing or damaged, or names a setting that there is not.
    """
    values = read_toml(path)
    if not values:
        raise InputError(
            f"{path} names no setting to search; write for example: lr = {{ low = 1e-4, high = 1e-1, log = true }}"
        )
    kind = task_of(task).settings
    known = {field.name for field in dataclasses.fields(kind)} - {"data", "seed", "val", "test", "ignore"}
    space: Space = {}
    for name, value in values.items():
        if name not in known:
            raise InputError(f"{path} searches {name!r}, which is no setting; known: {', '.join(sorted(known))}.")
        space[name] = _entry(f"{name} in {path}", value)
        for example in _examples(space[name]):
            try:
                kind(data="", **{name: example})
            except InputError as error:
                raise InputError(f"{path} would try {name} = {example!r}: {error}") from error
    return space


def _examples(entry: Range | list[Any]) -> list[Any]:
    """What may be drawn: all choices, or both ends."""
    if isinstance(entry, list):
        return entry
    return [int(entry.low), int(entry.high)] if entry.whole else [entry.low, entry.high]


def _entry(name: str, value: object) -> Range | list[Any]:
    if isinstance(value, list) and value:
        return [own for k, own in enumerate(value) if own not in value[:k]]
    if not isinstance(value, dict) or not {"low", "high"} <= value.keys() <= {"low", "high", "log"}:
        raise InputError(f"{name} must be {{ low = ..., high = ..., log = true }} or a list of choices, not {value!r}.")
    low, high, log = value["low"], value["high"], value.get("log", False)
    numbers = all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) for n in (low, high))
    if not numbers or not low < high or not isinstance(log, bool) or (log and low <= 0):
        raise InputError(f"{name} must have numbers low < high, above 0 with log = true, not {value!r}.")
    return Range(low, high, log, isinstance(low, int) and isinstance(high, int))


def told(space: Space) -> str:
    """The space in words."""
    return "; ".join(f"{name} {text_of(entry)}" for name, entry in space.items())


def text_of(entry: Range | list[Any]) -> str:
    """A range or choices in words."""
    return str(entry) if isinstance(entry, Range) else f"one of {', '.join(map(str, entry))}"
