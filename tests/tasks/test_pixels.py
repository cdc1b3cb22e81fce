"""Losses and measures of segmenters beside plain NumPy and torch's own."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from visus._errors import InputError
from visus.data.masks import IGNORE
from visus.tasks import pixel_losses, pixel_metrics


def batch(classes: int = 4, spatial: tuple[int, ...] = (5, 6)) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, classes, *spatial, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, classes, (2, *spatial), generator=generator)
    labels[0, 0] = IGNORE
    return logits, labels


def test_entropies_equal_torchs() -> None:
    logits, labels = batch()
    weights = torch.tensor([1.0, 2.0, 0.5, 3.0])
    mean = pixel_losses.compute(("cross_entropy",), logits, labels, class_weights=weights)
    torch.testing.assert_close(mean, F.cross_entropy(logits.float(), labels, weights, ignore_index=255))
    total = pixel_losses.compute(("cross_entropy_sum",), logits, labels)
    torch.testing.assert_close(total, F.cross_entropy(logits.float(), labels, ignore_index=255, reduction="sum") / 2)
    both = pixel_losses.compute(("cross_entropy_sum", "dice"), logits, labels)
    torch.testing.assert_close(both, total + pixel_losses.dice(logits.float(), labels))


def test_positions_weigh() -> None:
    logits, labels = batch()
    weights = torch.rand(labels.shape)
    entropy = F.cross_entropy(logits.float(), labels, ignore_index=255, reduction="none")
    expected = (entropy * weights).sum() / weights[labels != 255].sum()
    found = pixel_losses.compute(("cross_entropy",), logits, labels, position_weights=weights)
    torch.testing.assert_close(found, expected)


def test_focal_is_entropy_that_forgets_what_is_easy() -> None:
    logits, labels = batch()
    counts = labels != 255
    p = logits.float().softmax(1).gather(1, labels.clamp_max(3)[:, None])[:, 0][counts]
    expected = (-((1 - p) ** 2) * p.log()).mean()
    torch.testing.assert_close(pixel_losses.compute(("focal",), logits, labels), expected)


@pytest.mark.parametrize("spatial", [(5, 6), (3, 4, 5)])
def test_dice_equals_its_formula(spatial: tuple[int, ...]) -> None:
    logits, labels = batch(3, spatial)
    p, g = logits.detach().softmax(1).numpy(), labels.numpy()
    counts = g != 255
    values = []
    for k in range(3):
        pk, gk = p[:, k][counts], (g == k)[counts].astype(float)
        values.append(2 * (pk * gk).sum() / ((pk**2).sum() + (gk**2).sum()))
    assert float(pixel_losses.dice(logits.detach(), labels)) == pytest.approx(1 - np.mean(values), abs=1e-5)
    assert torch.autograd.gradcheck(lambda t: pixel_losses.dice(t, labels), logits)
    right = F.one_hot(labels.clamp_max(2), 3).movedim(-1, 1).double() * 50
    assert float(pixel_losses.dice(right, labels)) < 1e-4


def test_nothing_that_counts_is_no_loss() -> None:
    logits, labels = batch()
    labels[:] = 255
    loss = pixel_losses.compute(("cross_entropy", "focal"), logits, labels)
    assert float(loss.detach()) == 0
    loss.backward()
    assert logits.grad is not None
    assert bool(torch.isfinite(logits.grad).all())


def test_median_frequency_weights() -> None:
    pixels = torch.tensor([[90, 10, 0, 0], [50, 30, 20, 0]])
    # Frequencies: 140/200, 40/200, 20/100 (only the second picture has it); the last class is nowhere.
    expected = torch.tensor([0.2 / 0.7, 1.0, 1.0, 1.0])
    torch.testing.assert_close(pixel_losses.median_frequency_weights(pixels), expected)


def test_names_of_losses() -> None:
    assert pixel_losses.parse("dice + focal") == ("dice", "focal")
    for wrong in ("dices", "dice+dice", ""):
        with pytest.raises(InputError, match="must be one of"):
            pixel_losses.parse(wrong)


@given(seed=st.integers(0, 1000), classes=st.integers(1, 6))
@settings(deadline=None, max_examples=30)
def test_measures_equal_plain_loops(seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, 60)
    answer = np.where(random.random(60) < 0.5, truth, random.integers(0, classes, 60))
    truth[random.random(60) < 0.1] = 255
    matrix = pixel_metrics.confusion(torch.from_numpy(answer), torch.from_numpy(truth), classes).numpy()
    counts = truth != 255
    t, a = truth[counts], answer[counts]
    assert pixel_metrics.pixel_accuracy(matrix) == pytest.approx((t == a).mean())
    ious, weighted = [], 0.0
    for k in range(classes):
        both, either = ((t == k) & (a == k)).sum(), ((t == k) | (a == k)).sum()
        iou = both / either if either else np.nan
        assert pixel_metrics.ious(matrix)[k] == pytest.approx(iou, nan_ok=True)
        dice = 2 * both / ((t == k).sum() + (a == k).sum()) if either else np.nan
        assert pixel_metrics.dices(matrix)[k] == pytest.approx(dice, nan_ok=True)
        accuracy = both / (t == k).sum() if (t == k).any() else np.nan
        assert pixel_metrics.accuracies(matrix)[k] == pytest.approx(accuracy, nan_ok=True)
        ious.append(iou)
        weighted += (t == k).sum() * (0 if np.isnan(iou) else iou)
    assert pixel_metrics.mean(pixel_metrics.ious(matrix)) == pytest.approx(np.nanmean(ious))
    assert pixel_metrics.frequency_weighted_iou(matrix) == pytest.approx(weighted / len(t))
