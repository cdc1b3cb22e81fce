"""What every training was asked for: flat, with every value written down, so that it can be repeated."""

import dataclasses
import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args, get_origin

import numpy as np
import tomli_w

from visus._errors import InputError
from visus.data.augment import STRENGTHS, Strength
from visus.images.check import number, one_of
from visus.tasks.optimizers import OPTIMIZERS, SCHEDULES, Schedule
from visus.tasks.optimizers import Name as Optimizer

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "f32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class Learning:
    """How a network is trained, whatever its task; None stands for what suits the network and the data.

    Attributes:
        data: Folder or table of pictures.
        net: Name of the network.
        epochs: Passes through the training pictures, at most.
        patience: Epochs without progress on the val split after which the training stops; 0 for never.
        batch_size: Pictures in a step.
        lr: Learning rate of the last layers.
        lr_decay: Factor of the learning rate of what was trained before.
        find_lr: Whether the learning rate is found by a range test first.
        optimizer: A name in :data:`visus.tasks.optimizers.OPTIMIZERS`.
        momentum: Of ``momentum`` and ``nesterov``.
        weight_decay: L2 penalty of weights.
        schedule: A name in :data:`visus.tasks.optimizers.SCHEDULES`.
        warmup: Share of the training in which the learning rate grows from 0.
        clip_norm: Largest norm of the gradient; 0 for no limit.
        clip_value: Largest value of the gradient; 0 for no limit.
        augment: ``"none"``, ``"light"`` or ``"strong"``.
        flip: Whether mirrored pictures are of the same kind.
        val: Share of the pictures for a val split where there is none.
        test: Share for a test split where there are no splits.
        seed: Of splits, order, augmentation and random weights.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        precision: ``"auto"``, ``"f32"`` or ``"bf16"``.
        workers: Processes that read pictures ahead.
        health: Whether gradients, updates and dead units are watched.
    """

    task: ClassVar[str]
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    ranges: ClassVar[dict[str, tuple[float, float, str]]] = {}

    data: str
    net: str
    epochs: int | None = None
    patience: int | None = None
    batch_size: int | None = None
    lr: float | None = None
    lr_decay: float = 0.3
    find_lr: bool = False
    optimizer: Optimizer = "adamw"
    momentum: float = 0.9
    weight_decay: float = 1e-2
    schedule: Schedule = "cosine"
    warmup: float = 0.0
    clip_norm: float = 0.0
    clip_value: float = 0.0
    augment: Strength | None = None
    flip: bool = True
    val: float = 0.15
    test: float = 0.15
    seed: int = 0
    device: Device = "auto"
    precision: Precision = "auto"
    workers: int | None = None
    health: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            value = _plain(getattr(self, field.name))
            object.__setattr__(self, field.name, value)
            if value is not None or type(None) not in get_args(field.type):
                _check_type(field.name, value, field.type)
        for name, known in {**_CHOICES, **self.choices}.items():
            if getattr(self, name) is not None:
                one_of(name, getattr(self, name), known)
        for name, (low, high, text) in {**_RANGES, **self.ranges}.items():
            value = getattr(self, name)
            if value is not None and not low <= number(name, value) <= high:
                raise InputError(f"{name} must be {text}, not {value!r}.")

    def to_toml(self) -> str:
        """As the content of a ``config.toml``."""
        values = {"task": self.task, **dataclasses.asdict(self)}
        return tomli_w.dumps({key: value for key, value in values.items() if value is not None})

    @classmethod
    def of(cls, data: str | os.PathLike[str], values: dict[str, Any]) -> Self:
        """Settings from plain values.

        Raises:
            InputError: There is no such setting, or it cannot have that value.
        """
        known = {field.name for field in fields(cls)}
        strange = [name for name in values if name not in known]
        if strange:
            raise InputError(f"There is no setting {strange[0]!r}; known: {', '.join(sorted(known))}.")
        return cls(data=_absolute(data), **{**values, **_absolute_weights(values)})

    def refuse_idle(self) -> None:
        """Refuse options that do nothing beside others.

        Raises:
            InputError: There are some.
        """
        self.refuse(
            (self.clip_norm > 0 and self.clip_value > 0, "clip_value", "clip_norm"),
            (self.schedule in ("plateau", "one_cycle") and self.warmup > 0, "warmup", self.schedule),
        )

    @staticmethod
    def refuse(*idle: tuple[bool, str, str]) -> None:
        """Refuse an option that does nothing beside another: whether it is there, its name, and the other."""
        for there, name, beside in idle:
            if there:
                raise InputError(f"{name} does nothing beside {beside}; leave one of the two away.")


def _absolute(path: str | os.PathLike[str]) -> str:
    return os.path.abspath(os.path.expanduser(os.fspath(path)))


def _absolute_weights(values: dict[str, Any]) -> dict[str, str]:
    """The file or run that the weights come from, wherever the training goes on."""
    weights = values.get("weights")
    if weights is None or os.fspath(weights) in ("imagenet", "none") or not os.path.exists(weights):
        return {}
    return {"weights": _absolute(weights)}


LARGE = 10**9
_BELOW_1 = 1 - 1e-12
_CHOICES: dict[str, tuple[str, ...]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "augment": STRENGTHS,
    "device": get_args(Device),
    "precision": get_args(Precision),
}
_RANGES: dict[str, tuple[float, float, str]] = {
    **dict.fromkeys(("epochs", "batch_size"), (1, LARGE, "a whole number above 0")),
    **dict.fromkeys(("patience", "workers"), (0, LARGE, "a whole number from 0 on")),
    "seed": (0, 2**32 - 1, f"a whole number from 0 to {2**32 - 1}"),
    "lr": (1e-300, 1e300, "above 0"),
    "lr_decay": (1e-300, 1, "within (0, 1]"),
    **dict.fromkeys(("weight_decay", "clip_norm", "clip_value"), (0, 1e300, "at least 0")),
    **dict.fromkeys(("momentum", "warmup"), (0, _BELOW_1, "within [0, 1)")),
}
# Optimisers that do not divide by the size of the gradient need other rates.
_RATE = {"sgd": 50.0, "momentum": 10.0, "nesterov": 10.0, "adagrad": 10.0}


def rate_for(optimizer: str, adam: float) -> float:
    """A learning rate for an optimiser, from one for Adam.

    >>> rate_for("sgd", 0.001)
    0.05
    """
    return float(f"{adam * _RATE.get(optimizer, 1.0):.6g}")


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Paths as text, NumPy numbers as Python's, lists as tuples."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.generic):
        return value.item()
    return tuple(value) if isinstance(value, list) else value


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        InputError: The file is missing or damaged.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no TOML file ({error}); mend that line.") from error


def _check_type(name: str, value: object, annotation: object) -> None:
    """Whether a value has the type of its setting.

    Raises:
        InputError: It has not.
    """
    kinds = set(get_args(annotation)) or {annotation}
    lists = [kind for kind in (annotation, *kinds) if get_origin(kind) is tuple]
    if lists and not isinstance(value, str):
        entry = get_args(lists[0])[0]
        fits = isinstance(value, tuple) and all(isinstance(v, entry) and not isinstance(v, bool) for v in value)
        wanted = "a list of whole numbers" if entry is int else "a list of names"
    elif bool in kinds:
        fits, wanted = isinstance(value, bool), "true or false"
    elif float in kinds:
        fits, wanted = isinstance(value, int | float) and not isinstance(value, bool), "a number"
    elif int in kinds:
        fits, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
    else:
        fits, wanted = isinstance(value, str) and not lists, "text" if not lists else "a list"
    if not fits:
        raise InputError(f"{name} must be {wanted}, not {value!r}.")


def read_values(path: Path, kind: type[Learning]) -> dict[str, Any]:
    """The values of a ``config.toml``.

    Args:
        path: The file.
        kind: The settings that it should hold.

    Raises:
        InputError: The file is missing or damaged, is of another task, or names a setting that there is not.
    """
    values = read_toml(path)
    task = values.pop("task", "classify")
    if task != kind.task:
        raise InputError(f"{path} is of the task {task}, not {kind.task}; give a file of that task.")
    known = {field.name: field for field in fields(kind)}
    for key, value in values.items():
        if key not in known:
            raise InputError(f"{path} has the setting {key!r}, which there is not; known: {', '.join(known)}.")
        _check_type(f"{key} in {path}", _plain(value), known[key].type)
    return {key: _plain(value) for key, value in values.items()}
