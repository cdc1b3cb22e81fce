"""Balls around pictures, and steps in them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from visus import InputError
from visus.ops import perturb
from visus.ops.perturb import NORMS, Norm

_PICTURES = arrays(np.float64, (2, 3, 4, 5), elements=st.floats(0, 1))
_ANYTHING = arrays(np.float64, (2, 3, 4, 5), elements=st.floats(-3, 3))
_NORM = st.sampled_from(NORMS)


@given(_ANYTHING, _PICTURES, st.floats(0, 2), _NORM)
def test_what_is_projected_lies_in_the_ball_and_stays(
    x: np.ndarray, center: np.ndarray, size: float, norm: Norm
) -> None:
    middle = torch.from_numpy(center)
    found = perturb.project(torch.from_numpy(x), middle, size, norm)
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1
    assert bool((perturb.length(found - middle, norm) <= size * (1 + 1e-9) + 1e-12).all())
    torch.testing.assert_close(perturb.project(found, middle, size, norm), found, rtol=0, atol=1e-9)


@given(_PICTURES, _PICTURES)
def test_what_lies_in_the_ball_is_left_alone(x: np.ndarray, center: np.ndarray) -> None:
    own = torch.from_numpy(x)
    torch.testing.assert_close(perturb.project(own, torch.from_numpy(center), 1.0, "linf"), own, rtol=0, atol=1e-12)


@given(_ANYTHING, _ANYTHING, _NORM)
def test_no_change_of_length_one_goes_further_up(gradient: np.ndarray, other: np.ndarray, norm: Norm) -> None:
    slope, way = torch.from_numpy(gradient), torch.from_numpy(other)
    best = perturb.steepest(slope, norm)
    rival = way / perturb.length(way, norm).clamp(min=1e-9).view(-1, 1, 1, 1)
    rise = [(slope * change).sum((1, 2, 3)) for change in (best, rival)]
    assert bool((rise[0] >= rise[1] - 1e-6).all())
    assert bool((perturb.length(best, norm) <= 1 + 1e-9).all())


@pytest.mark.parametrize("norm", NORMS)
def test_starts_are_drawn_from_the_ball_by_a_seed(norm: Norm) -> None:
    center = torch.rand(4, 3, 8, 8)
    found = [perturb.anywhere(center, 0.1, norm, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    assert not torch.equal(found[0], found[2])
    assert bool((perturb.length(found[0] - center, norm) <= 0.1001).all())


def test_a_ball_that_is_none() -> None:
    for norm, epsilon in (("l1", 0.1), ("linf", -1.0), ("l2", float("nan"))):
        with pytest.raises(InputError, match=r"must be"):
            perturb.check_norm(norm, epsilon)
