"""Gradual unfreezing."""

import torch
from torch import nn

from visus import nets
from visus.tasks import unfreeze


def test_parts_are_the_body_from_the_top_down() -> None:
    for name in ("resnet18", "efficientnet_lite0", "googlenet_paper", "vit_tiny_patch16_224"):
        net = nets.create(name, classes=3)
        parts = unfreeze.parts(net)
        assert len(parts) == 3
        found = {id(p) for layers in parts for layer in layers for p in layer.parameters(recurse=False)}
        head = {id(p) for p in net.head.parameters()}
        assert not found & head
        assert found | head == {id(p) for p in net.net.parameters()}
        order = [id(m) for m in net.net.modules()]
        assert order.index(id(parts[0][0])) > order.index(id(parts[1][0])) > order.index(id(parts[2][0]))


def test_what_is_closed_keeps_weights_and_statistics() -> None:
    net = nets.create("resnet18", classes=3).train()
    unfreeze.unfreeze(net, 1, keep_norms=False)
    before = {name: value.clone() for name, value in net.net.state_dict().items()}
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(2):
        net(torch.rand(4, 3, 32, 32)).sum().backward()
        optimizer.step()
    changed = {name for name, value in net.net.state_dict().items() if not torch.equal(before[name], value)}
    closed = [layer for layers in unfreeze.parts(net)[1:] for layer in layers]
    names = {id(m): name for name, m in net.net.named_modules()}
    for layer in closed:
        assert not any(name.startswith(f"{names[id(layer)]}.") for name in changed)
        assert not layer.training
    assert "fc.weight" in changed
    assert any("running_mean" in name for name in changed)
    unfreeze.unfreeze(net, 3, keep_norms=False)
    assert all(p.requires_grad for p in net.parameters())
    assert all(m.training for m in net.net.modules() if isinstance(m, nn.BatchNorm2d))


def test_norms_keep_their_statistics_and_learn_their_scale() -> None:
    net = nets.create("resnet18", classes=3).train()
    unfreeze.unfreeze(net, 3)
    before = {name: value.clone() for name, value in net.net.state_dict().items()}
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net(torch.rand(4, 3, 32, 32)).sum().backward()
    optimizer.step()
    after = net.net.state_dict()
    statistics = [name for name in before if "running" in name or "batches_tracked" in name]
    assert statistics
    assert all(torch.equal(before[name], after[name]) for name in statistics)
    assert not torch.equal(before["bn1.weight"], after["bn1.weight"])
    assert net.net.conv1.training  # pyright: ignore[reportAttributeAccessIssue]


def test_all_parts_are_open_from_a_third_on() -> None:
    for epochs in (1, 2, 3, 6, 30):
        counts = [unfreeze.open_at(epoch, epochs) for epoch in range(epochs)]
        assert counts == sorted(counts)
        assert all(count == 3 for count in counts[(epochs + 2) // 3 + 1 :])
    assert unfreeze.rates(1.0) == [1.0, 1.0, 1.0]


def test_a_layer_that_holds_others_says_nothing_of_them() -> None:
    """The root of a transformer owns its class token, and all blocks with it."""
    net = nets.create("vit_tiny_patch16_224", classes=3)
    total = sum(p.numel() for p in net.parameters())
    opened = []
    for count in (1, 2, 3):
        unfreeze.unfreeze(net, count)
        opened.append(sum(p.numel() for p in net.parameters() if p.requires_grad) / total)
    assert 0.2 < opened[0] < opened[1] < opened[2] == 1.0
