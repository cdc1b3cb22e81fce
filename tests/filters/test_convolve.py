"""Convolution: its algebra, its borders, and SciPy as the reference."""

from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from visus import InputError
from visus.filters import convolution_matrix, convolve, correlate, gaussian, kernels
from visus.filters.convolve import PADDINGS, Padding, pad

SCIPY = {"constant": "constant", "replicate": "nearest", "reflect": "reflect", "mirror": "mirror", "wrap": "wrap"}
NUMBERS = st.floats(-10, 10, width=32)
PICTURES = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=14), elements=NUMBERS)
KERNELS = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6), elements=NUMBERS)


def near(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_allclose(one, other, atol=1e-8 * (1 + abs(other).max()))


@given(PICTURES, KERNELS, st.sampled_from(["full", "same", "valid"]))
def test_convolution_equals_scipy(picture: np.ndarray, kernel: np.ndarray, output: Any) -> None:
    if output == "valid" and (picture.shape[0] < kernel.shape[0] or picture.shape[1] < kernel.shape[1]):
        with pytest.raises(InputError, match="does not fit"):
            convolve(picture, kernel, output=output)
        return
    near(convolve(picture, kernel, padding="constant", output=output), scipy.signal.convolve2d(picture, kernel, output))
    turned = kernel[::-1, ::-1]
    near(
        correlate(picture, turned, padding="constant", output=output), scipy.signal.convolve2d(picture, kernel, output)
    )


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", [(3, 3), (5, 9), (13, 15)])
def test_borders_equal_scipy(padding: Any, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    picture, kernel = rng.random((17, 23)), rng.standard_normal(size)
    expected = scipy.ndimage.convolve(picture, kernel, mode=SCIPY[padding], cval=0.3)
    for method in ("direct", "fft"):
        near(convolve(picture, kernel, padding=padding, value=0.3, method=method), expected)  # pyright: ignore


@pytest.mark.parametrize("padding", PADDINGS)
def test_padding_may_be_wider_than_the_picture(padding: Any) -> None:
    picture, kernel = np.random.default_rng(1).random((3, 2)), np.ones((11, 9)) / 99
    near(convolve(picture, kernel, padding=padding), scipy.ndimage.convolve(picture, kernel, mode=SCIPY[padding]))


@given(PICTURES, KERNELS, st.sampled_from(PADDINGS), st.integers(1, 3))
def test_every_way_gives_the_same(picture: np.ndarray, kernel: np.ndarray, padding: Any, stride: int) -> None:
    ways = [convolve(picture, kernel, padding=padding, stride=stride, method=m) for m in ("auto", "direct", "fft")]  # pyright: ignore
    near(ways[1], ways[0])
    near(ways[2], ways[0])
    product = np.outer(kernel[:, 0], kernel[0])
    if abs(product).max() > 1e-3:
        near(
            convolve(picture, product, padding=padding, method="separable"),
            convolve(picture, product, padding=padding, method="direct"),
        )


def test_float32_ways_agree_to_1e5() -> None:
    picture = np.random.default_rng(0).integers(0, 65536, (300, 400)).astype(np.uint16)
    for kernel in (kernels.gaussian(3.0), kernels.box(31), kernels.gaussian_derivative(2.0, angle=0)):
        ways = [convolve(picture, kernel, method=m) for m in ("separable", "direct", "fft")]  # pyright: ignore
        exact = convolve(picture.astype(np.float64), kernel, method="direct")
        for way in ways:
            assert way.dtype == np.float32
            assert abs(way - exact).max() <= 1e-5 * abs(exact).max()


@given(PICTURES, PICTURES, KERNELS, NUMBERS)
def test_linear(one: np.ndarray, other: np.ndarray, kernel: np.ndarray, factor: float) -> None:
    other = np.resize(other, one.shape)
    near(convolve(one + factor * other, kernel), convolve(one, kernel) + factor * convolve(other, kernel))


@given(PICTURES, KERNELS, KERNELS)
def test_commutative_and_associative(picture: np.ndarray, one: np.ndarray, other: np.ndarray) -> None:
    def full(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return convolve(a, b, padding="constant", output="full")

    near(full(picture, one), full(one, picture))
    near(full(full(picture, one), other), full(picture, full(one, other)))


@given(PICTURES, KERNELS, st.integers(-5, 5), st.integers(-5, 5))
def test_shift_invariant(picture: np.ndarray, kernel: np.ndarray, down: int, right: int) -> None:
    moved = np.roll(picture, (down, right), (0, 1))
    near(
        convolve(moved, kernel, padding="wrap"),
        np.roll(convolve(picture, kernel, padding="wrap"), (down, right), (0, 1)),
    )


def test_two_gaussians_are_one_with_the_root_of_the_summed_squares() -> None:
    picture = np.random.default_rng(0).random((80, 90))
    once = gaussian(picture, sigma=2.5, padding="wrap")
    twice = gaussian(gaussian(picture, sigma=1.5, padding="wrap"), sigma=2.0, padding="wrap")
    np.testing.assert_allclose(twice, once, atol=2e-4)


def test_a_large_kernel_equals_its_chain_of_small_ones() -> None:
    chain, picture = np.ones((1, 1)), np.random.default_rng(0).random((40, 40))
    small = np.outer([1, 2, 1], [1, 2, 1]) / 16
    filtered = picture
    for _ in range(6):
        chain = convolve(chain, small, padding="constant", output="full")
        filtered = convolve(filtered, small, padding="wrap")
    assert chain.shape == (13, 13)
    near(convolve(picture, chain, padding="wrap"), filtered)


def test_no_overflow_no_clipping_and_channels() -> None:
    white = np.full((4, 4, 3), 255, np.uint8)
    assert convolve(white, np.ones((3, 3))).max() == 9 * 255
    assert convolve(white, -np.ones((1, 1))).min() == -255
    assert convolve(np.full((3, 3), -30000, np.int16), [[2.0]]).min() == -60000
    assert convolve(np.full((3, 3), 2**40, np.int64), [[1.0]]).max() == 2**40
    assert convolve(np.ones((3, 3), bool), np.ones((3, 3))).max() == 9
    many = np.random.default_rng(0).random((9, 8, 7))
    each = np.stack([convolve(many[:, :, c], kernels.sobel().x) for c in range(7)], axis=2)
    near(convolve(many, kernels.sobel().x), each)


def test_separable_on_a_kernel_of_higher_rank_is_refused() -> None:
    with pytest.raises(InputError, match="rank 2"):
        convolve(np.ones((5, 5)), np.eye(2), method="separable")


@given(PICTURES, KERNELS, st.sampled_from(PADDINGS), st.sampled_from(["same", "full", "valid"]), st.integers(1, 3))
def test_matrix_is_the_convolution(
    picture: np.ndarray, kernel: np.ndarray, padding: Any, output: Any, stride: int
) -> None:
    if output == "valid" and (picture.shape[0] < kernel.shape[0] or picture.shape[1] < kernel.shape[1]):
        return
    shape = (picture.shape[0], picture.shape[1])
    matrix = convolution_matrix(kernel, shape, padding=padding, output=output, stride=stride)
    expected = convolve(picture, kernel, padding=padding, output=output, stride=stride)
    near((matrix @ picture.ravel()).reshape(expected.shape), expected)


def test_transposed_matrix_is_torchs_transposed_convolution() -> None:
    import torch

    rng = np.random.default_rng(0)
    kernel, small = rng.standard_normal((3, 3)), rng.standard_normal((4, 5))
    matrix = convolution_matrix(kernel[::-1, ::-1], (9, 11), output="valid", stride=2)
    ours = (matrix.T @ small.ravel()).reshape(9, 11)
    theirs = torch.nn.functional.conv_transpose2d(
        torch.from_numpy(small)[None, None], torch.from_numpy(kernel)[None, None], stride=2
    )
    near(ours, theirs[0, 0].numpy())


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5), (3, 4), (12, 13)])
def test_kernels_larger_than_the_picture_see_the_border_again_and_again(
    padding: Padding, height: int, width: int
) -> None:
    random = np.random.default_rng(0)
    picture = random.normal(size=(height, width))
    for rows, columns in ((1, 1), (3, 3), (2, 4), (5, 1), (9, 9), (11, 10)):
        kernel = random.normal(size=(rows, columns))
        wide = pad(picture, (rows // 2, columns // 2), ((rows - 1) // 2, (columns - 1) // 2), padding=padding)
        exact = convolve(wide, kernel, output="valid", method="direct")
        for method in ("auto", "direct", "fft"):
            found = convolve(picture, kernel, padding=padding, method=method)
            np.testing.assert_allclose(found, exact, atol=1e-11)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("shape", [(300, 70), (40, 533), (1, 9), (9, 1), (40, 31, 3)])
def test_the_compiled_loop_for_large_kernels_equals_float64(padding: Padding, shape: tuple[int, ...]) -> None:
    """Floats of 32 bits take it; bands of rows, tiles, and what is left of them."""
    random = np.random.default_rng(0)
    picture = random.random(shape).astype(np.float32)
    for size in ((11, 11), (4, 26), (26, 4), (10, 13)):
        kernel = random.standard_normal(size)
        for output in ("same", "full", "valid"):
            if output == "valid" and (shape[0] < size[0] or shape[1] < size[1]):
                continue
            exact = convolve(picture.astype(np.float64), kernel, padding=padding, output=output, method="direct")
            found = convolve(picture, kernel, padding=padding, output=output, method="direct")
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, exact, atol=1e-4)
