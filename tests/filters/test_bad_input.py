"""Whatever is fed to a filter, it answers or says in a sentence what is wrong."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from visus import InputError, filters
from visus.images import noise
from visus.images.check import picture_of

CALLS: dict[str, Callable[[Any], Any]] = {
    "gaussian": lambda p: filters.gaussian(p, sigma=1.0),
    "large gaussian": lambda p: filters.gaussian(p, sigma=20.0),
    "box": lambda p: filters.box(p, size=3),
    "median": lambda p: filters.median(p, size=3),
    "bilateral": lambda p: filters.bilateral(p, sigma=1.0),
    "convolve": lambda p: filters.convolve(p, np.ones((2, 3))),
    "gradient": filters.gradient,
    "sobel": filters.sobel,
    "laplacian": filters.laplacian_of_gaussian,
    "dog": filters.difference_of_gaussians,
    "canny": filters.canny,
    "responses": filters.responses,
    "mean responses": filters.mean_responses,
    "histogram": filters.hsv_histogram,
    "salt": lambda p: noise.salt_and_pepper(picture_of(p), seed=0),
    "gaussian noise": lambda p: noise.gaussian(picture_of(p), seed=0),
}
DTYPES = st.sampled_from(["u1", "u2", "u4", "i1", "i2", "i8", "f2", "f4", "f8", "?", "c8", "U3", "O", "M8[s]"])
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)


@pytest.mark.parametrize("name", CALLS)
@given(data=st.data())
@settings(max_examples=40)
def test_any_array(name: str, data: st.DataObject) -> None:
    dtype, shape = data.draw(DTYPES), data.draw(SHAPES)
    if dtype == "O":
        picture: np.ndarray = np.full(shape, None)
    elif dtype in ("U3", "M8[s]"):
        picture = np.zeros(shape, dtype)
    else:
        picture = data.draw(hnp.arrays(dtype, shape))
    before = picture.copy()
    try:
        with np.errstate(all="ignore"):
            answer = CALLS[name](picture)
    except InputError:
        return
    np.testing.assert_array_equal(picture, before)  # nothing is changed in place
    first = answer[0] if isinstance(answer, tuple) else answer
    assert isinstance(first, np.ndarray)
    assert first.dtype.kind in "buif"
    assert first.size
    if np.isfinite(picture).all() and np.abs(picture.astype(np.float64)).max() < 1e6:
        assert np.isfinite(first).all()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.full((4, 4), np.nan), "NaN"),
        (np.array([[1.0, np.inf]]), "NaN"),
        (np.zeros((0, 4)), "empty"),
        (np.zeros(5), r"\(H, W\)"),
        (np.zeros((2, 3, 4, 3)), "one by one"),
        (np.zeros((3, 3), complex), "numbers"),
        ([[1, 2], [3]], "no picture"),
    ],
)
def test_bad_pictures(name: str, picture: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        CALLS[name](picture)


PICTURE = np.zeros((9, 9))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: filters.median(PICTURE, size=4), "take 5"),
        (lambda: filters.median(PICTURE, size=-3), "above 0"),
        (lambda: filters.median(PICTURE, size=2.5), "odd"),  # type: ignore[arg-type]
        (lambda: filters.median(PICTURE, size=99), "too large"),
        (lambda: filters.gaussian(PICTURE, sigma=-1), "above 0"),
        (lambda: filters.gaussian(PICTURE, sigma=float("inf")), "above 0"),
        (lambda: filters.gaussian(PICTURE, sigma="3"), "above 0"),  # type: ignore[arg-type]
        (lambda: filters.gaussian(PICTURE, sigma=1, padding="zeros"), "one of constant"),  # type: ignore[arg-type]
        (lambda: filters.box(PICTURE, size=0), "whole number"),
        (lambda: filters.bilateral(PICTURE, tolerance=0), "tolerance"),
        (lambda: filters.bilateral(np.zeros((4, 4, 2))), "1 or 3 channels"),
        (lambda: filters.convolve(PICTURE, []), "kernel"),
        (lambda: filters.convolve(PICTURE, [1, 2]), "rows, columns"),
        (lambda: filters.convolve(PICTURE, [[np.nan]]), "NaN"),
        (lambda: filters.convolve(PICTURE, [["a"]]), "numbers"),
        (lambda: filters.convolve(PICTURE, [[1]], stride=0), "stride"),
        (lambda: filters.convolve(PICTURE, [[1]], output="half"), "same, valid, full"),  # type: ignore[arg-type]
        (lambda: filters.convolve(PICTURE, [[1]], method="magic"), "separable"),  # type: ignore[arg-type]
        (lambda: filters.convolution_matrix([[1]], (0, 3)), "above 0"),
        (lambda: filters.convolution_matrix(np.ones((5, 5)), (3, 3), output="valid"), "does not fit"),
        (filters.kernels.gaussian, "sigma, size"),
        (lambda: filters.kernels.gaussian_derivative(1.0, order=3), "order"),  # type: ignore[arg-type]
        (lambda: filters.kernels.gaussian_derivative(1.0, angle=float("nan")), "degrees"),
        (lambda: filters.kernels.gaussian_derivative(1.0, size=1), "at least 3"),
        (lambda: filters.box(PICTURE, size=10**9), "too large"),
        (lambda: filters.gradient(PICTURE, sigma=1e6), "larger than the picture"),
        (lambda: filters.laplacian_of_gaussian(PICTURE, sigma=1e6), "larger than the picture"),
        (lambda: filters.canny(PICTURE, sigma=1e6), "larger than the picture"),
        (lambda: filters.sobel(PICTURE, padding="zeros"), "one of constant"),  # type: ignore[arg-type]
        (lambda: filters.bilateral(PICTURE, sigma=1e300), "too large"),
        (lambda: filters.kernels.gaussian(1e6), "more than 8191"),
        (lambda: filters.pad(PICTURE, (1, 0), (0, 0), padding="x"), "one of constant"),  # type: ignore[arg-type]
        (lambda: filters.pad(PICTURE, (-1, 0), (0, 0)), "0 or more"),
        (lambda: filters.convolve(PICTURE, [[1, 2]], padding="constant", value="x"), "value"),  # type: ignore[arg-type]
        (lambda: filters.canny(PICTURE, low="a"), "low"),  # type: ignore[arg-type]
        (lambda: filters.texton_map(PICTURE, "ab"), "numbers"),
        (lambda: filters.convolution_matrix([[1]], 5), "height and a width"),  # type: ignore[arg-type]
        (lambda: filters.convolution_matrix([[1]], (3.5, 3)), "whole number"),  # type: ignore[arg-type]
        (lambda: filters.kernels.gaussian_1d(1.0, order=4), "order"),  # type: ignore[arg-type]
        (lambda: filters.kernels.difference_of_gaussians(1.0, ratio=1.0), "above 1"),
        (lambda: filters.kernels.sigma_of(1), "at least 3"),
        (lambda: filters.gradient(np.zeros((4, 4), np.int64)), "uint8, uint16"),
        (lambda: filters.zero_crossings(np.zeros((4, 4, 3))), r"\(H, W\)"),
        (lambda: filters.canny(np.zeros((4, 4, 4))), "1 or 3 channels"),
    ],
)
def test_bad_options(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_other_byte_orders() -> None:
    picture = np.arange(4000, 4144).reshape(12, 12).astype(">u2")
    for name in ("gaussian", "median", "canny", "box", "gaussian noise"):
        answer = CALLS[name](picture)
        np.testing.assert_array_equal(answer, CALLS[name](picture.astype("u2")))


def test_filters_work_in_a_thread_that_outlives_the_main_one() -> None:
    code = """
import threading, time
import numpy as np
from visus import filters
picture = np.random.default_rng(0).random((600, 600)).astype("f4")
def late():
    time.sleep(0.5)
    print(filters.median(picture, size=9).shape)
threading.Thread(target=late).start()
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == "(600, 600)", answer.stderr
