"""How a localiser is trained."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from visus._errors import InputError
from visus.data import BoxSet, load_boxes
from visus.data.crops import crops, single
from visus.runs.detect_settings import check_weights, side_of
from visus.runs.learning import Learning, rate_for

STAGES = 3


@dataclass(frozen=True, kw_only=True)
class LocalizeSettings(Learning):
    """How a localiser is trained, beside what :class:`Learning` says of every training.

    Attributes:
        weights: ``"imagenet"`` for the backbone, ``"none"``, a file, or an earlier run.
        backbone: See :func:`visus.nets.detection.body.cut`.
        side: Of the square that pictures are brought to, in pixels; None for the shorter side of half of them, at most
            224.
        box_weight: Of the box in the loss.
        staged: Whether it learns in three stages of equal length: the classes, then the box, then both; else both from
            the beginning.
        crops: Whether the objects of pictures with several are cut out, each on its own.
    """

    task: ClassVar[str] = "localize"
    ranges: ClassVar[dict[str, tuple[float, float, str]]] = {
        "side": (64, 4096, "a whole number from 64 to 4096"),
        "box_weight": (1e-6, 1e6, "above 0"),
    }

    net: str = "localizer"
    weights: str = "imagenet"
    backbone: str = "efficientnet_lite0"
    side: int | None = None
    box_weight: float = 5.0
    staged: bool = True
    crops: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """What the network's own function is given."""
        return {"backbone": self.backbone, "side": self.side, "box_weight": self.box_weight}


def load(settings: LocalizeSettings, progress: Callable[[int, int], None] | None = None) -> BoxSet:
    """The pictures with one object each that the settings name, in their splits."""
    found = load_boxes(settings.data, seed=settings.seed, val=settings.val, test=settings.test, progress=progress)
    return alone(settings, found)


def alone(settings: LocalizeSettings, dataset: BoxSet) -> BoxSet:
    """Pictures with one object each, cut out where the settings say so."""
    return crops(dataset, seed=settings.seed) if settings.crops else single(dataset)


_DEFAULTS: dict[str, Any] = {"epochs": 18, "patience": 0, "batch_size": 16, "augment": "light"}
_LEARNING_RATE = 5e-4
_SIDE = 224


def resolve(settings: LocalizeSettings, dataset: BoxSet) -> LocalizeSettings:
    """Fill in what suits the network and the pictures.

    Raises:
        InputError: There is no such network, or an option does nothing.
    """
    settings.refuse_idle()
    if settings.net != "localizer":
        raise InputError(f"The network that localizes is localizer, not {settings.net}.")
    check_weights(settings.weights)
    filled: dict[str, Any] = {"side": settings.side or min(_SIDE, side_of(dataset))}
    for name, default in _DEFAULTS.items():
        value = getattr(settings, name)
        filled[name] = default if value is None else value
    if settings.staged and filled["epochs"] % STAGES:
        raise InputError(
            f"Three stages of equal length need at least {STAGES} epochs and a multiple of {STAGES}, not "
            f"{filled['epochs']}; say --joint for another number."
        )
    settings.refuse(
        (settings.staged and filled["patience"] > 0, "patience", "staged, whose stages have fixed lengths"),
        (
            settings.staged and settings.schedule == "plateau",
            "plateau",
            "staged, whose stages have losses of their own",
        ),
    )
    rate = settings.lr or rate_for(settings.optimizer, _LEARNING_RATE)
    return dataclasses.replace(settings, **filled, lr=rate)
