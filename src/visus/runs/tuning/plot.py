"""The picture of a study: the score over each setting."""

import math
from pathlib import Path
from typing import Any

from visus.images import plots
from visus.runs.tuning.space import Range, Space
from visus.runs.tuning.trials import best_of, last_score, stage_of, values_of

_DECADES = 2  # of an axis: where it has fewer, there are labels between the powers of ten, too


def draw(path: Path, trials: list[Any], space: Space) -> None:
    """The score over each setting: coarse and fine trials, and those that were given up."""
    figure = plots.figure(4 * len(space), 3.4)
    best = best_of([t for t in trials if t.state.name == "COMPLETE"])
    for axis, (name, entry) in zip(plots.axes(figure, 1, len(space)), space.items(), strict=True):
        for fine, color, label in ((False, plots.SECOND, "coarse"), (True, plots.ACCENT, "fine")):
            points = [
                (values_of(t).get(name), t.value if t.value is not None else last_score(t), t.value is None)
                for t in trials
                if (stage_of(t) == "fine") == fine and name in values_of(t)
            ]
            for given_up, marker in ((False, "o"), (True, "x")):
                x = [str(p[0]) if isinstance(entry, list) else p[0] for p in points if p[2] == given_up]
                y = [p[1] for p in points if p[2] == given_up]
                text = label + (", given up" if given_up else "")
                axis.scatter(x, y, color=color, marker=marker, s=22, label=text if x else None)
        if isinstance(entry, Range) and entry.log:
            _log_ticks(axis, entry)
        if not isinstance(entry, list):
            axis.axvline(values_of(best)[name], color=plots.INK, linewidth=0.7)
        axis.set_title(name, fontsize=10)
        axis.set_ylabel("score on val", fontsize=8)
    figure.axes[0].legend(frameon=False, fontsize=7)
    plots.save(figure, path)


def _log_ticks(axis: Any, entry: Range) -> None:  # noqa: ANN401 - matplotlib's
    """A logarithmic axis with few labels: below two decades matplotlib labels every tick."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    short = math.log10(entry.high / entry.low) < _DECADES
    axis.set_xscale("log")
    axis.set_xlim(entry.low / 1.1, entry.high * 1.1)
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0) if short else (1.0,), numticks=5))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
