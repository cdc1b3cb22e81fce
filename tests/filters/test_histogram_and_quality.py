"""Color histograms, PSNR and SSIM."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from tests.support.pictures import scene
from visus import InputError
from visus.filters import hsv_histogram, psnr, ssim


@given(st.integers(0, 50), st.integers(1, 20), st.integers(1, 5), st.integers(1, 5))
def test_histograms_sum_to_one(seed: int, hues: int, saturations: int, values: int) -> None:
    histogram = hsv_histogram(scene(seed, 40, 30), hues=hues, saturations=saturations, values=values)
    assert histogram.shape == (hues * saturations * values + 4 * values,)
    assert histogram.sum() == pytest.approx(1, abs=1e-5)
    assert (histogram >= 0).all()


def test_colors_fall_into_their_bins() -> None:
    for hue, color in ((0, (255, 0, 0)), (4, (0, 255, 0)), (8, (0, 0, 255))):
        histogram = hsv_histogram(np.full((3, 3, 3), color, np.uint8))
        assert histogram.argmax() == hue * 9 + 8
    for value, place in ((0, 108), (255, 119)):
        assert hsv_histogram(np.full((3, 3), value, np.uint8)).argmax() == place


def test_small_changes_of_color_change_little() -> None:
    picture = scene(1)
    moved = np.clip(picture.astype(int) + 4, 0, 255).astype(np.uint8)
    other = scene(2)
    near, far = (np.sqrt(hsv_histogram(picture) * hsv_histogram(p)).sum() for p in (moved, other))
    assert near > 0.98
    assert near > far
    red, wine = (np.full((2, 2, 3), color, np.uint8) for color in ((255, 0, 4), (255, 4, 0)))
    assert np.sqrt(hsv_histogram(red) * hsv_histogram(wine)).sum() > 0.9  # hues go round


@pytest.mark.parametrize("channels", [1, 3])
def test_quality_equals_scikit_image(channels: int) -> None:
    one = scene(1)[:, :, :channels].squeeze()
    other = cv2.GaussianBlur(one, (0, 0), 1.5)
    assert psnr(one, other) == pytest.approx(peak_signal_noise_ratio(one, other))
    expected = structural_similarity(
        one,
        other,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=None if channels == 1 else 2,
    )
    assert ssim(one, other) == pytest.approx(expected)
    assert psnr(one, one) == math.inf
    assert ssim(one, one) == pytest.approx(1)
    assert psnr(one / 255, other / 255) == pytest.approx(psnr(one, other))


def test_pairs_must_fit() -> None:
    with pytest.raises(InputError, match="one shape"):
        psnr(np.zeros((3, 3)), np.zeros((3, 4)))
    with pytest.raises(InputError, match="range of values"):
        psnr(np.zeros((3, 3)), np.zeros((3, 3), np.uint8))
    with pytest.raises(InputError, match="11 x 11"):
        ssim(np.zeros((10, 30)), np.zeros((10, 30)))
    with pytest.raises(InputError, match="whole number"):
        hsv_histogram(np.zeros((3, 3)), hues=0)
