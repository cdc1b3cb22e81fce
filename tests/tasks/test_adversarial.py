"""Training on pictures that fool the network."""

import csv
import functools
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.support.labeled import splits
from visus import InputError, train
from visus.runs.classify.robust import measure
from visus.tasks.adversarial import fooling


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(392, 3)
    )


def test_the_change_raises_the_loss_within_its_ball_and_leaves_the_network_alone() -> None:
    net = small().train()
    state = {key: value.clone() for key, value in net.state_dict().items()}
    x = torch.randint(0, 256, (16, 3, 16, 16), dtype=torch.uint8)
    labels = torch.randint(0, 3, (16,))
    loss = lambda own: F.cross_entropy(net(own.float() / 255 - 0.5), labels)  # noqa: E731
    found = fooling(net, loss, x, 4 / 255)
    assert float((found - x.float()).abs().max()) <= 4.001
    assert 0 <= float(found.min()) <= float(found.max()) <= 255
    assert all(module.training for module in net.modules())
    assert all(parameter.grad is None for parameter in net.parameters())
    for key, value in net.state_dict().items():
        torch.testing.assert_close(value, state[key], rtol=0, atol=0)
    net.eval()
    with torch.no_grad():
        assert float(loss(found)) > float(loss(x))


def test_a_probe_takes_no_such_pictures(tmp_path: Path) -> None:
    data = splits(tmp_path / "d", 4, 2, 2, side=16)
    with pytest.raises(InputError, match="leave --adversarial"):
        train("classify", data, mode="probe", adversarial=0.01, runs=tmp_path)
    with pytest.raises(InputError, match=r"within \[0, 0.5\]"):
        train("classify", data, net="mlp", adversarial=2.0, runs=tmp_path)


@pytest.mark.long
def test_it_makes_a_network_harder_to_fool(tmp_path: Path) -> None:
    data = splits(tmp_path / "d", 60, 15, 40, side=16)
    settings: dict[str, Any] = {"net": "cnn", "mode": "scratch", "epochs": 12, "size": 28, "augment": "none"}
    learn = functools.partial(train, "classify", data, runs=tmp_path / "runs", **settings)
    plain, hardened = learn(), learn(adversarial=12 / 255)
    before, after = (measure(run.folder, epsilons=(12 / 255,), attacks=("pgd",)) for run in (plain, hardened))
    assert after.clean > 0.8
    assert after.accuracy["pgd"][0] > before.accuracy["pgd"][0] + 0.1
    with (hardened.folder / "metrics.csv").open() as file:
        assert len(list(csv.DictReader(file))) >= 6
    assert "adversarial" in (hardened.folder / "config.toml").read_text()
