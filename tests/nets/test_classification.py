"""Networks of ours against their papers: parameters, sizes, multiply-adds, receptive fields."""

from typing import Any

import pytest
import torch
from torch import nn

from visus import InputError, WeightsError, nets
from visus.nets.classification.alexnet import alexnet_paper
from visus.nets.classification.mlp import ACTIVATIONS, mlp
from visus.nets.registry import NETS


def _parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_alexnet_of_the_paper() -> None:
    net = nets.create("alexnet_paper")
    assert _parameters(net) == 60_965_224
    assert _parameters(alexnet_paper(classes=1000, groups=1)) == 62_378_344
    table = nets.summary(net, (3, 227, 227))
    maps = [layer.output[-1] for layer in table.layers if layer.kind in ("Conv2d", "MaxPool2d")]
    assert maps == [55, 27, 27, 13, 13, 13, 13, 6]
    assert round(table.macs / 1e6) == 724
    with pytest.raises(InputError, match="groups"):
        alexnet_paper(classes=2, groups=3)


def test_the_two_columns_of_alexnet_meet_where_the_paper_says() -> None:
    """Conv2, conv4 and conv5 look at their own column only, conv3 at both."""
    groups = [layer.groups for layer in nets.create("alexnet_paper").modules() if isinstance(layer, nn.Conv2d)]
    assert groups == [1, 2, 1, 2, 2]


def test_zfnet_of_the_paper() -> None:
    net = nets.create("zfnet")
    assert _parameters(net) == 62_357_608
    table = nets.summary(net, (3, 224, 224))
    maps = [layer.output[-1] for layer in table.layers if layer.kind in ("Conv2d", "MaxPool2d")]
    assert maps == [110, 55, 26, 13, 13, 13, 13, 6]


def test_googlenet_of_the_paper() -> None:
    net = nets.create("googlenet_paper")
    assert _parameters(net) == 13_378_280
    auxiliary = sum(p.numel() for name, p in net.named_parameters() if "auxiliary" in name)
    assert _parameters(net) - auxiliary == 6_998_552
    x = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        main, first, second = net.heads(x)
        assert torch.allclose(main, net(x), atol=1e-5)
    assert main.shape == first.shape == second.shape == (2, 1000)
    with torch.inference_mode():
        assert [f.shape[1:] for f in net.features(x)] == [
            (64, 112, 112),
            (192, 56, 56),
            (480, 28, 28),
            (832, 14, 14),
            (1024, 7, 7),
        ]


def test_vgg16_of_the_paper() -> None:
    table = nets.summary(nets.create("vgg16"))
    assert table.parameters == 138_357_544
    assert sum(layer.parameters for layer in table.layers if layer.kind == "Conv2d") == 14_714_688
    assert round(table.macs / 1e6) == 15_470


def test_resnet50_multiply_adds() -> None:
    assert round(nets.summary(nets.create("resnet50")).macs / 1e6) == 4_089


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("batch_norm", [True, False])
def test_mlp_of_any_kind(activation: str, batch_norm: bool) -> None:
    net = mlp(classes=4, size=6, channels=1, hidden=(7, 5), activation=activation, batch_norm=batch_norm, dropout=0.5)
    x = torch.rand(3, 1, 6, 6)
    assert net(x).shape == (3, 4)
    assert [f.shape for f in net.features(x)] == [(3, 7, 1, 1), (3, 5, 1, 1)]
    assert net.embed(x).shape == (3, net.dimension) == (3, 5)
    kinds = [type(layer).__name__ for layer in net.net.modules()]
    if batch_norm:  # between linear layer and activation
        assert kinds[kinds.index("Linear") + 1] == "BatchNorm1d"


def test_mlp_without_hidden_layers_is_a_linear_classifier() -> None:
    net = mlp(classes=3, size=4, channels=2, hidden=())
    assert _parameters(net) == 3 * 33
    x = torch.rand(2, 2, 4, 4)
    assert torch.allclose(net(x), net.head(x.flatten(1)))


def test_bad_options_are_named() -> None:
    for name, options, words in [
        ("mlp", {"activation": "relux"}, "activation must be one of"),
        ("mlp", {"hidden": (0,)}, "at least 1 unit"),
        ("mlp", {"dropout": 1.0}, "dropout"),
        ("cnn", {"widths": ()}, "widths"),
        ("cnn", {"dropout": -0.1}, "dropout"),
        ("cnn", {"hidden": (3,)}, "cnn takes no hidden; it takes channels, dropout"),
        ("resnet18", {"hidden": (3,)}, "it takes no options"),
    ]:
        with pytest.raises(InputError, match=words):
            nets.create(name, classes=2, **options)
    with pytest.raises(WeightsError, match="No weights are known for cnn"):
        nets.create("cnn", weights="imagenet")


SMALL = {"mlp": 28, "cnn": 28, "resnet18": 32, "efficientnet_lite0": 32, "googlenet": 32, "googlenet_paper": 32}


@pytest.mark.parametrize(
    "name",
    sorted(
        {
            *(name for name, net in NETS.items() if not net.has_weights),
            "resnet18",
            "googlenet",
            "efficientnet_lite0",
            "alexnet",
        }
    ),
)
def test_one_step_lowers_the_loss(name: str) -> None:
    torch.manual_seed(0)
    size = SMALL.get(name, nets.input_of(name).least)
    options: dict[str, Any] = {"size": size} if name == "mlp" else {}
    net = nets.create(name, classes=3, **options).train()
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    x, labels = torch.randn(6, 3, size, size), torch.tensor([0, 1, 2, 0, 1, 2])

    def loss() -> torch.Tensor:
        return torch.stack([nn.functional.cross_entropy(logits, labels) for logits in net.heads(x)]).sum()

    before = loss()
    before.backward()
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    rate = 0.01 * before.item() / sum((g**2).sum().item() for g in gradients)  # should lower the loss by 1 %
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.grad is not None:
                parameter.sub_(rate * parameter.grad)
    assert loss().item() < before.item()
    assert net.head.weight.grad is not None


@pytest.mark.parametrize("name", ["alexnet_paper", "alexnet", "zfnet", "vgg16", "googlenet_paper", "cnn"])
def test_a_network_says_its_smallest_picture(name: str) -> None:
    least = nets.input_of(name).least
    net = nets.create(name, classes=2)
    with torch.inference_mode():
        assert net(torch.rand(1, 3, least, least)).shape == (1, 2)
        with pytest.raises(RuntimeError):
            net(torch.rand(1, 3, least - 1, least - 1))


def test_vit_takes_one_size_only() -> None:
    takes = nets.input_of("vit_tiny_patch16_224")
    assert takes.fixed
    assert takes.size == takes.least == 224
