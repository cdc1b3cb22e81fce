"""The plots of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from visus.images import plots
from visus.runs.engine.progress import Epoch
from visus.tasks.health import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from visus.tasks.finder import RangeTest


def curves(epochs: Sequence[Epoch], path: Path, *, score: str) -> None:
    """Losses, scores and the learning rate over the epochs."""
    figure = plots.figure(11, 3.2)
    loss, scores, rate = plots.axes(figure, 1, 3)
    x = [epoch.epoch for epoch in epochs]
    for axis, what, title in ((loss, "loss", "loss"), (scores, "score", score)):
        axis.plot(x, [getattr(e, f"train_{what}") for e in epochs], color=plots.SECOND, label="train", marker=".")
        axis.plot(x, [getattr(e, f"val_{what}") for e in epochs], color=plots.ACCENT, label="val", marker=".")
        axis.set_title(title, fontsize=10)
        axis.legend(frameon=False, fontsize=8)
    rate.plot(x, [epoch.lr for epoch in epochs], color=plots.INK, marker=".")
    rate.set_title("learning rate", fontsize=10)
    for axis in (loss, scores, rate):
        axis.set_xlabel("epoch", fontsize=8)
        axis.xaxis.get_major_locator().set_params(integer=True)
    plots.save(figure, path)


def range_test(found: "RangeTest", path: Path) -> None:
    """The loss over the growing learning rate, and the rate that was chosen."""
    figure = plots.figure(5.5, 3.2)
    (axis,) = plots.axes(figure, 1, 1)
    axis.semilogx(found.rates, found.losses, color=plots.SECOND)
    axis.axvline(found.best, color=plots.ACCENT, linewidth=1)
    axis.set_title(f"range test: the loss falls fastest at {found.best:g}", fontsize=10)
    axis.set_xlabel("learning rate", fontsize=8)
    plots.save(figure, path)


def health(history: History, path: Path) -> None:
    """Gradient, update, dead and saturated units of each layer at each measured step."""
    panels = [
        ("gradient", "norm of the gradient (log10)", True),
        ("update", "step / weights (log10)", True),
        ("dead", "dead units", False),
        ("saturated", "saturated outputs", False),
    ]
    tables = [(title, history.table(what), log) for what, title, log in panels]
    tables = [(title, table, log) for title, table, log in tables if np.isfinite(table).any()]
    rows = max((int(np.isfinite(table).any(axis=1).sum()) for _, table, _ in tables), default=1)
    figure = plots.figure(4.2 * (len(tables) + 1), max(3.2, min(12.0, 0.16 * rows + 1.2)))
    first, *others = plots.axes(figure, 1, len(tables) + 1)
    first.plot(history.steps, history.losses, color=plots.ACCENT, marker=".")
    first.set_title("loss", fontsize=10)
    first.set_xlabel("step", fontsize=8)
    for axis, (title, table, log) in zip(others, tables, strict=True):
        known = np.atleast_1d(np.isfinite(table).any(axis=1))
        names = [name for name, there in zip(history.layers, known, strict=True) if there]
        values = np.log10(np.maximum(table[known], 1e-12)) if log else table[known]
        axis.grid(False)
        limits = {} if log else {"vmin": 0, "vmax": 1}
        image = axis.imshow(values, aspect="auto", cmap="viridis" if log else "magma_r", **limits)
        step = max(1, len(names) // 40)
        axis.set_yticks(range(0, len(names), step), [name.removeprefix("net.") for name in names[::step]], fontsize=6)
        places = np.unique(np.linspace(0, len(history.steps) - 1, 5).round().astype(int))
        axis.set_xticks(places, [str(history.steps[k]) for k in places])
        axis.set_xlabel("step", fontsize=8)
        axis.set_title(title, fontsize=10)
        figure.colorbar(image, ax=axis)
    plots.save(figure, path)


def confusion(counts: NDArray[np.int64], classes: Sequence[str], path: Path, *, title: str) -> None:
    """Write the confusion matrix ``(C, C)`` int64: a row for each true class, a column for each answer."""
    plots.save(confusion_figure(counts, classes, title=title), path)


def confusion_figure(counts: NDArray[np.int64], classes: Sequence[str], *, title: str) -> "Figure":
    """The confusion matrix ``(C, C)`` int64 as a figure: a row for each true class, a column for each answer."""
    few = len(classes) <= 30
    side = max(3.5, min(14.0, 0.36 * len(classes) + 1.8))
    figure = plots.figure(side + 0.4, side)
    (axis,) = plots.axes(figure, 1, 1)
    names = list(classes) if len(classes) <= 80 else [""] * len(classes)
    plots.matrix(axis, counts, names, names, write=few)
    axis.set_xlabel("answer", fontsize=9)
    axis.set_ylabel("truth", fontsize=9)
    axis.set_title(title, fontsize=10)
    return figure
