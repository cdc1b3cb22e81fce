"""Blocks of pictures: the compiled loops beside plain arithmetic and OpenCV."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visus.search.duplicates.blocks import best_places, compared, corners_of, covered, laid_over, refined, soft


def _pictures(seed: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    first = cv2.GaussianBlur(random.uniform(0, 255, (height, width)).astype(np.float32), (0, 0), 1.0)
    return first, (0.6 * first + 0.4 * random.uniform(0, 255, (height, width))).astype(np.float32)


def _plain(x: np.ndarray, y: np.ndarray) -> tuple[float, ...]:
    """What compared tells of two blocks, by its definition."""
    a, b = x.astype(float) - x.mean(), y.astype(float) - y.mean()
    u, v = (part - part.mean(axis=0) - part.mean(axis=1, keepdims=True) for part in (a, b))
    plain = (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())
    detail = (u * v).sum() / np.sqrt((u * u).sum() * (v * v).sum())
    tells = min(u.std(), v.std()) >= 5
    return x.mean(), y.mean(), a.std(), b.std(), (a - b).std(), min(plain, detail) if tells else plain


@given(st.integers(0, 2**32 - 1), st.integers(16, 90), st.integers(16, 90), st.integers(5, 16))
def test_blocks_are_compared_as_their_definition_says(seed: int, height: int, width: int, side: int) -> None:
    first, second = _pictures(seed, height, width)
    at = corners_of(first.shape, side)
    there = at[::-1].copy()
    found = compared(first, second, side, at, there)
    for k in range(len(at)):
        x, y = (p[t : t + side, m : m + side] for p, (t, m) in ((first, at[k]), (second, there[k])))
        own = (*found.means[:, k], *found.spreads[:, k], found.apart[k], found.correlation[k])
        assert own == pytest.approx(_plain(x, y), rel=1e-3, abs=2e-3)


@given(st.integers(0, 2**32 - 1), st.integers(30, 90), st.integers(30, 90), st.integers(6, 25), st.integers(1, 13))
def test_the_best_place_is_where_opencv_finds_it(seed: int, height: int, width: int, side: int, radius: int) -> None:
    first, second = _pictures(seed, height, width)
    for (top, left), own in zip(
        corners_of(first.shape, side),
        best_places(first, second, side, corners_of(first.shape, side), radius),
        strict=True,
    ):
        y, x = max(0, top - radius), max(0, left - radius)
        around = second[y : top + side + radius, x : left + side + radius]
        fits = cv2.matchTemplate(around, first[top : top + side, left : left + side], cv2.TM_CCOEFF_NORMED)
        assert own[0] == pytest.approx(fits.max(), abs=2e-3)
        row, column = int(own[1]) + top - y, int(own[2]) + left - x
        assert fits[row, column] == pytest.approx(fits.max(), abs=2e-3)
        assert np.abs(own[3:] - own[1:3]).max() <= 0.5


def test_a_flat_block_fits_nowhere_and_agrees_with_nothing() -> None:
    flat, busy = np.full((40, 40), 7, np.float32), _pictures(0, 40, 40)[0]
    at = corners_of(flat.shape, 12)
    assert (best_places(flat, busy, 12, at, 4)[:, 0] == 0).all()
    assert (best_places(busy, flat, 12, at, 4)[:, 0] == 0).all()
    assert compared(flat, busy, 12, at).correlation == pytest.approx(0, abs=1e-3)


def test_no_blocks_are_compared_and_fit_nowhere() -> None:
    picture, none = np.zeros((20, 20), np.float32), np.zeros((0, 2), np.int64)
    assert compared(picture, picture, 12, none).correlation.shape == (0,)
    assert best_places(picture, picture, 12, none, 3).shape == (0, 5)


def test_a_transform_is_made_exact() -> None:
    picture = soft(np.random.default_rng(3).integers(0, 255, (24, 32)).astype(np.uint8).repeat(8, 0).repeat(8, 1))
    true = np.array([[0.98, 0.01, 5.3], [-0.01, 0.98, 2.6], [0, 0, 1]])
    target = laid_over(picture, true, picture.shape)
    rough = true + np.array([[0.004, 0, 1.5], [0, -0.004, -1.2], [0, 0, 0]])
    found = refined(picture, target, rough, 12)
    assert found is not None
    corners = np.array([[0, 0, 1], [255, 0, 1], [0, 191, 1], [255, 191, 1]])
    assert np.abs(corners @ found.T - corners @ true.T).max() < 0.5


def test_covered_blocks_are_those_inside_the_picture() -> None:
    matrix = np.array([[0.9, 0.2, 10], [-0.2, 0.9, 15], [0, 0, 1]])
    at = corners_of((100, 120), 10)
    laid = laid_over(np.ones((80, 90), np.float32), matrix, (100, 120)) > 0.99
    expected = np.array([laid[y : y + 10, x : x + 10].all() for y, x in at])
    found = covered(at, 10, matrix, (80, 90))
    assert (found == expected).mean() > 0.98
    assert found.any()
    assert not found.all()
