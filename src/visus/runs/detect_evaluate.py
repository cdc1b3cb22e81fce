"""Measure a trained detector on pictures with objects."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError, RunError
from visus.data import Boxed, BoxSet, load_boxes, load_boxes_whole
from visus.data.coco_boxes import numbers_of
from visus.data.crops import Crops, single
from visus.images import draw, write
from visus.images import plots as _plots
from visus.nets.detection import Limits, trained
from visus.runs import plots
from visus.runs.coco_results import write_coco
from visus.runs.detect_predict import Detecting
from visus.runs.detect_settings import DetectSettings
from visus.runs.evaluate import remarks_on
from visus.runs.localize_settings import LocalizeSettings, alone
from visus.runs.run import CONFIG, Run, make_folder, write_json
from visus.tasks import box_metrics
from visus.tasks.box_metrics import Answers, Localisation, Measures

Tell = Callable[[int, int], None]
Only = Callable[[BoxSet], BoxSet]
_SHOWN = 12
_ALL = Limits(score=0.001)  # average precision counts unsure answers too


@dataclass(frozen=True, slots=True)
class BoxEvaluation:
    """How well a detector finds objects.

    Attributes:
        split: What it was measured on.
        classes: Names of the classes.
        pictures: The pictures.
        answers: What it found on each.
        sizes: Height and width of each.
        boxes: COCO's measures of its boxes.
        shapes: Those of its shapes, or None.
        voc: ``(C,)``, VOC's average precision: the area under the curve.
        voc11: ``(C,)``, from 11 points.
        confusion: ``(C + 1, C + 1)`` counts at an IoU of 0.5 and a score of 0.5: the last row is background that was
            taken for an object, the last column objects that were missed.
        remarks: What a reader of the figures should know, each one sentence.
    """

    split: str
    classes: tuple[str, ...]
    pictures: Boxed
    answers: list[Answers]
    sizes: list[tuple[int, int]]
    boxes: Measures
    shapes: Measures | None
    voc: NDArray[np.float64]
    voc11: NDArray[np.float64]
    confusion: NDArray[np.int64]
    remarks: list[str] = field(default_factory=list)

    @property
    def ap(self) -> float:
        """COCO's average precision of the boxes."""
        return self.boxes.ap

    @property
    def ap50(self) -> float:
        """Average precision of the boxes at an IoU of 0.5."""
        return self.boxes.ap50

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "split": self.split,
            "pictures": len(self.pictures),
            "boxes": _plain(self.boxes),
            "shapes": _plain(self.shapes) if self.shapes else None,
            "voc": {name: _number(value) for name, value in zip(self.classes, self.voc, strict=True)},
            "voc11": {name: _number(value) for name, value in zip(self.classes, self.voc11, strict=True)},
            "confusion": self.confusion.tolist(),
            "remarks": self.remarks,
        }

    def describe(self) -> str:
        """The measures for people."""
        lines = [f"{len(self.pictures):,} of {self.split}: {_line('boxes', self.boxes)}"]
        if self.shapes:
            lines.append(_line("shapes", self.shapes))
        width = max(len(name) for name in (*self.classes, "class"))
        lines.append(f"{'class':{width}}  {'AP':>7}  {'AP50':>7}  {'VOC':>7}  {'VOC-11':>7}  found  missed")
        for k, name in enumerate(self.classes):
            cells = (self.boxes.each[k], self.boxes.each50[k], self.voc[k], self.voc11[k])
            shown = "  ".join(f"{value:7.2%}" if value >= 0 else f"{'-':>7}" for value in cells)
            row = self.confusion[k]
            lines.append(f"{name:{width}}  {shown}  {int(row[k]):5}  {int(row[-1]):6}")
        wrong = int(self.confusion[-1].sum())
        lines.append(f"At a score of 0.5, {wrong:,} {'answer lies' if wrong == 1 else 'answers lie'} where nothing is.")
        return "\n".join([*lines, *self.remarks])

    def draw(self, folder: Path) -> None:
        """Write ``confusion.png``, ``precision.png`` and ``mistakes.jpg``."""
        names = (*self.classes, "nothing")
        plots.confusion(self.confusion, names, folder / "confusion.png", title=f"{self.split}, IoU 0.5, score 0.5")
        self._draw_curves(folder / "precision.png")
        self._draw_mistakes(folder / "mistakes.jpg")

    def _draw_curves(self, path: Path) -> None:
        figure = _plots.figure(5.5, 4.2)
        (axis,) = _plots.axes(figure, 1, 1)
        recall = np.linspace(0, 1, 101)
        for name, curve, ap in zip(self.classes, self.boxes.curves, self.boxes.each50, strict=True):
            if ap >= 0:
                axis.plot(recall, curve, label=f" {name} {ap:.0%}".replace("$", r"\$"))
        axis.set_xlabel("recall", fontsize=9)
        axis.set_ylabel("precision", fontsize=9)
        axis.set_ylim(0, 1.02)
        axis.set_title(f"{self.split}, boxes at an IoU of 0.5", fontsize=10)
        axis.legend(frameon=False, fontsize=8)
        _plots.save(figure, path)

    def _draw_mistakes(self, path: Path) -> None:
        """The pictures with most mistakes: what was missed in blue, what is wrong in red."""
        found = [box_metrics.pairs(o, a) for o, a in zip(self.pictures.objects, self.answers, strict=True)]
        mixed = [
            [j for k, j in pairs.matches if own.labels[k] != answer.labels[j]]
            for pairs, own, answer in zip(found, self.pictures.objects, self.answers, strict=True)
        ]
        counts = np.array([len(p.missed) + len(p.wrong) + len(m) for p, m in zip(found, mixed, strict=True)])
        pictures, captions = [], []
        for place in np.argsort(-counts, kind="stable")[:_SHOWN].tolist():
            if not counts[place]:
                break
            picture, own = self.pictures.read(place)
            answer, pairs = self.answers[place], found[place]
            missed = [self.classes[label] for label in own.labels[pairs.missed].tolist()]
            shown = draw.boxes(picture, own.boxes[pairs.missed], missed, color=(40, 90, 200))
            wrong = [*pairs.wrong, *mixed[place]]
            names = [f"{self.classes[answer.labels[j]]} {answer.scores[j]:.2f}" for j in wrong]
            pictures.append(draw.boxes(shown, answer.boxes[wrong], names))
            captions.append(f"{Path(self.pictures.files[place]).name}: {len(missed)} missed, {len(wrong)} wrong")
        if pictures:
            title = f"Mistakes on {self.split}: missed in blue, wrong in red"
            write(path, draw.contact_sheet(pictures, captions, columns=3, tile=300, title=title))


@dataclass(frozen=True, slots=True)
class LocalEvaluation(BoxEvaluation):
    """How well a localiser names and frames the one object of each picture."""

    @property
    def localisation(self) -> Localisation:
        """Right classes, right boxes, and both."""
        return box_metrics.localisation(self.pictures.objects, self.answers)

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        own = self.localisation
        values = {"accuracy": own.accuracy, "mean_iou": own.mean_iou, "localised": own.localised}
        return {**BoxEvaluation.to_dict(self), **values}

    def describe(self) -> str:
        """The measures for people."""
        own = self.localisation
        first = (
            f"localised {own.localised:.2%} (class right, box by an IoU of 0.5), class {own.accuracy:.2%}, "
            f"mean IoU {own.mean_iou:.2%}"
        )
        return f"{first}\n{BoxEvaluation.describe(self)}"


def _plain(measures: Measures) -> dict[str, Any]:
    values = asdict(measures)
    values.pop("curves")
    return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in values.items()}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _line(what: str, m: Measures) -> str:
    if m.ap < 0:
        return f"{what}: there is nothing to find"
    precision = _by_size(m.small, m.medium, m.large)
    recall = _by_size(m.recall_small, m.recall_medium, m.recall_large)
    return (
        f"{what}: AP {m.ap:.2%}, AP50 {m.ap50:.2%}, AP75 {m.ap75:.2%} ({precision}); "
        f"AR1 {m.recall1:.2%}, AR10 {m.recall10:.2%}, AR100 {m.recall100:.2%} ({recall})"
    )


def _by_size(*values: float) -> str:
    named = zip(("small", "medium", "large"), values, strict=True)
    return ", ".join(f"{name} {value:.1%}" for name, value in named if value >= 0)


def evaluate(
    run: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    *,
    split: str | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: Tell | None = None,
) -> BoxEvaluation:
    """Measure the best network of a run, and write tables and pictures.

    Args:
        run: The run's folder, or a file of a trained detector.
        data: Pictures with boxes; None for those that the run was trained on.
        split: Which split; None for ``test``, else ``val``, else all pictures.
        out: Where ``evaluation.json``, ``results.json`` (COCO's form), ``confusion.png``, ``precision.png`` and
            ``mistakes.jpg`` go; None for a folder in the run.
        progress: Told how many pictures are done, of how many.

    Raises:
        InputError: The data cannot be used, or has other classes than the run.
        RunError: There is no trained detector.
    """
    network = trained.read(run)
    folder = Path(run)
    settings = Run(folder).settings if (folder / CONFIG).is_file() else None
    task = network.about.task
    if settings is not None and settings.task != task:
        raise RunError(f"{folder} is a run of the task {settings.task}, not of {task}; give another one.")
    only = _alone(settings) if task == "localize" else (lambda found: found)
    dataset = _load(data, settings, folder, only)
    if dataset.classes != network.about.classes:
        dataset = _same_classes(dataset, network.about.classes)
    chosen = split or next(name for name in ("test", "val", "all", *dataset.splits) if name in dataset.splits)
    if chosen not in dataset.splits:
        raise InputError(f"{dataset.root} has no split {chosen}; it has {', '.join(dataset.splits)}.")
    found = measure(network, dataset, chosen, progress=progress)
    home = folder if folder.is_dir() else folder.parent
    found = replace(found, remarks=[*dataset.remarks, *remarks_on(home, dataset, chosen)])
    place = Path(out) if out else home / f"evaluation-{chosen}"
    make_folder(place)
    write_json(place / "evaluation.json", found.to_dict())
    shown = found.pictures
    whole = dataset.form.startswith("COCO") and not isinstance(shown, Crops)
    numbers = numbers_of(dataset.root, shown.files, found.classes) if whole else None
    write_coco(
        place, shown.files, found.sizes, found.answers, classes=found.classes, truth=shown.objects, numbers=numbers
    )
    found.draw(place)
    return found


def _alone(settings: LocalizeSettings | None) -> Only:
    """Pictures with one object each, as those that a localiser was trained on."""
    return single if settings is None else partial(alone, settings)


def _load(
    data: str | os.PathLike[str] | None, settings: DetectSettings | LocalizeSettings | None, folder: Path, only: Only
) -> BoxSet:
    """The data that a run was trained on, in its splits, wherever it lies now; other data as it lies on the disk.

    Args:
        data: Where it is.
        settings: Of the run.
        folder: The run.
        only: Which of the pictures are taken.
    """
    if settings is None:
        if data is None:
            raise InputError(f"{folder} does not say on which pictures it was trained; name some.")
        return only(load_boxes_whole(data))
    if data is None and not Path(settings.data).exists():
        raise InputError(f"{settings.data}, which {folder} was trained on, is not there; name where it is now.")
    place = data or settings.data
    with contextlib.suppress(InputError):
        own = only(load_boxes(place, seed=settings.seed, val=settings.val, test=settings.test))
        if data is None or own.fingerprint() == Run(folder).summary.get("data"):
            return own
    return only(load_boxes_whole(place))


def _same_classes(dataset: BoxSet, classes: tuple[str, ...]) -> BoxSet:
    """The same pictures, with labels that are positions in the classes of a network.

    Raises:
        InputError: There is a class that the network does not know.
    """
    strange = [name for name in dataset.classes if name not in classes]
    if strange:
        raise InputError(
            f"{dataset.root} has the class {strange[0]!r}, which the network does not know; it knows "
            f"{', '.join(classes)}."
        )
    place = np.array([classes.index(name) for name in dataset.classes], np.int64)
    splits = {
        name: replace(split, objects=[replace(own, labels=place[own.labels]) for own in split.objects])
        for name, split in dataset.splits.items()
    }
    return replace(dataset, classes=classes, splits=splits)


def measure(
    network: trained.Trained, dataset: BoxSet, split: str, *, device: str = "auto", progress: Tell | None = None
) -> BoxEvaluation:
    """What a network finds on the pictures of a split, and how good that is.

    Raises:
        InputError: The split has no pictures.
    """
    pictures, classes = dataset.splits[split], dataset.classes
    if not len(pictures):
        raise InputError(f"The split {split} of {dataset.root} has no pictures that can be read; bring some.")
    detecting = Detecting(network, limits=_ALL, device=device)
    answers, sizes = [], []
    for place in range(len(pictures)):
        picture, _ = pictures.read(place)
        answers.append(detecting.answers(picture))
        sizes.append((picture.shape[0], picture.shape[1]))
        if progress:
            progress(place + 1, len(pictures))
    truth, count = pictures.objects, len(classes)
    shaped = network.net.has_masks and pictures.has_shapes
    kind = LocalEvaluation if network.about.task == "localize" else BoxEvaluation
    return kind(
        split,
        classes,
        pictures,
        answers,
        sizes,
        box_metrics.coco(truth, answers, sizes, count),
        box_metrics.coco(truth, answers, sizes, count, kind="segm") if shaped else None,
        box_metrics.voc(truth, answers, count),
        box_metrics.voc(truth, answers, count, points=11),
        box_metrics.confusion(truth, answers, count),
    )
