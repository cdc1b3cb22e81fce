"""Load what a segmenter is trained on, and fill in what its settings leave open."""

import dataclasses
import math
from typing import Any

from visus._errors import InputError
from visus.data import MaskSet, load_masks
from visus.nets import segmentation, trained
from visus.nets.file import is_trained, open_saved
from visus.nets.segmentation import Segmenter
from visus.nets.segmentation.pyramid import Pyramid
from visus.runs.engine.device import multiply_adds_per_second, resolve_device
from visus.runs.engine.task import Count
from visus.runs.record.settings import rate_for
from visus.runs.segment.fitting import blueprint, covering, fitting_width, sides_of, windows_of, with_net
from visus.runs.segment.settings import AUTO, DEFAULTS, NO_WEIGHTS, OPTIONS, SegmentSettings
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
        without=settings.without,
        progress=progress,
    )


_LARGEST = 4096  # side of a window
_FEW_STEPS = 100  # of a whole training, in which the statistics of steps do not settle


def resolve(settings: SegmentSettings, dataset: MaskSet) -> SegmentSettings:
    """Fill in what suits the network and the pictures.

    Raises:
        InputError: The network does not take such pictures or windows, or an option does nothing.
    """
    chosen, settings = settings.net == AUTO, with_net(settings, dataset)
    known = segmentation.registry.options_of(settings.net)
    strange = [name for name in settings.options if name not in known]
    if strange:
        takes = ", ".join(sorted(known & set(OPTIONS))) or "none"
        raise InputError(f"{settings.net} has no option {strange[0]}; it has: {takes}.")
    pixel_losses.parse(settings.loss)
    weights = _weights(settings)
    dataclasses.replace(settings, weights=weights).refuse_idle()
    if weights not in ("imagenet", NO_WEIGHTS):
        settings = _inherited(settings)
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
    sides = sides_of(dataset)
    filled |= {"window": _window(settings, net, sides, default["window"]), "weights": weights}
    row = isinstance(getattr(net, "backbone", None), Pyramid)
    settings.refuse((settings.lower is not None and not row, "lower", f"a backbone of {settings.net} as this one"))
    filled["lower"] = settings.lower or ("learn" if row and weights != NO_WEIGHTS else None)
    filled["windows"] = settings.windows or 1
    if weights == NO_WEIGHTS:
        cover = covering(net, filled["window"], sides)
        filled |= _of_scratch(settings, filled, cover, len(dataset.splits["train"]))
    steps = filled["epochs"] * math.ceil(len(dataset.splits["train"]) * filled["windows"] / filled["batch_size"])
    filled["norms"] = settings.norms or (None if weights == NO_WEIGHTS else "kept" if steps < _FEW_STEPS else "batch")
    if "backbone" in known:
        filled["backbone"] = settings.backbone or "vgg16"
    if "round_up" in known and settings.round_up is None:
        filled["round_up"] = True
    if net.needs_pairs and min(filled["batch_size"], len(dataset.splits["train"])) < 2:
        raise InputError(f"{settings.net} needs at least two pictures in a step; say --batch-size 2, or bring more.")
    found = resolve_device(dataclasses.replace(settings, **filled), dense=net.dense)
    if not chosen or "width" not in known or found.width is not None:
        return found
    width = fitting_width(found, dataset, sides, multiply_adds_per_second(found.device))
    return dataclasses.replace(found, width=width)


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


def _window(settings: SegmentSettings, net: Segmenter, sides: tuple[int, ...], usual: int) -> tuple[int, ...]:
    """The size that is asked for, or one that suits network and pictures: the usual side, if they are as large.

    Raises:
        InputError: The network does not take it.
    """
    wanted = settings.window
    if wanted is None:
        return tuple(net.fit_side(min(side, usual) + 2 * net.margin) for side in sides)
    window = wanted * net.axes if len(wanted) == 1 else wanted
    if len(window) != net.axes:
        raise InputError(f"A window of {settings.net} has {net.axes} sides, not {len(window)}; say --size 256.")
    if max(window) > _LARGEST:
        raise InputError(f"A window has sides up to {_LARGEST}, not {max(window)}; say a smaller --size.")
    net.check(window)
    return tuple(window)


def _of_scratch(settings: SegmentSettings, filled: dict[str, Any], cover: int, pictures: int) -> dict[str, Any]:
    """What suits a network whose weights are random: normalized, and an epoch that sees all of each picture."""
    known = segmentation.registry.options_of(settings.net)
    own: dict[str, Any] = {"batch_norm": settings.batch_norm is not False} if "batch_norm" in known else {}
    own["windows"] = settings.windows or windows_of(cover, pictures, filled["batch_size"])
    return own


def _inherited(settings: SegmentSettings) -> SegmentSettings:
    """With the options of the earlier run that it goes on from, where it is of the same network."""
    about = trained.read_about(open_saved(str(settings.weights)), "segmenter")
    if about.net != settings.net:
        return settings
    own = {name: about.options[name] for name in OPTIONS if name in about.options}
    return dataclasses.replace(settings, **{**own, **settings.options})


def indivisible(settings: SegmentSettings) -> str:
    """Why several processes cannot train together: they can."""
    return ""
