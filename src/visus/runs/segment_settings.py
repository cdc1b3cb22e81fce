"""How a segmenter is trained."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import torch

from visus._errors import InputError
from visus.data import MaskSet, load_masks
from visus.nets import segmentation
from visus.nets.file import is_trained
from visus.nets.segmentation import Segmenter
from visus.runs.learning import Learning, rate_for
from visus.tasks import pixel_losses

ClassWeights = Literal["none", "median_frequency"]
NO_WEIGHTS = "none"


@dataclass(frozen=True, kw_only=True)
class SegmentSettings(Learning):
    """How a segmenter is trained, beside what :class:`Learning` says of every training.

    Attributes:
        weights: ``"imagenet"`` for the backbone, ``"none"``, a file, or an earlier run, whose layers are taken as far
            as they fit; None for ``"imagenet"`` where the network can have such weights.
        backbone: Of ``fcn32s``, ``fcn16s``, ``fcn8s`` and ``deeplab``; None for VGG16.
        head: Of ``deeplab``: ``"large_fov"`` or ``"aspp"``.
        padded: Of ``unet``: whether its convolutions keep the size.
        width: Of ``unet`` and ``vnet``: channels of the first level.
        batch_norm: Of ``segnet``, ``deconvnet`` and ``vnet``.
        window: Spatial size of the windows that the network sees while it learns.
        ignore: Classes, by name or by value, that do not count.
        loss: Names in :data:`visus.tasks.pixel_losses.PIXEL_LOSSES`, joined by ``+``.
        class_weights: ``"median_frequency"`` lets rare classes count more.
        border: Weight of positions between touching regions (U-Net); 0 for none.
        elastic: Standard deviation in pixels of random displacements; 0 for none.
    """

    task: ClassVar[str] = "segment"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "class_weights": get_args(ClassWeights),
        "head": ("large_fov", "aspp"),
    }
    ranges: ClassVar[dict[str, tuple[float, float, str]]] = {
        "width": (1, 1024, "a whole number from 1 to 1024"),
        **dict.fromkeys(("border", "elastic"), (0, 1e6, "at least 0")),
    }

    net: str = "fcn8s"
    weights: str | None = None
    backbone: str | None = None
    head: str | None = None
    padded: bool | None = None
    width: int | None = None
    batch_norm: bool | None = None
    window: tuple[int, ...] | None = None
    ignore: tuple[str, ...] = ()
    loss: str = "cross_entropy"
    class_weights: ClassWeights = "none"
    border: float = 0.0
    elastic: float = 0.0

    @property
    def options(self) -> dict[str, Any]:
        """What the network's own function is given, but for the channels."""
        values = {name: getattr(self, name) for name in _OPTIONS}
        return {name: value for name, value in values.items() if value is not None}


def load(settings: SegmentSettings, progress: Callable[[int, int], None] | None = None) -> MaskSet:
    """The pictures with masks that the settings name, in their splits."""
    return load_masks(
        settings.data,
        ignore=settings.ignore,
        seed=settings.seed,
        val=settings.val,
        test=settings.test,
        progress=progress,
    )


_OPTIONS = ("backbone", "head", "padded", "width", "batch_norm")
_DEFAULTS: dict[int, dict[str, Any]] = {
    2: {"epochs": 30, "patience": 0, "batch_size": 8, "augment": "light"},
    3: {"epochs": 30, "patience": 0, "batch_size": 2, "augment": "light"},
}
_SIDE = {2: 256, 3: 64}  # of a window, where pictures are as large
_LEARNING_RATE = 1e-3
_LARGEST = 4096  # side of a window
_POOL_ALL = ("deconvnet", "deeplabv3_resnet50", "deeplabv3_mobilenet_v3_large")
"""Networks that normalise a map of one position over the batch."""


def resolve(settings: SegmentSettings, dataset: MaskSet) -> SegmentSettings:
    """Fill in what suits the network and the pictures.

    Raises:
        InputError: The network does not take such pictures or windows, or an option does nothing.
    """
    settings.refuse_idle()
    known = segmentation.registry.options_of(settings.net)
    strange = [name for name in settings.options if name not in known]
    if strange:
        takes = ", ".join(sorted(known & set(_OPTIONS))) or "none"
        raise InputError(f"{settings.net} has no option {strange[0]}; it has: {takes}.")
    losses = pixel_losses.parse(settings.loss)
    only_dice = losses == ("dice",)
    settings.refuse(
        (only_dice and settings.class_weights != "none", "class_weights", "the loss dice"),
        (only_dice and settings.border > 0, "border", "the loss dice"),
    )
    net = blueprint(settings, dataset)
    if net.axes != dataset.axes:
        kinds = {2: "pictures", 3: "volumes"}
        proposal = "vnet" if dataset.axes == 3 else "fcn8s"
        raise InputError(
            f"{settings.net} takes {kinds[net.axes]}, and {dataset.root} holds {kinds[dataset.axes]}; "
            f"say --net {proposal}."
        )
    filled: dict[str, Any] = {"window": _window(settings, dataset, net), "weights": _weights(settings)}
    for name, default in _DEFAULTS[net.axes].items():
        value = getattr(settings, name)
        filled[name] = default if value is None else value
    if "backbone" in known:
        filled["backbone"] = settings.backbone or "vgg16"
    if settings.net in _POOL_ALL and min(filled["batch_size"], len(dataset.splits["train"])) < 2:
        raise InputError(f"{settings.net} needs at least two pictures in a step; say --batch-size 2, or bring more.")
    rate = settings.lr or rate_for(settings.optimizer, _LEARNING_RATE)
    return dataclasses.replace(settings, **filled, lr=rate)


def channels_of(settings: SegmentSettings, dataset: MaskSet) -> dict[str, int]:
    """The option ``channels``, where the network has it: 1 for volumes and grey pictures."""
    if "channels" not in segmentation.registry.options_of(settings.net):
        return {}
    of_colors = settings.weights == "imagenet" or (
        settings.weights is None and segmentation.registry.has_weights(settings.net)
    )
    return {"channels": 1 if (dataset.axes == 3 or dataset.grey) and not of_colors else 3}


def blueprint(settings: SegmentSettings, dataset: MaskSet) -> Segmenter:
    """The network without numbers in its weights."""
    options = {**settings.options, **channels_of(settings, dataset)}
    with torch.device("meta"):
        return segmentation.create(settings.net, classes=len(dataset.classes), **options)


def _weights(settings: SegmentSettings) -> str:
    """Where the first weights come from."""
    if settings.weights is None:
        return "imagenet" if segmentation.registry.has_weights(settings.net) else NO_WEIGHTS
    if settings.weights not in ("imagenet", NO_WEIGHTS) and not is_trained(settings.weights):
        raise InputError(
            f"{settings.weights} is neither 'imagenet' nor 'none', nor a run or a file that visus trained; check the "
            "path."
        )
    return settings.weights


def _window(settings: SegmentSettings, dataset: MaskSet, net: Segmenter) -> tuple[int, ...]:
    """The size that is asked for, or one that suits network and pictures.

    Raises:
        InputError: The network does not take it.
    """
    wanted = settings.window
    if wanted is None:
        train = dataset.splits["train"]
        places = range(0, len(train), max(1, len(train) // 10))
        shapes = [train.read(place)[1].shape for place in places]
        sides = [sorted(shape[axis] for shape in shapes)[len(shapes) // 2] for axis in range(net.axes)]
        return tuple(net.fit_side(min(side, _SIDE[net.axes]) + 2 * net.margin) for side in sides)
    window = wanted * net.axes if len(wanted) == 1 else wanted
    if len(window) != net.axes:
        raise InputError(f"A window of {settings.net} has {net.axes} sides, not {len(window)}; say --size 256.")
    if max(window) > _LARGEST:
        raise InputError(f"A window has sides up to {_LARGEST}, not {max(window)}; say a smaller --size.")
    net.check(window)
    return tuple(window)
