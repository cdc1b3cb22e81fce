"""Small objects need fine maps, large ones wide fields: accuracy by the size of an object.

Long, Shelhamer and Darrell, CVPR 2015, section 4.2: FCN-32s, -16s and -8s score maps down to stride 32, 16 and 8; fine
maps know where, coarse ones what. The scores are learned here, on made-up discs and squares that differ in nothing but
their shape; the body is EfficientNet-Lite0 with its ImageNet weights, which stay as they are.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visus import nets
from visus.images import plots
from visus.lessons import practice
from visus.lessons.sheet import Drawn, Say, show_pixels
from visus.nets import segmentation
from visus.nets.segmentation.fcn import Fcn
from visus.ops import upsample
from visus.ops.normalize import Normalize
from visus.tasks import pixel_metrics

BODY, STRIDES = "efficientnet_lite0", (8, 16, 32)
SIDE, SIZES = 96, (6, 12, 24, 48, 72)
"""Of pictures, and of the objects in them, in pixels."""
CLASSES = 3
"""Ground, disc, square."""
_LEARNED, _ASKED, _EPOCHS = 60, 30, 16  # pictures, pictures, passes
_MOST = 12  # objects in a picture
_PAINTS = np.array([(225, 225, 225), (31, 95, 168), (200, 16, 46)], np.uint8)

Maps = Sequence[Tensor]
Scored = Callable[[Maps], Tensor]


def scene(size: int, random: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """A picture of discs and squares of one size, and its classes.

    Args:
        size: The side of the squares in pixels; discs have their area.
        random: Decides where they lie, and which is which.

    Returns:
        ``(96, 96, 3)`` uint8, and ``(96, 96)`` int64.
    """
    labels = np.zeros((SIDE, SIDE), np.int64)
    y, x = np.mgrid[:SIDE, :SIDE]
    cells = max(1, SIDE // (2 * size))  # along a side; each has room for one object
    wide = 2 / np.sqrt(np.pi) * size  # a disc
    for cell in random.permutation(cells**2)[:_MOST]:
        row, column = (
            SIDE / cells * place + wide / 2 + (SIDE / cells - wide) * random.random()
            for place in divmod(int(cell), cells)
        )
        if random.random() < 0.5:
            labels[np.hypot(y - row, x - column) < wide / 2] = 1
        else:
            labels[np.maximum(abs(y - row), abs(x - column)) < size / 2] = 2
    picture = random.normal(90, 20, (SIDE, SIDE, 3)) + 70 * (labels > 0)[..., None]
    return np.clip(picture, 0, 255).astype(np.uint8), labels


def scenes(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures ``(N, 3, 96, 96)`` uint8, each of the next of the sizes, and their classes ``(N, 96, 96)`` int64."""
    random = np.random.default_rng(seed)
    made = [scene(SIZES[k % len(SIZES)], random) for k in range(count)]
    pictures = torch.from_numpy(np.stack([picture for picture, _ in made])).permute(0, 3, 1, 2)
    return pictures, torch.from_numpy(np.stack([labels for _, labels in made]))


def maps_of(body: nn.Module, pictures: Tensor) -> list[Tensor]:
    """What a body makes of pictures ``(N, 3, H, W)`` uint8: its maps at strides 8, 16 and 32, float32."""
    about = nets.weights.of(BODY).preprocessing
    prepare = Normalize.of_channels(about.mean, about.deviation)
    with torch.no_grad():
        parts = [body(prepare(part)) for part in pictures.split(20)]
    return [torch.cat(own) for own in zip(*parts, strict=True)]


class OneMap(nn.Module):
    """The scores of one of the three maps alone, upsampled (Long et al. 2015, section 4.1).

    Args:
        channels: Of the map.
        place: Which of the three it is.
    """

    def __init__(self, channels: int, place: int) -> None:
        super().__init__()
        self.place, self.score = place, nn.Conv2d(channels, CLASSES, 1)

    def forward(self, maps: Maps) -> Tensor:
        """Maps ``(N, channels, H/stride, W/stride)`` float to logits ``(N, 3, H, W)``."""
        return upsample.bilinear(self.score(maps[self.place]), STRIDES[self.place])


def learn(scored: Scored, net: nn.Module, maps: Maps, labels: Tensor) -> Scored:
    """Train what scores maps.

    Args:
        scored: From maps to logits ``(N, 3, H, W)``.
        net: Whose weights are learned, where they may be.
        maps: What the body makes of the pictures.
        labels: ``(N, H, W)`` int64.
    """
    own = [weight for weight in net.parameters() if weight.requires_grad]
    torch.manual_seed(0)
    practice.learn(
        lambda places: scored([part[places] for part in maps]),
        own,
        torch.arange(len(labels)),
        labels,
        epochs=_EPOCHS,
        lr=0.01,
        batch=10,
    )
    return scored


def by_size(scored: Scored, maps: Maps, labels: Tensor) -> list[NDArray[np.int64]]:
    """The confusion matrix ``(3, 3)`` int64 of the pictures of each size."""
    with torch.no_grad():
        answers = scored(maps).argmax(1)
    steps = [slice(k, None, len(SIZES)) for k in range(len(SIZES))]
    return [pixel_metrics.confusion(answers[own], labels[own], CLASSES).numpy() for own in steps]


def overlap(matrix: NDArray[np.int64]) -> float:
    """The IoU of discs and squares, their mean."""
    return pixel_metrics.mean(pixel_metrics.ious(matrix)[1:])


def kinds_right(matrix: NDArray[np.int64]) -> float | None:
    """Of the positions of objects that are taken for one, the share that is given the right kind; None of none."""
    found = matrix[1:, 1:]
    return pixel_metrics.pixel_accuracy(found) if found.any() else None


def fields() -> list[int]:
    """The receptive field of each of the three maps, in pixels, as :func:`visus.nets.summary` has it."""
    with torch.device("meta"):
        table = nets.summary(segmentation.create("fcn8s", backbone=BODY), (3, SIDE, SIDE))
    scores = [table.layer(name).receptive_field for name in ("score_pool3", "score_pool4", "score")]
    return [field[0] for field in scores if field]


def segmenters() -> dict[int, Fcn]:
    """FCN-8s, -16s and -32s by their strides, before they have learned, all on one body, which stays as it is."""
    body = Fcn(classes=CLASSES, stride=8, backbone=BODY, weights="imagenet").eval().backbone.requires_grad_(False)
    made = {}
    for stride in STRIDES:
        made[stride] = Fcn(classes=CLASSES, stride=stride, backbone=BODY).eval()
        made[stride].backbone = body
    return made


def draw(say: Say) -> Drawn:
    """How good three segmenters are by the size of objects, and what each of their maps knows alone."""
    torch.manual_seed(0)
    (pictures, labels), (asked, truth) = scenes(_LEARNED, 0), scenes(_ASKED, 1)
    nets_ = segmenters()
    maps, asked_maps = (maps_of(nets_[8].backbone, own) for own in (pictures, asked))
    together = {stride: learn(net.scored, net, maps, labels) for stride, net in nets_.items()}
    single = {stride: OneMap(maps[k].shape[1], k) for k, stride in enumerate(STRIDES[:-1])}
    alone = {stride: learn(net, net, maps, labels) for stride, net in single.items()}
    alone[32] = together[32]  # FCN-32s is the last map alone
    overlaps = {stride: [overlap(own) for own in by_size(net, asked_maps, truth)] for stride, net in together.items()}
    kinds = {stride: [kinds_right(own) for own in by_size(net, asked_maps, truth)] for stride, net in alone.items()}
    seen = dict(zip(STRIDES, fields(), strict=True))

    figure = plots.figure(14, 7)
    axes = plots.axes(figure, 2, 4)
    small, large = 1, len(SIZES) - 1  # places of a picture with objects of 12 pixels, and of one with 96
    show_pixels(axes[0], _pixels(asked[small]), say(f"objects of {SIZES[small]} pixels", f"{SIZES[small]} 像素的目标"))
    for axis, stride in zip(axes[1:4], reversed(STRIDES), strict=True):
        show_pixels(axis, _answer(together[stride], asked_maps, small), f"FCN-{stride}s")
    show_pixels(axes[4], _pixels(asked[large]), say(f"one of {SIZES[large]} pixels", f"{SIZES[large]} 像素的目标"))
    title = say("blue disc, red square: stride 8 alone", "蓝为圆，红为方：只用步幅 8 的图")
    show_pixels(axes[5], _answer(alone[8], asked_maps, large), title)
    _curves(axes[6], overlaps, "FCN-{}s", say("IoU of discs and squares", "圆与方的 IoU"))
    _curves(axes[7], kinds, say("stride {} alone", "只用步幅 {}"), say("disc or square: right", "圆还是方：正确率"))
    for axis in axes[6:]:
        axis.set_xlabel(say("side of the object, in pixels", "目标边长（像素）"), fontsize=9)
    return Drawn(
        figure,
        {"sizes": list(SIZES), "fields": seen, "iou": overlaps, "kind_right_alone": kinds},
        (
            (
                f"Small objects need fine maps: those of {SIZES[small]} pixels get an IoU of {overlaps[32][small]:.2f} "
                f"from FCN-32s, {overlaps[16][small]:.2f} from FCN-16s, {overlaps[8][small]:.2f} from FCN-8s; those of "
                f"{SIZES[large]} pixels {overlaps[32][large]:.2f}, {overlaps[16][large]:.2f} and "
                f"{overlaps[8][large]:.2f}.",
                f"小目标需要细的图：{SIZES[small]} 像素的目标，FCN-32s、FCN-16s、FCN-8s 的 IoU 依次为 "
                f"{overlaps[32][small]:.2f}、{overlaps[16][small]:.2f}、{overlaps[8][small]:.2f}；{SIZES[large]} "
                f"像素的依次为 {overlaps[32][large]:.2f}、{overlaps[16][large]:.2f}、{overlaps[8][large]:.2f}。",
            ),
            (
                f"Large ones need wide fields: the map of stride 8 sees {seen[8]} pixels and tells discs of "
                f"{SIZES[large]} pixels from squares at {kinds[8][large]:.0%} of their pixels, that of stride 32 sees "
                f"{seen[32]}: {kinds[32][large]:.0%}.",
                f"大目标需要大的感受野：步幅 8 的图看到 {seen[8]} 个像素，{SIZES[large]} 像素的圆与方分对的像素占 "
                f"{kinds[8][large]:.0%}；步幅 32 的图看到 {seen[32]} 个像素，占 {kinds[32][large]:.0%}。",
            ),
            (
                "Fine maps are local and know where, coarse ones are global and know what; FCN-8s adds the scores of "
                "all three.",
                "细图是局部信息，知道在哪里；粗图是全局信息，知道是什么；FCN-8s 把三者的得分相加。",
            ),
        ),
    )


def _pixels(picture: Tensor) -> NDArray[np.uint8]:
    return picture.permute(1, 2, 0).numpy()


def _answer(scored: Scored, maps: Maps, place: int) -> NDArray[np.uint8]:
    """The classes of one picture as colors."""
    with torch.no_grad():
        return _PAINTS[scored([own[place : place + 1] for own in maps])[0].argmax(0).numpy()]


def _curves(axis: Any, by_stride: dict[int, list[Any]], name: str, title: str) -> None:  # noqa: ANN401
    """A curve for each stride, by the size of the objects; None where there is nothing to draw."""
    for (stride, values), color in zip(by_stride.items(), plots.COLORS, strict=False):
        axis.plot(SIZES, values, marker="o", color=color, label=name.format(stride))
    axis.set_xscale("log", base=2)
    axis.set_xticks(SIZES, [str(size) for size in SIZES])
    axis.minorticks_off()
    axis.set_ylim(0, 1.03)
    axis.set_title(title, fontsize=10)
    axis.legend(fontsize=8)
