"""Outlines of masks: what lies inside of them is what the mask covers."""

import numpy as np
import pytest

from visus.data.coco import decode
from visus.data.outlines import joined, outlines


@pytest.mark.parametrize("seed", range(8))
def test_an_outline_covers_what_the_mask_does(seed: int) -> None:
    random = np.random.default_rng(seed)
    coarse = random.random((6, 7)) < 0.5
    inside = np.kron(coarse, np.ones((7, 9), bool)).astype(bool)
    inside[random.integers(0, 42, 9), random.integers(0, 63, 9)] ^= True  # single pixels and holes
    polygons = outlines(inside)
    area = sum(0.5 * float((p[:, 0] * np.roll(p[:, 1], -1) - np.roll(p[:, 0], -1) * p[:, 1]).sum()) for p in polygons)
    assert area == inside.sum()  # holes count against it
    drawn = decode([joined(polygons).ravel().tolist()], inside.shape)
    assert (drawn != inside).mean() < 0.01


def test_the_corners_of_a_square() -> None:
    inside = np.zeros((5, 6), bool)
    inside[1:3, 2:5] = True
    assert outlines(inside)[0].tolist() == [[2, 1], [5, 1], [5, 3], [2, 3]]
    assert not outlines(np.zeros((3, 3), bool))


def test_pieces_that_touch_at_a_corner_are_two() -> None:
    assert len(outlines(np.eye(2, dtype=bool))) == 2
