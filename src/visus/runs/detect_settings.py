"""How a detector is trained."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from visus._errors import InputError
from visus.data import BoxSet, load_boxes
from visus.nets.detection import registry
from visus.nets.detection.detector import LONGER_SIDE, SHORTER_SIDE
from visus.nets.detection.fast_rcnn import BOXES_OF_A_STEP, POOLINGS, Pooling
from visus.nets.file import is_trained
from visus.ops import anchors
from visus.ops import proposals as _proposals
from visus.runs.learning import Learning, rate_for

NO_WEIGHTS = "none"


@dataclass(frozen=True, kw_only=True)
class DetectSettings(Learning):
    """How a detector is trained, beside what :class:`Learning` says of every training.

    Attributes:
        weights: ``"imagenet"`` for the backbone (of a network of torchvision for all layers, from COCO), ``"none"``, a
            file, or an earlier run, whose layers are taken as far as they fit.
        backbone: See :func:`visus.nets.detection.body.cut`; None for ``efficientnet_lite0`` where there is a choice.
        pooling: Of ``fast_rcnn`` and ``faster_rcnn``: a name in :data:`visus.nets.detection.fast_rcnn.POOLINGS`.
        width: Of ``mask_rcnn``: channels of the mask branch.
        side: Length of the shorter side that pictures are brought to, in pixels; None for that of half of them, at
            most 600. Of ``rcnn``: side that boxes are warped to; None for 128.
        boxes: Of networks that learn by steps: boxes of each picture that a step sees; None for the papers' 64 with
            VGG16, ZFNet and ResNets, else for 32.
        sizes: Of ``faster_rcnn`` and ``mask_rcnn``: sizes of the anchors, as roots of their areas in pixels of pictures
            brought to ``side``; None for three that suit the objects: of the small ones (the 5th percentile), the
            middle and the large ones (the 95th). The paper's are 128, 256 and 512 at a side of 600.
        proposals: Of ``rcnn`` and ``fast_rcnn``: the mode of selective search.
        most: Of ``rcnn`` and ``fast_rcnn``: proposals for each picture.
    """

    task: ClassVar[str] = "detect"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"pooling": POOLINGS, "proposals": _proposals.MODES}
    ranges: ClassVar[dict[str, tuple[float, float, str]]] = {
        "width": (1, 1024, "a whole number from 1 to 1024"),
        "side": (64, 4096, "a whole number from 64 to 4096"),
        "boxes": (1, 512, "a whole number from 1 to 512"),
        "most": (1, 100_000, "a whole number above 0"),
    }

    net: str = "faster_rcnn"
    weights: str = "imagenet"
    backbone: str | None = None
    pooling: Pooling | None = None
    width: int | None = None
    side: int | None = None
    boxes: int | None = None
    sizes: tuple[int, ...] | None = None
    proposals: Literal["fast", "quality"] = "fast"
    most: int = _proposals.MOST

    @property
    def options(self) -> dict[str, Any]:
        """What the network's own function is given."""
        values = {name: getattr(self, name) for name in ("backbone", "pooling", "width", "side", "boxes", "sizes")}
        return {name: value for name, value in values.items() if value is not None}


def load(settings: DetectSettings, progress: Callable[[int, int], None] | None = None) -> BoxSet:
    """The pictures with boxes that the settings name, in their splits."""
    return load_boxes(settings.data, seed=settings.seed, val=settings.val, test=settings.test, progress=progress)


_DEFAULTS: dict[str, Any] = {"epochs": 20, "patience": 0, "batch_size": 4, "augment": "light"}
_FITTED: dict[str, Any] = {"epochs": 1, "augment": "none"}
_STEPS = (
    "epochs", "augment", "lr", "find_lr", "lr_decay", "batch_size", "patience", "optimizer", "momentum", "weight_decay",
    "schedule", "warmup", "clip_norm", "clip_value", "flip",
)  # fmt: skip
"""Settings of a training by steps, which R-CNN is not."""
_BACKBONE = "efficientnet_lite0"
_LEARNING_RATE = 5e-4
_MASK_WIDTH, _FEW_BOXES = 64, 32  # of a small backbone
_LOOKED_AT = 200  # pictures whose objects are measured
_APART = 1.3  # at least between the sizes of anchors
_LEAST_ANCHOR, _LARGEST_ANCHOR = 8, 8192  # half the stride, and more than any picture
_WARPED = 128  # side of R-CNN's boxes


_SAID = {"sizes": "sizes (--anchors)", "side": "side (--size)"}
"""Options that the command calls otherwise."""


def resolve(settings: DetectSettings, dataset: BoxSet) -> DetectSettings:
    """Fill in what suits the network and the pictures.

    Raises:
        InputError: The network does not take such pictures, or an option does nothing.
    """
    settings.refuse_idle()
    if settings.net == "localizer":
        raise InputError("The localiser is a task of its own: say visus train localize.")
    known = registry.options_of(settings.net)
    strange = [name for name in settings.options if name not in known]
    if strange:
        told = ", ".join(_SAID.get(name, name) for name in sorted(known))
        raise InputError(f"{settings.net} has no option {_SAID.get(strange[0], strange[0])}; it has: {told}.")
    proposes = settings.net not in ("rcnn", "fast_rcnn")
    settings.refuse(
        (proposes and settings.proposals != "fast", "proposals", settings.net),
        (proposes and settings.most != _proposals.MOST, "most", settings.net),
    )
    fitted = settings.net == "rcnn"
    for name in _STEPS if fitted else ():
        default = DetectSettings.__dataclass_fields__[name].default
        settings.refuse(
            (getattr(settings, name) not in (default, _FITTED.get(name)), name, "rcnn, which takes no steps")
        )
    if settings.net.startswith("mask") and not dataset.has_shapes:
        raise InputError(
            f"{settings.net} learns shapes, and not every object in {dataset.root} has one; say --net faster_rcnn, or "
            "bring polygons or run lengths."
        )
    check_weights(settings.weights)
    side = _WARPED if settings.net == "rcnn" else side_of(dataset)
    filled: dict[str, Any] = {"side": settings.side or side}
    backbone = settings.backbone or _BACKBONE
    small = "backbone" in known and backbone.startswith("efficientnet")
    if "backbone" in known:
        filled["backbone"] = backbone
    if "boxes" in known:
        filled["boxes"] = settings.boxes or (_FEW_BOXES if small else BOXES_OF_A_STEP)
    if settings.sizes is not None and not all(0 < size <= _LARGEST_ANCHOR for size in settings.sizes):
        raise InputError(f"Sizes of anchors must be from 1 to {_LARGEST_ANCHOR} pixels, not {list(settings.sizes)}.")
    if "sizes" in known:
        filled["sizes"] = settings.sizes or sizes_of(dataset, filled["side"])
    if "width" in known:
        filled["width"] = settings.width or (_MASK_WIDTH if small else 256)
    if "pooling" in known:
        filled["pooling"] = settings.pooling or "align"
    for name, default in ({**_DEFAULTS, **_FITTED} if fitted else _DEFAULTS).items():
        value = getattr(settings, name)
        filled[name] = default if value is None else value
    rate = settings.lr or rate_for(settings.optimizer, _LEARNING_RATE)
    return dataclasses.replace(settings, **filled, lr=rate)


def sizes_of(dataset: BoxSet, side: int) -> tuple[int, ...]:
    """Sizes of anchors for the objects of the training pictures, brought to a shorter side."""
    train = dataset.splits["train"]
    step = max(1, len(train) // _LOOKED_AT)
    found = []
    for place in range(0, len(train), step):
        own = train.objects[place]
        boxes = own.boxes[~own.crowd]
        if len(boxes):
            short, long = sorted(train.read(place)[0].shape[:2])
            scale = min(side / short, side * LONGER_SIDE / SHORTER_SIDE / long)
            found += (scale * np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(1))).tolist()
    if not found:
        return tuple(round(size * side / SHORTER_SIDE) for size in anchors.SIZES)
    small, middle, large = np.percentile(found, (5, 50, 95)).tolist()
    small, large = min(small, middle / _APART), max(large, middle * _APART)  # three scales, however alike objects are
    return tuple(max(_LEAST_ANCHOR + k, round(size)) for k, size in enumerate((small, middle, large)))


def check_weights(weights: str) -> None:
    """Whether weights can be taken from there.

    Raises:
        InputError: They cannot.
    """
    if weights not in ("imagenet", NO_WEIGHTS) and not is_trained(weights):
        raise InputError(
            f"{weights} is neither 'imagenet' nor 'none', nor a run or a file that visus trained; check the path."
        )


def side_of(dataset: BoxSet) -> int:
    """The shorter side of half of the training pictures, at most that of the papers."""
    train = dataset.splits["train"]
    sides = sorted(min(train.read(place)[0].shape[:2]) for place in range(0, len(train), max(1, len(train) // 10)))
    return max(64, min(SHORTER_SIDE, sides[len(sides) // 2]))
