"""What a mixed query is made of: each picture once, and nothing that has gone."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from visus.search.words.asking import Asked

PICTURE, OTHER, WORD = np.eye(3, dtype=np.float32)


def parts(pictures: int, *vectors: Any, weights: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    own: Any = SimpleNamespace(pictures=[None] * pictures)
    return Asked._parts(own, np.stack(vectors), np.array(weights, np.float32))


def test_a_picture_that_is_found_and_taken_away_asks_nothing() -> None:
    found, shares = parts(2, PICTURE, PICTURE, WORD, weights=(1, -1, 1))
    np.testing.assert_array_equal(found, [WORD])
    assert shares.tolist() == [1]
    found, _ = parts(2, PICTURE, PICTURE, WORD, weights=(2, -1, 1))
    np.testing.assert_array_equal(found, [PICTURE, WORD])
    assert len(parts(2, PICTURE, PICTURE, weights=(1, -2))[0]) == 0


def test_pictures_are_one_part_and_shares_sum_to_one() -> None:
    found, shares = parts(2, PICTURE, OTHER, WORD, weights=(1, 1, 2))
    np.testing.assert_allclose(found, [[0.5**0.5, 0.5**0.5, 0], WORD], atol=1e-6)
    assert shares.tolist() == [0.5, 0.5]
