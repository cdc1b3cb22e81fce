"""What a mark over a picture explains."""

import numpy as np
import pytest

from visus.search.duplicates.marks import Mark, _is_seen_through, explains


@pytest.mark.parametrize("calm", [0, 9])
@pytest.mark.parametrize("written", [False, True])
def test_a_mark_explains_its_own_pixels_alone(calm: int, written: bool) -> None:
    random = np.random.default_rng(0)
    clean = random.uniform(40, 120, (90, 120)).astype(np.float32)
    marked = clean.copy()
    marked[20:60, 30:90] = 0.5 * clean[20:60, 30:90] + 110
    if written:
        marked[70:74, 10:60] = 250
    blocks = np.array([clean[:12, 12 * k : 12 * k + 12] for k in range(calm)])  # none may agree
    found = explains(Mark("second", 0.5, 110), (clean, marked), np.ones(clean.shape, bool), (blocks, blocks))
    assert found is not written


def test_nothing_is_seen_through_what_has_one_tone() -> None:
    chance = np.random.default_rng(0)
    clean = chance.uniform(60, 200, (2, 12, 12)).astype(np.float32)
    core = np.ones(clean.shape, bool)
    assert _is_seen_through(clean, 0.6 * clean + 90, core)
    assert not _is_seen_through(clean, np.full_like(clean, 120), core)
