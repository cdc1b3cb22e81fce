"""The Leung-Malik bank and its responses."""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.pictures import scene
from visus import InputError
from visus.filters import leung_malik, mean_responses, responses
from visus.filters.texture import FILTERS


@pytest.mark.parametrize(("scales", "first"), [("small", 1.0), ("large", np.sqrt(2))])
def test_the_bank_is_that_of_the_paper(scales: Any, first: float) -> None:
    bank = leung_malik(scales)
    assert bank.shape == (48, 49, 49)
    np.testing.assert_allclose(abs(bank).sum(axis=(1, 2)), 1)
    np.testing.assert_allclose(bank[:44].sum(axis=(1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(bank[44:].sum(axis=(1, 2)), 1)
    turned = bank[:, ::-1, ::-1]
    np.testing.assert_allclose(bank[:18], -turned[:18], atol=1e-12)  # edges are odd
    np.testing.assert_allclose(bank[18:], turned[18:], atol=1e-12)  # bars, spots and Gaussians are even

    y, x = np.mgrid[-24:25, -24:25]
    for k in range(4):  # Gaussians: first, sqrt 2, 2, 2 sqrt 2 times the first scale
        variance = (bank[44 + k] * x**2).sum()
        assert variance == pytest.approx((first * np.sqrt(2) ** k) ** 2, rel=1e-3)
    for order, start in ((1, 0), (2, 18)):
        for scale in range(3):
            sigma = first * np.sqrt(2) ** scale
            for turn in range(6):
                # The filter at 30 degrees' turns, written out: a derivative across, three times as long along.
                angle = np.pi * turn / 6
                u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
                bell = np.exp(-(u**2) / (2 * sigma**2) - v**2 / (2 * (3 * sigma) ** 2))
                expected = -u * bell if order == 1 else (u**2 / sigma**2 - 1) * bell
                ours = bank[start + 6 * scale + turn]
                likeness = (ours * expected).sum() / np.sqrt((ours**2).sum() * (expected**2).sum())
                assert likeness > 0.999
    for k, sigma in enumerate([*(first * np.sqrt(2) ** np.arange(4)), *(3 * first * np.sqrt(2) ** np.arange(4))]):
        q = (x**2 + y**2) / (2 * sigma**2)
        expected = (q - 1) * np.exp(-q)
        expected -= expected.mean()
        ours = bank[36 + k]
        assert (ours * expected).sum() / np.sqrt((ours**2).sum() * (expected**2).sum()) > 0.98


@pytest.mark.parametrize("shape", [(1, 1), (1, 70), (30, 20), (257, 300), (600, 333)])
def test_responses_equal_opencv(shape: tuple[int, int]) -> None:
    picture = scene(3, max(shape[1], 30), max(shape[0], 30))[: shape[0], : shape[1]]
    gray = picture @ [0.299, 0.587, 0.114] / 255
    ours = responses(picture)
    assert ours.shape == (*shape, FILTERS)
    wide = np.pad(gray, 24, mode="symmetric")
    for k, kernel in enumerate(leung_malik()):
        exact = cv2.filter2D(wide, cv2.CV_64F, kernel[::-1, ::-1].copy())[24:-24, 24:-24]
        assert abs(ours[:, :, k] - exact).max() <= 1e-5 * max(abs(exact).max(), 0.01)


def test_means_are_the_means_of_the_responses() -> None:
    picture = scene(1, 700, 500)
    for bank in ("small", "large"):
        expected = abs(responses(picture, bank=bank)).mean(axis=(0, 1))
        np.testing.assert_allclose(mean_responses(picture, bank=bank), expected, rtol=1e-5)
    np.testing.assert_array_equal(mean_responses(picture), mean_responses(picture))


def test_flat_pictures_answer_only_to_gaussians() -> None:
    means = mean_responses(np.full((80, 90), 128, np.uint8))
    assert abs(means[:44]).max() < 1e-6
    np.testing.assert_allclose(means[44:], 128 / 255, rtol=1e-5)


def test_turning_a_picture_turns_the_orientations() -> None:
    stripes = np.tile(0.5 + 0.5 * np.sin(np.arange(120) / 2.5), (120, 1))
    edges = mean_responses(stripes)[:18].reshape(3, 6).sum(axis=0)
    assert edges.argmax() == 0
    assert mean_responses(stripes.T)[:18].reshape(3, 6).sum(axis=0).argmax() == 3


def test_banks_of_ones_own() -> None:
    picture = np.random.default_rng(0).random((40, 50))
    bank = np.random.default_rng(1).standard_normal((3, 5, 7))
    ours = responses(picture, bank=bank, padding="wrap")
    wide = np.pad(picture, ((2, 2), (3, 3)), mode="wrap")
    for k in range(3):
        exact = cv2.filter2D(wide, cv2.CV_64F, bank[k, ::-1, ::-1].copy())[2:-2, 3:-3]
        np.testing.assert_allclose(ours[:, :, k], exact, atol=1e-5)
    with pytest.raises(InputError, match="odd sizes"):
        responses(picture, bank=np.ones((2, 4, 4)))
    with pytest.raises(InputError, match="shape"):
        responses(picture, bank=np.ones((4, 4)))
    with pytest.raises(InputError, match="small, large"):
        leung_malik("tiny")  # pyright: ignore[reportArgumentType]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of memory from /proc")
def test_means_of_a_large_picture_take_little_memory() -> None:
    import re
    import subprocess
    import sys

    code = (
        "import re, numpy as np; from visus.filters import mean_responses;"
        "peak = lambda: int(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1]) >> 10;"
        "picture = np.zeros((3000, 4000), np.uint8); mean_responses(picture[:200, :200]); before = peak();"
        "mean_responses(picture); print(peak() - before)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    # All responses at once would take 2300 MB; the picture itself as float32 takes 48 MB.
    assert int(re.sub(r"\D", "", answer.stdout)) < 300
