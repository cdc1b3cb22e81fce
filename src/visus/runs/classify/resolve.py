"""Fill in what the settings of a classifier leave open."""

import dataclasses
from typing import Any, Literal

from visus._errors import InputError
from visus.data import LabelSet
from visus.data import load as load_labels
from visus.nets import registry
from visus.nets import weights as _weights
from visus.nets.file import is_trained
from visus.runs.classify.settings import DEFAULTS, ClassifySettings
from visus.runs.engine.device import resolve_device
from visus.runs.engine.task import Count
from visus.runs.record.settings import rate_for


def load(settings: ClassifySettings, progress: Count | None = None) -> LabelSet:
    """The labeled pictures that the settings name, in their splits.

    Raises:
        InputError: They cannot be used.
    """
    return load_labels(
        settings.data,
        seed=settings.seed,
        val=settings.val,
        test=settings.test,
        multilabel=settings.multilabel,
        allow_bad=settings.allow_bad,
        without=settings.without,
        progress=progress,
    )


def resolve(settings: ClassifySettings, dataset: LabelSet) -> ClassifySettings:
    """Fill in what suits the network, the mode and the pictures.

    Raises:
        InputError: The network does not take pictures of that size, or the mode needs weights that it has not.
        WeightsError: The network is unknown.
    """
    settings = dataclasses.replace(settings, multilabel=dataset.multilabel)
    _refuse_strange_options(settings)
    known = registry.network_of(settings.net)
    alone = not known.has_weights and settings.weights == "imagenet"
    mode = settings.mode or ("scratch" if alone else "finetune")
    if mode != "scratch" and alone:
        raise InputError(
            f"There are no ImageNet weights for {settings.net}; train it with --mode scratch, or give --weights FILE."
        )
    dataclasses.replace(settings, mode=mode).refuse_idle()
    takes = known.takes
    size = settings.size or _size(known, mode, dataset)
    if size < takes.least or (takes.fixed and not known.fitted and size != takes.size):
        wanted = f"of {takes.size} pixels only" if takes.fixed else f"of at least {takes.least} pixels"
        raise InputError(f"{settings.net} takes pictures {wanted}, not {size}; say --size {takes.size}.")
    rate = rate_for(settings.optimizer, DEFAULTS[mode]["lr"])
    filled = {
        **settings.filled({**DEFAULTS[mode], "lr": rate}),
        "mode": mode,
        "size": size,
        "norms": settings.norms or ("kept" if mode == "finetune" else None),
        "preprocess": settings.preprocess or ("zscore" if mode == "scratch" else "weights"),
    }
    if mode == "probe" and filled["augment"] != "none":
        raise InputError("A probe computes features once, so it cannot augment; leave --augment, or use finetune.")
    if mode == "probe" and settings.adversarial:
        raise InputError("A probe computes features once, so no picture can be changed; leave --adversarial.")
    if filled["preprocess"] == "weights" and mode == "scratch":
        raise InputError("There are no weights in --mode scratch to take the preprocessing from; say zscore.")
    return resolve_device(dataclasses.replace(settings, **filled), dense=known.dense)


def options_of(settings: ClassifySettings) -> dict[str, Any]:
    """What the network's own function is given, but for the channels: those of the settings that it takes."""
    takes = registry.options_of(settings.net)
    own = {name: getattr(settings, name) for name in (*_LAYERS, "dropout", "size")}
    return {name: value for name, value in own.items() if name in takes and value is not None}


_LAYERS = ("hidden", "activation", "batch_norm")


def _refuse_strange_options(settings: ClassifySettings) -> None:
    """Options of other networks.

    Raises:
        InputError: There are some.
    """
    takes = registry.options_of(settings.net)
    own = [name for name in (*_LAYERS, "dropout") if name not in takes]
    settings.refuse(*((settings.changed(name), name, settings.net) for name in own))


def _size(known: registry.Network, mode: str, dataset: LabelSet) -> int:
    """Side of the input: what the weights were trained with, or what the pictures have."""
    takes = known.takes
    if mode != "scratch" or (takes.fixed and not known.fitted):
        return takes.size
    return max(takes.least, min(_sides(dataset), known.fitted or takes.size))


def _sides(dataset: LabelSet) -> int:
    """The median of the shorter sides of some training pictures, in pixels."""
    pictures = dataset.splits["train"]
    if pictures.arrays is not None:
        return min(pictures.arrays.shape[1:3])
    places = range(0, len(pictures), max(1, len(pictures) // 20))
    sides = sorted(min(pictures.read(place).shape[:2]) for place in places)
    return sides[len(sides) // 2]


def geometry(settings: ClassifySettings) -> tuple[int, int, Literal["bicubic", "bilinear"]]:
    """Side of the input, length of the shorter side before the cut, and interpolation.

    Weights come with a margin around the middle that is cut out; it is kept in proportion at other sizes.
    """
    assert settings.size is not None
    if settings.preprocess != "weights" or is_trained(settings.weights):
        return settings.size, settings.size, "bilinear"
    known = _weights.preprocessing(settings.net)
    return settings.size, round(settings.size * known.resize / known.size), known.interpolation


def indivisible(settings: ClassifySettings) -> str:
    """Why several processes cannot train together, one clause; empty where they can."""
    if settings.mode == "probe":
        return "A probe trains one layer on features that are computed once, in one process"
    return "Average precision is measured over all pictures at once, in one process" if settings.multilabel else ""
