"""Textons and what is told by them."""

import numpy as np
import pytest

from visus import InputError
from visus.filters import (
    TextureClassifier,
    chi_squared,
    learn_textons,
    pixel_descriptions,
    texton_histogram,
    texton_map,
)


def stripes(seed: int, horizontal: bool, period: float = 6.0, side: int = 80) -> np.ndarray:
    rng = np.random.default_rng(seed)
    wave = 0.5 + 0.4 * np.sin(2 * np.pi * (np.arange(side) / period + rng.random()))
    picture = np.tile(wave, (side, 1)) + rng.normal(0, 0.05, (side, side))
    return (picture.T if horizontal else picture).clip(0, 1)


def test_descriptions_do_not_see_brightness_and_contrast() -> None:
    picture = stripes(0, horizontal=True)
    np.testing.assert_allclose(pixel_descriptions(picture), pixel_descriptions(0.2 + picture / 3), atol=2e-4)
    assert np.isfinite(pixel_descriptions(np.full((20, 20), 0.4))).all()


def test_a_map_tells_two_textures_apart() -> None:
    both = np.hstack([stripes(0, horizontal=True), stripes(1, horizontal=False)])
    textons = learn_textons([both], 8, seed=0)
    places = texton_map(both, textons)
    assert places.shape == both.shape
    left, right = (np.bincount(part.ravel(), minlength=8) / part.size for part in (places[:, :60], places[:, 100:]))
    assert chi_squared(left, right).item() > 0.8
    np.testing.assert_array_equal(places, texton_map(both, learn_textons([both], 8, seed=0)))


def test_the_map_takes_the_nearest_texton() -> None:
    picture = stripes(3, horizontal=False, side=30)
    textons = learn_textons([picture], 5, seed=1)
    pixels = pixel_descriptions(picture)
    expected = ((pixels[:, :, None] - textons) ** 2).sum(axis=3).argmin(axis=2)
    assert (texton_map(picture, textons) == expected).mean() > 0.999
    histogram = texton_histogram(picture, textons)
    assert histogram.sum() == pytest.approx(1)
    np.testing.assert_allclose(histogram, np.bincount(expected.ravel(), minlength=5) / 900, atol=2e-3)


def test_chi_squared() -> None:
    rng = np.random.default_rng(0)
    one, other = (rng.dirichlet(np.ones(6), n) for n in (4, 3))
    expected = [[0.5 * sum((a - b) ** 2 / (a + b) for a, b in zip(p, q, strict=True)) for q in other] for p in one]
    np.testing.assert_allclose(chi_squared(one, other), expected)
    np.testing.assert_allclose(np.diag(chi_squared(one, one)), 0)


@pytest.mark.parametrize("method", ["nearest", "svm"])
def test_classifier(method: str) -> None:
    kinds = {"lying": (True, 6.0), "standing": (False, 6.0), "fine": (True, 3.5)}
    pictures = [stripes(seed, *kind) for kind in kinds.values() for seed in range(4)]
    labels = [name for name in kinds for _ in range(4)]
    classifier = TextureClassifier(method=method, textons=4).fit(pictures, labels)  # pyright: ignore[reportArgumentType]
    fresh = [stripes(seed + 50, *kind) for kind in kinds.values() for seed in range(3)]
    assert classifier.predict(fresh) == [name for name in kinds for _ in range(3)]


def test_bad_input() -> None:
    picture = stripes(0, horizontal=True, side=8)
    with pytest.raises(InputError, match="at least one"):
        learn_textons([], 3)
    with pytest.raises(InputError, match="more pictures"):
        learn_textons([picture], 65)
    with pytest.raises(InputError, match=r"\(K, 48\)"):
        texton_map(picture, np.ones((3, 7)))
    with pytest.raises(InputError, match="same number of bins"):
        chi_squared([[1, 0]], [[1, 0, 0]])
    with pytest.raises(InputError, match="1 pictures and 2 labels"):
        TextureClassifier().fit([picture], ["a", "b"])
    with pytest.raises(InputError, match="two classes"):
        TextureClassifier().fit([picture], ["a"])
    with pytest.raises(InputError, match="call fit"):
        TextureClassifier().predict([picture])
