"""Gradients on surfaces whose slope is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visus import InputError
from visus.filters import (
    Gradient,
    difference_of_gaussians,
    gradient,
    kernels,
    laplacian_of_gaussian,
    non_maximum_suppression,
    prewitt,
    roberts,
    scharr,
    sobel,
    zero_crossings,
)


def ramp(angle: float, slope: float = 0.01, side: int = 41) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    return 0.5 + slope * ((x - side // 2) * np.cos(np.radians(angle)) + (y - side // 2) * np.sin(np.radians(angle)))


@given(st.floats(-179, 180), st.floats(0.5, 4))
def test_direction_points_from_dark_to_light(angle: float, sigma: float) -> None:
    slope = gradient(ramp(angle), sigma=sigma)
    turn = (slope.direction()[20, 20] - angle + 180) % 360 - 180
    assert abs(turn) < 1e-6
    np.testing.assert_allclose(slope.direction("radians"), np.radians(slope.direction()))
    assert slope.magnitude[20, 20] == pytest.approx(0.01)


@pytest.mark.parametrize("angle", [0, 30, 90, 135, -60])
@pytest.mark.parametrize("operator", [sobel, prewitt, scharr])
def test_small_kernels_are_exact_on_ramps(angle: float, operator: type) -> None:
    slope = operator(ramp(angle))
    assert slope.direction()[20, 20] == pytest.approx(angle)
    assert slope.magnitude[20, 20] == pytest.approx(0.01)


def test_roberts_looks_along_the_diagonals() -> None:
    down_right, down_left = roberts(ramp(45)), roberts(ramp(135))
    assert down_right.x[20, 20] == pytest.approx(0.01 * np.sqrt(2))
    assert down_right.y[20, 20] == pytest.approx(0, abs=1e-12)
    assert down_left.y[20, 20] == pytest.approx(0.01 * np.sqrt(2))


def test_dtypes_count_as_shares_of_white() -> None:
    eight = (ramp(20) * 255).astype(np.uint8)
    wide = eight.astype(np.uint16) * 257
    for one, other in ((eight, wide), (eight, eight / 255)):
        np.testing.assert_allclose(gradient(one).x, gradient(other).x, atol=1e-6)
    assert gradient(np.stack([eight] * 3, axis=2)).x.shape == (41, 41, 3)


def test_laplacian_of_a_bowl_and_zero_crossings_of_a_step() -> None:
    y, x = np.mgrid[-20:21, -20:21]
    bowl = (x**2 + y**2) / 2000
    assert laplacian_of_gaussian(bowl, sigma=2.0)[20, 20] == pytest.approx(2 / 1000)
    step = np.repeat(np.r_[np.zeros(10), np.ones(10)][None], 9, axis=0)
    crossings = zero_crossings(laplacian_of_gaussian(step, sigma=1.0), least=0.01)
    assert np.array_equal(np.unique(np.nonzero(crossings)[1]), [9])
    peak = difference_of_gaussians(np.pad([[1.0]], 20), sigma=1.5)
    np.testing.assert_allclose(peak, kernels.difference_of_gaussians(1.5, size=41), atol=1e-4)


def _suppressed(gx: np.ndarray, gy: np.ndarray) -> np.ndarray:
    """Canny's rule in plain loops: both neighbors on the gradient's line, interpolated linearly."""
    magnitude = np.pad(np.hypot(gx, gy), 1)
    out = np.zeros(gx.shape)
    for y, x in np.ndindex(gx.shape):
        center, dx, dy = magnitude[y + 1, x + 1], gx[y, x], gy[y, x]
        if center == 0:
            continue
        reach = max(abs(dx), abs(dy))  # to where the line leaves the ring of neighbors
        sides = []
        for sign in (1, -1):
            px, py = x + 1 + sign * dx / reach, y + 1 + sign * dy / reach
            left, top = int(np.floor(px)), int(np.floor(py))
            fx, fy = px - left, py - top
            right, bottom = left + (fx > 0), top + (fy > 0)
            sides.append(
                (1 - fx) * (1 - fy) * magnitude[top, left]
                + fx * (1 - fy) * magnitude[top, right]
                + (1 - fx) * fy * magnitude[bottom, left]
                + fx * fy * magnitude[bottom, right]
            )
        if center > sides[0] and center >= sides[1]:
            out[y, x] = center
    return out


@given(st.integers(0, 10_000), st.integers(1, 24), st.integers(1, 24))
@settings(max_examples=40)
def test_suppression_equals_plain_loops(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    gx, gy = (rng.integers(-6, 7, (height, width)).astype(np.float32) for _ in range(2))
    ours, plain = non_maximum_suppression(Gradient(gx, gy)), _suppressed(gx.astype(float), gy.astype(float))
    # Equal heights may be decided either way by the last bit; such pixels are left out.
    undecided = _ties(gx.astype(float), gy.astype(float))
    np.testing.assert_allclose(ours[~undecided], plain[~undecided], rtol=1e-6)
    assert undecided.size < 200 or undecided.mean() < 0.6


def _ties(gx: np.ndarray, gy: np.ndarray) -> np.ndarray:
    lower, upper = _suppressed_by(gx, gy, 1 - 1e-5), _suppressed_by(gx, gy, 1 + 1e-5)
    return lower != upper


def _suppressed_by(gx: np.ndarray, gy: np.ndarray, factor: float) -> np.ndarray:
    """Whether a pixel is kept if its own magnitude were a little smaller or greater."""
    kept = np.zeros(gx.shape, bool)
    for y, x in np.ndindex(gx.shape):
        fx, fy = gx.copy(), gy.copy()
        fx[y, x] *= factor
        fy[y, x] *= factor
        area = (slice(max(y - 1, 0), y + 2), slice(max(x - 1, 0), x + 2))
        kept[y, x] = _suppressed(fx[area], fy[area])[y - area[0].start, x - area[1].start] > 0
    return kept


@pytest.mark.parametrize("width", [5, 255, 256, 257, 1030])
def test_suppression_of_a_vertical_edge_is_one_pixel_wide(width: int) -> None:
    x = np.arange(width)
    picture = np.repeat(1 / (1 + np.exp(-(x - width / 2 + 0.3)))[None], 5, axis=0)
    kept = non_maximum_suppression(gradient(picture))
    assert np.array_equal((kept > 1e-3).sum(axis=1)[1:-1], [1, 1, 1])


def test_bad_gradients() -> None:
    with pytest.raises(InputError, match="one shape"):
        non_maximum_suppression(Gradient(np.ones((3, 3)), np.ones((3, 4))))
    with pytest.raises(InputError, match="radians"):
        gradient(np.ones((3, 3))).direction("turns")  # pyright: ignore[reportArgumentType]
