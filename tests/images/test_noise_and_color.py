"""Noise has the statistics that it claims; colors go there and back."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.pictures import scene
from visus import InputError
from visus.images import color, noise

GRAY = np.full((300, 400), 128, np.uint8)


def test_noise_is_repeated_by_its_seed_and_keeps_dtype() -> None:
    for picture in (scene(1), scene(1)[:, :, 0].astype(np.uint16) * 257, scene(1) / 255, (scene(1) / 255).astype("f4")):
        for model in (noise.gaussian, noise.salt_and_pepper, noise.impulse, noise.poisson, noise.speckle):
            one, same, other = (model(picture, seed=seed) for seed in (3, 3, 4))
            assert one.dtype == picture.dtype
            assert one.shape == picture.shape
            np.testing.assert_array_equal(one, same)
            assert (one != other).any()
            assert one.max() <= color.full_scale(picture.dtype)


def test_statistics() -> None:
    gaussian = noise.gaussian(GRAY, sigma=0.1, seed=0).astype(float)
    assert gaussian.std() == pytest.approx(25.5, rel=0.02)
    assert gaussian.mean() == pytest.approx(128, abs=0.3)
    mixed = noise.salt_and_pepper(GRAY, amount=0.2, salt=0.25, seed=0)
    assert (mixed == 255).mean() == pytest.approx(0.05, rel=0.05)
    assert (mixed == 0).mean() == pytest.approx(0.15, rel=0.05)
    impulse = noise.impulse(GRAY, amount=0.2, seed=0)
    assert (impulse == 255).mean() == pytest.approx(0.2, rel=0.05)
    assert (impulse == 0).sum() == 0
    photons = noise.poisson(GRAY / 255, peak=100, seed=0) * 100
    assert photons.var() == pytest.approx(photons.mean(), rel=0.03)
    speckle = noise.speckle(GRAY / 255, sigma=0.2, seed=0)
    assert speckle.std() == pytest.approx(0.2 * 128 / 255, rel=0.02)


def test_pepper_hits_white_pixels_and_all_channels_at_once() -> None:
    white = np.full((100, 100, 3), 255, np.uint8)
    peppered = noise.salt_and_pepper(white, amount=0.3, salt=0, seed=0)
    assert (peppered == 0).all(axis=2).mean() == pytest.approx(0.3, rel=0.1)
    assert ((peppered == 0).any(axis=2) == (peppered == 0).all(axis=2)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: noise.gaussian(GRAY, sigma=-1), "sigma"),
        (lambda: noise.gaussian(GRAY, sigma="0.1"), "sigma must be a number"),  # pyright: ignore[reportArgumentType]
        (lambda: noise.salt_and_pepper(GRAY, amount=1.5), "amount"),
        (lambda: noise.salt_and_pepper(GRAY, salt=-1), "salt"),
        (lambda: noise.poisson(GRAY, peak=0), "photons"),
        (lambda: noise.poisson(GRAY / -255), "scale it first"),
        (lambda: noise.speckle(GRAY, sigma=float("nan")), "sigma"),
        (lambda: noise.poisson(np.full((2, 2), 1e12), peak=1e9), "scale it first"),
        (lambda: noise.gaussian(np.array([[np.nan]])), "NaN"),
        (lambda: noise.gaussian(np.zeros(3)), "shape"),
        (lambda: noise.impulse(GRAY, seed=-1), "seed"),
        (lambda: noise.gaussian(GRAY.astype(np.int64)), "uint8, uint16"),
        (lambda: color.to_hsv(GRAY / -255), r"within \[0, 1\]"),
        (lambda: color.to_hsv(GRAY / 64), "scale them"),
        (lambda: color.to_gray(np.zeros((2, 2, 5))), "1, 3 or 4"),
        (lambda: color.to_rgb(np.zeros((2, 2, 2))), "1, 3 or 4"),
    ],
)
def test_bad_options(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


@given(st.integers(0, 40))
def test_hsv_and_back(seed: int) -> None:
    picture = scene(seed, 40, 30)
    hsv = color.to_hsv(picture)
    assert ((hsv >= 0) & (hsv <= 1)).all()
    assert (hsv[:, :, 0] < 1).all()
    np.testing.assert_allclose(color.from_hsv(hsv), picture / 255, atol=1e-5)


def test_a_red_with_the_least_blue_has_the_hue_of_red() -> None:
    almost = np.array([[[1.0, 0.0, 1e-9]]], np.float32)
    assert color.to_hsv(almost)[0, 0, 0] == 0


def test_gray_is_the_luma() -> None:
    picture = scene(1)
    np.testing.assert_array_equal(color.to_gray(picture), cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    np.testing.assert_allclose(color.to_gray(picture / 255), picture @ [0.299, 0.587, 0.114] / 255)
    with_alpha = np.dstack([picture, picture[:, :, 0]])
    np.testing.assert_array_equal(color.to_gray(with_alpha), color.to_gray(picture))
    np.testing.assert_array_equal(color.to_rgb(with_alpha), picture)
    assert color.to_rgb(picture[:, :, 0]).shape == picture.shape
    assert color.like(np.array([[0.6]]), np.dtype(bool)).all()
