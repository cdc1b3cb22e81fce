"""Entropies against what is known of them, and against SciPy."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from visus import InputError
from visus.ops import cross_entropy, entropy, relative_entropy

SHARES = st.lists(st.floats(0.001, 1), min_size=2, max_size=9)


def _row(values: list[float]) -> torch.Tensor:
    row = torch.tensor(values, dtype=torch.float64)
    return row / row.sum()


def test_a_fair_coin_has_one_bit_and_a_sure_thing_none() -> None:
    coins = torch.tensor([[0.5, 0.5], [0.0, 1.0]])
    assert entropy(coins, unit="bits").tolist() == [1, 0]
    assert entropy(coins).tolist() == [pytest.approx(math.log(2)), 0]
    assert entropy(torch.full((8,), 1 / 8), unit="bits").item() == pytest.approx(3)


@given(SHARES, SHARES)
def test_as_scipy_has_them(first: list[float], second: list[float]) -> None:
    count = min(len(first), len(second))
    p, q = _row(first[:count]), _row(second[:count])
    assert np.isclose(entropy(p, unit="bits"), scipy.stats.entropy(p.numpy(), base=2))
    assert np.isclose(relative_entropy(p, q), scipy.stats.entropy(p.numpy(), q.numpy()), atol=1e-12)
    assert np.isclose(cross_entropy(p, q), entropy(p) + relative_entropy(p, q), atol=1e-12)


def test_relative_entropy_is_not_symmetric_and_infinite_where_the_impossible_happens() -> None:
    p, q = torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0])
    assert relative_entropy(q, p, unit="bits").item() == 1
    assert math.isinf(relative_entropy(p, q).item())
    assert relative_entropy(p, p).item() == 0


@pytest.mark.parametrize("bad", [[0.5, 0.6], [-0.5, 1.5], [math.nan, 1.0], []])
def test_what_is_no_distribution(bad: list[float]) -> None:
    with pytest.raises(InputError, match="distribution must be"):
        entropy(torch.tensor(bad))


def test_other_bad_input() -> None:
    half = torch.tensor([0.5, 0.5])
    with pytest.raises(InputError, match="one of nats, bits"):
        entropy(half, unit="hartleys")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="same outcomes"):
        cross_entropy(half, torch.full((4,), 0.25))
    with pytest.raises(InputError, match="float"):
        entropy(torch.tensor([0, 1]))
