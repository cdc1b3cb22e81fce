"""One bit a dimension."""

import zlib

import numpy as np
import pytest

from visus.search import codes
from visus.search.codes import encode, question, turned, width_of
from visus.search.describe import unit


def _clustered(count: int, dimension: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    centers = np.random.default_rng(99).normal(size=(30, dimension))
    return unit(centers[random.integers(0, 30, count)] + 0.7 * random.normal(size=(count, dimension)))


@pytest.mark.parametrize("dimension", [3, 48, 64, 512, 1280, 1300, 2048])
def test_a_turn_keeps_lengths_and_angles_and_spreads_what_is_in_one_place(dimension: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(21, dimension)).astype(np.float32)
    found = turned(vectors)
    assert found.shape == (21, width_of(dimension))
    assert np.allclose(found @ found.T, vectors @ vectors.T, rtol=1e-4, atol=1e-3)
    one = turned(np.eye(1, dimension, dtype=np.float32))[0]
    assert np.abs(one).max() < 8 / np.sqrt(len(one))  # no part of it has more than its share


def test_the_turn_and_the_signs_are_the_same_for_ever() -> None:
    """Files hold them."""
    vectors = (np.arange(40 * 1280, dtype=np.float32).reshape(40, 1280) * 0.37) % 1 - 0.5
    made = encode(vectors)
    assert made.codes.shape == (2, 320, 16)
    assert zlib.crc32(made.codes.tobytes()) == 2132667502
    assert np.isnan(made.factors[40:]).all()


def test_codes_tell_products_without_bias() -> None:
    vectors = _clustered(3000, 1280)
    query = unit(vectors[7] + 0.02 * np.random.default_rng(1).normal(size=1280))
    places, scores = encode(vectors).nearest(question(query), 3000)
    assert sorted(places.tolist()) == list(range(3000))
    errors = scores - (vectors @ query)[places]
    assert abs(errors.mean()) < 0.003
    assert errors.std() < 1.2 / np.sqrt(1280)


@pytest.mark.parametrize("dimension", [64, 300, 1280, 2048])
def test_estimates_deviate_as_much_as_is_said(dimension: int) -> None:
    random = np.random.default_rng(0)
    query = unit(random.normal(size=dimension).astype(np.float32))
    others = random.normal(size=(4000, dimension)).astype(np.float32)
    others = unit(others - (others @ query)[:, None] * query)
    cosines = random.uniform(-0.2, 1, 4000).astype(np.float32)[:, None]
    vectors = cosines * query + np.sqrt(1 - cosines**2) * others
    asked = question(query)
    places, scores = encode(vectors).nearest(asked, 4000)
    said = np.hypot(asked.deviation * np.sqrt(1 - cosines[places, 0] ** 2), asked.rounding)
    assert np.std((scores - cosines[places, 0]) / said) == pytest.approx(1, abs=0.07)


def test_a_vector_that_is_nearer_than_another_is_not_left_out() -> None:
    vectors = _clustered(20_000, 256)
    made, missed = encode(vectors), 0
    for query in _clustered(100, 256, seed=5):
        asked = question(query)
        places, scores = made.nearest(asked, 20_000)
        tenth = np.partition(scores, -10)[-10]
        kept, _ = made.nearest(asked, 20_000, above=asked.least(float(tenth)))
        assert np.array_equal(np.sort(kept), np.sort(places[scores > asked.least(float(tenth))]))
        assert len(kept) < 2000
        missed += len(set(np.argsort(-(vectors @ query))[:10].tolist()) - set(kept.tolist()))
    assert missed <= 1


def test_a_vector_is_not_left_out_for_being_the_query_itself() -> None:
    vectors = np.repeat(_clustered(1, 512), 40, axis=0)
    asked = question(vectors[0])
    _, scores = encode(vectors).nearest(asked, 40)
    assert (scores > asked.least(float(scores.max()))).all()
    assert asked.least(2.0) < 1


@pytest.mark.parametrize("dimension", [48, 768, 1280])
@pytest.mark.parametrize("count", [1, 31, 32, 33, 1000])
def test_wide_instructions_and_plain_loops_answer_alike(dimension: int, count: int) -> None:
    vectors = _clustered(count, dimension, seed=3)
    made, asked = encode(vectors), question(vectors[0])
    for keep in (1, 10, 2000):
        wide, plain = (made.nearest(asked, keep, plain=own) for own in (False, True))
        assert sorted(zip(*wide, strict=True)) == sorted(zip(*plain, strict=True))
        assert len(wide[0]) == min(keep, count)


def test_the_best_are_found_whatever_the_order() -> None:
    vectors = _clustered(5000, 256)
    made = encode(vectors)
    every = made.nearest(question(vectors[4]), 5000)
    order = np.argsort(-every[1])
    for keep in (1, 7, 200):
        _, scores = made.nearest(question(vectors[4]), keep)
        assert np.array_equal(np.sort(scores)[::-1], every[1][order][:keep])


def test_rows_without_a_vector_and_rows_that_may_not_answer_do_not() -> None:
    vectors = _clustered(100, 64)
    vectors[::3] = 0
    allowed = np.arange(100) % 2 == 0
    places, _ = encode(vectors).nearest(question(vectors[1]), 100, allowed)
    assert sorted(places.tolist()) == [k for k in range(100) if k % 3 and k % 2 == 0]


def test_there_is_nothing_in_nothing() -> None:
    assert (
        len(
            codes.Codes(0, np.zeros(0, np.float32), np.zeros((0, 256, 16), np.uint8)).nearest(
                question(np.ones(9, np.float32)), 5
            )[0]
        )
        == 0
    )


@pytest.mark.parametrize("width", [1, 7, 48, 1280])
def test_products_are_those_of_numpy_for_every_half(width: int) -> None:
    halves = np.arange(65_536, dtype=np.uint16).view(np.float16)
    finite = halves[np.isfinite(halves) & (np.abs(halves.astype(np.float32)) < 100)]
    vectors = np.resize(finite, (len(finite) // width + 1, width))
    others = np.random.default_rng(0).normal(size=(3, width)).astype(np.float32)
    wide = vectors.astype(np.float64)
    expected = np.concatenate([wide @ others.T, (wide * wide).sum(axis=1, keepdims=True)], axis=1)
    for plain in (False, True):
        assert np.allclose(codes.products(vectors, others, plain=plain), expected, rtol=1e-4, atol=2e-2)
    assert np.allclose(codes.products(vectors.astype(np.float32), others), expected, rtol=1e-4, atol=2e-2)


def test_very_wide_vectors_find_themselves() -> None:
    vectors = _clustered(40, 25_088)
    places, scores = encode(vectors).nearest(question(vectors[3]), 10)
    assert places[scores.argmax()] == 3
    assert scores.max() == pytest.approx(1, abs=0.05)


def test_more_is_asked_for_than_there_is() -> None:
    made = encode(_clustered(5, 64))
    assert len(made.nearest(question(np.ones(64, np.float32)), 10**12)[0]) == 5
    assert len(made.nearest(question(np.ones(64, np.float32)), 0)[0]) == 1
