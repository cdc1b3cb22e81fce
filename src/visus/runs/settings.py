"""What a training was asked for: flat, with every value written down, so that it can be repeated."""

import dataclasses
import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import numpy as np
import tomli_w

from visus._errors import InputError
from visus.data import Dataset
from visus.data.augment import STRENGTHS, Strength
from visus.data.preprocess import KINDS
from visus.images.check import number, one_of
from visus.nets import registry, trained
from visus.nets import weights as _weights
from visus.tasks.losses import LOSSES, Loss
from visus.tasks.optimizers import OPTIMIZERS, SCHEDULES, Schedule
from visus.tasks.optimizers import Name as Optimizer

Mode = Literal["probe", "finetune", "scratch"]
Balance = Literal["none", "weights", "sampling"]
Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "f32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a classifier is trained; None stands for what suits the network and the mode.

    Attributes:
        data: Folder or table of labelled pictures.
        net: Name of the network.
        mode: ``"probe"`` trains the last layer on features that are computed once, ``"finetune"`` all layers from
            trained weights, from the top down, ``"scratch"`` all layers from random weights.
        weights: ``"imagenet"`` or a file; not used by ``"scratch"``.
        size: Side of the input in pixels.
        epochs: Passes through the training pictures, at most.
        patience: Epochs without progress on the val split after which the training stops; 0 for never.
        batch_size: Pictures in a step.
        lr: Learning rate of the last layer.
        lr_decay: Factor of the learning rate from each third of the network to the one below, when fine-tuning.
        find_lr: Whether the learning rate is found by a range test first.
        optimizer: A name in :data:`visus.tasks.optimizers.OPTIMIZERS`.
        momentum: Of ``momentum`` and ``nesterov``.
        weight_decay: L2 penalty of weights.
        schedule: A name in :data:`visus.tasks.optimizers.SCHEDULES`.
        warmup: Share of the training in which the learning rate grows from 0.
        clip_norm: Largest norm of the gradient; 0 for no limit.
        clip_value: Largest value of the gradient; 0 for no limit.
        loss: A name in :data:`visus.tasks.losses.LOSSES`.
        label_smoothing: In [0, 1).
        balance: ``"weights"`` lets rare classes count more, ``"sampling"`` shows them more often.
        augment: ``"none"``, ``"light"`` or ``"strong"``.
        flip: Whether mirrored pictures are of the same class.
        preprocess: A name in :data:`visus.data.preprocess.KINDS`, or ``"weights"`` for what the weights expect.
        hidden: Units of each hidden layer of ``mlp``.
        activation: Of ``mlp``.
        batch_norm: Of ``mlp``.
        dropout: Of ``mlp`` and ``cnn``; None for what they have by themselves.
        val: Share of the pictures for a val split where there is none.
        test: Share for a test split where there are no splits.
        seed: Of splits, order, augmentation and random weights.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        precision: ``"auto"``, ``"f32"`` or ``"bf16"``.
        workers: Processes that read pictures ahead.
        health: Whether gradients, updates and dead units are watched.
    """

    data: str
    net: str = "efficientnet_lite0"
    mode: Mode | None = None
    weights: str = "imagenet"
    size: int | None = None
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
    loss: Loss = "cross_entropy"
    label_smoothing: float = 0.0
    balance: Balance = "none"
    augment: Strength | None = None
    flip: bool = True
    preprocess: str | None = None
    hidden: tuple[int, ...] = (256, 128)
    activation: str = "relu"
    batch_norm: bool = False
    dropout: float | None = None
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
        for name, known in _CHOICES.items():
            if getattr(self, name) is not None:
                one_of(name, getattr(self, name), known)
        for name, (low, high, text) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= number(name, value) <= high:
                raise InputError(f"{name} must be {text}, not {value!r}.")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise InputError(f"dropout must be within [0, 1), not {self.dropout}.")

    @property
    def options(self) -> dict[str, Any]:
        """What the network's own function is given, but for the channels."""
        if self.net == "mlp":
            own = {"hidden": tuple(self.hidden), "activation": self.activation, "batch_norm": self.batch_norm}
            return {"size": self.size, **own, **self._dropout}
        return self._dropout if self.net == "cnn" else {}

    @property
    def _dropout(self) -> dict[str, float]:
        return {} if self.dropout is None else {"dropout": self.dropout}

    def to_toml(self) -> str:
        """As the content of a ``config.toml``."""
        values = dataclasses.asdict(self)
        return tomli_w.dumps({key: value for key, value in values.items() if value is not None})


_CHOICES: dict[str, tuple[str, ...]] = {
    "mode": get_args(Mode),
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
    "balance": get_args(Balance),
    "augment": STRENGTHS,
    "preprocess": ("weights", *KINDS),
    "device": get_args(Device),
    "precision": get_args(Precision),
}
_LARGE = 10**9
_BELOW_1 = 1 - 1e-12
_RANGES: dict[str, tuple[float, float, str]] = {
    **dict.fromkeys(("size", "epochs", "batch_size"), (1, _LARGE, "a whole number above 0")),
    **dict.fromkeys(("patience", "workers"), (0, _LARGE, "a whole number from 0 on")),
    "seed": (0, 2**32 - 1, f"a whole number from 0 to {2**32 - 1}"),
    "lr": (1e-300, 1e300, "above 0"),
    "lr_decay": (1e-300, 1, "within (0, 1]"),
    **dict.fromkeys(("weight_decay", "clip_norm", "clip_value"), (0, 1e300, "at least 0")),
    **dict.fromkeys(("momentum", "warmup", "label_smoothing"), (0, _BELOW_1, "within [0, 1)")),
}


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


def read_settings(path: Path) -> dict[str, Any]:
    """The values of a ``config.toml``.

    Raises:
        InputError: The file is missing or damaged, or names a setting that there is not.
    """
    values = read_toml(path)
    known = {field.name: field for field in fields(Settings)}
    for key, value in values.items():
        if key not in known:
            raise InputError(f"{path} has the setting {key!r}, which there is not; known: {', '.join(known)}.")
        _check_type(f"{key} in {path}", _plain(value), known[key].type)
    return {key: _plain(value) for key, value in values.items()}


def _check_type(name: str, value: object, annotation: object) -> None:
    """Whether a value has the type of its setting.

    Raises:
        InputError: It has not.
    """
    kinds = set(get_args(annotation)) or {annotation}
    if bool in kinds:
        fits, wanted = isinstance(value, bool), "true or false"
    elif get_origin(annotation) is tuple:
        fits = isinstance(value, tuple) and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
        wanted = "a list of whole numbers"
    elif float in kinds:
        fits, wanted = isinstance(value, int | float) and not isinstance(value, bool), "a number"
    elif int in kinds:
        fits, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
    else:
        fits, wanted = isinstance(value, str), "text"
    if not fits:
        raise InputError(f"{name} must be {wanted}, not {value!r}.")


def resolve(settings: Settings, dataset: Dataset) -> Settings:
    """Fill in what suits the network, the mode and the pictures.

    Raises:
        InputError: The network does not take pictures of that size, or the mode needs weights that it has not.
        WeightsError: The network is unknown.
    """
    _refuse_what_would_be_ignored(settings)
    own = settings.net in registry.OWN
    mode = settings.mode or ("scratch" if own and settings.weights == "imagenet" else "finetune")
    if mode != "scratch" and own and settings.weights == "imagenet":
        raise InputError(
            f"There are no ImageNet weights for {settings.net}; train it with --mode scratch, or give --weights FILE."
        )
    takes = registry.input_of(settings.net)
    size = settings.size or _size(settings, mode, takes, dataset)
    if size < takes.least or (takes.fixed and settings.net != "mlp" and size != takes.size):
        wanted = f"of {takes.size} pixels only" if takes.fixed else f"of at least {takes.least} pixels"
        raise InputError(f"{settings.net} takes pictures {wanted}, not {size}; say --size {takes.size}.")
    default = _DEFAULTS[mode]
    filled = {
        "mode": mode,
        "size": size,
        "preprocess": settings.preprocess or ("zscore" if mode == "scratch" else "weights"),
    }
    for name in ("epochs", "patience", "batch_size", "augment"):
        value = getattr(settings, name)
        filled[name] = default[name] if value is None else value
    if mode == "probe" and filled["augment"] != "none":
        raise InputError("A probe computes features once, so it cannot augment; leave --augment, or use finetune.")
    if filled["preprocess"] == "weights" and mode == "scratch":
        raise InputError("There are no weights in --mode scratch to take the preprocessing from; say zscore.")
    rate = settings.lr or default["lr"] * _RATE.get(settings.optimizer, 1.0)
    return dataclasses.replace(settings, **filled, lr=float(f"{rate:.6g}"))


_DEFAULTS: dict[str, dict[str, Any]] = {
    "probe": {"epochs": 100, "patience": 15, "batch_size": 256, "augment": "none", "lr": 1e-3},
    "finetune": {"epochs": 6, "patience": 4, "batch_size": 32, "augment": "light", "lr": 1e-3},
    "scratch": {"epochs": 15, "patience": 6, "batch_size": 64, "augment": "light", "lr": 1e-3},
}
# Optimisers that do not divide by the size of the gradient need other rates.
_RATE = {"sgd": 50.0, "momentum": 10.0, "nesterov": 10.0, "adagrad": 10.0}


def _refuse_what_would_be_ignored(settings: Settings) -> None:
    """Options that do nothing beside others.

    Raises:
        InputError: There are some.
    """
    plain = {field.name: field.default for field in fields(Settings)}
    of_mlp = [n for n in ("hidden", "activation", "batch_norm") if getattr(settings, n) != plain[n]]
    idle = [
        (settings.loss == "hinge" and settings.label_smoothing > 0, "label_smoothing", "the hinge loss"),
        (settings.clip_norm > 0 and settings.clip_value > 0, "clip_value", "clip_norm"),
        (settings.schedule in ("plateau", "one_cycle") and settings.warmup > 0, "warmup", settings.schedule),
        (settings.net != "mlp" and bool(of_mlp), of_mlp[0] if of_mlp else "", settings.net),
        (settings.net not in ("mlp", "cnn") and settings.dropout is not None, "dropout", settings.net),
        (settings.mode == "scratch" and settings.weights != "imagenet", "weights", "mode scratch"),
    ]
    for there, name, beside in idle:
        if there:
            raise InputError(f"{name} does nothing beside {beside}; leave one of the two away.")


def _size(settings: Settings, mode: str, takes: registry.Input, dataset: Dataset) -> int:
    """Side of the input: what the weights were trained with, or what the pictures have."""
    if mode != "scratch" or (takes.fixed and settings.net != "mlp"):
        return takes.size
    sides = _sides(dataset)
    return max(takes.least, min(sides, takes.size) if settings.net != "mlp" else min(sides, 32))


def _sides(dataset: Dataset) -> int:
    """The median of the shorter sides of some training pictures, in pixels."""
    pictures = dataset.splits["train"]
    if pictures.arrays is not None:
        return min(pictures.arrays.shape[1:3])
    places = range(0, len(pictures), max(1, len(pictures) // 20))
    sides = sorted(min(pictures.read(place).shape[:2]) for place in places)
    return sides[len(sides) // 2]


def geometry(settings: Settings) -> tuple[int, int, Literal["bicubic", "bilinear"]]:
    """Side of the input, length of the shorter side before the cut, and interpolation.

    Weights come with a margin around the middle that is cut out; it is kept in proportion at other sizes.
    """
    assert settings.size is not None
    if settings.preprocess != "weights" or trained.is_trained(settings.weights):
        return settings.size, settings.size, "bilinear"
    known = _weights.preprocessing(settings.net)
    return settings.size, round(settings.size * known.resize / known.size), known.interpolation
