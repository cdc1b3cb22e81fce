"""Measure a trained segmenter on pictures or volumes with masks."""

import contextlib
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from visus._errors import InputError, RunError
from visus.data import MaskSet, load_masks_whole
from visus.data.masks import IGNORE, Masked
from visus.images import draw, write
from visus.nets.segmentation import trained
from visus.ops import crf
from visus.runs import plots
from visus.runs.evaluate import remarks_on
from visus.runs.run import CONFIG, Run, make_folder, write_json
from visus.runs.segment_predict import Segmenting, as_bytes
from visus.runs.segment_settings import SegmentSettings, load
from visus.tasks import pixel_metrics

Tell = Callable[[int, int], None]
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class MaskEvaluation:
    """How well a segmenter answers.

    Attributes:
        split: What it was measured on.
        classes: Names of the classes.
        confusion: ``(C, C)`` counts of positions: true classes in rows, answers in columns.
        each: Mean IoU of each picture, NaN where nothing counts.
        pictures: The pictures.
        masks: The answers to those that are shown, by position.
        palette: ``(C, 3)`` uint8.
        remarks: What a reader of the figures should know, each one sentence.
    """

    split: str
    classes: tuple[str, ...]
    confusion: NDArray[np.int64]
    each: NDArray[np.float64]
    pictures: Masked
    masks: dict[int, NDArray[np.uint8]]
    palette: NDArray[np.uint8]
    remarks: list[str] = field(default_factory=list)

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
        """``(C,)``, NaN for a class that is nowhere."""
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
        """``(C,)``, NaN for a class that is nowhere."""
        return pixel_metrics.dices(self.confusion)

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON; NaN becomes None."""
        rows = [
            {"class": name, "iou": _plain(iou), "dice": _plain(dice), "accuracy": _plain(accuracy)}
            for name, iou, dice, accuracy in zip(
                self.classes, self.ious, self.dices, pixel_metrics.accuracies(self.confusion), strict=True
            )
        ]
        return {
            "split": self.split,
            "pictures": len(self.pictures),
            "pixel_accuracy": self.pixel_accuracy,
            "mean_accuracy": self.mean_accuracy,
            "mean_iou": self.mean_iou,
            "frequency_weighted_iou": self.frequency_weighted_iou,
            "mean_dice": pixel_metrics.mean(self.dices),
            "classes": rows,
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


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _cell(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def picture_of_confusion(found: MaskEvaluation, path: Path) -> None:
    """The confusion matrix in per cent of each true class."""
    rows = found.confusion.sum(1, keepdims=True)
    shares = np.rint(100 * found.confusion / np.maximum(rows, 1)).astype(np.int64)
    plots.confusion(shares, found.classes, path, title=f"{found.split}, % of the true class")


def evaluate(
    run: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    *,
    split: str | None = None,
    out: str | os.PathLike[str] | None = None,
    crf_settings: crf.Settings | None = None,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    progress: Tell | None = None,
) -> MaskEvaluation:
    """Measure the best network of a run, and write tables and pictures.

    Args:
        run: The run's folder, or a file of a trained segmenter.
        data: Pictures with masks; None for those that the run was trained on.
        split: Which split; None for ``test``, else ``val``, else all pictures.
        out: Where ``evaluation.json``, ``confusion.png`` and ``answers.jpg`` go; None for a folder in the run.
        crf_settings: Refine the answers by a dense CRF.
        scales: See :class:`visus.runs.segment_predict.Segmenting`.
        flip: See there.
        progress: Told how many pictures are done, of how many.

    Raises:
        InputError: The data cannot be used, or has other classes than the run.
        RunError: There is no trained segmenter.
    """
    network = trained.read(run)
    folder = Path(run)
    settings = Run(folder).settings if (folder / CONFIG).is_file() else None
    if settings is not None and not isinstance(settings, SegmentSettings):
        raise RunError(f"{folder} is a run of the task {settings.task}, not of segment; give another one.")
    ignored = network.about.ignored or (settings.ignore if settings else ())
    dataset = _load(data, settings, folder, ignored)
    if dataset.classes != network.about.classes:
        raise InputError(
            f"{dataset.root} has the classes {', '.join(dataset.classes)}, and the network knows "
            f"{', '.join(network.about.classes)}; give pictures with the same classes."
        )
    chosen = split or next(name for name in ("test", "val", "all", *dataset.splits) if name in dataset.splits)
    if chosen not in dataset.splits:
        raise InputError(f"{dataset.root} has no split {chosen}; it has {', '.join(dataset.splits)}.")
    segmenting = Segmenting(run, crf_settings=crf_settings, scales=scales, flip=flip)
    found = _measure(segmenting, dataset, chosen, progress)
    home = folder if folder.is_dir() else folder.parent
    found = replace(found, remarks=[*dataset.remarks, *remarks_on(home, dataset, chosen)])
    _write(found, Path(out) if out else home / f"evaluation-{chosen}{'-crf' if crf_settings else ''}")
    return found


def _load(
    data: str | os.PathLike[str] | None, settings: SegmentSettings | None, folder: Path, ignored: Sequence[str]
) -> MaskSet:
    """The data that a run was trained on, in its splits, wherever it lies now; other data as it lies on the disk."""
    if settings is None:
        if data is None:
            raise InputError(f"{folder} does not say on which pictures it was trained; name some.")
        return load_masks_whole(data, ignore=ignored, insist=False)
    if data is None and not Path(settings.data).exists():
        raise InputError(f"{settings.data}, which {folder} was trained on, is not there; name where it is now.")
    place = data or settings.data
    with contextlib.suppress(InputError):
        own = load(replace(settings, data=os.fspath(place)))
        if data is None or own.fingerprint() == Run(folder).summary.get("data"):
            return own
    return load_masks_whole(place, ignore=ignored, insist=False)


def measure(network: trained.Trained, dataset: MaskSet, split: str, *, device: str = "auto") -> MaskEvaluation:
    """The answers of a network to the pictures of a split."""
    return _measure(Segmenting(network, device=device), dataset, split, None)


def _measure(segmenting: Segmenting, dataset: MaskSet, split: str, progress: Tell | None) -> MaskEvaluation:
    pictures, classes = dataset.splits[split], dataset.classes
    if not len(pictures):
        raise InputError(f"The split {split} of {dataset.root} has no pictures that can be read; bring some.")
    total = np.zeros((len(classes), len(classes)), np.int64)
    each: list[float] = []
    kept: dict[int, NDArray[np.uint8]] = {}
    for place in range(len(pictures)):
        picture, truth = pictures.read(place)
        answer = segmenting.predict(picture).mask
        matrix = pixel_metrics.confusion(torch.from_numpy(answer), torch.from_numpy(truth), len(classes)).numpy()
        total += matrix
        each.append(pixel_metrics.mean(pixel_metrics.ious(matrix)) if matrix.sum() else math.nan)
        kept[place] = answer
        if len(kept) > _SHOWN:
            del kept[max(kept, key=lambda k: (np.nan_to_num(each[k], nan=2.0), k))]
        if progress:
            progress(place + 1, len(pictures))
    worst = dict(sorted(kept.items(), key=lambda item: each[item[0]]))
    return MaskEvaluation(split, classes, total, np.array(each), pictures, worst, dataset.palette)


def _write(found: MaskEvaluation, folder: Path) -> None:
    make_folder(folder)
    write_json(folder / "evaluation.json", found.to_dict())
    picture_of_confusion(found, folder / "confusion.png")
    found.write_sheet(folder / "answers.jpg")
