"""Load what a segmenter is trained on, and fill in what its settings leave open."""

import dataclasses

import torch

from visus._errors import InputError
from visus.data import MaskSet, load_masks
from visus.nets import segmentation
from visus.nets.file import is_trained
from visus.nets.segmentation import Segmenter
from visus.runs.engine.device import resolve_device
from visus.runs.engine.task import Count
from visus.runs.record.settings import rate_for
from visus.runs.segment.settings import DEFAULTS, NO_WEIGHTS, OPTIONS, SegmentSettings
from visus.tasks import pixel_losses


def load(settings: SegmentSettings, progress: Count | None = None) -> MaskSet:
    """The pictures with masks that the settings name, in their splits.

    Raises:
        InputError: They cannot be used.
    """
    return load_masks(
        settings.data,
        ignore=settings.ignore,
        seed=settings.seed,
        val=settings.val,
        test=settings.test,
        binary=settings.binary,
        unlabeled=settings.unlabeled,
        spacing=settings.spacing,
        allow_bad=settings.allow_bad,
        progress=progress,
    )


_LARGEST = 4096  # side of a window


def resolve(settings: SegmentSettings, dataset: MaskSet) -> SegmentSettings:
    """Fill in what suits the network and the pictures.

    Raises:
        InputError: The network does not take such pictures or windows, or an option does nothing.
    """
    settings.refuse_idle()
    known = segmentation.registry.options_of(settings.net)
    strange = [name for name in settings.options if name not in known]
    if strange:
        takes = ", ".join(sorted(known & set(OPTIONS))) or "none"
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
    default = DEFAULTS["volumes" if net.axes == 3 else "pictures"]
    filled = settings.filled({**default, "lr": rate_for(settings.optimizer, default["lr"])})
    filled |= {"window": _window(settings, dataset, net, default["window"]), "weights": _weights(settings)}
    if "backbone" in known:
        filled["backbone"] = settings.backbone or "vgg16"
    if "round_up" in known and settings.round_up is None:
        filled["round_up"] = True
    if net.needs_pairs and min(filled["batch_size"], len(dataset.splits["train"])) < 2:
        raise InputError(f"{settings.net} needs at least two pictures in a step; say --batch-size 2, or bring more.")
    return resolve_device(dataclasses.replace(settings, **filled), dense=net.dense)


def channels_of(settings: SegmentSettings, dataset: MaskSet) -> dict[str, int]:
    """The option ``channels``, where the network has it: 1 for volumes and gray pictures."""
    if "channels" not in segmentation.registry.options_of(settings.net):
        return {}
    of_colors = settings.weights == "imagenet" or (
        settings.weights is None and segmentation.registry.has_weights(settings.net)
    )
    return {"channels": 1 if (dataset.axes == 3 or dataset.gray) and not of_colors else 3}


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


def _window(settings: SegmentSettings, dataset: MaskSet, net: Segmenter, usual: int) -> tuple[int, ...]:
    """The size that is asked for, or one that suits network and pictures: the usual side, if they are as large.

    Raises:
        InputError: The network does not take it.
    """
    wanted = settings.window
    if wanted is None:
        train = dataset.splits["train"]
        places = range(0, len(train), max(1, len(train) // 10))
        shapes = [train.read(place)[1].shape for place in places]
        sides = [sorted(shape[axis] for shape in shapes)[len(shapes) // 2] for axis in range(net.axes)]
        return tuple(net.fit_side(min(side, usual) + 2 * net.margin) for side in sides)
    window = wanted * net.axes if len(wanted) == 1 else wanted
    if len(window) != net.axes:
        raise InputError(f"A window of {settings.net} has {net.axes} sides, not {len(window)}; say --size 256.")
    if max(window) > _LARGEST:
        raise InputError(f"A window has sides up to {_LARGEST}, not {max(window)}; say a smaller --size.")
    net.check(window)
    return tuple(window)


def indivisible(settings: SegmentSettings) -> str:
    """Why several processes cannot train together: they can."""
    return ""
