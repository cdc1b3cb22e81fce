"""Measure a trained classifier on labeled pictures."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visus._errors import InputError, RunError
from visus.data import Batches, LabelSet, Pictures, load_whole, loader, plain_errors
from visus.images import draw, write
from visus.images.plots import picture_of
from visus.images.result import Result
from visus.nets import trained
from visus.nets.classification.trained import About, Trained
from visus.nets.file import Saved, open_saved
from visus.runs.classify.multilabel import MultilabelEvaluation
from visus.runs.classify.network import readers
from visus.runs.classify.resolve import load
from visus.runs.classify.settings import ClassifySettings
from visus.runs.engine import plots
from visus.runs.engine.measuring import data_of, places_in, plain, remarks_on, split_of
from visus.runs.engine.task import Count
from visus.runs.record.folder import make_folder, settings_beside, write_json
from visus.tasks import wilson
from visus.tasks.bootstrap import Interval, said


@dataclass(frozen=True, slots=True)
class ClassMeasure:
    """How well one class is told.

    Attributes:
        name: Of the class.
        count: Its pictures.
        precision: Of the answers that name it, the share that is right; NaN where there is none.
        recall: Of its pictures, the share that is found; NaN where there is none.
        f1: Harmonic mean of both; NaN where one is.
    """

    name: str
    count: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True, repr=False)
class ClassEvaluation(Result):
    """How well a classifier answers.

    Attributes:
        split: What it was measured on.
        classes: Names of the classes.
        pictures: The pictures.
        labels: ``(N,)``, their true classes.
        probabilities: ``(N, C)``, the softmax of the logits.
        remarks: What a reader of the figures should know, each one sentence.
    """

    split: str
    classes: tuple[str, ...]
    pictures: Pictures
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    remarks: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"ClassEvaluation({self.split!r}, {len(self.labels)} pictures, top-1 {self.top1:.2%})"

    @property
    def answers(self) -> NDArray[np.int64]:
        """``(N,)`` int64, the likeliest class of each picture."""
        return self.probabilities.argmax(axis=1)

    @property
    def top1(self) -> float:
        """Share of pictures whose likeliest class is right."""
        return self.top(1)

    def top(self, k: int) -> float:
        """Share of pictures whose class is among the k likeliest; of equals, the first in the list comes first."""
        order = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :k]
        return float((order == self.labels[:, None]).any(axis=1).mean())

    @property
    def confusion(self) -> NDArray[np.int64]:
        """``(C, C)`` int64, counts: true classes in rows, answers in columns."""
        count = len(self.classes)
        return np.bincount(self.labels * count + self.answers, minlength=count * count).reshape(count, count)

    @property
    def per_class(self) -> list[ClassMeasure]:
        """Precision, recall and F1 of each class."""
        matrix = self.confusion
        measures = []
        for k, name in enumerate(self.classes):
            right, there, named = int(matrix[k, k]), int(matrix[k].sum()), int(matrix[:, k].sum())
            precision = right / named if named else float("nan")
            recall = right / there if there else float("nan")
            f1 = 2 * right / (there + named) if there and named else float("nan")
            measures.append(ClassMeasure(name, there, precision, recall, f1))
        return measures

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that there are; a class that is never answered counts 0.

        A class that is only answered does not count; scikit-learn has it as 0.
        """
        values = [0.0 if np.isnan(measure.f1) else measure.f1 for measure in self.per_class if measure.count]
        return float(np.mean(values))

    def calibration_error(self, bins: int = 15) -> float:
        """Expected calibration error: mean distance of confidence and accuracy over bins of equal width.

        Each bin counts by its pictures (Guo et al., "On calibration of modern neural networks", ICML 2017, equation 3),
        and ends with its upper limit, as there: (a, b]; torchmetrics has [a, b).
        """
        confidence = self.probabilities.max(axis=1)
        right = self.answers == self.labels
        place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
        error = 0.0
        for k in np.unique(place):
            here = place == k
            error += here.mean() * abs(right[here].mean() - confidence[here].mean())
        return float(error)

    def intervals(self) -> dict[str, Interval]:
        """How sure the shares of right answers are: 95 % intervals by name (Wilson 1927)."""
        return {name: wilson.interval(self.top(k), len(self.labels)) for name, k in (("top1", 1), ("top5", 5))}

    def confused(self, most: int = 10) -> list[tuple[str, str, int]]:
        """The pairs of classes that are taken for each other most often: truth, answer, pictures."""
        matrix = self.confusion.copy()
        np.fill_diagonal(matrix, 0)
        order = np.argsort(-matrix, axis=None, kind="stable")[:most]
        pairs = [(int(k // len(matrix)), int(k % len(matrix))) for k in order]
        return [(self.classes[r], self.classes[c], int(matrix[r, c])) for r, c in pairs if matrix[r, c]]

    def mistakes(self) -> NDArray[np.int64]:
        """``(M,)`` int64, positions of the wrong answers, the most confident first."""
        wrong = np.flatnonzero(self.answers != self.labels)
        return wrong[np.argsort(-self.probabilities[wrong].max(axis=1), kind="stable")]

    def sheet(self, most: int = 20, *, tile: int = 160) -> NDArray[np.uint8]:
        """The worst mistakes on a sheet ``(H, W, 3)`` uint8, each with its answer and its true class.

        Raises:
            InputError: There are no mistakes.
        """
        places = self.mistakes()[:most]
        if not len(places):
            raise InputError("There are no mistakes to show.")
        captions = []
        for k in places.tolist():
            answer = self.answers[k]
            captions.append(
                f"{self.classes[answer]} {self.probabilities[k, answer]:.0%}\nis {self.classes[self.labels[k]]}"
            )
        pictures = [self.pictures.read(int(k), min_side=tile) for k in places]
        return draw.contact_sheet(pictures, captions, columns=5, tile=tile, title=f"Worst mistakes on {self.split}")

    def drawn(self) -> NDArray[np.uint8] | None:
        """The confusion matrix, ``(H, W, 3)`` uint8."""
        return picture_of(plots.confusion_figure(self.confusion, self.classes, title=self.split))

    def draw(self, folder: Path) -> None:
        """Write ``confusion.png`` into a folder."""
        plots.confusion(self.confusion, self.classes, folder / "confusion.png", title=self.split)

    def rows(self) -> list[dict[str, Any]]:
        """One row a class: its pictures, precision, recall and F1; NaN becomes None."""
        return [
            {
                "class": m.name,
                "count": m.count,
                "precision": plain(m.precision),
                "recall": plain(m.recall),
                "f1": plain(m.f1),
            }
            for m in self.per_class
        ]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON; NaN becomes None."""
        return {
            "split": self.split,
            "pictures": len(self.labels),
            "top1": self.top(1),
            "top5": self.top(5),
            "macro_f1": self.macro_f1,
            "calibration_error": self.calibration_error(),
            "intervals": self.intervals(),
            "classes": self.rows(),
            "confused": [{"truth": t, "answer": a, "pictures": n} for t, a, n in self.confused()],
            "confusion": self.confusion.tolist(),
            "remarks": self.remarks,
        }

    def describe(self) -> str:
        """The measures for people."""
        width = max(len(name) for name in (*self.classes, "class"))
        lines = [
            f"{len(self.labels):,} pictures of {self.split}: top-1 {self.top(1):.2%}, top-5 {self.top(5):.2%}, "
            f"macro F1 {self.macro_f1:.4f}, calibration error {self.calibration_error():.4f}",
            f"{'class':{width}}  {'pictures':>8}  {'precision':>9}  {'recall':>7}  {'F1':>7}",
        ]
        lines += [
            f"{m.name:{width}}  {m.count:8,}  {_share(m.precision):>9}  {_share(m.recall):>7}  {_share(m.f1):>7}"
            for m in self.per_class
        ]
        lines.append(said({"top-1": self.intervals()["top1"]}))
        pairs = self.confused(5)
        if pairs:
            lines.append("Most confused: " + ", ".join(f"{t} taken for {a} ({n})" for t, a, n in pairs))
        return "\n".join([*lines, *self.remarks])


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def evaluate(
    run: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    *,
    split: str | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: Count | None = None,
) -> ClassEvaluation | MultilabelEvaluation:
    """Measure the best network of a run, and write tables and pictures.

    Args:
        run: The run's folder, or a file of a trained network.
        data: Labeled pictures; None for those that the run was trained on.
        split: Which split; None for ``test``, else ``val``, else all pictures.
        out: Where ``evaluation.json``, ``confusion.png`` (or ``average_precision.png``) and ``mistakes.jpg`` go; None
            for a folder in the run.
        progress: Told how many pictures are done, of how many.

    Raises:
        InputError: The data cannot be used, or has a class that the run does not know.
        RunError: There is no trained network.
    """
    saved = open_saved(run)
    network = trained.read(saved, "classifier")
    settings = settings_beside(saved.place, ClassifySettings)
    dataset, chosen = _asked(saved, settings, network.about, data, split)
    found = measure(network, dataset, chosen, settings or ClassifySettings(data=str(data)), progress=progress)
    found = replace(found, remarks=remarks_on(saved.home, dataset, chosen))
    _write(found, Path(out) if out else saved.home / f"evaluation-{chosen}")
    return found


def pictures_of(
    run: str | os.PathLike[str], data: str | os.PathLike[str] | None, split: str | None
) -> tuple[Pictures, str]:
    """The pictures that a run is measured on, labeled with positions in its classes, and the name of their split.

    Args:
        run: See :func:`evaluate`.
        data: See there.
        split: See there.

    Raises:
        InputError: The data cannot be used, or has a class that the run does not know.
    """
    saved = open_saved(run)
    about = trained.read_about(saved, "classifier")
    dataset, chosen = _asked(saved, settings_beside(saved.place, ClassifySettings), about, data, split)
    return dataset.splits[chosen], chosen


def _asked(
    saved: Saved,
    settings: ClassifySettings | None,
    about: About,
    data: str | os.PathLike[str] | None,
    split: str | None,
) -> tuple[LabelSet, str]:
    """The data that a run is measured on, and the name of its split."""
    dataset = data_of(saved, settings, data, load=load, whole=_whole_of_several if about.multilabel else load_whole)
    if dataset.multilabel and not about.multilabel:
        raise InputError(
            f"{dataset.root} gives pictures several classes, and {saved.home} was trained to give one; measure it on "
            "pictures with one class each."
        )
    place = places_in(dataset, about.classes)
    splits = {name: replace(own, labels=_placed(own.labels, place, about)) for name, own in dataset.splits.items()}
    return replace(dataset, classes=about.classes, splits=splits), split_of(dataset, split)


def _whole_of_several(place: str | os.PathLike[str]) -> LabelSet:
    """Pictures that may have several classes, or one each where their form cannot say more."""
    try:
        return load_whole(place, multilabel=True)
    except InputError:
        return load_whole(place)


def _placed(labels: NDArray[np.int64], place: NDArray[np.int64], about: About) -> NDArray[np.int64]:
    """Labels as positions in the classes of a network, or as zeros and ones for each of them.

    Args:
        labels: ``(N,)`` positions, or ``(N, C)`` zeros and ones.
        place: ``(C,)``, the position of each class of the data.
        about: The network.
    """
    if not about.multilabel:
        return place[labels]
    found = np.zeros((len(labels), len(about.classes)), np.int64)
    if labels.ndim == 2:
        found[:, place] = labels
    else:
        found[np.arange(len(labels)), place[labels]] = 1
    return found


def measure(
    network: Trained,
    dataset: LabelSet,
    split: str,
    settings: ClassifySettings,
    *,
    progress: Count | None = None,
    answer: Callable[[Tensor], Tensor] | None = None,
) -> ClassEvaluation | MultilabelEvaluation:
    """The answers of a network to the pictures of a split.

    Args:
        network: A trained network.
        dataset: Pictures whose labels are positions in the network's classes.
        split: Which of them.
        settings: Device and workers are taken from here.
        progress: Told how many pictures are done, of how many.
        answer: From pictures ``(N, C, size, size)`` uint8 to probabilities ``(N, classes)``; None for the network
            itself.

    Raises:
        RunError: The network answers with NaN.
    """
    about = network.about
    pictures = dataset.splits[split]
    own = Batches(pictures, about.size, about.resize_to, about.interpolation, about.gray)
    reading = loader(own, pictures.labels, batch_size=64, workers=readers(own, settings))
    device = "cuda" if settings.device != "cpu" and torch.cuda.is_available() else "cpu"
    network = network.on(device)
    of_batch = answer or (lambda batch: about.probabilities(network.logits(batch.to(device)).double()).cpu())
    answers = []
    with plain_errors():
        for batch, _ in reading:
            answers.append(of_batch(batch))
            if progress:
                progress(sum(map(len, answers)), len(pictures))
    probabilities = torch.cat(answers).numpy()
    if not np.isfinite(probabilities).all():
        raise RunError("The network answers with NaN: its weights are damaged, or its training diverged; train anew.")
    kind = MultilabelEvaluation if about.multilabel else ClassEvaluation
    return kind(split, about.classes, pictures, pictures.labels, probabilities)


def _write(found: ClassEvaluation | MultilabelEvaluation, folder: Path) -> None:
    make_folder(folder)
    write_json(folder / "evaluation.json", found.to_dict())
    found.draw(folder)
    if len(found.mistakes()):
        write(folder / "mistakes.jpg", found.sheet())
