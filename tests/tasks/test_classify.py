"""Large pictures learn in pieces of a batch, and what is learned is the same."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from visus.ops import pieces
from visus.tasks.classify import Classify, Recipe

CLASSES = 3


class Small(nn.Module):
    """Two convolutions, and perhaps an auxiliary classifier; counts what it is asked."""

    def __init__(self, *, norm: bool = False, auxiliary: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4) if norm else nn.Tanh())
        self.head, self.other = nn.Linear(4, CLASSES), nn.Linear(4, CLASSES) if auxiliary else None
        self.asked: list[int] = []

    def heads(self, x: Tensor) -> list[Tensor]:
        self.asked.append(len(x))
        x = self.body(x).mean((2, 3))
        return [self.head(x), *([self.other(x)] if self.other else [])]


def _step(net: Small, batch: tuple[Tensor, Tensor], **recipe: Any) -> tuple[float, float, list[Tensor]]:
    """A step: its loss, the mean loss that is told, and the gradients."""
    learner = Classify(net, nn.Identity(), Recipe(1e-3, **recipe), [(list(net.parameters()), 1.0)])
    loss = learner.training_step(batch, 0)
    loss.backward()
    return loss.item(), learner.train_sums.mean_loss(), [p.grad for p in net.parameters() if p.grad is not None]


def _batch(labels: Tensor) -> tuple[Tensor, Tensor]:
    return torch.rand(len(labels), 3, 8, 8), labels


@pytest.mark.parametrize(
    "recipe",
    [{}, {"smoothing": 0.1}, {"loss": "hinge"}, {"loss": "relative_entropy", "smoothing": 0.1}, {"multilabel": True}],
)
@pytest.mark.parametrize("auxiliary", [False, True])
def test_pieces_learn_what_the_whole_batch_does(
    recipe: dict[str, Any], auxiliary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    labels = torch.randint(0, 2, (7, CLASSES)) if recipe.get("multilabel") else torch.randint(0, CLASSES, (7,))
    whole, batch = Small(auxiliary=auxiliary), _batch(labels)
    parts = copy.deepcopy(whole)
    expected = _step(whole, batch, **recipe)
    monkeypatch.setattr(pieces, "PIXELS", 3 * 64)
    found = _step(parts, batch, **recipe)
    assert (whole.asked, parts.asked) == ([7], [3, 3, 1])
    assert found[:2] == pytest.approx(expected[:2], rel=1e-5)
    assert len(found[2]) == len(list(whole.parameters()))
    for one, other in zip(found[2], expected[2], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_gradients_of_the_step_before_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net, batch = Small(), _batch(torch.tensor([0, 1, 2, 0]))
    monkeypatch.setattr(pieces, "PIXELS", 2 * 64)
    first = [own.clone() for own in _step(net, batch)[2]]
    for one, other in zip(_step(net, batch)[2], first, strict=True):
        torch.testing.assert_close(one, other)


def test_pictures_that_see_one_another_or_count_unlike_stay_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIXELS", 2 * 64)
    batch = _batch(torch.tensor([0, 1, 2, 0]))
    normed, weighted = Small(norm=True), Small()
    _step(normed, batch)
    _step(weighted, batch, weights=torch.tensor([1.0, 2.0, 3.0]))
    assert normed.asked == weighted.asked == [4]
    normed.body.eval()
    _step(normed, batch)
    assert normed.asked == [4, 2, 2]
