"""The last layer on features alone."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from visus.runs.classify.probe import LinearOnFeatures, first_bias, train_on
from visus.runs.classify.settings import ClassifySettings
from visus.runs.engine.loop import Checkpointer
from visus.tasks.classify import Recipe

SIZE = 600


def _drawn(counts: tuple[int, int], seed: int) -> tuple[Tensor, np.ndarray]:
    """Features of two classes that are hard to tell apart, the first one around 1 and the second around 0.6."""
    labels = np.repeat([0, 1], counts)
    noise = torch.randn(len(labels), SIZE, generator=torch.Generator().manual_seed(seed))
    return noise + torch.where(torch.from_numpy(labels)[:, None] == 0, 1.0, 0.6), labels


def _probed(counts: tuple[int, int], **settings: Any) -> nn.Linear:
    """The head of a network after a probe."""
    head = nn.Linear(SIZE, 2)
    (train, labels), (val, val_labels) = _drawn(counts, 0), _drawn((24, 2), 1)
    parts: Any = SimpleNamespace(
        net=SimpleNamespace(head=head),
        settings=ClassifySettings(data="", device="cpu", precision="f32", **settings),
        dataset=SimpleNamespace(
            splits={"train": SimpleNamespace(labels=labels), "val": SimpleNamespace(labels=val_labels)},
            counts=lambda _: np.bincount(labels),
        ),
    )

    def own(layer: LinearOnFeatures) -> list[Any]:
        return [Checkpointer(layer.fold)]

    train_on(parts, Recipe(1e-3), train, val, own, epochs=10, batch_size=256)
    return head


def _shares(head: nn.Linear) -> list[float]:
    """Shares of right answers to pictures that it has not seen, for each class."""
    features, labels = _drawn((300, 300), 2)
    answers = head(features).argmax(1).numpy()
    return [float((answers[labels == k] == k).mean()) for k in range(2)]


def test_a_probe_of_uneven_classes_is_no_worse_than_their_majority() -> None:
    frequent, _ = _shares(_probed((56, 4)))
    assert frequent > 0.93
    even = _shares(_probed((56, 4), balance="sampling"))
    assert even[1] > 0.5  # rare ones count as much as others, where that is wanted
    assert min(_shares(_probed((60, 60)))) > 0.9


def test_a_probe_begins_with_the_frequencies() -> None:
    features, _ = _drawn((7, 3), 0)
    layer = LinearOnFeatures(nn.Linear(SIZE, 2), features, first_bias(torch.tensor([7, 3]), 10))
    assert layer(features).softmax(1).mean(0).tolist() == pytest.approx([8 / 12, 4 / 12])
    several = first_bias(torch.tensor([9, 0]), 10, multilabel=True)
    assert several.sigmoid().tolist() == pytest.approx([10 / 12, 1 / 12])


def test_a_feature_that_hardly_changes_is_not_blown_up() -> None:
    features, _ = _drawn((7, 3), 0)
    features[:, 0] = 1e-5 * features[:, 0]
    layer = LinearOnFeatures(nn.Linear(SIZE, 2), features)
    assert layer.scale[0] < 3 * layer.scale[1:].median()
