"""Outlines of masks: polygons along the edges of pixels, and several polygons as one."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def outlines(inside: NDArray[np.bool_]) -> list[Points]:
    """The borders of what a mask covers, those of holes too: each a closed polygon along the edges of pixels.

    Args:
        inside: ``(H, W)`` bool.

    Returns:
        Polygons ``(n, 2)`` float64, x and y of each corner; what is covered lies to the right as one walks along.

    >>> outlines(np.array([[True, True]]))[0].tolist()
    [[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]
    """
    padded = np.pad(inside, 1)
    steps: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for dy, dx, start, end in (
        (-1, 0, (0, 0), (1, 0)),
        (0, 1, (1, 0), (1, 1)),
        (1, 0, (1, 1), (0, 1)),
        (0, -1, (0, 1), (0, 0)),
    ):  # fmt: skip - up, right, down, left of a pixel
        beside = np.roll(padded, (-dy, -dx), (0, 1))[1:-1, 1:-1]
        for y, x in np.argwhere(inside & ~beside).tolist():
            steps[x + start[0], y + start[1]].append((x + end[0], y + end[1]))
    found = []
    while steps:
        found.append(_walk(steps))
    return found


def _walk(steps: dict[tuple[int, int], list[tuple[int, int]]]) -> Points:
    """One closed way, taken from the steps that are left; only its corners are kept."""
    start = here = min(steps)
    before = (0, 0)
    corners: list[tuple[int, int]] = []
    while True:
        # Where two ways cross, the one that turns right keeps to the same piece.
        there = max(steps[here], key=lambda end: before[0] * (end[1] - here[1]) - before[1] * (end[0] - here[0]))
        steps[here].remove(there)
        if not steps[here]:
            del steps[here]
        direction = there[0] - here[0], there[1] - here[1]
        if direction != before:
            corners.append(here)
        here, before = there, direction
        if here == start:
            break
    return np.array(corners, np.float64)


def joined(polygons: list[Points]) -> Points:
    """Several polygons as one, with ways there and back between them that have no width.

    Args:
        polygons: ``(n, 2)`` each, at least one.

    Returns:
        ``(m, 2)``, whose inside is that of all of them (by the even-odd rule).
    """
    whole = polygons[0]
    for other in polygons[1:]:
        apart = ((whole[:, None] - other[None]) ** 2).sum(-1)
        first, second = np.unravel_index(int(apart.argmin()), apart.shape)
        around = np.concatenate([other[second:], other[: second + 1]])
        whole = np.concatenate([whole[: first + 1], around, whole[first:]])
    return whole
