"""Optimizers against their formulas, schedules against their shapes."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from visus import InputError
from visus.tasks import optimizers
from visus.tasks.optimizers import OPTIMIZERS, SCHEDULES, build, factor


def _path(name: str, steps: int = 5, **options: Any) -> list[float]:
    """Where an optimizer goes from 1 in the valley w^2 / 2, whose gradient is w."""
    w = nn.Parameter(torch.ones(1, 1, dtype=torch.float64))
    optimizer = build(name, [([w], 1.0)], lr=0.1, **options)  # pyright: ignore[reportArgumentType]
    places = []
    for _ in range(steps):
        optimizer.zero_grad()
        (w**2 / 2).sum().backward()
        optimizer.step()
        places.append(w.item())
    return places


def _by_hand(name: str, steps: int = 5) -> list[float]:
    w, v, s, places = 1.0, 0.0, 0.0, []
    for t in range(1, steps + 1):
        g = w
        if name == "sgd":
            w -= 0.1 * g
        elif name == "momentum":
            v = 0.9 * v + g
            w -= 0.1 * v
        elif name == "nesterov":
            v = 0.9 * v + g
            w -= 0.1 * (g + 0.9 * v)
        elif name == "adagrad":
            s += g * g
            w -= 0.1 * g / math.sqrt(s)
        elif name == "rmsprop":
            s = 0.99 * s + 0.01 * g * g
            w -= 0.1 * g / math.sqrt(s)
        else:
            v, s = 0.9 * v + 0.1 * g, 0.999 * s + 0.001 * g * g
            w -= 0.1 * (v / (1 - 0.9**t)) / math.sqrt(s / (1 - 0.999**t))
        places.append(w)
    return places


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_step_is_that_of_the_paper(name: str) -> None:
    assert np.allclose(_path(name), _by_hand(name), rtol=1e-5, atol=1e-6)


def test_adams_first_step_is_the_learning_rate_thanks_to_its_correction() -> None:
    assert _path("adam", 1)[0] == pytest.approx(0.9)


def test_adam_without_its_correction_starts_three_times_too_fast() -> None:
    w, m, v, places = 1.0, 0.0, 0.0, []
    for _ in range(5):
        m, v = 0.9 * m + 0.1 * w, 0.999 * v + 0.001 * w * w
        w -= 0.1 * m / math.sqrt(v)
        places.append(w)
    assert np.allclose(_path("adam", bias_correction=False), places, rtol=1e-5)
    assert 1 - places[0] == pytest.approx(0.1 * 0.1 / math.sqrt(0.001))
    later = {name: _path(name, 1, bias_correction=False, weight_decay=0.5)[0] for name in ("adam", "adamw")}
    assert later["adam"] == pytest.approx(places[0])  # the sign of the gradient stays what it was
    assert later["adamw"] == pytest.approx(places[0] - 0.1 * 0.5)


def test_momentum_of_one_never_comes_to_rest() -> None:
    swings = _path("momentum", 2000, momentum=1.0)
    assert max(swings[-100:]) > 0.9
    assert min(swings[-100:]) < -0.9
    assert abs(_path("momentum", 2000)[-1]) < 1e-9


def test_rmsprop_that_forgets_at_once_takes_steps_of_the_rate() -> None:
    assert np.allclose(_path("rmsprop", 3, rho=0.0), [0.9, 0.8, 0.7])


@pytest.mark.parametrize("bad", [{"momentum": 1.1}, {"momentum": -0.1}, {"rho": 1.0}, {"betas": (0.9, 1.0)}])
def test_numbers_out_of_range(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="within"):
        _path("sgd", **bad)


def test_weight_decay_spares_biases_and_acts_beside_the_gradient_in_adamw() -> None:
    layer = nn.Linear(3, 2)
    optimizer = build("sgd", [(list(layer.parameters()), 0.5)], lr=0.2, weight_decay=0.1)
    assert [(g["lr"], g["weight_decay"]) for g in optimizer.param_groups] == [(0.1, 0.1), (0.1, 0.0)]
    assert _path("adamw", 1, weight_decay=0.5)[0] == pytest.approx((1 - 0.1 * 0.5) - 0.1)


def test_momentum_may_be_zero() -> None:
    assert _path("nesterov", momentum=0.0) == _path("momentum", momentum=0.0) == _path("sgd")


def test_schedules() -> None:
    at = np.linspace(0, 1, 101)
    shapes = {name: np.array([factor(name, t) for t in at]) for name in SCHEDULES}
    assert (shapes["constant"] == 1).all()
    assert sorted({round(float(v), 6) for v in shapes["step"]}) == [0.01, 0.1, 1.0]
    assert shapes["cosine"][0] == 1
    assert shapes["cosine"][50] == pytest.approx(0.5)
    assert shapes["cosine"][100] == pytest.approx(0)
    one = shapes["one_cycle"]
    assert one[0] == pytest.approx(1 / 25)
    assert one.argmax() == 30
    assert one[30] == pytest.approx(1)
    assert one[100] < 1e-4


@given(st.sampled_from(SCHEDULES), st.floats(0, 1), st.floats(0, 0.9))
def test_factors_stay_within_zero_and_one(name, t, warmup) -> None:
    assert 0 <= factor(name, t, warmup=warmup) <= 1 + 1e-9


def test_warm_up_is_linear() -> None:
    assert [factor("constant", t, warmup=0.2) for t in (0.0, 0.1, 0.2, 0.5)] == [0, 0.5, 1, 1]
    assert factor("cosine", 0.6, warmup=0.2) == pytest.approx(0.5)


def test_plateau_waits() -> None:
    w = nn.Parameter(torch.ones(1, 1))
    optimizer = build("sgd", [([w], 1.0)], lr=1.0)
    schedule = optimizers.plateau(optimizer, patience=1)
    rates = []
    for loss in (3.0, 2.0, 2.0, 2.0, 2.0):
        schedule.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == [1.0, 1.0, 1.0, pytest.approx(0.1), pytest.approx(0.1)]


def test_unknown_names() -> None:
    with pytest.raises(InputError, match="one of sgd"):
        build("lion", [([nn.Parameter(torch.ones(1))], 1.0)], lr=1)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="one of constant"):
        factor("triangle", 0.5)  # pyright: ignore[reportArgumentType]
