"""Faults of pictures, and pictures that are there twice."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.measure import blur_effect

from tests.support.pictures import scene
from visus import read
from visus.filters import gaussian
from visus.images.facts import gray_hash
from visus.review.faults import blur, information, measure, odd_areas
from visus.review.twins import card_of, twins
from visus.search.demo import photographs

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]


def jpeg(picture: Pixels, quality: int) -> Pixels:
    """A picture as it comes out of a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def gray(seed: int) -> Pixels:
    return np.asarray(Image.fromarray(scene(seed)).convert("L"))


def test_blur_grows_as_the_blur_effect_of_scikit_image() -> None:
    pictures = [np.asarray(gaussian(gray(seed), sigma=sigma)) for seed in range(4) for sigma in (0.5, 1.5, 3)]
    ours = [blur(own) for own in pictures]
    peer: Any = [blur_effect(own, h_size=9) for own in pictures]
    assert np.corrcoef(ours, peer)[0, 1] > 0.9


def test_a_sharp_thing_before_a_blurred_ground_is_sharp() -> None:
    ground = np.asarray(gaussian(gray(1), sigma=4)).copy()
    assert blur(ground) > 0.6
    ground[40:90, 60:120] = np.random.default_rng(0).integers(0, 256, (50, 60))
    assert blur(ground) < 0.45


def test_a_flat_picture_is_not_called_blurred() -> None:
    for shape in ((64, 64), (1, 1), (1, 50), (3, 2)):
        assert blur(np.full(shape, 90, np.uint8)) == 0
        assert information(np.full(shape, 90, np.uint8)) == 0


def test_light_and_size_are_measured() -> None:
    dark = measure(np.full((20, 30, 3), 10, np.uint8), 300, 200)
    assert dark.high == pytest.approx(10 / 255)
    assert (dark.width, dark.height, dark.ratio) == (300, 200, 1.5)
    assert measure(np.full((20, 30, 3), 250, np.uint8), 30, 20).low > 0.97


def test_a_size_is_odd_beside_others() -> None:
    areas = odd_areas(np.array([1000, 1100, 900, 1050, 1000, 64000, 20]))
    assert areas[5] > 5
    assert areas[6] > 5
    assert areas[:5].max() < 0.5


def test_copies_are_twins_and_nothing_else_is() -> None:
    pictures = [scene(seed) for seed in range(30)]
    first = Image.fromarray(pictures[0])
    pictures += [
        jpeg(pictures[0], 40),
        np.asarray(first.resize((120, 90))),
        np.clip(pictures[0] * 0.8 + 20, 0, 255).astype(np.uint8),
        pictures[0],
    ]
    digests = [picture.tobytes() for picture in pictures]
    hashes = np.array([gray_hash(picture) for picture in pictures], np.int64)
    found = twins(digests, hashes, np.array([card_of(picture) for picture in pictures]))
    copies = {0, 30, 31, 32, 33}
    assert {own.first for own in found} | {own.second for own in found} == copies
    assert len(found) == 10
    assert [(own.first, own.second) for own in found if own.exact] == [(0, 33)]


@pytest.mark.parametrize(
    "changed",
    [
        lambda own: (own - own.mean()) * 1.25 + own.mean(),
        lambda own: own * 1.15,
        lambda own: own * 0.5 + 110,
        lambda own: 255 * (own / 255) ** 0.8,
        lambda own: 255 * (own / 255) ** 1.25,
        lambda own: np.repeat(own @ [[0.299], [0.587], [0.114]], 3, axis=2),
    ],
    ids=["contrast", "light", "pale", "brighter along a curve", "darker along a curve", "gray"],
)
def test_a_photograph_in_another_light_is_a_twin(changed: Callable[[Floats], Floats]) -> None:
    names = ("red-panda", "rocky-peaks-trail", "coffee-cup", "white-sheep", "brown-horse", "wall-clock")
    pictures = [read(photographs()[name]) for name in names]
    copies = [np.clip(np.rint(changed(own.astype(np.float64))), 0, 255).astype(np.uint8) for own in pictures]
    both = [*pictures, *copies]
    hashes = np.array([gray_hash(picture) for picture in both], np.int64)
    found = twins([own.tobytes() for own in both], hashes, np.array([card_of(own) for own in both]))
    assert [(own.first, own.second) for own in found] == [(k, k + len(names)) for k in range(len(names))]


def test_flat_pictures_are_twins_only_if_they_are_equal() -> None:
    pictures = [np.full((40, 40, 3), level, np.uint8) for level in (100, 101, 100)]
    hashes = np.array([gray_hash(picture) for picture in pictures], np.int64)
    found = twins([own.tobytes() for own in pictures], hashes, np.array([card_of(own) for own in pictures]))
    assert [(own.first, own.second) for own in found] == [(0, 2)]
