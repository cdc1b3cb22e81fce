"""How well a classifier answers that gives a picture several classes, or none."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data import Pictures
from visus.images import draw, plots
from visus.images.plots import picture_of
from visus.images.result import Result
from visus.runs.classify.prediction import LEAST
from visus.runs.engine.measuring import plain
from visus.tasks import wilson
from visus.tasks.bootstrap import Interval, drawn, interval, mean_of, said
from visus.tasks.ranking import average_precision, resampled


@dataclass(frozen=True, repr=False)
class MultilabelEvaluation(Result):
    """How well a classifier answers that gives each class a probability of its own.

    A class counts as answered from a probability of 0.5 on (:data:`visus.runs.classify.prediction.LEAST`).

    Attributes:
        split: What it was measured on.
        classes: Names of the classes.
        pictures: The pictures.
        labels: ``(N, C)`` int64, 1 where a picture has the class.
        probabilities: ``(N, C)`` float64, the sigmoid of each logit.
        remarks: What a reader of the figures should know, each one sentence.
    """

    split: str
    classes: tuple[str, ...]
    pictures: Pictures
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    remarks: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"MultilabelEvaluation({self.split!r}, {len(self.labels)} pictures, mAP {self.mean_ap:.2%})"

    @property
    def answers(self) -> NDArray[np.bool_]:
        """``(N, C)`` bool, which classes each picture is said to have."""
        return self.probabilities >= LEAST

    @cached_property
    def average_precision(self) -> NDArray[np.float64]:
        """``(C,)``, that of each class; NaN where no picture has it."""
        return average_precision(self.probabilities, self.labels)

    @property
    def mean_ap(self) -> float:
        """The mean over the classes that some picture has; NaN where none has any."""
        known = self.average_precision[np.isfinite(self.average_precision)]
        return float(known.mean()) if len(known) else math.nan

    @cached_property
    def _resampled(self) -> NDArray[np.float64]:
        """``(times, C)``, average precision of pictures that were drawn anew; of one picture alone NaN."""
        if len(self.labels) < 2:
            return np.full((1, len(self.classes)), np.nan)
        return resampled(self.probabilities, self.labels, drawn(len(self.labels)))

    def intervals(self) -> dict[str, Interval]:
        """How sure the measures are: mAP from the bootstrap over pictures, the share that is all right by Wilson."""
        ends = interval(mean_of(self._resampled))
        found = {"exact": wilson.interval(self.exact, len(self.labels))}
        return {"mean_ap": ends, **found} if ends else found

    @property
    def exact(self) -> float:
        """Share of pictures whose classes are all right, and no other is answered."""
        return float((self.answers == self.labels).all(1).mean())

    def f1(self) -> NDArray[np.float64]:
        """``(C,)``, harmonic mean of precision and recall; NaN where a class neither is there nor is answered."""
        right, there, named = self._counts()
        with np.errstate(invalid="ignore"):
            return 2 * right / (there + named)

    @property
    def micro_f1(self) -> float:
        """F1 of all decisions together; NaN where no class is there or answered."""
        right, there, named = (own.sum() for own in self._counts())
        return float(2 * right / (there + named)) if there + named else math.nan

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that some picture has; NaN where none has any."""
        own = self.f1()[self.labels.any(0)]
        return float(own.mean()) if len(own) else math.nan

    def _counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Right answers, pictures and answers of each class, ``(C,)`` each."""
        answers = self.answers
        return (answers & (self.labels > 0)).sum(0), self.labels.sum(0), answers.sum(0)

    def mistakes(self) -> NDArray[np.int64]:
        """``(M,)`` int64, positions of pictures with a wrong class, the farthest off first."""
        wrong = np.flatnonzero((self.answers != self.labels).any(1))
        off = np.abs(self.probabilities - self.labels).max(1)
        return wrong[np.argsort(-off[wrong], kind="stable")]

    def sheet(self, most: int = 20, *, tile: int = 160) -> NDArray[np.uint8]:
        """The worst mistakes on a sheet ``(H, W, 3)`` uint8, each with what is answered and what is true.

        Raises:
            InputError: There are no mistakes.
        """
        places = self.mistakes()[:most].tolist()
        if not places:
            raise InputError("There are no mistakes to show.")
        answers = Pictures(self.answers.astype(np.int64))
        captions = [
            f"{answers.names(k, self.classes)}\nis {Pictures(self.labels).names(k, self.classes)}" for k in places
        ]
        pictures = [self.pictures.read(k, min_side=tile) for k in places]
        return draw.contact_sheet(pictures, captions, columns=5, tile=tile, title=f"Worst mistakes on {self.split}")

    def rows(self) -> list[dict[str, Any]]:
        """One row a class: its pictures, average precision, precision, recall and F1; NaN becomes None."""
        right, there, named = self._counts()
        with np.errstate(invalid="ignore", divide="ignore"):
            columns = (self.average_precision, right / named, right / there, self.f1())
        return [
            {
                "class": name,
                "count": int(there[k]),
                "average_precision": plain(columns[0][k]),
                "average_precision_interval": interval(self._resampled[:, k]),
                "precision": plain(columns[1][k]),
                "recall": plain(columns[2][k]),
                "f1": plain(columns[3][k]),
            }
            for k, name in enumerate(self.classes)
        ]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON; NaN becomes None."""
        return {
            "split": self.split,
            "pictures": len(self.labels),
            "mean_ap": plain(self.mean_ap),
            "micro_f1": plain(self.micro_f1),
            "macro_f1": plain(self.macro_f1),
            "exact": self.exact,
            "intervals": self.intervals(),
            "classes": self.rows(),
            "remarks": self.remarks,
        }

    def describe(self) -> str:
        """The measures for people."""
        width = max(len(name) for name in (*self.classes, "class"))
        lines = [
            f"{len(self.labels):,} pictures of {self.split}: mAP {self.mean_ap:.4f}, micro F1 {self.micro_f1:.4f}, "
            f"macro F1 {self.macro_f1:.4f}, all classes right {self.exact:.2%}",
            f"{'class':{width}}  {'pictures':>8}  {'AP':>7}  {'precision':>9}  {'recall':>7}  {'F1':>7}",
        ]
        for row in self.rows():
            cells = [_said(row[key]) for key in ("average_precision", "precision", "recall", "f1")]
            ap, precision, recall, f1 = cells
            lines.append(f"{row['class']:{width}}  {row['count']:8,}  {ap:>7}  {precision:>9}  {recall:>7}  {f1:>7}")
        sure, names = self.intervals(), (("mean_ap", "mAP"), ("exact", "all classes right"))
        lines.append(said({name: sure[key] for key, name in names if key in sure}))
        return "\n".join([*lines, *self.remarks])

    def drawn(self) -> NDArray[np.uint8] | None:
        """Average precision of each class, ``(H, W, 3)`` uint8."""
        return picture_of(self._figure())

    def draw(self, folder: Path) -> None:
        """Write ``average_precision.png`` into a folder."""
        plots.save(self._figure(), folder / "average_precision.png")

    def _figure(self) -> Any:  # noqa: ANN401 - of matplotlib, which is imported at use
        figure = plots.figure(5.5, max(2.0, min(14.0, 0.3 * len(self.classes) + 1.2)))
        (axis,) = plots.axes(figure, 1, 1)
        order = np.argsort(np.nan_to_num(self.average_precision), kind="stable")
        names = [self.classes[k] for k in order.tolist()]
        axis.barh(range(len(names)), np.nan_to_num(self.average_precision[order]), color=plots.SECOND)
        axis.set_yticks(range(len(names)), names, fontsize=8)
        axis.set_xlim(0, 1)
        axis.set_title(f"average precision on {self.split}, mean {self.mean_ap:.3f}", fontsize=10)
        return figure


def _said(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
