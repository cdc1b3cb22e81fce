"""Smoothing beside SciPy, OpenCV, and plain loops."""

from typing import Any

import cv2
import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.support.pictures import scene
from visus import InputError
from visus.filters import bilateral, box, gaussian, median, noise_level, psnr
from visus.filters.convolve import PADDINGS
from visus.images import noise

SCIPY = {"constant": "constant", "replicate": "nearest", "reflect": "reflect", "mirror": "mirror", "wrap": "wrap"}


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("sigma", [0.6, 3.0, 8.0, 14.0, 20.0, 100.0])
def test_gaussian_equals_scipy(padding: Any, sigma: float) -> None:
    picture = np.random.default_rng(0).random((50, 37))
    reach = int(np.ceil(4 * sigma)) if sigma < 14 else int(9 * sigma)
    expected = scipy.ndimage.gaussian_filter(picture, sigma, mode=SCIPY[padding], radius=reach)
    np.testing.assert_allclose(gaussian(picture, sigma=sigma, padding=padding), expected, atol=1e-6)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(
    "shape",
    [(70, 133), (3, 5), (1, 9), (9, 1), (40, 67, 3), (33, 32, 4), (20, 30, 5), (7, 2083), (8, 2048), (6, 700, 3)],
)
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_the_compiled_gaussian_is_exact(
    padding: Any, shape: tuple[int, ...], kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in bands of rows; bytes are the exact value rounded."""
    monkeypatch.setattr("visus.filters.smooth._BAND", 300)
    values = np.random.default_rng(0).integers(0, 256, shape).astype(kind)
    for sigma in (0.5, 1.0, 2.0, 2.3, 3.9):
        deviations = (sigma, sigma, 0)[: len(shape)]
        radius = int(np.ceil(4 * sigma))
        exact = scipy.ndimage.gaussian_filter(
            values.astype(np.float64), deviations, mode=SCIPY[padding], radius=(radius, radius, 0)[: len(shape)]
        )
        found = gaussian(values, sigma=sigma, padding=padding)
        assert found.dtype == kind
        assert np.abs(found - exact).max() <= (0.5001 if kind == np.uint8 else 1e-3)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3)])
def test_a_gaussian_may_be_much_wider_than_the_picture(padding: Any, shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).random(shape)
    expected = scipy.ndimage.gaussian_filter(picture, 30.0, mode=SCIPY[padding], truncate=9)
    np.testing.assert_allclose(gaussian(picture, sigma=30.0, padding=padding), expected, atol=1e-6)


@pytest.mark.parametrize("padding", PADDINGS)
def test_an_endless_gaussian_is_the_mean_of_what_it_sees(padding: Any) -> None:
    picture = np.random.default_rng(0).random((6, 7))
    smooth = gaussian(picture, sigma=1e9, padding=padding)
    corners = picture[[0, 0, -1, -1], [0, -1, 0, -1]].mean()
    mirrored = np.pad(picture, ((0, 4), (0, 5)), mode="reflect").mean()
    means = {"constant": 0, "replicate": corners, "mirror": mirrored}
    np.testing.assert_allclose(smooth, means.get(padding, picture.mean()), atol=1e-6)


def test_gaussian_keeps_dtype_range_and_channels() -> None:
    for picture in (scene(1), scene(1)[:, :, 0], scene(1).astype(np.uint16) * 257, scene(1) / 255.0):
        for sigma in (1.0, 20.0):
            smooth = gaussian(picture, sigma=sigma)
            assert smooth.dtype == picture.dtype
            assert smooth.shape == picture.shape
            assert abs(smooth.mean() - picture.mean()) < 0.01 * picture.max()


@pytest.mark.parametrize("size", [1, 2, 5, 8, 31])
@pytest.mark.parametrize("padding", PADDINGS)
def test_box_equals_scipy(size: int, padding: Any) -> None:
    picture = np.random.default_rng(0).random((23, 31))
    expected = scipy.ndimage.uniform_filter(picture, size, mode=SCIPY[padding])
    np.testing.assert_allclose(box(picture, size=size, padding=padding), expected, atol=1e-9)


@pytest.mark.parametrize("size", [1, 3, 5, 7, 9, 21, 41])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, np.float64, np.int64, np.bool_])
def test_median_equals_scipy(size: int, dtype: Any) -> None:
    rng = np.random.default_rng(size)
    values = rng.normal(0, 300, (61, 47))
    picture = (
        (values > 0) if dtype == np.bool_ else (abs(values) if np.dtype(dtype).kind == "u" else values).astype(dtype)
    )
    expected = scipy.ndimage.median_filter(picture.astype(np.float64), size, mode="nearest")
    answer = median(picture, size=size)
    assert answer.dtype == picture.dtype
    np.testing.assert_array_equal(answer.astype(np.float64), expected)


@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20),
        elements=st.sampled_from([-0.0, 0.0, 1.0, -1.0, 2.5, 1e-30, -3e38]) | st.floats(-1, 1, width=32),
    ),
    st.sampled_from([7, 9, 11, 15]),
)
def test_median_of_floats_with_ties_and_signed_zeros(picture: np.ndarray, size: int) -> None:
    if size > 2 * max(picture.shape) + 1:
        with pytest.raises(InputError, match="too large"):
            median(picture, size=size)
        return
    expected = scipy.ndimage.median_filter(picture, size, mode="nearest")
    np.testing.assert_array_equal(median(picture, size=size), expected)


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (70, 1), (5, 300), (200, 131), (66, 40, 3)])
@pytest.mark.parametrize("levels", [2, 9, 256])
def test_the_median_of_bytes_equals_opencv(
    shape: tuple[int, ...], levels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in bands of rows, and where a level is left and comes again."""
    monkeypatch.setattr("visus.filters.smooth.cores", lambda: 7)
    picture = np.random.default_rng(0).integers(0, levels, shape).astype(np.uint8) * (255 // (levels - 1))
    picture[:, : shape[1] // 3] //= 2
    for size in (7, 9, 33, 75, 127, 129, 131):
        if size <= 2 * max(shape[:2]) + 1:
            np.testing.assert_array_equal(median(picture, size=size), cv2.medianBlur(picture, size).reshape(shape))


def test_median_over_tiles_equals_opencv() -> None:
    """Larger than one tile, so that tiles meet."""
    picture = cv2.resize(scene(3, 600, 500)[:, :, 1], (611, 523))
    for size in (7, 33, 101):
        expected = cv2.medianBlur(picture, size)
        np.testing.assert_array_equal(median(picture.astype(np.uint16), size=size), expected)
        np.testing.assert_array_equal(median(picture.astype(np.float32), size=size), expected)


def _bilateral(picture: np.ndarray, sigma: float, tolerance: float) -> np.ndarray:
    """Tomasi and Manduchi (1998), equations 3 to 6, word by word, over the disc that OpenCV takes."""
    reach = int(np.ceil(2 * sigma))
    wide = np.pad(picture, [(reach, reach), (reach, reach), (0, 0)][: picture.ndim], mode="symmetric")
    total, weights = np.zeros(picture.shape), np.zeros(picture.shape[:2])
    for y in range(-reach, reach + 1):
        for x in range(-reach, reach + 1):
            if np.hypot(x, y) > reach:
                continue
            part = wide[reach + y : reach + y + picture.shape[0], reach + x : reach + x + picture.shape[1]]
            difference = abs(part - picture)
            difference = difference.sum(axis=2) if picture.ndim == 3 else difference
            weight = np.exp(-0.5 * ((x * x + y * y) / sigma**2 + (difference / tolerance) ** 2))
            total += part * (weight[:, :, None] if picture.ndim == 3 else weight)
            weights += weight
    return total / (weights[:, :, None] if picture.ndim == 3 else weights)


@pytest.mark.parametrize("channels", [1, 3])
def test_bilateral_equals_the_paper(channels: int) -> None:
    picture = scene(2, 60, 50)[:, :, :channels] / 255
    picture = picture[:, :, 0] if channels == 1 else picture
    np.testing.assert_allclose(bilateral(picture, sigma=2.0, tolerance=0.1), _bilateral(picture, 2.0, 0.1), atol=2e-4)
    assert bilateral(scene(2), sigma=1.0).dtype == np.uint8
    assert bilateral(scene(2).astype(np.uint16) * 257, sigma=1.0).dtype == np.uint16
    one = bilateral(scene(2)[:, :, :1], sigma=1.0)
    np.testing.assert_array_equal(one[:, :, 0], bilateral(scene(2)[:, :, 0], sigma=1.0))


def test_bilateral_refuses_what_would_overflow() -> None:
    """OpenCV's table of weights is indexed by differences, and reads beyond it if these overflow."""
    for value in (3e38, 1e300, 1e7):
        with pytest.raises(InputError, match=r"scale it to \[0, 1\]"):
            bilateral(np.array([[-value, value]]))
    assert np.isfinite(bilateral(np.array([[-9e5, 9e5, 0.1]]), tolerance=1e-6)).all()


def test_bilateral_keeps_a_step_that_a_gaussian_blurs() -> None:
    step = np.repeat(np.r_[np.zeros(20), np.ones(20)][None], 20, axis=0)
    assert abs(bilateral(step, sigma=3.0, tolerance=0.1) - step).max() < 1e-3
    assert abs(gaussian(step, sigma=3.0) - step).max() > 0.3


@pytest.mark.parametrize("level", [5, 10, 25, 50])
@pytest.mark.parametrize("color", [False, True])
def test_bilateral_suits_itself_to_the_noise(level: int, color: bool) -> None:
    y, x = np.mgrid[:120, :120]
    clean = np.where((x // 30 + y // 30) % 2, 60, 160) + 30 * np.sin(x / 25)
    clean = np.clip(np.stack([clean, clean * 0.8 + 20, 200 - clean * 0.7], 2) if color else clean, 60, 195)
    clean = clean.astype(np.uint8)
    noisy = noise.gaussian(clean, sigma=level / 255, seed=0)
    assert noise_level(noisy) == pytest.approx(level / 255, rel=0.12)
    gain = psnr(bilateral(noisy), clean) - psnr(noisy, clean)
    assert gain > 5.9
    if level >= 25:  # where a fixed tolerance is too small
        assert psnr(bilateral(noisy), clean) > psnr(bilateral(noisy, sigma=2.0, tolerance=0.1), clean) + 1


def test_bilateral_leaves_a_clean_picture_nearly_as_it_is() -> None:
    clean = np.tile(np.repeat(np.array([20, 200], np.uint8), 20), (40, 2))
    assert np.array_equal(bilateral(clean), clean)
    assert noise_level(np.zeros((2, 9))) == 0
