"""Kernels against the continuous functions that they sample."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visus import InputError
from visus.filters import convolve, kernels

SIGMAS = st.floats(0.5, 6)


@given(SIGMAS)
def test_a_gaussian_sums_to_one_and_has_its_variance(sigma: float) -> None:
    kernel = kernels.gaussian(sigma, size=kernels.size_of(sigma, truncate=8))
    x = np.arange(len(kernel)) - len(kernel) // 2
    assert kernel.sum() == pytest.approx(1, abs=1e-12)
    if sigma >= 1:  # a sampled Gaussian has the variance of the continuous one from there on
        assert (kernel.sum(axis=0) * x**2).sum() == pytest.approx(sigma**2, rel=1e-6)


def test_size_and_sigma_are_inverse() -> None:
    for size in (3, 5, 9, 31):
        assert kernels.size_of(kernels.sigma_of(size)) == size
    assert kernels.gaussian(size=9).shape == kernels.gaussian(1.0).shape == (9, 9)


def test_gaussian_equals_opencv() -> None:
    ours, theirs = kernels.gaussian_1d(1.7, size=11), cv2.getGaussianKernel(11, 1.7)[:, 0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@given(SIGMAS, st.floats(-180, 180), st.floats(0.5, 3))
def test_derivatives_are_exact_on_polynomials(sigma: float, angle: float, elongation: float) -> None:
    first, second = (
        kernels.gaussian_derivative(sigma, order=order, angle=angle, elongation=elongation) for order in (1, 2)
    )
    reach = len(first) // 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(float)
    along = x * np.cos(np.radians(angle)) + y * np.sin(np.radians(angle))

    def at_center(picture: np.ndarray, kernel: np.ndarray) -> float:
        return convolve(picture, kernel, output="valid").item()

    assert at_center(along, first) == pytest.approx(1)
    assert at_center(np.ones_like(x), first) == pytest.approx(0, abs=1e-9)
    assert at_center(along**2 / 2, second) == pytest.approx(1)
    assert at_center(along, second) == pytest.approx(0, abs=1e-9)
    assert at_center(np.ones_like(x), second) == pytest.approx(0, abs=1e-9)


def test_derivative_of_gaussian_is_the_derivative_of_the_continuous_one() -> None:
    sigma, x = 2.0, np.arange(-16.0, 17)
    bell = np.exp(-0.5 * (x / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(kernels.gaussian_1d(sigma, size=33, order=1), -x / sigma**2 * bell, atol=1e-6)
    np.testing.assert_allclose(
        kernels.gaussian_1d(sigma, size=33, order=2), (x**2 / sigma**4 - 1 / sigma**2) * bell, atol=1e-6
    )


def test_laplacian_is_the_sum_of_second_derivatives() -> None:
    size = kernels.size_of(1.5)
    both = [kernels.gaussian_derivative(1.5, order=2, angle=angle, size=size) for angle in (0, 90)]
    np.testing.assert_allclose(kernels.laplacian_of_gaussian(1.5), both[0] + both[1], atol=1e-12)
    middle = size // 2
    assert kernels.laplacian_of_gaussian(1.5)[middle, middle] < 0 < kernels.difference_of_gaussians(1.5)[9, 9]


def test_difference_of_gaussians_comes_near_the_laplacian() -> None:
    sigma, ratio = 2.0, 1.6
    size = kernels.size_of(sigma * ratio)
    narrow_less_wide = kernels.difference_of_gaussians(sigma, ratio=ratio, size=size)
    middle = sigma * np.sqrt(ratio**2 * 2 * np.log(ratio) / (ratio**2 - 1))  # Marr and Hildreth, appendix B
    laplacian = -kernels.laplacian_of_gaussian(middle, size=size)
    agreement = (narrow_less_wide * laplacian).sum() / np.sqrt((narrow_less_wide**2).sum() * (laplacian**2).sum())
    assert agreement > 0.98


def test_small_kernels_equal_opencv() -> None:
    for kernel, reach in (
        (kernels.sobel(), cv2.getDerivKernels(1, 0, 3)),
        (kernels.scharr(), cv2.getDerivKernels(1, 0, -1)),
    ):
        theirs = np.outer(reach[1][:, 0], reach[0][:, 0])[::-1, ::-1]
        np.testing.assert_allclose(kernel.x, theirs / abs(theirs).sum())
        np.testing.assert_allclose(kernel.y, kernel.x.T)
    assert kernels.prewitt().x.sum() == kernels.roberts().x.sum() == 0
    assert kernels.box(4).sum() == pytest.approx(1)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=7), st.lists(st.floats(-3, 3), min_size=1, max_size=7))
def test_separate_gives_the_factors(column: list[float], row: list[float]) -> None:
    kernel = np.outer(column, row)
    if abs(kernel).max() < 1e-6:
        return
    left, right = kernels.separate(kernel)
    np.testing.assert_allclose(np.outer(left, right), kernel, atol=1e-6 * abs(kernel).max())


def test_separate_tells_the_rank() -> None:
    with pytest.raises(InputError, match="rank 2"):
        kernels.separate([[1, 0], [0, 1]])
    with pytest.raises(InputError, match="rank 0"):
        kernels.separate(np.zeros((3, 3)))
    with pytest.raises(InputError, match="rank 2"):
        kernels.separate(kernels.laplacian_of_gaussian(1.0))


def test_yes_is_no_number_and_a_ratio_is_above_one() -> None:
    with pytest.raises(InputError, match="must be a number above 0, not True"):
        kernels.gaussian(True)
    with pytest.raises(InputError, match="take 3"):
        kernels.gaussian(1.0, size=True)
    with pytest.raises(InputError, match="ratio must be above 1"):
        kernels.difference_of_gaussians(1.0, ratio=0.5, size=9)
