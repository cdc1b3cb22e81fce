"""What every training was asked for: flat, with every value written down, so that it can be repeated.

A setting is stated once, as a field: its name, its type, its default, and in a :class:`Setting` what it means, which
values it takes and how a command line says it. Docstrings, checks and the options of ``visus train`` are made from
that, so nothing here imports what trains.
"""

import dataclasses
import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from visus._errors import InputError
from visus.runs.record.fields import Setting, documented, known_settings

Augment = Literal["none", "light", "strong"]
Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "f32", "bf16"]
Norms = Literal["kept", "batch"]
LogTo = Literal["tensorboard", "mlflow", "wandb"]
Optimizer = Literal["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]
Schedule = Literal["constant", "step", "cosine", "one_cycle", "plateau"]

DATA, NET, LEARN, LOSS, PLACE = "Data", "Network", "Learning", "Loss and balance", "Machine and place"
"""Headings under which settings are listed."""

Unlabeled = Annotated[
    Literal["negative", "leave_out"] | None,
    Setting(
        "Pictures without an annotation: negative (nothing is on them) or leave_out.",
        DATA,
        default="leave_out; for YOLO negative, unless most have none",
    ),
]
"""The setting ``unlabeled`` of the tasks that learn objects or regions."""

FirstPixel = Annotated[
    int | None,
    Setting(
        "Pascal VOC: what its files call the first pixel, 0 or 1.",
        DATA,
        "[0, 1]",
        default="what the tool that wrote them is known for, else 1",
    ),
]
"""The setting ``first_pixel`` of the tasks that learn boxes."""

Lower = Annotated[
    Literal["kept", "learn"] | None,
    Setting(
        "Layers of the backbone up to stride 4: kept (as they came with their weights, which is sooner) or learn.",
        LEARN,
        default="detect: kept; segment: learn; nothing for backbones that are no row of layers, or have no weights",
    ),
]
"""The setting ``lower`` of the tasks that learn objects or regions."""

Idle = tuple[bool, str, str]
"""An option that does nothing beside another: whether it is there, its name, and the other."""

_SWINGING, _ADAMS = ("momentum", "nesterov"), ("adam", "adamw")


@documented
@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How a network is trained, whatever its task; None stands for what suits the network and the data."""

    task: ClassVar[str]
    usual: ClassVar[Mapping[str, str]] = {}
    """What None stands for in this task, in words, by setting."""

    data: Annotated[str, Setting("Folder or table of pictures.")]
    net: Annotated[str, Setting("Name of the network.", NET)]
    epochs: Annotated[int | None, Setting("Passes through the training pictures, at most.", LEARN, "[1, inf)")] = None
    minutes: Annotated[
        float | None,
        Setting(
            "How long the training may take: epochs, and where need be a smaller input, are chosen by timed steps.",
            LEARN,
            "(0, inf)",
        ),
    ] = None
    patience: Annotated[
        int | None, Setting("Stop after this many epochs without progress on val; 0: never.", LEARN, "[0, inf)")
    ] = None
    batch_size: Annotated[int | None, Setting("Pictures in a step.", LEARN, "[1, inf)")] = None
    lr: Annotated[float | None, Setting("Learning rate of the last layers.", LEARN, "(0, inf)")] = None
    find_lr: Annotated[bool, Setting("Find the learning rate first, by a range test.", LEARN)] = False
    lr_decay: Annotated[float, Setting("Learning rate of pretrained layers, as a factor of lr.", LEARN, "(0, 1]")] = 0.3
    norms: Annotated[
        Norms | None,
        Setting(
            "Batch normalization of pretrained layers: kept (the statistics that came with their weights) or batch "
            "(those of each step).",
            LEARN,
            default="kept; for segment batch from 100 steps on",
        ),
    ] = None
    optimizer: Annotated[Optimizer, Setting("How weights follow the gradient.", LEARN)] = "adamw"
    momentum: Annotated[float, Setting("Momentum of the optimizers momentum and nesterov.", LEARN, "[0, 1]")] = 0.9
    rho: Annotated[float, Setting("How much rmsprop keeps of the squares it has seen.", LEARN, "[0, 1)")] = 0.99
    betas: Annotated[
        tuple[float, float],
        Setting("How much adam and adamw keep of both moments.", LEARN, "[0, 1)", metavar="B1,B2"),
    ] = (0.9, 0.999)
    bias_correction: Annotated[
        bool, Setting("Whether adam and adamw correct their moments for the start at 0.", LEARN)
    ] = True
    weight_decay: Annotated[float, Setting("L2 penalty of weights.", LEARN, "[0, inf)")] = 1e-2
    schedule: Annotated[Schedule, Setting("How the learning rate changes.", LEARN)] = "cosine"
    warmup: Annotated[
        float, Setting("Share of the training in which the learning rate grows from 0.", LEARN, "[0, 1)")
    ] = 0.0
    clip_norm: Annotated[float, Setting("Largest norm of the gradient; 0: no limit.", LEARN, "[0, inf)")] = 0.0
    clip_value: Annotated[float, Setting("Largest absolute value in the gradient; 0: no limit.", LEARN, "[0, inf)")] = (
        0.0
    )
    augment: Annotated[Augment | None, Setting("Random changes of training pictures.", DATA)] = None
    flip: Annotated[
        bool, Setting("Mirror pictures at random; not where a mirrored one means something else.", DATA)
    ] = True
    val: Annotated[float, Setting("Share of the pictures set aside for val where there is none.", DATA)] = 0.15
    test: Annotated[float, Setting("Share of the pictures set aside for test where there are no splits.", DATA)] = 0.15
    allow_bad: Annotated[
        bool, Setting("Train even if more than a tenth of the files, or half of a class, cannot be used.", DATA)
    ] = False
    without: Annotated[
        str | None,
        Setting("Table of visus check: what it leaves out is not used, and its new classes are taken.", DATA),
    ] = None
    seed: Annotated[
        int, Setting("Seed of splits, order, augmentation and random weights.", PLACE, f"[0, {2**32 - 1}]")
    ] = 0
    device: Annotated[Device, Setting("Device to train on.", PLACE)] = "auto"
    precision: Annotated[Precision, Setting("auto takes bf16 where it is faster.", PLACE)] = "auto"
    workers: Annotated[int | None, Setting("Processes that read pictures ahead.", PLACE, "[0, inf)")] = None
    log: Annotated[
        tuple[LogTo, ...],
        Setting(
            "Tell epochs there too, in a folder of the run, without a network; may be repeated.",
            PLACE,
            metavar="tensorboard|mlflow|wandb",
        ),
    ] = ()
    health: Annotated[bool, Setting("Watch gradients, updates and dead units.", PLACE)] = True

    def __post_init__(self) -> None:
        for name, known in known_settings(type(self)).items():
            value = _plain(getattr(self, name))
            object.__setattr__(self, name, value)
            known.check(value)

    @classmethod
    def of_earlier(cls, values: dict[str, Any]) -> dict[str, Any]:
        """The values of a file that an earlier visus wrote, with what it did where there was no setting for it yet."""
        return values

    def to_toml(self) -> str:
        """As the content of a ``config.toml``."""
        import tomli_w

        values = {"task": self.task, **dataclasses.asdict(self)}
        return tomli_w.dumps({key: value for key, value in values.items() if value is not None})

    @classmethod
    def of(cls, data: str | os.PathLike[str], values: dict[str, Any]) -> Self:
        """Settings from plain values; what does nothing is refused before any picture is read.

        Raises:
            InputError: There is no such setting, it cannot have that value, or it does nothing beside another.
        """
        known = {field.name for field in fields(cls)}
        strange = [name for name in values if name not in known]
        if strange:
            raise InputError(f"There is no setting {strange[0]!r}; known: {', '.join(sorted(known))}.")
        settings = cls(data=_absolute(data), **{**values, **_absolute_weights(values), **_absolute_table(values)})
        settings.refuse_idle()
        return settings

    def idle(self) -> list[Idle]:
        """The table of options that do nothing beside others."""
        swings, adam = self.optimizer in _SWINGING, self.optimizer in _ADAMS
        return [
            (self.clip_norm > 0 and self.clip_value > 0, "clip_value", "clip_norm"),
            (self.find_lr and self.lr is not None, "lr", "find_lr"),
            (self.minutes is not None and self.epochs is not None, "epochs", "minutes"),
            (self.schedule in ("plateau", "one_cycle") and self.warmup > 0, "warmup", self.schedule),
            (self.changed("momentum") and not swings, "momentum", self.optimizer),
            (self.changed("rho") and self.optimizer != "rmsprop", "rho", self.optimizer),
            (self.changed("betas") and not adam, "betas", self.optimizer),
            (self.changed("bias_correction") and not adam, "bias_correction", self.optimizer),
        ]

    def changed(self, name: str) -> bool:
        """Whether a setting has another value than it has where nothing is said."""
        return getattr(self, name) != type(self).__dataclass_fields__[name].default

    def refuse_idle(self) -> None:
        """Refuse options that do nothing beside others.

        Raises:
            InputError: There are some.
        """
        self.refuse(*self.idle())

    def unwise(self) -> list[str]:
        """What is set as a teacher would, to see what goes wrong: one sentence each."""
        first, second = self.betas
        cold = (1 - first) / math.sqrt(1 - second)
        return [
            sentence
            for there, sentence in (
                (
                    self.momentum == 1 and self.optimizer in _SWINGING,
                    "With momentum 1 nothing is forgotten, so that the weights swing and do not come to rest; "
                    "0.9 is usual.",
                ),
                (
                    self.rho == 0 and self.optimizer == "rmsprop",
                    "With rho 0 each step is as long as the learning rate however flat the slope is; 0.99 is usual.",
                ),
                (
                    not self.bias_correction,
                    f"Without its correction the first step of {self.optimizer} is {cold:.2g} times the learning rate.",
                ),
            )
            if there
        ]

    @staticmethod
    def refuse(*idle: Idle) -> None:
        """Refuse an option that does nothing beside another.

        Raises:
            InputError: It is there.
        """
        for there, name, beside in idle:
            if there:
                raise InputError(f"{name} does nothing beside {beside}; leave one of the two away.")

    def filled(self, default: Mapping[str, Any]) -> dict[str, Any]:
        """What was left open, from defaults, and what was not."""
        return {name: value if (own := getattr(self, name)) is None else own for name, value in default.items()}


def said(defaults: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """A setting's defaults in words, by what they depend on.

    >>> said({"finetune": {"epochs": 6}, "scratch": {"epochs": 15}}, "epochs")
    '6 finetune, 15 scratch'
    >>> said({"": {"epochs": 20}}, "epochs")
    '20'
    """
    values = {when: own[name] for when, own in defaults.items()}
    if len(set(values.values())) == 1:
        return str(next(iter(values.values())))
    return ", ".join(f"{value} {when}" for when, value in values.items())


def _absolute(path: str | os.PathLike[str]) -> str:
    return os.path.abspath(os.path.expanduser(os.fspath(path)))


def _absolute_weights(values: dict[str, Any]) -> dict[str, str]:
    """The file or run that the weights come from, wherever the training goes on."""
    weights = values.get("weights")
    if weights is None or os.fspath(weights) in ("imagenet", "none") or not os.path.exists(weights):
        return {}
    return {"weights": _absolute(weights)}


def _absolute_table(values: dict[str, Any]) -> dict[str, str]:
    """The table that leaves pictures out, wherever the training goes on."""
    return {"without": _absolute(values["without"])} if values.get("without") else {}


# Optimizers that do not divide by the size of the gradient need other rates.
_RATE = {"sgd": 50.0, "momentum": 10.0, "nesterov": 10.0, "adagrad": 10.0}


def rate_for(optimizer: str, adam: float) -> float:
    """A learning rate for an optimizer, from one for Adam.

    >>> rate_for("sgd", 0.001)
    0.05
    """
    return float(f"{adam * _RATE.get(optimizer, 1.0):.6g}")


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Paths as text, NumPy numbers as Python's, lists as tuples."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is no TOML file ({error}); mend that line.") from error


Kind = TypeVar("Kind", bound=TrainSettings)


def read_values(path: Path, kind: type[TrainSettings]) -> dict[str, Any]:
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
    known = known_settings(kind)
    plain = {key: _plain(value) for key, value in values.items()}
    for key, value in plain.items():
        if key not in known:
            raise InputError(f"{path} has the setting {key!r}, which there is not; known: {', '.join(known)}.")
        known[key].check(value, f"{key} in {path}")
    return kind.of_earlier(plain) if plain.keys() >= _WRITTEN else plain


_WRITTEN = {"data", "epochs", "lr", "seed", "device", "precision", "flip", "health"}
"""Settings that a file has that visus wrote, and hardly one of a user."""
