"""A network whose lower layers run apart answers, and learns, as a whole one does."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support.labeled import splits
from visus import nets, train
from visus.nets.backbones import Backbone
from visus.ops import Normalize
from visus.runs.classify.half_frozen import MANY, HalfFrozen
from visus.tasks import unfreeze

EXAMPLE = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)


def _network() -> tuple[Backbone, Normalize, Tensor]:
    torch.manual_seed(0)
    pictures = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    return nets.create("resnet18", classes=3), Normalize.of_channels([0.5] * 3, [0.25] * 3), pictures


def _gradients(net: Backbone, logits: Tensor) -> dict[str, Tensor]:
    net.zero_grad()
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0])).backward()
    return {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("pictures", [1, MANY])
def test_answers_and_gradients_are_those_of_the_whole_network(pictures: int) -> None:
    net, normalize, x = _network()
    half = HalfFrozen(net, normalize, can_compile=True)
    unfreeze.unfreeze(net, 2)
    half.settle(pictures, EXAMPLE)
    assert half._depth == 6  # all of conv1 to layer2, whose maps are the largest
    assert bool(half._compiled) == (pictures == MANY)
    whole, own = net(normalize(x)), half(x)
    torch.testing.assert_close(own, whole, rtol=1e-3, atol=1e-4)
    expected, found = _gradients(net, whole), _gradients(net, own)
    assert expected.keys() == found.keys()
    assert "net.conv1.weight" not in found
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-2, atol=1e-4)


def test_what_is_opened_later_learns() -> None:
    net, normalize, x = _network()
    half = HalfFrozen(net, normalize, can_compile=False)
    seen = []
    for count in (1, 2):
        unfreeze.unfreeze(net, count)
        half.settle(MANY, EXAMPLE)
        seen.append(len(_gradients(net, half(x))))
    assert 0 < seen[0] < seen[1]


@pytest.mark.slow
@pytest.mark.parametrize("thirds", [2, 3])
def test_as_many_thirds_learn_as_the_settings_say(tmp_path: Path, thirds: int) -> None:
    data = splits(tmp_path / "textures", 12, 4, 0, side=16)
    run = train("classify", data, size=32, epochs=3, thirds=thirds, augment="none", runs=tmp_path)
    before = nets.create("efficientnet_lite0", weights="imagenet").net.state_dict()
    after = run.load().backbone.net.state_dict()
    learned = {
        name for name in before if before[name].shape == after[name].shape and not before[name].equal(after[name])
    }
    if run.summary["best"]["epoch"]:
        assert ("conv_stem.weight" in learned) == (thirds == 3)
    assert "blocks.1.0.conv_pw.weight" not in learned or thirds == 3
