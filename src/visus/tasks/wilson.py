"""How far a share that was counted may be from the true one: Wilson, "Probable inference", JASA 1927."""

import math

FEW = 100
"""Below so many pictures a share is told with its interval."""
_Z = 1.959964  # 95 % of a normal distribution lie within so many deviations


def interval(share: float, count: int) -> tuple[float, float]:
    """The interval that holds the true share in 95 of 100 cases.

    Args:
        share: Of right answers, in [0, 1].
        count: How many answers there were, at least 1.

    Returns:
        Its limits, in [0, 1].

    >>> tuple(round(limit, 3) for limit in interval(38 / 45, 45))
    (0.712, 0.923)
    """
    middle = share + _Z**2 / (2 * count)
    reach = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    below, above = ((middle + sign * reach) / (1 + _Z**2 / count) for sign in (-1, 1))
    return max(0.0, below), min(1.0, above)


def within(share: float, count: int) -> str:
    """The interval in words.

    >>> within(38 / 45, 45)
    '95 % interval 71.2 to 92.3 %, 45 pictures'
    """
    below, above = interval(share, count)
    return f"95 % interval {100 * below:.1f} to {100 * above:.1f} %, {count:,} pictures"
