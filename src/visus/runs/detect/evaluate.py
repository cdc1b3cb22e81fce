"""Measure a trained detector on pictures with objects."""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from visus.data import Boxed, BoxSet, load_boxes_whole
from visus.data.coco_boxes import numbers_of
from visus.data.crops import Crops
from visus.images import draw, write
from visus.images import plots as _plots
from visus.images.result import Result
from visus.nets import trained
from visus.nets.detection import Limits
from visus.nets.detection.trained import Trained
from visus.nets.file import Saved, of_task, open_saved
from visus.runs.detect.coco_results import write_coco
from visus.runs.detect.predict import DetectPredictor
from visus.runs.detect.resolve import load
from visus.runs.detect.settings import DetectSettings
from visus.runs.engine import plots
from visus.runs.engine.measuring import data_of, places_in, plain, remarks_on, split_of
from visus.runs.engine.task import Count
from visus.runs.record.folder import make_folder, settings_beside, write_json
from visus.tasks import box_metrics
from visus.tasks.bootstrap import Interval, said
from visus.tasks.box_metrics import Detections, Measures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 12
ALL = Limits(score=0.001)  # average precision counts unsure answers too


@dataclass(frozen=True, slots=True, repr=False)
class BoxEvaluation(Result):
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
    answers: list[Detections]
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

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.split!r}, {len(self.pictures)} pictures, AP50 {self.ap50:.2%})"

    def drawn(self) -> NDArray[np.uint8] | None:
        """Precision over recall of each class, ``(H, W, 3)`` uint8."""
        return _plots.picture_of(self._curves())

    def rows(self) -> list[dict[str, Any]]:
        """One row a class: COCO's average precision, that at an IoU of 0.5, and VOC's; None where nothing is."""
        columns = {"ap": self.boxes.each, "ap50": self.boxes.each50, "voc": self.voc, "voc11": self.voc11}
        return [
            {"class": name, **{key: plain(values[k]) if values[k] >= 0 else None for key, values in columns.items()}}
            for k, name in enumerate(self.classes)
        ]

    def intervals(self) -> dict[str, Interval]:
        """How sure the measures are: 95 % intervals by name, from the bootstrap over pictures; none of one picture."""
        own = self.boxes.intervals
        values = {"ap": own.ap, "ap50": own.ap50} if own else {}
        return {name: ends for name, ends in values.items() if ends}

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "split": self.split,
            "pictures": len(self.pictures),
            "intervals": self.intervals(),
            "boxes": _plain(self.boxes),
            "shapes": _plain(self.shapes) if self.shapes else None,
            "voc": {name: plain(value) for name, value in zip(self.classes, self.voc, strict=True)},
            "voc11": {name: plain(value) for name, value in zip(self.classes, self.voc11, strict=True)},
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
        sure = self.intervals()
        if named := {name: sure[key] for key, name in (("ap", "AP"), ("ap50", "AP50")) if key in sure}:
            lines.append(said(named))
        wrong = int(self.confusion[-1].sum())
        lines.append(f"At a score of 0.5, {wrong:,} {'answer lies' if wrong == 1 else 'answers lie'} where nothing is.")
        return "\n".join([*lines, *self.remarks])

    def draw(self, folder: Path) -> None:
        """Write ``confusion.png``, ``precision.png`` and ``mistakes.jpg``."""
        names = (*self.classes, "nothing")
        plots.confusion(self.confusion, names, folder / "confusion.png", title=f"{self.split}, IoU 0.5, score 0.5")
        _plots.save(self._curves(), folder / "precision.png")
        self._draw_mistakes(folder / "mistakes.jpg")

    def _curves(self) -> "Figure":
        """Precision over recall of each class."""
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
        return figure

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


def _plain(measures: Measures) -> dict[str, Any]:
    values = asdict(measures)
    values.pop("curves")
    return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in values.items()}


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
    progress: Count | None = None,
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
    return evaluate_on(*opened(run, data), split, out=out, progress=progress)


def opened(run: str | os.PathLike[str], data: str | os.PathLike[str] | None = None) -> tuple[Saved, Trained, BoxSet]:
    """A trained detector, and what it is measured on; see :func:`evaluate`.

    Raises:
        InputError: The data cannot be used, or has a class that the network does not know.
        RunError: There is no trained detector.
    """
    saved = of_task(open_saved(run), "detect")
    network = trained.read(saved, "detector")
    settings = settings_beside(saved.place, DetectSettings)
    whole = partial(load_boxes_whole, first_pixel=settings.first_pixel if settings else None)
    dataset = data_of(saved, settings, data, load=load, whole=whole)
    return saved, network, labeled_as(network, dataset)


def labeled_as(network: Trained, dataset: BoxSet) -> BoxSet:
    """Pictures whose classes are those of a network.

    Raises:
        InputError: There is one that the network does not know.
    """
    place = places_in(dataset, network.about.classes)
    splits = {
        name: replace(own, objects=[replace(objects, labels=place[objects.labels]) for objects in own.objects])
        for name, own in dataset.splits.items()
    }
    return replace(dataset, classes=network.about.classes, splits=splits)


AnyEvaluation = TypeVar("AnyEvaluation", bound=BoxEvaluation)


def evaluate_on(
    saved: Saved,
    network: Trained,
    dataset: BoxSet,
    split: str | None,
    *,
    out: str | os.PathLike[str] | None,
    progress: Count | None,
    kind: type[AnyEvaluation] = BoxEvaluation,
) -> AnyEvaluation:
    """Measure a network on data that was loaded, and write tables and pictures.

    Args:
        saved: The file of the network.
        network: The same, read.
        dataset: Pictures with boxes, as :func:`labeled_as` gives them.
        split: See :func:`evaluate`, as for what follows.
        out: See there.
        progress: See there.
        kind: What the measures are told by.

    Raises:
        InputError: There is no such split.
    """
    chosen = split_of(dataset, split)
    found = measure(network, dataset, chosen, progress=progress, kind=kind, sure=True)
    found = replace(found, remarks=remarks_on(saved.home, dataset, chosen))
    home = Path(out) if out else saved.home / f"evaluation-{chosen}"
    make_folder(home)
    write_json(home / "evaluation.json", found.to_dict())
    shown = found.pictures
    whole = dataset.form.startswith("COCO") and not isinstance(shown, Crops)
    numbers = numbers_of(dataset.root, shown.files, found.classes) if whole else None
    write_coco(
        home, shown.files, found.sizes, found.answers, classes=found.classes, truth=shown.objects, numbers=numbers
    )
    found.draw(home)
    return found


def measure(
    network: Trained,
    dataset: BoxSet,
    split: str,
    *,
    device: str = "auto",
    progress: Count | None = None,
    kind: type[AnyEvaluation] = BoxEvaluation,
    answer: Callable[[NDArray[np.uint8]], Detections] | None = None,
    sure: bool = False,
) -> AnyEvaluation:
    """What a network finds on the pictures of a split, and how good that is.

    Args:
        network: The network.
        dataset: Pictures with boxes.
        split: Which of them.
        device: Where it works.
        progress: Told how many pictures are done, of how many.
        kind: What the measures are told by.
        answer: From a picture ``(H, W, 3)`` uint8 to what is found there; None for the network itself.
        sure: Whether to tell how sure the average precision is, which takes a while.
    """
    pictures, classes = dataset.splits[split], dataset.classes
    of_picture = answer or DetectPredictor(network, limits=ALL, device=device).answers
    answers, sizes = [], []
    for place in range(len(pictures)):
        picture, _ = pictures.read(place)
        answers.append(of_picture(picture))
        sizes.append((picture.shape[0], picture.shape[1]))
        if progress:
            progress(place + 1, len(pictures))
    truth, count = pictures.objects, len(classes)
    shaped = network.net.has_masks and pictures.has_shapes
    return kind(
        split,
        classes,
        pictures,
        answers,
        sizes,
        box_metrics.coco(truth, answers, sizes, count, sure=sure),
        box_metrics.coco(truth, answers, sizes, count, kind="segm", sure=sure) if shaped else None,
        box_metrics.voc(truth, answers, count),
        box_metrics.voc(truth, answers, count, points=11),
        box_metrics.confusion(truth, answers, count),
    )
