"""Load what a localizer is trained on, and fill in what its settings leave open."""

import dataclasses

from visus._errors import InputError
from visus.data import BoxSet, load_boxes
from visus.data.crops import crops, single
from visus.nets import registry
from visus.runs.detect.resolve import check_weights, side_of
from visus.runs.detect.settings import NO_WEIGHTS
from visus.runs.engine.device import resolve_device
from visus.runs.engine.task import Count
from visus.runs.localize.settings import DEFAULTS, STAGES, LocalizeSettings
from visus.runs.record.settings import rate_for


def load(settings: LocalizeSettings, progress: Count | None = None) -> BoxSet:
    """The pictures with one object each that the settings name, in their splits.

    Raises:
        InputError: They cannot be used.
    """
    found = load_boxes(
        settings.data,
        seed=settings.seed,
        val=settings.val,
        test=settings.test,
        first_pixel=settings.first_pixel,
        allow_bad=settings.allow_bad,
        without=settings.without,
        progress=progress,
    )
    return alone(settings, found)


def alone(settings: LocalizeSettings, dataset: BoxSet) -> BoxSet:
    """Pictures with one object each, cut out where the settings say so."""
    return crops(dataset, seed=settings.seed) if settings.crops else single(dataset)


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
    filled = settings.filled({**DEFAULTS, "lr": rate_for(settings.optimizer, DEFAULTS["lr"])})
    filled["side"] = settings.side or min(_SIDE, side_of(dataset))
    filled["norms"] = settings.norms or (None if settings.weights == NO_WEIGHTS else "kept")
    if settings.staged and filled["epochs"] % STAGES:
        raise InputError(
            f"Three stages of equal length need at least {STAGES} epochs and a multiple of {STAGES}, not "
            f"{filled['epochs']}; say --joint for another number."
        )
    dense = registry.network_of(settings.backbone).dense
    return resolve_device(dataclasses.replace(settings, **filled), dense=dense)


def indivisible(settings: LocalizeSettings) -> str:
    """Why several processes cannot train together: they can."""
    return ""
