"""Cut labeled pictures into parts: seeded, stratified, with copies of one picture kept together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError


def must_leave_some(val: float, test: float) -> None:
    """Refuse shares that leave nothing to train on.

    Raises:
        InputError: Nothing is left, or a share is none.
    """
    if not 0 < val < 1 or not 0 <= test < 1 or val + test >= 1:
        raise InputError(f"val and test must be shares that leave something to train on, not {val} and {test}.")


def strata(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """What parts should hold their share of, for each picture ``(N,)``: its class, or the rarest of several.

    Args:
        labels: ``(N,)`` int64, or ``(N, C)`` zeros and ones.

    >>> strata(np.array([[1, 1], [1, 0], [0, 0]])).tolist()
    [1, 0, 2]
    """
    if labels.ndim == 1:
        return labels
    order = np.argsort(labels.sum(0), kind="stable")  # the rarest class first
    first = labels[:, order].argmax(1)
    return np.where(labels.any(1), order[first], labels.shape[1])


def stratified(
    labels: NDArray[np.int64], shares: Sequence[float], *, seed: int, groups: NDArray[np.int64] | None = None
) -> list[NDArray[np.int64]]:
    """Divide pictures so that each part holds its share of every class.

    Args:
        labels: ``(N,)`` int64, the class of each picture.
        shares: Share of each part but the first, which gets the rest.
        seed: Of the random order.
        groups: ``(N,)`` int64; pictures with the same number go into the same part, for example copies of one file.

    Returns:
        Sorted positions of each part, int64. A class with few pictures gives at least one to every part if it can,
        and to the first before all.
    """
    random = np.random.default_rng(seed)
    alone = np.arange(len(labels)) if groups is None else groups
    part_of_group: dict[int, int] = {}
    for label in np.unique(labels):
        members = [g for g in dict.fromkeys(alone[labels == label].tolist()) if g not in part_of_group]
        order = [members[k] for k in random.permutation(len(members))]
        start = 0
        for part, share in enumerate(shares, 1):
            left = len(order) - start - 1  # one stays for the first part
            count = min(left, max(1, round(share * len(order)))) if share > 0 else 0
            part_of_group |= dict.fromkeys(order[start : start + max(0, count)], part)
            start += max(0, count)
        part_of_group |= dict.fromkeys(order[start:], 0)
    parts = np.array([part_of_group[g] for g in alone.tolist()], dtype=np.int64)
    return [np.flatnonzero(parts == k) for k in range(len(shares) + 1)]
