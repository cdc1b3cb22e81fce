"""What the papers of the segmentation networks say of their size, and what every one of them must do."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from visus import nets
from visus._errors import InputError, WeightsError
from visus.data.joint import Joint
from visus.nets.segmentation import Segmenter, create, names, registry
from visus.nets.segmentation.deeplab import DeepLab
from visus.nets.segmentation.fcn import Fcn
from visus.nets.segmentation.pyramid import Pyramid
from visus.nets.segmentation.segmenter import mirrored
from visus.nets.segmentation.segnet import SegNet
from visus.nets.segmentation.vgg import decode, encode
from visus.ops import upsample

LITE = {"backbone": "efficientnet_lite0"}
SMALL: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("fcn32s", LITE, (3, 64, 96)),
    ("fcn16s", LITE, (3, 64, 96)),
    ("fcn8s", {"backbone": "resnet18"}, (3, 64, 96)),
    ("segnet", {"width": 8}, (3, 47, 66)),
    ("deeplab", LITE, (3, 64, 72)),
    ("deeplab", {"backbone": "resnet18", "head": "aspp"}, (3, 64, 72)),
    ("unet", {"width": 4}, (1, 204, 188)),
    ("unet", {"width": 4, "padded": True, "channels": 3}, (3, 48, 64)),
    ("vnet", {"width": 2}, (1, 16, 32, 16)),
    ("vnet", {"width": 2, "batch_norm": True, "channels": 2}, (2, 16, 16, 32)),
    ("vnet", {"width": 2, "release": True}, (1, 16, 32, 16)),
    ("unet", {"width": 4, "padded": True, "release": True}, (1, 48, 64)),
    ("lraspp_mobilenet_v3_large", {}, (3, 64, 80)),
]
IDS = [f"{name}-{'-'.join(map(str, options.values()))}" for name, options, _ in SMALL]


def build(name: str, *, meta: bool = True, **options: Any) -> Segmenter:
    with torch.device("meta" if meta else "cpu"):
        return create(name, **options)


def count(net: nn.Module, *, but: str = "no such name") -> int:
    return sum(p.numel() for name, p in net.named_parameters() if not name.startswith(but))


@pytest.mark.parametrize(
    ("name", "parameters"), [("fcn32s", 134_346_581), ("fcn16s", 134_357_354), ("fcn8s", 134_362_751)]
)
def test_fcn_has_the_parameters_of_its_paper(name: str, parameters: int) -> None:
    assert count(build(name), but="up") == parameters


def test_segnet_has_the_parameters_of_its_paper() -> None:
    assert count(build("segnet")) == 29_455_125
    assert count(build("segnet", classes=11, batch_norm=False)) == 29_433_483


def test_segnet_pools_to_the_larger_half_as_its_authors_do() -> None:
    net = SegNet(classes=2).eval()
    x = torch.rand(1, 3, 45, 61)
    with torch.inference_mode():
        _, remembered = encode(net.encoder, x, round_up=True)
        assert [tuple(size) for _, size in remembered] == [(45, 61), (23, 31), (12, 16), (6, 8), (3, 4)]
        _, before = encode(net.encoder, x)
        assert [tuple(size) for _, size in before] == [(45, 61), (22, 30), (11, 15), (5, 7), (2, 3)]
    with torch.device("meta"):
        coarse, _ = encode(SegNet(classes=2).encoder, torch.zeros(1, 3, 360, 480), round_up=True)
    assert coarse.shape == (1, 512, 12, 15)  # as the authors' prototxt has it


def test_nothing_of_an_odd_map_is_left_out_of_segnets_unpooling() -> None:
    x = torch.rand(1, 2, 5, 7) + 1
    rows = []
    for round_up in (True, False):
        back = decode([nn.Identity()], *encode([nn.Identity()], x, round_up=round_up))
        rows.append((bool(back[..., -1, :].any()), bool(back[..., -1].any())))
    assert rows == [(True, True), (False, False)]


def test_deconvnet_has_the_parameters_of_its_paper() -> None:
    assert count(build("deconvnet")) == 251_805_653
    assert count(build("deconvnet", batch_norm=False)) == 251_772_245


def test_deeplab_has_the_parameters_of_its_paper() -> None:
    assert count(build("deeplab")) == 20_505_429  # 20.5 M (v1, table 1b)


def test_unet_has_the_parameters_and_sizes_of_its_paper() -> None:
    net = build("unet", classes=2)
    assert count(net) == 31_030_658
    sizes: list[int] = []
    for layer in net.modules():
        if isinstance(layer, nn.Sequential):
            layer.register_forward_hook(lambda _, __, output: sizes.append(output.shape[-1]))
    assert net(torch.zeros(1, 1, 572, 572, device="meta")).shape == (1, 2, 388, 388)
    assert sizes == [568, 280, 136, 64, 28, 52, 100, 196, 388]


def test_the_bottleneck_of_unet_sees_140_pixels() -> None:
    net = build("unet", classes=2, width=2, padded=True, meta=False).double()
    assert isinstance(net.down, nn.ModuleList)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 0.1)
    x = torch.rand(1, 1, 256, 256, dtype=torch.float64, requires_grad=True)
    y = x
    for level, convolutions in enumerate(net.down):
        y = convolutions(nn.functional.avg_pool2d(y, 2) if level else y)
    y[0, :, 8, 8].sum().backward()
    assert x.grad is not None
    seen = x.grad[0, 0].abs().sum(0).nonzero()
    assert int(seen.max() - seen.min()) + 1 == 140


def test_vnet_has_the_channels_and_sizes_of_its_paper() -> None:
    net = build("vnet", classes=2)
    assert 45e6 < count(net) < 66e6
    shapes: list[tuple[int, ...]] = []
    assert isinstance(net.left, nn.ModuleList)
    assert isinstance(net.right, nn.ModuleList)
    for stage in [*net.left, *net.right]:
        stage.register_forward_hook(lambda _, __, output: shapes.append(tuple(output.shape[1:3])))
    assert net(torch.zeros(1, 1, 128, 128, 64, device="meta")).shape == (1, 2, 128, 128, 64)
    assert shapes == [
        (16, 128), (32, 64), (64, 32), (128, 16), (256, 8), (256, 16), (128, 32), (64, 64), (32, 128),
    ]  # fmt: skip


def test_vnet_has_the_layers_of_its_authors_release() -> None:
    net = build("vnet", classes=2, release=True)
    assert count(net) == 61_982_682
    assert net(torch.zeros(1, 1, 64, 64, 64, device="meta")).shape == (1, 2, 64, 64, 64)


def test_fcn_keeps_its_upsamplings_where_its_authors_did() -> None:
    net = build("fcn8s", classes=2, backbone="resnet18", release=True, meta=False)
    assert count(build("fcn8s", classes=2, backbone="resnet18")) == count(net) + 2 * 2 * 2 * 4 * 4
    x = torch.rand(1, 2, 3, 4)
    torch.testing.assert_close(net.up2(x), upsample.bilinear(x, 2))  # pyright: ignore[reportCallIssue]
    assert "release" not in registry.options_of("fcn32s")  # which has no such upsampling


def test_deconvnet_is_drawn_as_its_authors_did() -> None:
    net = build("deconvnet", classes=2, width=4, release=True, meta=False)
    values = torch.cat([own.weight.flatten() for own in net.modules() if isinstance(own, nn.ConvTranspose2d)])
    assert values.std().item() == pytest.approx(0.01, rel=0.05)


def test_unet_has_the_layers_of_its_authors_release() -> None:
    net = build("unet", classes=2, width=2, padded=True, release=True, meta=False)
    dropped: list[int] = []
    net.dropout.register_forward_hook(lambda _, __, output: dropped.append(output.shape[1]))  # pyright: ignore
    for layer in net.expand:  # pyright: ignore
        nn.init.constant_(layer.bias, -1e6)  # behind a ReLU there is nothing left of them
    with torch.inference_mode():
        answers = net(torch.rand(1, 1, 64, 64))
        assert dropped == [16, 32]
        assert answers.abs().max() < 1e3
        net.release = False  # pyright: ignore[reportArgumentType]
        assert net(torch.rand(1, 1, 64, 64)).abs().max() > 1e3
    assert count(build("unet", classes=2, release=True)) == 31_030_658


@pytest.mark.parametrize(("name", "parameters"), [("fcn_resnet50", 35_322_218), ("deeplabv3_resnet50", 42_004_074)])
def test_networks_of_torchvision_have_its_parameters(name: str, parameters: int) -> None:
    assert count(build(name)) == parameters


_LONG = {"segnet-", "deeplab-resnet18-aspp", "fcn8s-resnet18", "unet-4", "lraspp_mobilenet_v3_large-"}
_EACH = [
    pytest.param(*entry, id=name, marks=pytest.mark.slow if name in _LONG else ())
    for entry, name in zip(SMALL, IDS, strict=True)
]


@pytest.mark.parametrize(("name", "options", "shape"), _EACH)
def test_every_network_answers_for_every_position_and_learns(
    name: str, options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    net = build(name, classes=3, meta=False, **options)
    x = torch.rand(2, *shape)
    margin = 2 * net.margin
    assert net(x).shape == (2, 3, *(n - margin for n in shape[1:]))
    odd = x[..., : shape[-1] - 5]
    with torch.inference_mode():
        assert net.whole(odd).shape == (2, 3, *odd.shape[2:])
    target = (net.whole(x).detach()[:, :1] * 0 + x[:, :1] > 0.5).long()[:, 0]
    net.train()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-4)
    losses = []
    for _ in range(8):
        loss = nn.functional.cross_entropy(net.whole(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert min(losses[1:]) < losses[0]


@pytest.mark.parametrize("name", ["segnet", "deconvnet"])
def test_a_narrow_network_has_all_channels_in_proportion(name: str) -> None:
    wide, narrow = (dict(build(name, classes=5, width=width).named_parameters()) for width in (64, 8))
    assert wide.keys() == narrow.keys()
    for key, own in wide.items():
        expected = [size if size in (3, 5, 7, 1) else size // 8 for size in own.shape]  # colors, classes, kernels
        assert list(narrow[key].shape) == expected, key
    with pytest.raises(InputError, match="width must be at least 1, not 0"):
        build(name, width=0)
    with pytest.raises(WeightsError, match="for a width of 64, not 8"):
        build(name, width=8, weights="imagenet")


def test_every_name_is_built_by_the_public_function() -> None:
    assert set(names()) <= set(nets.names())
    for name in names():
        with torch.device("meta"):
            net = nets.create(name, classes=5)
        assert isinstance(net, Segmenter)
        assert net.name == name
        assert net.classes == 5


def test_deconvnet_answers_for_every_position() -> None:
    net = build("deconvnet", classes=2, meta=False, width=4)
    with torch.inference_mode():
        assert net.whole(torch.rand(1, 3, 100, 130)).shape == (1, 2, 100, 130)


def test_each_stage_of_fcn_begins_with_the_answers_of_the_one_before() -> None:
    torch.manual_seed(0)
    coarse = build("fcn32s", meta=False, classes=4, **LITE)
    finer = build("fcn16s", meta=False, classes=4, **LITE)
    finer.load_state_dict(coarse.state_dict(), strict=False)
    x = torch.rand(1, 3, 256, 256)
    with torch.inference_mode():
        difference = (coarse(x) - finer(x)).abs()
        assert difference[..., 64:-64, 64:-64].max() < 0.2 * coarse(x).abs().max()
        assert not torch.equal(coarse(x), finer(x))


def test_dilation_keeps_what_the_weights_compute() -> None:
    """Every other position of the dilated map is the map with strides: nothing is lost, nothing is changed."""
    torch.manual_seed(0)
    plain = nets.registry.create("resnet18")
    dilated = DeepLab(classes=2, backbone="resnet18").eval()
    assert not isinstance(dilated.backbone, nn.Sequential)
    state = {k: v for k, v in plain.net.state_dict().items() if not k.startswith("fc")}
    dilated.backbone.net.load_state_dict(state)
    x = torch.rand(1, 3, 256, 256)
    with torch.inference_mode():
        coarse, fine = plain.features(x)[-1], dilated.backbone(x)
    middle = slice(3, 5)  # away from the padding, which comes in at other places
    assert fine.shape[-1] == 4 * coarse.shape[-1]
    error = (fine[:, :, ::4, ::4] - coarse)[:, :, middle, middle].abs().max()
    assert error < 1e-4 * coarse.abs().max()


@pytest.mark.parametrize(("name", "options"), [("fcn8s", LITE), ("deeplab", LITE), ("fcn8s", {"backbone": "resnet18"})])
def test_no_parameter_is_idle(name: str, options: dict[str, Any]) -> None:
    net = build(name, classes=2, meta=False, **options).train()
    net(torch.rand(2, 3, 64, 64)).square().mean().backward()
    assert [n for n, p in net.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize(
    ("name", "side", "proposal"),
    [("unet", 570, "556 or 572"), ("fcn8s", 100, "96 or 128"), ("deconvnet", 200, "224"), ("unet", 50, "188")],
)
def test_a_size_that_a_network_does_not_take_is_refused_with_the_nearest(name: str, side: int, proposal: str) -> None:
    net = build(name)
    with pytest.raises(InputError, match=f"nearest is {proposal}"):
        net(torch.zeros(1, net.channels, side, side, device="meta"))


def test_mistakes_are_named() -> None:
    with pytest.raises(InputError, match="no segmentation network 'unett'"):
        create("unett")
    with pytest.raises(InputError, match="takes no padding; it takes batch_norm, channels, padded, release, width"):
        create("unet", padding=1)
    with pytest.raises(WeightsError, match="no weights for unet"):
        create("unet", weights="imagenet")
    with pytest.raises(InputError, match="cannot be the body"):
        Fcn(classes=2, stride=8, backbone="vit_tiny_patch16_224")
    with pytest.raises(InputError, match="volumes"):
        build("vnet")(torch.zeros(1, 1, 32, 32, device="meta"))


@pytest.mark.parametrize(
    ("name", "options", "shape", "window"),
    [
        ("vnet", {"width": 2}, (20, 17, 31), (32, 32, 32)),
        ("unet", {"width": 2, "padded": True}, (40, 50), (64, 64)),
        ("fcn8s", LITE, (51, 41), (64, 96)),
    ],
)
def test_a_picture_smaller_than_the_window_is_seen_as_in_training(
    name: str, options: dict[str, Any], shape: tuple[int, ...], window: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    net = build(name, meta=False, classes=2, **options).eval()
    volume = np.random.default_rng(0).normal(size=(net.channels, *shape)).astype(np.float32)
    planes, labels, mask = [], np.zeros(shape, np.uint8), np.zeros(0, np.uint8)
    for plane in volume:
        picture = plane if len(shape) == 3 else plane[..., None]
        seen, mask = Joint().window(picture, labels, window, np.random.default_rng(0))
        planes.append(seen.reshape(window))
    inside = mask == 0  # what is mirrored does not count
    with torch.inference_mode():
        answers = net(torch.from_numpy(np.stack(planes))[None])[0]
        found = net.whole(torch.from_numpy(volume)[None], window)[0]
    torch.testing.assert_close(answers[:, inside], found.reshape(2, -1), rtol=1e-3, atol=1e-4)


def test_what_fits_into_a_window_is_answered_at_once() -> None:
    fixed = build("deconvnet", classes=2)
    seen: list[tuple[int, ...]] = []
    fixed.register_forward_hook(lambda _, args, __: seen.append(tuple(args[0].shape[2:])))
    for size, calls in (((224, 224), 1), ((100, 200), 1), ((225, 224), 2)):
        seen.clear()
        assert fixed.whole(torch.zeros(1, 3, *size, device="meta")).shape == (1, 2, *size)
        assert seen == [(224, 224)] * calls
    vnet = build("vnet", width=1)
    assert len(vnet.blocks((128, 128, 64), (128, 128, 64))) == 1
    assert len(vnet.blocks((128, 128, 64), (64, 64, 64))) == 4
    windows = [tuple(s.stop - s.start for s in block.window) for block in vnet.blocks((200, 130, 64), (128, 128, 64))]
    assert all(min(w) >= 64 and w[0] >= 128 and w[1] >= 128 for w in windows)


def test_borders_are_mirrored_however_far() -> None:
    x = torch.arange(4.0).view(1, 1, 1, 4)
    assert mirrored(x, [0, 5], [0, 4])[0, 0, 0].tolist() == [1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]
    one: Tensor = torch.ones(1, 1, 1, 1)
    assert mirrored(one, [2, 1], [0, 1]).shape == (1, 1, 3, 3)


def test_what_there_is_not_is_one_sentence() -> None:
    with pytest.raises(InputError, match="no segmentation network 'nope'"):
        nets.segmentation.registry.has_weights("nope")
    with pytest.raises(InputError, match="must be 8, 16 or 32, not 4"):
        Fcn(classes=2, stride=4)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18"])
def test_the_lowest_layers_of_a_pyramid_can_be_kept_and_run_by_something_else(name: str) -> None:
    torch.manual_seed(0)
    pyramid = Pyramid(name, None).train()
    with torch.no_grad():
        for layer in pyramid.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.uniform_(-0.1, 0.1)  # pyright: ignore[reportOptionalMemberAccess]
    layers = pyramid.keep(4)
    x = torch.rand(2, 3, 64, 96)
    own = pyramid.eval()(x)
    pyramid.below = torch.nn.Sequential(*layers)
    for found, expected in zip(pyramid(x), own, strict=True):
        assert torch.equal(found, expected)
    pyramid.train()
    assert not any(layer.training for layer in layers)
    sum(each.sum() for each in pyramid(x)).backward()  # pyright: ignore[reportAttributeAccessIssue]
    assert all(p.grad is None for layer in layers for p in layer.parameters())
    assert sum(p.grad is not None for p in pyramid.parameters()) > len(layers)
