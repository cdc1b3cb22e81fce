"""Measure a trained segmenter on pictures or volumes with masks."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data import MaskSet, load_masks_whole
from visus.data.masks import IGNORE, Masked
from visus.images import draw, write
from visus.images.plots import picture_of
from visus.images.result import Result
from visus.nets import trained
from visus.nets.file import Saved, open_saved
from visus.nets.segmentation.trained import Trained
from visus.ops import crf
from visus.runs.engine import plots
from visus.runs.engine.measuring import data_of, plain, remarks_on, split_of
from visus.runs.engine.task import Count
from visus.runs.record.folder import make_folder, settings_beside, write_json
from visus.runs.segment.predict import SegmentPredictor
from visus.runs.segment.prediction import MaskPredictor, as_bytes
from visus.runs.segment.resolve import load
from visus.runs.segment.settings import SegmentSettings
from visus.tasks import pixel_metrics
from visus.tasks.bootstrap import Interval, interval, mean_of, said

_SHOWN = 6


@dataclass(frozen=True, repr=False)
class MaskEvaluation(Result):
    """How well a segmenter answers.

    Attributes:
        split: What it was measured on.
        classes: Names of the classes.
        confusion: ``(C, C)`` counts of positions: true classes in rows, answers in columns.
        each: Mean IoU of each picture, NaN where nothing counts.
        counts: ``(N, 3, C)``, right, true and answered positions of each picture and class.
        pictures: The pictures.
        masks: The answers to those that are shown, by position.
        palette: ``(C, 3)`` uint8.
        remarks: What a reader of the figures should know, each one sentence.
    """

    split: str
    classes: tuple[str, ...]
    confusion: NDArray[np.int64]
    each: NDArray[np.float64]
    counts: NDArray[np.int64]
    pictures: Masked
    masks: dict[int, NDArray[np.uint8]]
    palette: NDArray[np.uint8]
    remarks: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"MaskEvaluation({self.split!r}, {len(self.pictures)} pictures, mean IoU {self.mean_iou:.2%})"

    @property
    def pixel_accuracy(self) -> float:
        """Share of the positions that are right."""
        return pixel_metrics.pixel_accuracy(self.confusion)

    @property
    def mean_accuracy(self) -> float:
        """Mean over the classes of the share that is right."""
        return pixel_metrics.mean(pixel_metrics.accuracies(self.confusion))

    @property
    def ious(self) -> NDArray[np.float64]:
        """``(C,)`` float64, NaN for a class that is nowhere."""
        return pixel_metrics.ious(self.confusion)

    @property
    def mean_iou(self) -> float:
        """Mean over the classes that are in truth or answers."""
        return pixel_metrics.mean(self.ious)

    @property
    def frequency_weighted_iou(self) -> float:
        """IoU, each class weighed by its positions."""
        return pixel_metrics.frequency_weighted_iou(self.confusion)

    @property
    def dices(self) -> NDArray[np.float64]:
        """``(C,)`` float64, NaN for a class that is nowhere."""
        return pixel_metrics.dices(self.confusion)

    def intervals(self) -> dict[str, Interval]:
        """How sure the measures are: 95 % intervals by name, from the bootstrap over pictures; none of one picture."""
        found = self._resampled
        if found is None:
            return {}
        values = {
            "pixel_accuracy": found.pixel_accuracy,
            "mean_accuracy": mean_of(found.accuracies),
            "mean_iou": mean_of(found.ious),
            "mean_dice": mean_of(found.dices),
        }
        return {name: ends for name, own in values.items() if (ends := interval(own))}

    @cached_property
    def _resampled(self) -> pixel_metrics.Resampled | None:
        """The measures of pictures that were drawn anew; None of one picture alone."""
        return pixel_metrics.resampled(self.counts) if len(self.counts) > 1 else None

    def drawn(self) -> NDArray[np.uint8] | None:
        """The confusion matrix in percent of each true class, ``(H, W, 3)`` uint8."""
        title = f"{self.split}, % of the true class"
        return picture_of(plots.confusion_figure(self.shares(), self.classes, title=title))

    def shares(self) -> NDArray[np.int64]:
        """The confusion matrix ``(C, C)`` int64 in percent of each true class."""
        rows = self.confusion.sum(1, keepdims=True)
        return np.rint(100 * self.confusion / np.maximum(rows, 1)).astype(np.int64)

    def rows(self) -> list[dict[str, Any]]:
        """One row a class: IoU, Dice and accuracy, the first two with their intervals; NaN becomes None."""
        found = self._resampled
        accuracies = pixel_metrics.accuracies(self.confusion)
        return [
            {
                "class": name,
                "iou": plain(self.ious[k]),
                "dice": plain(self.dices[k]),
                "accuracy": plain(accuracies[k]),
                "iou_interval": interval(found.ious[:, k]) if found else None,
                "dice_interval": interval(found.dices[:, k]) if found else None,
            }
            for k, name in enumerate(self.classes)
        ]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON; NaN becomes None."""
        return {
            "split": self.split,
            "pictures": len(self.pictures),
            "pixel_accuracy": self.pixel_accuracy,
            "mean_accuracy": self.mean_accuracy,
            "mean_iou": self.mean_iou,
            "frequency_weighted_iou": self.frequency_weighted_iou,
            "mean_dice": pixel_metrics.mean(self.dices),
            "intervals": self.intervals(),
            "classes": self.rows(),
            "confusion": self.confusion.tolist(),
            "remarks": self.remarks,
        }

    def describe(self) -> str:
        """The measures for people."""
        width = max(len(name) for name in (*self.classes, "class"))
        lines = [
            f"{len(self.pictures):,} of {self.split}: mean IoU {self.mean_iou:.2%}, pixel accuracy "
            f"{self.pixel_accuracy:.2%}, mean accuracy {self.mean_accuracy:.2%}, frequency-weighted IoU "
            f"{self.frequency_weighted_iou:.2%}, mean Dice {pixel_metrics.mean(self.dices):.4f}",
            f"{'class':{width}}  {'share':>7}  {'IoU':>7}  {'Dice':>7}  {'accuracy':>8}",
        ]
        there = self.confusion.sum(1) / max(1, int(self.confusion.sum()))
        columns = (self.ious, self.dices, pixel_metrics.accuracies(self.confusion))
        for k, name in enumerate(self.classes):
            iou, dice, accuracy = (_cell(values[k]) for values in columns)
            lines.append(f"{name:{width}}  {there[k]:>7.2%}  {iou:>7}  {dice:>7}  {accuracy:>8}")
        if sure := self.intervals():
            lines.append(said({"mean IoU": sure["mean_iou"], "mean Dice": sure["mean_dice"]}))
        return "\n".join([*lines, *self.remarks])

    def write_sheet(self, path: Path) -> None:
        """The worst answers that are kept: picture, truth, answer."""
        palette = np.vstack([self.palette, np.full((256 - len(self.palette), 3), 190, np.uint8)])
        pictures, captions = [], []
        for place, answer in self.masks.items():
            picture, truth = self.pictures.read(place)
            shown, found = as_bytes(picture), answer
            if truth.ndim == 3:
                middle = int((truth > 0).sum((1, 2)).argmax())
                truth, found = truth[middle], answer[middle]
                shown = np.repeat(shown[middle][..., None], 3, axis=2)
            hidden = np.where(truth == IGNORE, IGNORE, found).astype(np.uint8)
            pictures += [shown, palette[truth], palette[hidden]]
            captions += [Path(self.pictures.files[place]).name, "truth", f"answer, mean IoU {self.each[place]:.0%}"]
        if pictures:
            title = f"Answers to {self.split}, the worst first"
            write(path, draw.contact_sheet(pictures, captions, columns=3, tile=300, title=title))


def _cell(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def write_confusion(found: MaskEvaluation, path: Path) -> None:
    """Write the confusion matrix in percent of each true class."""
    plots.confusion(found.shares(), found.classes, path, title=f"{found.split}, % of the true class")


def evaluate(
    run: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    *,
    split: str | None = None,
    out: str | os.PathLike[str] | None = None,
    crf_settings: crf.Settings | None = None,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    progress: Count | None = None,
) -> MaskEvaluation:
    """Measure the best network of a run, and write tables and pictures.

    Args:
        run: The run's folder, or a file of a trained segmenter.
        data: Pictures with masks; None for those that the run was trained on.
        split: Which split; None for ``test``, else ``val``, else all pictures.
        out: Where ``evaluation.json``, ``confusion.png`` and ``answers.jpg`` go; None for a folder in the run.
        crf_settings: Refine the answers by a dense CRF.
        scales: See :class:`visus.runs.segment.predict.SegmentPredictor`.
        flip: See there.
        progress: Told how many pictures are done, of how many.

    Raises:
        InputError: The data cannot be used, or has other classes than the run.
        RunError: There is no trained segmenter.
    """
    saved, network, dataset = opened(run, data)
    chosen = split_of(dataset, split)
    predictor = SegmentPredictor(network, crf_settings=crf_settings, scales=scales, flip=flip)
    found = measured_by(mask_of(predictor), dataset, chosen, progress)
    found = replace(found, remarks=remarks_on(saved.home, dataset, chosen))
    _write(found, Path(out) if out else saved.home / f"evaluation-{chosen}{'-crf' if crf_settings else ''}")
    return found


def opened(run: str | os.PathLike[str], data: str | os.PathLike[str] | None = None) -> tuple[Saved, Trained, MaskSet]:
    """A trained segmenter, and what it is measured on; see :func:`evaluate`.

    Raises:
        InputError: The data cannot be used, or has other classes than the run.
        RunError: There is no trained segmenter.
    """
    saved = open_saved(run)
    network = trained.read(saved, "segmenter")
    settings = settings_beside(saved.place, SegmentSettings)
    ignored = network.about.ignored or (settings.ignore if settings else ())
    whole = partial(
        load_masks_whole,
        ignore=ignored,
        binary=bool(settings and settings.binary),
        spacing=network.about.spacing,
        insist=False,
    )
    dataset = data_of(saved, settings, data, load=load, whole=whole)
    if dataset.classes != network.about.classes:
        raise InputError(
            f"{dataset.root} has the classes {', '.join(dataset.classes)}, and the network knows "
            f"{', '.join(network.about.classes)}; give pictures with the same classes."
        )
    return saved, network, dataset


def mask_of(predictor: MaskPredictor) -> Callable[[NDArray[Any]], NDArray[np.uint8]]:
    """Gives the mask that a predictor answers to a picture ``(H, W, 3)`` uint8."""
    return lambda picture: predictor.predict(picture).mask


def measure(network: Trained, dataset: MaskSet, split: str, *, device: str = "auto") -> MaskEvaluation:
    """The answers of a network to the pictures of a split."""
    return measured_by(mask_of(SegmentPredictor(network, device=device)), dataset, split)


def measured_by(
    answer_of: Callable[[NDArray[Any]], NDArray[np.uint8]],
    dataset: MaskSet,
    split: str,
    progress: Count | None = None,
) -> MaskEvaluation:
    """The answers of a network or a graph to the pictures of a split.

    Args:
        answer_of: From a picture ``(H, W, 3)`` uint8 or a volume ``(D, H, W)`` float32 to the class of each position.
        dataset: Pictures with masks.
        split: Which of them.
        progress: Told how many pictures are done, of how many.
    """
    pictures, classes = dataset.splits[split], dataset.classes
    total = np.zeros((len(classes), len(classes)), np.int64)
    each: list[float] = []
    counts: list[NDArray[np.int64]] = []
    kept: dict[int, NDArray[np.uint8]] = {}
    for place in range(len(pictures)):
        picture, truth = pictures.read(place)
        answer = answer_of(picture)
        matrix = pixel_metrics.confusion(torch.from_numpy(answer), torch.from_numpy(truth), len(classes)).numpy()
        total += matrix
        counts.append(pixel_metrics.counts_of(matrix))
        each.append(pixel_metrics.mean(pixel_metrics.ious(matrix)) if matrix.sum() else math.nan)
        kept[place] = answer
        if len(kept) > _SHOWN:
            del kept[max(kept, key=lambda k: (np.nan_to_num(each[k], nan=2.0), k))]
        if progress:
            progress(place + 1, len(pictures))
    worst = dict(sorted(kept.items(), key=lambda item: each[item[0]]))
    return MaskEvaluation(split, classes, total, np.array(each), np.array(counts), pictures, worst, dataset.palette)


def _write(found: MaskEvaluation, folder: Path) -> None:
    make_folder(folder)
    write_json(folder / "evaluation.json", found.to_dict())
    write_confusion(found, folder / "confusion.png")
    found.write_sheet(folder / "answers.jpg")
