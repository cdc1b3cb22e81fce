"""Measure a trained localizer on pictures with one object each."""

import os
from dataclasses import dataclass
from typing import Any

from visus.data import BoxSet, load_boxes_whole
from visus.data.crops import single
from visus.nets import trained
from visus.nets.detection.trained import Trained
from visus.nets.file import Saved, of_task, open_saved
from visus.runs.detect.evaluate import BoxEvaluation, evaluate_on, labeled_as
from visus.runs.engine.measuring import data_of
from visus.runs.engine.task import Count
from visus.runs.localize.resolve import alone, load
from visus.runs.localize.settings import LocalizeSettings
from visus.runs.record.folder import settings_beside
from visus.tasks import box_metrics, wilson
from visus.tasks.bootstrap import Interval, drawn, interval, said
from visus.tasks.box_metrics import Localization


@dataclass(frozen=True, slots=True, repr=False)
class LocalEvaluation(BoxEvaluation):
    """How well a localizer names and frames the one object of each picture."""

    @property
    def localization(self) -> Localization:
        """Right classes, right boxes, and both."""
        return box_metrics.localization(self.pictures.objects, self.answers)

    def intervals(self) -> dict[str, Interval]:
        """How sure the measures are: shares of pictures by Wilson, the others from the bootstrap over pictures."""
        own, count = self.localization, len(self.pictures)
        found = {**BoxEvaluation.intervals(self)}
        found |= {"accuracy": wilson.interval(own.accuracy, count), "localised": wilson.interval(own.localized, count)}
        ends = interval(drawn(count) @ own.ious / count) if count > 1 else None
        return {**found, "mean_iou": ends} if ends else found

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        own = self.localization
        values = {"accuracy": own.accuracy, "mean_iou": own.mean_iou, "localised": own.localized}
        return {**BoxEvaluation.to_dict(self), **values}

    def describe(self) -> str:
        """The measures for people."""
        own = self.localization
        first = (
            f"localized {own.localized:.2%} (class right, box by an IoU of 0.5), class {own.accuracy:.2%}, "
            f"mean IoU {own.mean_iou:.2%}"
        )
        sure = self.intervals()
        named = {"localized": sure["localised"], "class": sure["accuracy"]}
        named |= {"mean IoU": sure["mean_iou"]} if "mean_iou" in sure else {}
        return f"{first}\n{said(named)}\n{BoxEvaluation.describe(self)}"


def evaluate(
    run: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    *,
    split: str | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: Count | None = None,
) -> LocalEvaluation:
    """Measure the best network of a run, and write tables and pictures.

    Args:
        run: The run's folder, or a file of a trained localizer.
        data: Pictures with boxes, of which those with one object are taken, or cut out as for the training; None for
            those that the run was trained on.
        split: Which split; None for ``test``, else ``val``, else all pictures.
        out: As for :func:`visus.runs.detect.evaluate.evaluate`.
        progress: Told how many pictures are done, of how many.

    Raises:
        InputError: The data cannot be used, or has other classes than the run.
        RunError: There is no trained localizer.
    """
    saved, network, dataset = opened(run, data)
    return evaluate_on(saved, network, dataset, split, out=out, progress=progress, kind=LocalEvaluation)


def opened(run: str | os.PathLike[str], data: str | os.PathLike[str] | None = None) -> tuple[Saved, Trained, BoxSet]:
    """A trained localizer, and what it is measured on; see :func:`evaluate`.

    Raises:
        InputError: The data cannot be used, or has a class that the network does not know.
        RunError: There is no trained localizer.
    """
    saved = of_task(open_saved(run), "localize")
    network = trained.read(saved, "detector")
    settings = settings_beside(saved.place, LocalizeSettings)

    def whole(place: str | os.PathLike[str]) -> BoxSet:
        found = load_boxes_whole(place, first_pixel=settings.first_pixel if settings else None)
        return single(found) if settings is None else alone(settings, found)

    return saved, network, labeled_as(network, data_of(saved, settings, data, load=load, whole=whole))
