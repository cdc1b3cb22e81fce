"""Networks by name, seen as backbones."""

import pytest
import torch

from visus import InputError, nets
from visus.nets import detection, weights
from visus.nets.registry import NETS

# Parameters as the papers' reference implementations count them.
PARAMETERS = {
    "alexnet": 61_100_840,
    "vgg16": 138_357_544,
    "googlenet": 6_624_904,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "efficientnet_lite0": 4_652_008,
    "efficientnet_lite1": 5_416_680,
    "efficientnet_lite2": 6_092_072,
}
SIZES = {"alexnet": [55, 27, 13, 6], "vgg16": [224, 112, 56, 28, 14, 7]}


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_network_is_the_published_one(name: str) -> None:
    net = nets.create(name)
    assert sum(p.numel() for p in net.parameters()) == PARAMETERS[name]
    x = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        stages, first = net.features(x), net.features(x, 2)
        assert net.embed(x).shape == (1, net.dimension)
        assert net(x).shape == (1, net.classes) == (1, 1000)
    assert len(first) == 2
    assert all(torch.equal(*pair) for pair in zip(first, stages, strict=False))
    assert [stage.shape[-1] for stage in stages] == SIZES.get(name, [112, 56, 28, 14, 7])


def test_torchvision_backbone_answers_as_torchvision_does() -> None:
    for name in ("alexnet", "googlenet", "resnet18"):
        net = nets.create(name)
        x = torch.rand(2, 3, 224, 224)
        with torch.inference_mode():
            assert torch.allclose(net(x), net.net(x), atol=1e-5)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "mobilenetv3_small_100"])
def test_any_timm_name(name: str) -> None:
    net = nets.create(name, classes=5)
    x = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        assert net(x).shape == (1, 5)
        assert net.embed(x).shape == (1, net.dimension)
        assert all(stage.ndim == 4 for stage in net.features(x))
        assert len(net.features(x, 3)) == 3


@pytest.mark.parametrize("name", ["alexnet", "resnet18", "googlenet", "efficientnet_lite0", "zfnet", "cnn"])
def test_a_row_of_layers_leads_to_the_last_map(name: str) -> None:
    net = nets.create(name, classes=5)
    x = y = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        for layer in net.row():
            y = layer(y)
        assert torch.allclose(y, net.last(x), atol=1e-5)
        assert torch.allclose(net.head(net.pool(y)), net(x), atol=1e-5)


def test_not_every_network_is_a_row() -> None:
    assert nets.create("googlenet_paper", classes=5).row() == []
    assert nets.create("vit_tiny_patch16_224", classes=5).row() == []


def test_which_networks_pool_by_average() -> None:
    assert nets.create("resnet18").pools_by_average(64)
    assert nets.create("efficientnet_lite0").pools_by_average(224)
    assert not nets.create("alexnet").pools_by_average(224)
    assert not nets.create("vit_tiny_patch16_224").pools_by_average(224)


def test_names_lists_what_create_builds() -> None:
    assert nets.registry.names() == sorted(NETS)
    assert set(nets.names()) == {*nets.registry.names(), *nets.segmentation.names(), *detection.names()}
    assert set(weights.TABLE) == {name for name, net in NETS.items() if net.has_weights}


def test_which_networks_are_built_for_gray_pictures() -> None:
    assert {name for name, net in NETS.items() if net.gray} == {"mlp", "cnn"}


def test_unknown_name_proposes_near_ones() -> None:
    with pytest.raises(InputError, match="efficientnet_lite0"):
        nets.create("efficientnet_light0")
    with pytest.raises(InputError, match=r"timm cannot build 'resnet18\.foo'"):
        nets.create("resnet18.foo")
    with pytest.raises(InputError, match="at least 1"):
        nets.create("resnet18", classes=0)


def test_new_classes_keep_the_trained_layers() -> None:
    trained, fresh = nets.create("efficientnet_lite0", weights="imagenet"), None
    fresh = nets.create("efficientnet_lite0", weights="imagenet", classes=7)
    x = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        assert torch.allclose(trained.embed(x), fresh.embed(x), atol=1e-5)
        assert fresh(x).shape == (1, 7)


@pytest.mark.parametrize(
    ("name", "photograph", "classes"),
    [  # ImageNet: 281..285 are domestic cats, 967 espresso, 968 cup, 504 coffee mug, 812 space shuttle, 657 missile
        ("efficientnet_lite0", "chelsea", {281, 282, 283, 284, 285}),
        ("efficientnet_lite1", "chelsea", {281, 282, 283, 284, 285}),
        ("efficientnet_lite2", "chelsea", {281, 282, 283, 284, 285}),
        ("efficientnet_lite0", "coffee", {967, 968, 504}),
        ("efficientnet_lite0", "rocket", {657, 812}),
    ],
)
def test_trained_weights_name_what_a_photograph_shows(name: str, photograph: str, classes: set[int]) -> None:
    from tests.support.photographs import photographs
    from visus import read

    picture = read(photographs()[photograph])
    net = nets.create(name, weights="imagenet")
    with torch.inference_mode():
        logits = net(torch.from_numpy(weights.of(name).preprocessing.prepare(picture))[None])
    assert int(logits.argmax()) in classes


def test_preparing_equals_torchvisions_transforms() -> None:
    import torchvision
    from PIL import Image

    from tests.support.photographs import photographs
    from visus import read

    picture = read(photographs()["astronaut"])  # square: no side is rounded
    for name in ("resnet18", "resnet50"):
        known = weights.of(name)
        expected = torchvision.models.get_weight(known.key).transforms()(Image.fromarray(picture))
        assert torch.allclose(torch.from_numpy(known.preprocessing.prepare(picture)), expected, atol=1e-5)
