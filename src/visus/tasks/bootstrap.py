"""How far a measure of some pictures may be from that of all: the bootstrap (Efron, Annals of Statistics 1979).

As many pictures are drawn from those that were measured, with replacement, and the measure is taken of them, many times
over; 95 % of these values lie in the interval (Efron and Tibshirani 1993, section 13.3). Pictures are drawn whole: what
is on one picture is alike. Of less than about twenty pictures such an interval is too narrow.
"""

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]

TIMES = 400
"""How often pictures are drawn."""

_ENDS = (2.5, 97.5)  # percent


def drawn(count: int, *, times: int = TIMES, seed: int = 0) -> NDArray[np.int64]:
    """How often each picture is there, where as many as there are are drawn with replacement.

    Args:
        count: How many pictures there are, at least 1.
        times: How often all are drawn.
        seed: Of the draws.

    Returns:
        ``(times, count)`` int64.

    >>> drawn(3, times=2).sum(1).tolist()
    [3, 3]
    """
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=times)


def interval(values: NDArray[np.floating]) -> Interval | None:
    """The interval that holds 95 % of the values of a measure; None where there are none.

    Args:
        values: ``(times,)`` float, NaN where there was nothing to measure.

    >>> interval(np.linspace(0, 1, 1001))
    (0.025, 0.975)
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    low, high = np.percentile(known, _ENDS)
    return float(low), float(high)


def mean_of(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Means over the last axis of what is known; NaN where nothing is.

    Args:
        values: ``(..., C)``, NaN for a class that is not there.

    >>> mean_of(np.array([[0.5, np.nan], [np.nan, np.nan]])).tolist()
    [0.5, nan]
    """
    known = np.isfinite(values)
    count = known.sum(-1)
    return np.where(count > 0, np.where(known, values, 0).sum(-1) / np.maximum(count, 1), np.nan)


def said(named: dict[str, Interval]) -> str:
    """Intervals as a sentence, by the names of what they are of.

    >>> said({"mean IoU": (0.601, 0.68), "mean Dice": (0.7, 0.8)})
    '95 % intervals over pictures: mean IoU 60.1 to 68.0 %, mean Dice 70.0 to 80.0 %'
    """
    parts = [f"{name} {100 * low:.1f} to {100 * high:.1f} %" for name, (low, high) in named.items()]
    return f"95 % intervals over pictures: {', '.join(parts)}"
