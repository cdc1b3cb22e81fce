"""Canny's edges on figures whose edges are known."""

import importlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import scipy.ndimage

from tests.support.pictures import scene
from visus import InputError
from visus.filters import canny


def disc(radius: float, side: int = 101) -> np.ndarray:
    """A bright disc whose border is antialiased."""
    y, x = np.mgrid[:side, :side] - side // 2
    return np.clip(radius - np.hypot(x, y) + 0.5, 0, 1)


def count(mask: np.ndarray, structure: np.ndarray | None = None) -> int:
    """How many connected parts there are."""
    labels = np.zeros(mask.shape, np.int32)
    scipy.ndimage.label(mask, structure, output=labels)
    return int(labels.max())


def test_a_circle_gives_one_closed_thin_ring() -> None:
    edges = canny(disc(30), sigma=1.5, low=0.3, high=0.5)
    y, x = np.nonzero(edges)
    distances = np.hypot(y - 50, x - 50)
    assert abs(distances - 30).max() < 1.0
    assert count(edges, np.ones((3, 3))) == 1
    assert count(~edges) == 2  # an inside and an outside
    assert len(x) < 1.2 * 2 * np.pi * 30


def test_thresholds_are_the_height_of_a_step() -> None:
    for sigma in (0.8, 1.4, 3.0):
        step = np.repeat(np.r_[np.zeros(20), np.full(20, 0.3)][None], 30, axis=0)
        assert canny(step, sigma=sigma, low=0.1, high=0.299).sum() == 30
        assert not canny(step, sigma=sigma, low=0.1, high=0.301).any()


def test_hysteresis_follows_weak_edges_from_strong_ones() -> None:
    heights = np.linspace(0.9, 0.1, 60)[:, None]
    fading = np.hstack([np.zeros((60, 20)), np.repeat(heights, 20, axis=1)])
    both = canny(fading, sigma=1.0, low=0.3, high=0.8)
    only_strong = canny(fading, sigma=1.0, low=0.8, high=0.8)
    rows = both[:, 15:25].any(axis=1).sum()
    assert 40 < rows < 50
    assert only_strong[:, 15:25].any(axis=1).sum() < 12
    assert not canny(fading[30:], sigma=1.0, low=0.3, high=0.8).any()


def test_hysteresis_equals_connected_components() -> None:
    done = canny(scene(5, 400, 300), sigma=1.0, low=0.05, high=0.2, return_stages=True)
    labels = np.zeros(done.weak.shape, np.int32)
    scipy.ndimage.label(done.weak, np.ones((3, 3)), output=labels)
    kept = np.isin(labels, np.unique(labels[done.strong])) & done.weak
    np.testing.assert_array_equal(done.edges, kept)
    assert done.strong.sum() < done.edges.sum() < done.weak.sum()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 2), (37, 53), (900, 700)])
@pytest.mark.parametrize("channels", [0, 1, 3])
def test_bands_give_what_the_steps_give(dtype: type, shape: tuple[int, int], channels: int) -> None:
    picture = scene(7, max(shape[1], 30), max(shape[0], 30))[: shape[0], : shape[1]]
    picture = picture[:, :, 0] if channels == 0 else picture[:, :, :channels]
    if dtype == np.uint16:
        picture = picture.astype(np.uint16) * 257
    elif dtype != np.uint8:
        picture = (picture / 255).astype(dtype)
    edges = canny(picture, sigma=1.2)
    assert edges.shape == shape
    assert edges.dtype == np.bool_
    np.testing.assert_array_equal(edges, canny(picture, sigma=1.2, return_stages=True).edges)


def test_color_sees_what_gray_does_not() -> None:
    picture = np.zeros((40, 40, 3))
    picture[:, :20] = (0.6, 0.2, 0.0)
    picture[:, 20:] = (0.2, 0.4037, 0.0)  # the same luma
    assert canny(picture, sigma=1.0).sum() == 40
    gray = picture @ [0.299, 0.587, 0.114]
    assert not canny(gray, sigma=1.0).any()
    alike = np.stack([disc(30)] * 3, axis=2)
    np.testing.assert_array_equal(canny(alike), canny(disc(30)))


def test_quantiles() -> None:
    done = canny(scene(1), sigma=1.0, low=0.7, high=0.9, thresholds="quantile", return_stages=True)
    limit = np.quantile(done.magnitude, 0.9)
    np.testing.assert_array_equal(done.strong, (done.maxima >= limit) & (done.maxima > 0))
    plain = canny(scene(1), sigma=1.0, low=0.7, high=0.9, thresholds="quantile")
    np.testing.assert_array_equal(plain, done.edges)


def test_flat_pictures_have_no_edges() -> None:
    for value in (0, 7, 255):
        assert not canny(np.full((30, 40), value, np.uint8), low=0, high=0).any()


def test_near_opencv() -> None:
    """OpenCV rounds directions and values; with lower thresholds its edges hold ours, a pixel aside."""
    picture = cv2.cvtColor(scene(4, 400, 300), cv2.COLOR_RGB2GRAY)
    ours = canny(picture, sigma=1.4, low=0.1, high=0.2)
    theirs = cv2.Canny(cv2.GaussianBlur(picture, (0, 0), 1.4), 30, 60, L2gradient=True) > 0
    wide = cv2.dilate(theirs.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert wide[ours].mean() > 0.98


def test_many_threads_may_find_edges_at_once() -> None:
    picture = scene(2, 800, 600)
    expected = canny(picture)
    with ThreadPoolExecutor(8) as pool:
        for edges in pool.map(lambda _: canny(picture), range(24)):
            np.testing.assert_array_equal(edges, expected)


def test_a_forked_process_finds_edges() -> None:
    code = """
import os
import numpy as np
from visus.filters import canny
picture = np.random.default_rng(0).random((900, 900))
before = canny(picture)
child = os.fork()
if child == 0:
    os._exit(0 if (canny(picture) == before).all() else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == "0"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 0.3, "high": 0.2}, "exchange"),
        ({"low": -0.1}, "0 or more"),
        ({"high": float("nan")}, "finite"),
        ({"high": 2.0, "thresholds": "quantile"}, "share of the pixels"),
        ({"thresholds": "otsu"}, "contrast"),
        ({"sigma": 0}, "above 0"),
        ({"sigma": 0.01}, "too small"),
    ],
)
def test_bad_options(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        canny(np.zeros((5, 5)), **options)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 9), (200, 33), (150, 40, 3), (70, 40, 1)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float64])
def test_bands_of_rows_equal_the_picture_step_by_step(
    shape: tuple[int, ...], kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("visus.filters.canny")  # the function has its name
    monkeypatch.setattr(module, "cores", lambda: 9)
    monkeypatch.setattr(module, "_BAND", 7)
    values = np.random.default_rng(0).random(shape)
    picture = (values * np.iinfo(kind).max).astype(kind) if np.issubdtype(kind, np.integer) else values.astype(kind)
    for sigma in (0.5, 1.4, 3.0):
        if sigma > max(4, *shape[:2]):
            continue
        stages = canny(picture, sigma=sigma, low=0.02, high=0.1, return_stages=True)
        np.testing.assert_array_equal(canny(picture, sigma=sigma, low=0.02, high=0.1), stages.edges)
