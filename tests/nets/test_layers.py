"""Layer tables: the receptive field against its rule, and against the support of the gradient in every network."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from visus import InputError, nets
from visus.nets import fields as rules
from visus.nets.backbones import StagedBackbone
from visus.nets.detection.body import cut
from visus.nets.detection.faster_rcnn import SlidingWindow
from visus.nets.fields import Kernel, Line
from visus.nets.layers import summary


def fields(net: nn.Module, size: tuple[int, ...]) -> list[tuple]:
    return [(layer.receptive_field, layer.stride, layer.offset) for layer in summary(net, size).layers]


def test_the_rule_for_rows_of_layers() -> None:
    two = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1))
    assert fields(two, (3, 20, 20)) == [((3, 3), (1, 1), (-1, -1)), ((5, 5), (1, 1), (-2, -2))]
    mixed = nn.Sequential(
        nn.Conv2d(3, 4, (5, 3), stride=(2, 1)), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, dilation=2), nn.AdaptiveAvgPool2d(1)
    )
    assert fields(mixed, (3, 40, 40)) == [
        ((5, 3), (2, 1), (0, 0)),
        ((7, 4), (4, 2), (0, 0)),
        ((23, 12), (4, 2), (0, 0)),
        ((39, 40), (4, 2), (0, 0)),
    ]


@pytest.mark.parametrize(
    ("name", "size", "kind", "expected"),
    [
        ("alexnet", 224, "MaxPool2d", (195, 32)),
        ("alexnet_paper", 227, "MaxPool2d", (195, 32)),
        ("alexnet_paper", 227, "Linear", (355, 32)),
        ("vgg16", 224, "Conv2d", (196, 16)),
        ("vgg16", 224, "MaxPool2d", (212, 32)),
        ("vgg16", 224, "Linear", (404, 32)),
        ("resnet50", 224, "Conv2d", (427, 32)),
        ("zfnet", 224, "Conv2d", (139, 16)),
    ],
)
def test_published_receptive_fields(name: str, size: int, kind: str, expected: tuple[int, int]) -> None:
    layer = [layer for layer in summary(nets.create(name), (3, size, size)).layers if layer.kind == kind][-1]
    assert layer.receptive_field is not None
    assert layer.stride is not None
    # AdaptiveAvgPool2d(7) of VGG16 at 224x224 changes nothing.
    assert (layer.receptive_field[0], layer.stride[0]) == expected


@pytest.mark.parametrize(("backbone", "expected"), [("zfnet", 171), ("vgg16", 228)])
def test_region_proposals_see_as_much_as_published(backbone: str, expected: int) -> None:
    """Ren et al. 2015, section 3.1: 171 pixels with ZFNet and 228 with VGG16."""
    halves = cut(backbone)
    table = summary(nn.Sequential(halves.body, SlidingWindow(halves.channels, 9).hidden), (3, 600, 800))
    assert table.layers[-1].receptive_field == (expected, expected)


def test_skips_branches_and_concatenation_take_the_larger_field() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.five = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 5, padding=2)
            self.joined, self.skipped = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, padding=1)
            self.last = nn.Conv2d(8, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            y = self.joined(torch.cat([self.one(x), self.five(x)], 1))
            return self.last(y + self.skipped(y))

    table = summary(Net(), (3, 16, 16))
    assert [layer.receptive_field for layer in table.layers] == [(1, 1), (5, 5), (5, 5), (7, 7), (7, 7)]
    assert [layer.offset for layer in table.layers] == [(0, 0), (-2, -2), (-2, -2), (-3, -3), (-3, -3)]


def test_transposed_layers_and_upsampling() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 4, 2, 1), nn.ConvTranspose2d(2, 2, 4, 2, 1), nn.Conv2d(2, 1, 3, padding=1))
    assert [f[0] for f in fields(net, (1, 32, 32))] == [(4, 4), (6, 6), (8, 8)]
    nearest = nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3, padding=1))
    assert [f[:2] for f in fields(nearest, (1, 32, 32))] == [((2, 2), (2, 2)), ((2, 2), (1, 1)), ((4, 4), (1, 1))]


def test_volumes() -> None:
    net = nn.Sequential(nn.Conv3d(1, 2, 5, padding=2), nn.Conv3d(2, 4, 2, stride=2))
    assert fields(net, (1, 8, 8, 8)) == [((5,) * 3, (1,) * 3, (-2,) * 3), ((6,) * 3, (2,) * 3, (-2,) * 3)]


def test_what_looks_everywhere_sees_everything() -> None:
    squeeze = summary(nets.create("mobilenetv3_small_100"), (3, 64, 64))
    assert squeeze.layers[-1].receptive_field is not None
    vit = summary(nets.create("vit_tiny_patch16_224"))
    assert vit.layer("net.head").receptive_field == (224, 224)
    assert vit.parameters == 5_717_416
    convnext = summary(nets.create("convnext_tiny"), (3, 224, 224))
    assert convnext.layer("net.stages.0.blocks.0.mlp.fc2").receptive_field == (28, 28)  # 4 + 6 * 4, through NHWC


def test_a_shared_layer_counts_once_and_the_network_is_left_alone() -> None:
    shared = nn.Linear(4, 4)
    net = nn.Sequential(shared, nn.ReLU(), shared)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    table = summary(nn.Sequential(nn.Flatten(), net), (1, 2, 2))
    assert table.parameters == 20
    assert sum(layer.parameters for layer in table.layers) == 20
    assert table.macs == 32
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert not net[0]._forward_hooks


def test_macs_agree_with_torchs_own_counter() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    for name in ("googlenet", "efficientnet_lite0", "alexnet_paper"):
        net = nets.create(name).eval()
        size = nets.input_of(name).size
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(torch.rand(1, 3, size, size))
        assert summary(net, (3, size, size)).macs == counter.get_total_flops() // 2


_GATES = (nn.BatchNorm2d, nn.LocalResponseNorm, nn.Dropout, nn.ReLU, nn.ReLU6, nn.PReLU)


def _seeing(net: nn.Module) -> nn.Module:
    """The same layers, made so that a gradient reaches everything that a unit sees: averages in place of maxima, no
    gates, no norms, and positive weights. What remains are sums of positive terms."""
    for name, child in list(net.named_children()):
        if isinstance(child, nn.MaxPool2d):
            kernel, stride, padding = child.kernel_size, child.stride, child.padding
            setattr(net, name, nn.AvgPool2d(kernel, stride, padding, child.ceil_mode, True))
        elif isinstance(child, _GATES) or type(child).__name__ == "BatchNormAct2d":
            setattr(net, name, nn.Identity())
        else:
            _seeing(child)
    for parameter in net.parameters(recurse=False):
        nn.init.constant_(parameter, 1.0 / max(1, parameter[0].numel()))
    return net


WIDE = {
    "alexnet": 512, "alexnet_paper": 512, "zfnet": 512, "vgg16": 512, "cnn": 96, "mlp": 28,
    "googlenet": 1400, "googlenet_paper": 1400, "resnet18": 1024, "resnet34": 1900, "resnet50": 1024,
    "efficientnet_lite0": 1700, "efficientnet_lite1": 2300, "efficientnet_lite2": 2300,
}  # fmt: skip


_SLOW = ("efficientnet_lite1", "efficientnet_lite2", "resnet34")
_EACH = [pytest.param(n, marks=pytest.mark.slow if n in _SLOW else ()) for n in nets.registry.names()]


@pytest.mark.slow
@pytest.mark.parametrize("name", _EACH)
def test_the_gradient_reaches_exactly_the_receptive_field(name: str) -> None:
    """Along one axis: the picture is long and narrow, so that even the largest fields fit into it quickly."""
    size = WIDE[name]
    options: dict[str, Any] = {"size": size} if name == "mlp" else {}
    net = nets.create(name, classes=2, **options).double().eval()
    narrow = size if name == "mlp" else max(64, nets.input_of(name).least)
    shape = (3, size, narrow)
    body = _Last(net)
    table = summary(body, shape)
    x = torch.ones(1, *shape, dtype=torch.float64, requires_grad=True)
    _seeing(net)
    if isinstance(net, StagedBackbone):  # its stages may be views on the layers of the network
        stages, hidden, head = net._parts
        net._parts = (list(_seeing(nn.Sequential(*stages)).children()), hidden, head)
    last = body(x)  # (1, C, h, w)
    middle = last.shape[2] // 2
    # The narrow side may be cut by the border, the long one not.
    last[0, :, middle].sum().backward()
    assert x.grad is not None
    reached = x.grad[0].sum((0, 2)).nonzero().flatten()
    field = table.layers[-1]
    assert field.receptive_field is not None
    assert field.stride is not None
    assert field.offset is not None
    start = field.offset[0] + middle * field.stride[0]
    assert (reached.min().item(), reached.max().item() + 1) == (start, start + field.receptive_field[0])


class _Last(nn.Module):
    """A network up to its last map, and one layer that changes nothing, so that the table ends with that map."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.end = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.net.last(x))  # pyright: ignore[reportCallIssue]


def test_the_table_as_text() -> None:
    text = str(summary(nets.create("cnn", classes=10, channels=1), (1, 28, 28)))
    lines = text.splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "parameters", "MACs", "field", "stride", "offset"]
    assert "input 1x28x28" in lines[-1]
    assert "288,170" in lines[-1]


SEGMENTERS: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("unet", {"width": 2, "padded": True}, (1, 512, 32)),
    ("unet", {"width": 2}, (1, 572, 188)),
    ("fcn32s", {"backbone": "efficientnet_lite0"}, (3, 1280, 32)),
    ("fcn8s", {"backbone": "efficientnet_lite0"}, (3, 1280, 32)),
    ("deeplab", {"backbone": "efficientnet_lite0"}, (3, 1280, 32)),
    ("vnet", {"width": 1}, (1, 640, 16, 16)),
]


_LONG_ONES = [
    pytest.param(*entry, id=f"{entry[0]}-{entry[2][1]}", marks=() if entry[0] == "unet" else pytest.mark.slow)
    for entry in SEGMENTERS
]


@pytest.mark.parametrize(("name", "options", "shape"), _LONG_ONES)
def test_an_answer_of_a_segmenter_sees_what_the_table_says(
    name: str, options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    """Behind an upsampling, positions see more or less; the table tells the most."""
    net = nets.segmentation.create(name, classes=2, **options).double().eval()
    table = summary(nn.Sequential(net, nn.Identity()), shape)
    x = torch.ones(1, *shape, dtype=torch.float64, requires_grad=True)
    answers = _seeing(net)(x)[0].flatten(2).sum((0, 2))  # along the long axis
    spans = []
    for place in range(len(answers) // 2, len(answers) // 2 + 32):
        (slope,) = torch.autograd.grad(answers[place], x, retain_graph=True)
        reached = slope[0].flatten(2).sum((0, 2)).nonzero().flatten()
        spans.append(reached.max().item() + 1 - reached.min().item())
    field = table.layers[-1].receptive_field
    assert field is not None
    assert max(spans) == field[0]


STACKS: list[tuple[nn.Module, ...]] = [
    (nn.Conv1d(1, 1, 3, 2, 1), nn.ConvTranspose1d(1, 1, 4, 2, 1), nn.Conv1d(1, 1, 3, 1, 1)),
    (nn.Conv1d(1, 1, 5, 3), nn.ConvTranspose1d(1, 1, 2, 2), nn.ConvTranspose1d(1, 1, 3, 3), nn.Conv1d(1, 1, 3)),
    (nn.Conv1d(1, 1, 4, 4), nn.Upsample(scale_factor=2.0), nn.Conv1d(1, 1, 3), nn.Upsample(scale_factor=2.0)),
    (nn.Conv1d(1, 1, 4, 2), nn.Upsample(scale_factor=4.0, mode="linear"), nn.Conv1d(1, 1, 5, dilation=2)),
    (nn.Conv1d(1, 1, 3, 2), nn.Upsample(70, mode="linear", align_corners=True), nn.AdaptiveAvgPool1d(20)),
]


@pytest.mark.parametrize("stack", STACKS, ids=range(len(STACKS)))
def test_the_first_and_the_last_pixel_of_every_unit(stack: tuple[nn.Module, ...]) -> None:
    """Away from the border, where padding comes in, against the support of the gradient."""
    x = torch.ones(1, 1, 120, dtype=torch.float64, requires_grad=True)
    net = _seeing(nn.Sequential(*stack).double())
    line, y = Line(np.arange(120), np.arange(120), 1), x
    for layer in stack:
        y = layer(y)
        line = _rule(layer, line, y.shape[-1])
    for unit in range(len(line)):
        (slope,) = torch.autograd.grad(net(x)[0, 0, unit], x)
        reached = slope[0, 0].nonzero().flatten()
        if len(reached):
            first, last = max(0, int(line.first[unit])), min(119, int(line.last[unit]))
            assert (reached.min().item(), reached.max().item()) == (first, last), unit


def _rule(layer: Any, line: Line, count: int) -> Line:
    if isinstance(layer, nn.AdaptiveAvgPool1d):
        return rules.share(line, count)
    if isinstance(layer, nn.Upsample):
        if layer.mode == "nearest":
            return rules.repeat(line, count)
        return rules.interpolate(line, count, align_corners=bool(layer.align_corners))
    kernel = Kernel(layer.kernel_size[0], layer.stride[0], layer.padding[0], layer.dilation[0])
    slide = rules.slide_transposed if isinstance(layer, nn.ConvTranspose1d) else rules.slide
    return slide(line, count, kernel)


@pytest.mark.parametrize("side", [45, 90, 47])
def test_unpooling_goes_back_to_the_cells_of_an_odd_side(side: int) -> None:
    pooled = rules.slide(Line(np.arange(side), np.arange(side), 1), side // 2, Kernel(2, 2))
    line = rules.unpool(pooled, side)
    own = np.arange(side // 2 * 2)
    assert (line.first[own] <= own).all()
    assert (line.last[own] >= own).all()
    assert line.stride == 1


@pytest.mark.parametrize("side", [5, 7, 45])
def test_unpooling_after_a_pooling_that_kept_the_rest_goes_back_to_its_cells(side: int) -> None:
    cells = rules.of_input([-(-side // 2)]).lines[0]
    assert rules.unpool(cells, side).first.tolist() == [place // 2 for place in range(side)]


def test_a_layer_that_gives_positions_too_has_its_row() -> None:
    table = summary(nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2, return_indices=True)), (3, 10, 10))
    assert table.layer("1").output == (4, 4, 4)
    assert table.layer("1").receptive_field == (4, 4)
    with pytest.raises(InputError, match="no layer 'pool'; there are 0, 1"):
        table.layer("pool")


def test_what_mixes_positions_sees_all_of_them() -> None:
    def field(forward: Any, size: tuple[int, int] = (32, 32)) -> tuple[int, ...] | None:
        class Net(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.tall, self.one = nn.Conv2d(2, 2, (3, 1)), nn.Conv2d(2, 2, 1)
                self.norm, self.linear, self.end = nn.GroupNorm(1, 2), nn.Linear(2, 2), nn.Identity()

            def forward(self, x: Tensor) -> Tensor:
                return self.end(forward(self, x))

        return summary(Net(), (2, *size)).layers[-1].receptive_field

    assert field(lambda n, x: n.tall(x.mean(3, keepdim=True))) == (3, 32)
    assert field(lambda n, x: x * n.one(x.mean(3, keepdim=True))) == (1, 32)
    assert field(lambda n, x: n.tall(x.mean((2, 3), keepdim=True).expand_as(x))) == (32, 32)
    assert field(lambda n, x: n.norm(x)) == (32, 32)
    assert field(lambda n, x: x.softmax(3)) == (32, 32)
    assert field(lambda n, x: x.softmax(1)) == (1, 1)
    assert field(lambda n, x: n.tall(x[:, :, 4:-2, ::2])) == (3, 1)
    assert field(lambda n, x: n.linear(x.permute(0, 2, 3, 1).reshape(-1, 2).relu())) == (1, 1)
