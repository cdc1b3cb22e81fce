"""Trials of a study, as Optuna keeps them: what they drew, how good they are, and which is the best."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

LOSS = "val_loss"
"""What a trial's loss on val is called there."""


def stage_of(trial: "FrozenTrial") -> str:
    """Whether it was coarse or fine; empty where it does not say."""
    return trial.user_attrs.get("stage", "")


def best_of(finished: Sequence["FrozenTrial"]) -> "FrozenTrial":
    """Of trials with the best score the one of the least loss: few pictures give many of them the same."""
    return max(finished, key=lambda trial: (trial.value or 0.0, -loss_of(trial)))


def loss_of(trial: "FrozenTrial") -> float:
    """The loss on val of its best epoch; none of studies of 0.1."""
    return trial.user_attrs.get(LOSS, math.inf)


def values_of(trial: "FrozenTrial") -> dict[str, Any]:
    """The settings that a trial drew."""
    drawn = {**trial.params, **trial.user_attrs}
    own = {"stage", "host", "pid", "diverged", LOSS}
    return {
        k: tuple(v) if isinstance(v, list) else v
        for k, v in drawn.items()
        if k not in own and not k.endswith(" choice")
    }


def last_score(trial: "FrozenTrial") -> float:
    """The last accuracy of a trial that was given up."""
    values = trial.intermediate_values
    return values[max(values)] if values else 0.0
