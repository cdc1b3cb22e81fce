"""How a classifier is trained."""

import dataclasses
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from visus._errors import InputError
from visus.data import Dataset
from visus.data.preprocess import KINDS
from visus.nets import registry, trained
from visus.nets import weights as _weights
from visus.runs.learning import LARGE, Learning, rate_for, read_values
from visus.tasks.losses import LOSSES, Loss

Mode = Literal["probe", "finetune", "scratch"]
Balance = Literal["none", "weights", "sampling"]


@dataclass(frozen=True, kw_only=True)
class Settings(Learning):
    """How a classifier is trained, beside what :class:`Learning` says of every training.

    Attributes:
        mode: ``"probe"`` trains the last layer on features that are computed once, ``"finetune"`` all layers from
            trained weights, from the top down, ``"scratch"`` all layers from random weights.
        weights: ``"imagenet"`` or a file; not used by ``"scratch"``.
        size: Side of the input in pixels.
        loss: A name in :data:`visus.tasks.losses.LOSSES`.
        label_smoothing: In [0, 1).
        adversarial: How far each picture is changed to fool the network while it learns, as a share of white (of each
            value); 0 for not at all. See :mod:`visus.tasks.adversarial`.
        balance: ``"weights"`` lets rare classes count more, ``"sampling"`` shows them more often.
        preprocess: A name in :data:`visus.data.preprocess.KINDS`, or ``"weights"`` for what the weights expect.
        hidden: Units of each hidden layer of ``mlp``.
        activation: Of ``mlp``.
        batch_norm: Of ``mlp``.
        dropout: Of ``mlp`` and ``cnn``; None for what they have by themselves.
    """

    task: ClassVar[str] = "classify"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "mode": get_args(Mode),
        "loss": LOSSES,
        "balance": get_args(Balance),
        "preprocess": ("weights", *KINDS),
    }
    ranges: ClassVar[dict[str, tuple[float, float, str]]] = {
        "size": (1, LARGE, "a whole number above 0"),
        **dict.fromkeys(("label_smoothing", "dropout"), (0, 1 - 1e-12, "within [0, 1)")),
        "adversarial": (0, 0.5, "a share of white from 0 to 0.5, for example 0.0157 (4/255)"),
    }

    net: str = "efficientnet_lite0"
    mode: Mode | None = None
    weights: str = "imagenet"
    size: int | None = None
    loss: Loss = "cross_entropy"
    label_smoothing: float = 0.0
    adversarial: float = 0.0
    balance: Balance = "none"
    preprocess: str | None = None
    hidden: tuple[int, ...] = (256, 128)
    activation: str = "relu"
    batch_norm: bool = False
    dropout: float | None = None

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


def read_settings(path: Path) -> dict[str, Any]:
    """The values of a ``config.toml`` of a classifier (see :func:`visus.runs.learning.read_values`)."""
    return read_values(path, Settings)


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
    if mode == "probe" and settings.adversarial:
        raise InputError("A probe computes features once, so no picture can be changed; leave --adversarial.")
    if filled["preprocess"] == "weights" and mode == "scratch":
        raise InputError("There are no weights in --mode scratch to take the preprocessing from; say zscore.")
    return dataclasses.replace(settings, **filled, lr=settings.lr or rate_for(settings.optimizer, default["lr"]))


_DEFAULTS: dict[str, dict[str, Any]] = {
    "probe": {"epochs": 100, "patience": 15, "batch_size": 256, "augment": "none", "lr": 1e-3},
    "finetune": {"epochs": 6, "patience": 4, "batch_size": 32, "augment": "light", "lr": 1e-3},
    "scratch": {"epochs": 15, "patience": 6, "batch_size": 64, "augment": "light", "lr": 1e-3},
}


def _refuse_what_would_be_ignored(settings: Settings) -> None:
    """Options that do nothing beside others.

    Raises:
        InputError: There are some.
    """
    plain = {field.name: field.default for field in fields(Settings)}
    of_mlp = [n for n in ("hidden", "activation", "batch_norm") if getattr(settings, n) != plain[n]]
    settings.refuse_idle()
    settings.refuse(
        (settings.loss == "hinge" and settings.label_smoothing > 0, "label_smoothing", "the hinge loss"),
        (settings.net != "mlp" and bool(of_mlp), of_mlp[0] if of_mlp else "", settings.net),
        (settings.net not in ("mlp", "cnn") and settings.dropout is not None, "dropout", settings.net),
        (settings.mode == "scratch" and settings.weights != "imagenet", "weights", "mode scratch"),
    )


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
