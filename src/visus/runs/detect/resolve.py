"""Load what a detector is trained on, and fill in what its settings leave open."""

import dataclasses
from typing import Any

import numpy as np

from visus._errors import InputError
from visus.data import BoxSet, load_boxes
from visus.nets import registry as classifiers
from visus.nets.detection import registry
from visus.nets.detection.detector import LONGER_SIDE, SHORTER_SIDE
from visus.nets.detection.fast_rcnn import BOXES_OF_A_STEP
from visus.nets.detection.fpn import FasterRCNNPyramid
from visus.nets.file import is_trained
from visus.ops import anchors
from visus.runs.detect.settings import DEFAULTS, MOST, NO_WEIGHTS, DetectSettings
from visus.runs.engine.device import resolve_device
from visus.runs.engine.task import Count
from visus.runs.record.fields import known_settings
from visus.runs.record.settings import rate_for


def load(settings: DetectSettings, progress: Count | None = None) -> BoxSet:
    """The pictures with boxes that the settings name, in their splits.

    Raises:
        InputError: They cannot be used.
    """
    return load_boxes(
        settings.data,
        seed=settings.seed,
        val=settings.val,
        test=settings.test,
        first_pixel=settings.first_pixel,
        unlabeled=settings.unlabeled,
        allow_bad=settings.allow_bad,
        without=settings.without,
        progress=progress,
    )


_FITTED: dict[str, Any] = {"epochs": 1, "augment": "none"}
_STEPS = (
    "epochs", "minutes", "augment", "lr", "find_lr", "lr_decay", "norms", "batch_size", "patience", "optimizer",
    "momentum", "rho", "betas", "bias_correction", "weight_decay", "schedule", "warmup", "clip_norm", "clip_value",
    "flip",
)  # fmt: skip
"""Settings of a training by steps, which R-CNN is not."""
_BACKBONE = "efficientnet_lite0"
_MASK_WIDTH, _FEW_BOXES = 64, 32  # of a small backbone
_PYRAMID_WIDTH, _PYRAMID_BOXES = 128, 128  # two layers see a box of a pyramid, and not half of the backbone
_ENLARGED = 320  # small pictures, for a pyramid
_LOOKED_AT = 200  # pictures whose objects are measured
_PASTED = 0.5  # of the pictures
_APART = 1.3  # at least between the sizes of anchors
_LEAST_ANCHOR, _LARGEST_ANCHOR = 8, 8192  # half the stride, and more than any picture
_WARPED = 128  # side of R-CNN's boxes


def resolve(settings: DetectSettings, dataset: BoxSet) -> DetectSettings:
    """Fill in what suits the network and the pictures.

    Raises:
        InputError: The network does not take such pictures, or an option does nothing.
    """
    settings.refuse_idle()
    if settings.net == "localizer":
        raise InputError("The localizer is a task of its own: say visus train localize.")
    known = registry.options_of(settings.net)
    strange = [name for name in settings.options if name not in known]
    if strange:
        told = ", ".join(_said(name) for name in sorted(known))
        raise InputError(f"{settings.net} has no option {_said(strange[0])}; it has: {told}.")
    net = registry.NETS[settings.net]
    proposes, fitted = not net.needs_proposals, not net.takes_steps
    settings.refuse(
        (proposes and settings.proposals != "fast", "proposals", settings.net),
        (proposes and settings.most != MOST, "most", settings.net),
    )
    for name in _STEPS if fitted else ():
        default = DetectSettings.__dataclass_fields__[name].default
        settings.refuse(
            (getattr(settings, name) not in (default, _FITTED.get(name)), name, f"{settings.net}, which takes no steps")
        )
    if net.has_masks and not dataset.has_shapes:
        raise InputError(
            f"{settings.net} learns shapes, and not every object in {dataset.root} has one; say "
            "--net faster_rcnn_fpn, or bring polygons or run lengths."
        )
    check_weights(settings.weights)
    default = {**DEFAULTS, "lr": rate_for(settings.optimizer, DEFAULTS["lr"])}
    filled = settings.filled({**default, **_FITTED} if fitted else default)
    new = fitted or settings.weights == NO_WEIGHTS
    settings.refuse((not proposes and bool(settings.copy_paste), "copy_paste", settings.net))
    filled["norms"] = settings.norms or (None if new else "kept")
    settings.refuse((not net.has_body and settings.lower is not None, "lower", settings.net))
    filled["lower"] = settings.lower or (None if new or not net.has_body else "kept")
    pyramid = issubclass(net, FasterRCNNPyramid)
    filled["copy_paste"] = _copy_paste(settings, dataset, usual=pyramid and filled["augment"] == "strong")
    filled["side"] = settings.side or (_WARPED if fitted else side_of(dataset, enlarge=pyramid))
    backbone = settings.backbone or _BACKBONE
    small = "backbone" in known and backbone.startswith("efficientnet")
    if "backbone" in known:
        filled["backbone"] = backbone
    if "boxes" in known:
        filled["boxes"] = settings.boxes or (_PYRAMID_BOXES if pyramid else _FEW_BOXES if small else BOXES_OF_A_STEP)
    if settings.sizes is not None and not all(0 < size <= _LARGEST_ANCHOR for size in settings.sizes):
        raise InputError(f"Sizes of anchors must be from 1 to {_LARGEST_ANCHOR} pixels, not {list(settings.sizes)}.")
    if "sizes" in known:
        filled["sizes"] = settings.sizes or sizes_of(dataset, filled["side"])
    if "width" in known:
        narrow = _PYRAMID_WIDTH if pyramid else _MASK_WIDTH
        filled["width"] = settings.width or (narrow if small else 256)
    if "pooling" in known:
        filled["pooling"] = settings.pooling or "align"
    dense = "backbone" in known and classifiers.network_of(backbone).dense
    return resolve_device(dataclasses.replace(settings, **filled), dense=dense)


def _copy_paste(settings: DetectSettings, dataset: BoxSet, *, usual: bool) -> float:
    """The share of pictures into which objects of others are pasted.

    Raises:
        InputError: There are no shapes to cut them out by.
    """
    if settings.copy_paste is None:
        return _PASTED if usual and dataset.has_shapes else 0.0
    if settings.copy_paste > 0 and not dataset.has_shapes:
        raise InputError(
            f"copy_paste cuts objects out along their shapes, and not every object in {dataset.root} has one; leave "
            "the option out, or add polygons or run-length masks for all objects."
        )
    return settings.copy_paste


def _said(name: str) -> str:
    """An option as it is called here and by the command, where the two differ."""
    known = known_settings(DetectSettings).get(name)
    return f"{name} ({known.about.option})" if known and known.about.option else name


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


def side_of(dataset: BoxSet, *, enlarge: bool = False) -> int:
    """The shorter side of half of the training pictures, at most that of the papers.

    Args:
        dataset: Pictures with objects.
        enlarge: Whether small pictures are brought to twice their side, at most to 320 pixels: boxes become tighter.
    """
    train = dataset.splits["train"]
    sides = sorted(min(train.read(place)[0].shape[:2]) for place in range(0, len(train), max(1, len(train) // 10)))
    middle = sides[len(sides) // 2]
    larger = min(2 * middle, _ENLARGED) if enlarge else middle
    return max(64, min(SHORTER_SIDE, max(middle, larger)))


def indivisible(settings: DetectSettings) -> str:
    """Why several processes cannot train together, one clause; empty where they can."""
    steps = registry.NETS[settings.net].takes_steps
    return "" if steps else f"{settings.net} takes no steps that processes could take together"
