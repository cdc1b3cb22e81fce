"""Average precision beside scikit-learn, and binary cross-entropy beside NumPy."""

import numpy as np
import pytest
import torch
from sklearn import metrics

from visus.tasks.losses import binary_cross_entropy, positive_weights
from visus.tasks.ranking import average_precision, mean_average_precision


@pytest.mark.parametrize("steps", [3, 1000])
def test_average_precision_agrees_with_scikit_learn(steps: int) -> None:
    random = np.random.default_rng(steps)
    scores, labels = random.integers(0, steps, (80, 6)) / steps, random.integers(0, 2, (80, 6))  # with equal scores
    labels[:, 5] = 0
    found = average_precision(scores, labels)
    for k in range(5):
        assert found[k] == pytest.approx(metrics.average_precision_score(labels[:, k], scores[:, k]))
    assert np.isnan(found[5])
    assert mean_average_precision(scores, labels) == pytest.approx(found[:5].mean())
    assert np.isnan(mean_average_precision(scores[:, 5:], labels[:, 5:]))


def test_binary_cross_entropy_by_hand() -> None:
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(7, 3)), random.integers(0, 2, (7, 3))
    weights = np.array([1.0, 2.0, 0.5])
    sigmoid = 1 / (1 + np.exp(-logits))
    expected = -(weights * labels * np.log(sigmoid) + (1 - labels) * np.log(1 - sigmoid)).mean()
    own = binary_cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels), weights=torch.from_numpy(weights))
    assert float(own) == pytest.approx(expected)


def test_weights_make_both_sides_count_alike() -> None:
    assert positive_weights(torch.tensor([10, 50, 0]), 100).tolist() == pytest.approx([9.0, 1.0, 100.0])
