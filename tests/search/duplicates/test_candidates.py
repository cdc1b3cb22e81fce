"""Candidates: pairs of vectors, and hashes of cards in eight turns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visus.search import codes
from visus.search.describe import unit
from visus.search.duplicates.candidates import hash_pairs, hashes_of, similar_pairs
from visus.search.duplicates.looks import TURNS, turned


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 200), st.floats(-0.5, 0.99))
def test_pairs_equal_those_of_the_whole_matrix(seed: int, count: int, width: int, threshold: float) -> None:
    random = np.random.default_rng(seed)
    vectors = unit(
        random.normal(size=(count, width))
        + 2 * random.normal(size=(max(1, count // 3), width))[random.integers(0, max(1, count // 3), count)]
    )
    cosines = vectors @ vectors.T
    upper = np.triu(np.ones_like(cosines, dtype=bool), 1)
    first, second, alike = similar_pairs(vectors, threshold, most=count)
    found = dict(zip(zip(first.tolist(), second.tolist(), strict=True), alike.tolist(), strict=True))
    surely = set(zip(*(a.tolist() for a in np.nonzero(upper & (cosines >= threshold + 1e-5))), strict=True))
    perhaps = set(zip(*(a.tolist() for a in np.nonzero(upper & (cosines >= threshold - 1e-5))), strict=True))
    assert surely <= found.keys() <= perhaps
    assert all(c == pytest.approx(cosines[pair], abs=1e-5) for pair, c in found.items())


@given(st.integers(0, 2**32 - 1), st.integers(2, 80), st.integers(1, 4), st.integers(32, 200))
def test_of_each_picture_the_best_pairs_are_kept(seed: int, groups: int, most: int, width: int) -> None:
    random = np.random.default_rng(seed)
    originals = np.repeat(unit(random.normal(size=(groups, width))), most + 1, axis=0)
    vectors = unit(originals + 0.1 / width**0.5 * random.normal(size=originals.shape)).astype(np.float32)
    first, second, alike = similar_pairs(vectors, 0.97, most=most)
    cosines = vectors @ vectors.T
    found = set(zip(first.tolist(), second.tolist(), strict=True))
    assert len(found) == len(first)
    assert all(
        i < j and c == pytest.approx(cosines[i, j], abs=1e-5) for i, j, c in zip(first, second, alike, strict=True)
    )
    copies = {(i, j) for i in range(len(vectors)) for j in range(i + 1, i + most + 1 - i % (most + 1))}
    assert copies <= found


def test_parts_of_the_rows_answer_as_all_do() -> None:
    words = np.random.default_rng(3).integers(0, 2**63, (1500, 20)).astype(np.uint64)
    words[700:] ^= words[:800] & np.uint64(0xF0)
    apart = np.bitwise_count(words[:, None] ^ words).sum(axis=2, dtype=np.int64)
    np.fill_diagonal(apart, 10_000)
    found = np.concatenate([codes.alike(words, 3, start, start + 400) for start in range(0, 1500, 400)])
    ranks = np.take_along_axis(apart, found, axis=1)
    assert (ranks == np.sort(apart, axis=1)[:, :3]).mean() > 0.999
    assert (np.diff(ranks) >= 0).all()
    assert (codes.alike(words[:3], 5, 0, 9)[:, 2:] == -1).all()


def test_no_vectors_have_no_pairs_and_zeros_are_alike_to_nothing() -> None:
    assert all(len(part) == 0 for part in similar_pairs(np.zeros((0, 4), np.float32), 0.5))
    assert len(similar_pairs(np.zeros((3, 4), np.float16), 0.5)[0]) == 0


def test_hashes_of_turns_are_those_of_turned_cards() -> None:
    cards = np.random.default_rng(0).normal(size=(5, 32, 32)).astype(np.float32)
    hashes = hashes_of(cards)
    for place, turn in enumerate(TURNS):
        own = np.stack([turned(card, turn) for card in cards])
        assert (hashes_of(own)[:, 0] == hashes[:, place]).all()


def test_turned_and_noisy_cards_meet_and_others_do_not() -> None:
    random = np.random.default_rng(1)
    cards = random.normal(size=(40, 32, 32)).astype(np.float32)
    copies = np.stack([turned(card, TURNS[k % 8]) for k, card in enumerate(cards)])
    copies += 0.02 * random.normal(size=copies.shape).astype(np.float32)
    every = np.concatenate([cards, copies])
    first, second, alike = hash_pairs(np.arange(80), hashes_of(every))
    assert {(k, k + 40) for k in range(40)} <= set(zip(first.tolist(), second.tolist(), strict=True))
    assert len(first) < 60
    assert ((alike > 0.8) & (alike <= 1)).all()


def test_many_equal_cards_cost_no_pairs_of_all() -> None:
    card = np.random.default_rng(0).normal(size=(1, 32, 32)).astype(np.float32)
    first, _, _ = hash_pairs(np.arange(2000), np.repeat(hashes_of(card), 2000, axis=0))
    assert len(first) <= 2000 * 16
