"""Corners of two pictures that agree: the compiled loops against NumPy, and pictures that were cut and mirrored."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from visus.search.duplicates import alignment
from visus.search.duplicates.looks import Corners, Look, decoded


def by_numpy(a: Corners, b: Corners) -> list[tuple[int, int]]:
    """What :func:`visus.search.duplicates.alignment.agreeing` says, one step after the other."""
    apart = np.bitwise_count(a.bits[:, None] ^ b.bits).sum(axis=2)
    forth, back = apart.argmin(axis=1), apart.argmin(axis=0)
    rows = np.flatnonzero((back[forth] == np.arange(len(forth))) & (apart.min(axis=1) <= 60))
    source, goal = a.points[rows].astype(float), b.points[forth[rows]].astype(float)
    turn, scale = np.radians(goal[:, 3] - source[:, 3]), goal[:, 2] / source[:, 2]
    linear = np.exp(1j * turn) * scale
    shift = goal[:, 0] + 1j * goal[:, 1] - linear * (source[:, 0] + 1j * source[:, 1])
    turns = np.abs((turn[:, None] - turn + np.pi) % (2 * np.pi) - np.pi) < 0.5
    octaves = np.abs(np.log2(scale)[:, None] - np.log2(scale)) < 0.6
    apart = shift[:, None] - shift
    near = turns & octaves & (np.abs(apart.real) < 40) & (np.abs(apart.imag) < 40)
    best = near[near.sum(axis=1).argmax()] if len(rows) else np.zeros(0, bool)
    return [(int(i), int(forth[i])) for i in rows[best]]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(1, 40))
def test_agreeing_corners_are_those_of_numpy(seed: int, count: int, more: int) -> None:
    chance = np.random.default_rng(seed)
    bits = chance.integers(0, 2**63, (count + more, 4), np.int64).astype(np.uint64)
    sizes = np.array([21, 27.3, 35.49, 46.137])

    def corners(own: NDArray[np.uint64], jitter: float) -> Corners:
        places = np.linspace(10, 240, count + more)
        moved = np.stack([places, places[::-1]], axis=1)[: len(own)] + chance.normal(0, jitter, (len(own), 2))
        rest = np.stack([sizes[chance.integers(0, 4, len(own))], chance.uniform(0, 360, len(own))], axis=1)
        return Corners(np.concatenate([moved, rest], axis=1).astype(np.float32), own)

    flips = np.uint64(1) << chance.integers(0, 63, (count + more, 4)).astype(np.uint64)
    a, b = corners(bits[:count], 1), corners(bits ^ flips, 5)
    if count == 0:
        assert len(alignment.agreeing(a, b)) == 0
    else:
        assert list(map(tuple, alignment.agreeing(a, b).tolist())) == by_numpy(a, b)


def look(picture: Image.Image) -> Look:
    written = io.BytesIO()
    small = picture.copy()
    small.thumbnail((256, 256))
    small.save(written, "JPEG", quality=85)
    return Look(lambda: decoded(written.getvalue()))


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_cut_is_found_mirrored_or_not(cat: NDArray[np.uint8], mirrored: bool) -> None:
    whole = Image.fromarray(cat)
    width, height = whole.size
    box = width // 4, height // 5, width // 4 + width * 6 // 10, height // 5 + height * 6 // 10
    part = whole.crop(box)
    way = alignment.by_corners(look(ImageOps.mirror(part) if mirrored else part), look(whole))
    assert way is not None
    assert bool(np.linalg.det(way[:2, :2]) < 0) == mirrored
    middle = way @ [*(np.array(look(part).shape[::-1]) / 2 - 0.5), 1]
    scale = max(look(whole).shape) / max(width, height)
    expected = [(box[0] + box[2]) / 2 * scale, (box[1] + box[3]) / 2 * scale]
    assert np.abs(middle[:2] - expected).max() < 4


def test_mirrored_features_are_those_of_the_mirrored_picture(cat: NDArray[np.uint8]) -> None:
    whole = Image.fromarray(cat)
    ours, theirs = look(whole).mirrored, look(ImageOps.mirror(whole)).corners
    apart = np.bitwise_count(ours.bits[:, None] ^ theirs.bits).sum(axis=2).min(axis=1)
    assert np.mean(apart <= 40) > 0.7


def test_a_thumbnail_that_cannot_be_read_says_nothing() -> None:
    empty = Look(lambda: decoded(b""))
    assert not empty.cards.any()
    assert len(empty.corners.points) == len(empty.mirrored.points) == 0
