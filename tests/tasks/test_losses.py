"""Losses against torch's own and their formulas."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from visus import InputError
from visus.tasks.losses import (
    LOSSES,
    balanced_weights,
    compute,
    multi_class_hinge,
    relative_entropy,
    soft_targets,
    softmax_cross_entropy,
)


def _case(seed: int = 0, n: int = 6, c: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, c, generator=generator, dtype=torch.float64)
    return logits, torch.randint(0, c, (n,), generator=generator), torch.rand(c, generator=generator).double() + 0.1


def test_hinge_is_the_sum_over_the_other_classes() -> None:
    logits, labels, weights = _case()
    by_hand = []
    for s, y in zip(logits.numpy(), labels.numpy(), strict=True):
        by_hand.append(sum(max(0.0, s[j] - s[y] + 1) for j in range(4) if j != y))
    assert multi_class_hinge(logits, labels).item() == pytest.approx(np.mean(by_hand))
    assert torch.allclose(multi_class_hinge(logits, labels), 4 * torch.nn.functional.multi_margin_loss(logits, labels))
    w = weights.numpy()[labels.numpy()]
    assert multi_class_hinge(logits, labels, weights=weights).item() == pytest.approx(np.average(by_hand, weights=w))
    sure = torch.eye(4, dtype=torch.float64) * 10
    assert multi_class_hinge(sure, torch.arange(4)).item() == 0


def test_cross_entropy_is_the_logarithm_of_the_softmax() -> None:
    logits, labels, weights = _case(1)
    q = (logits.exp() / logits.exp().sum(1, keepdim=True)).numpy()
    each = -np.log(q[np.arange(6), labels.numpy()])
    assert softmax_cross_entropy(logits, labels).item() == pytest.approx(each.mean())
    w = weights.numpy()[labels.numpy()]
    assert softmax_cross_entropy(logits, labels, weights=weights).item() == pytest.approx(np.average(each, weights=w))
    smooth = softmax_cross_entropy(logits, labels, smoothing=0.2).item()
    p = soft_targets(labels, 4, 0.2).double()
    assert smooth == pytest.approx(-(p.numpy() * np.log(q)).sum(1).mean(), rel=1e-6)


def test_relative_entropy_is_cross_entropy_less_the_entropy_of_the_targets() -> None:
    logits, labels, _ = _case(2)
    p = soft_targets(labels, 4, 0.3).double()
    entropy = -(p * p.log()).sum(1).mean()
    expected = softmax_cross_entropy(logits, labels, smoothing=0.3) - entropy
    assert torch.allclose(relative_entropy(logits, p), expected, rtol=1e-6)
    assert relative_entropy(p.log(), p).item() == pytest.approx(0, abs=1e-6)
    hard = soft_targets(labels, 4, 0.0).double()
    assert torch.allclose(relative_entropy(logits, hard), softmax_cross_entropy(logits, labels))
    same = torch.full((4,), 0.7, dtype=torch.float64)
    assert torch.allclose(relative_entropy(logits, p, weights=same), relative_entropy(logits, p))


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients(loss: str) -> None:
    logits, labels, weights = _case(3)
    logits.requires_grad_()

    def of(x: Tensor) -> Tensor:
        if loss == "hinge":
            return multi_class_hinge(x, labels, weights=weights)
        if loss == "cross_entropy":
            return softmax_cross_entropy(x, labels, weights=weights, smoothing=0.1)
        return relative_entropy(x, soft_targets(labels, 4, 0.1).double(), weights=weights)

    assert torch.autograd.gradcheck(of, (logits,))


@given(st.floats(-50, 50))
def test_cross_entropy_does_not_change_when_all_logits_move(shift: float) -> None:
    logits, labels, _ = _case(4)
    assert torch.allclose(softmax_cross_entropy(logits + shift, labels), softmax_cross_entropy(logits, labels))


def test_balanced_weights_give_every_class_the_same_say() -> None:
    counts = torch.tensor([100, 10, 1])
    weights = balanced_weights(counts)
    assert torch.allclose(weights * counts, torch.full((3,), 37.0))
    assert (weights * counts).sum() / counts.sum() == pytest.approx(1)
    assert torch.isfinite(balanced_weights(torch.tensor([3, 0]))).all()


def test_by_name_and_in_full_precision() -> None:
    logits, labels, _ = _case()
    for loss in LOSSES:
        assert compute(loss, logits.bfloat16(), labels).dtype == torch.float32
    with pytest.raises(InputError, match="one of"):
        compute("l2", logits, labels)  # pyright: ignore[reportArgumentType]
