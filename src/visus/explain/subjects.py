"""Classifiers, segmenters and detectors that are asked for their reasons.

A segmenter is asked about one pixel, a detector about one box: each becomes a network with one score for each class.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visus._errors import InputError
from visus.data.batches import one
from visus.explain.subject import Maps, Picture, Subject, asking
from visus.images import draw
from visus.images.check import colors_of
from visus.images.color import to_gray
from visus.images.wide import read_wide
from visus.nets import registry, trained, weights
from visus.nets.backbones import Backbone
from visus.nets.detection import Detector
from visus.nets.detection.localizer import Localizer
from visus.nets.file import is_trained, task_of
from visus.nets.segmentation import Segmenter
from visus.nets.segmentation.segmenter import mirrored
from visus.nets.segmentation.trained import Trained as TrainedSegmenter
from visus.ops import Normalize

_AROUND = 256  # pixels to each side of the one that a segmenter is asked about
_SQUARE = 4  # half the side of what marks it
BACKGROUND = "background"


class Classifier(Subject):
    """A classifier that is asked for its reasons.

    Args:
        name: What it is called.
        backbone: The network.
        normalize: From values in [0, 255] to its input.
        classes: Names of the classes.
        size: Side of its input in pixels.
        resize_to: Length of the shorter side before the middle is cut out.
        interpolation: ``"bicubic"`` or ``"bilinear"``.
        gray: Whether the input has one channel.
        multilabel: Whether a picture may have several classes, or none.
    """

    interpolation: Literal["bicubic", "bilinear"]

    def __init__(
        self,
        name: str,
        backbone: Backbone,
        normalize: Normalize,
        classes: tuple[str, ...],
        *,
        size: int,
        resize_to: int,
        interpolation: Literal["bicubic", "bilinear"] = "bilinear",
        gray: bool = False,
        multilabel: bool = False,
    ) -> None:
        super().__init__(name, classes)
        self.backbone, self.normalize, self.multilabel = backbone, normalize, multilabel
        self.size, self.resize_to, self.interpolation, self.gray = size, resize_to, interpolation, gray

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` float in [0, 1] to logits ``(N, classes)`` float32."""
        return self.backbone(self.normalize(255 * x)).float()

    def probabilities(self, logits: Tensor) -> Tensor:
        """Of ``(N, classes)`` logits the softmax, or the sigmoid of each where a picture may have several classes."""
        return logits.sigmoid() if self.multilabel else logits.softmax(1)

    def embed(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` float in [0, 1] to what the last linear layer sees, ``(N, dimension)`` float32."""
        return self.backbone.embed(self.normalize(255 * x)).float()

    def input_of(self, picture: Picture) -> Tensor:
        """The middle of a picture, ``(1, C, size, size)`` float32 in [0, 1].

        Raises:
            InputError: The picture cannot be read, or is no such array.
        """
        own = one(picture, self.size, self.resize_to, self.interpolation, gray=self.gray)
        return own[None].float() / 255

    def layer_of(self, wanted: str | None, x: Tensor) -> nn.Module:
        """The layer that Grad-CAM looks at.

        Args:
            wanted: Its name; None for the last that gives a map.
            x: ``(1, C, H, W)`` float in [0, 1].

        Raises:
            InputError: There is no such layer, or the network gives tokens and no maps.
        """
        if not self._usual:
            with torch.inference_mode(), asking(self):
                last = self.backbone.last(self.normalize(255 * x))
            if last.ndim != 4 or getattr(self.backbone.net, "output_fmt", "NCHW") != "NCHW":
                raise InputError(
                    f"{self.name} gives no maps (N, C, h, w), as a transformer; choose another than gradcam."
                )
        return super().layer_of(wanted, x)

    @property
    def channels(self) -> int:
        """Channels of the input: 1 for gray, 3 for RGB."""
        return 1 if self.gray else 3

    @property
    def layers(self) -> dict[str, nn.Module]:
        """The layers by their names in ``visus nets``."""
        return dict(self.backbone.net.named_modules())


class PixelOf(Subject):
    """A segmenter that is asked about one pixel.

    Args:
        name: What it is called.
        found: The segmenter.
        at: x and y of the pixel; None for the middle of the picture.

    Raises:
        InputError: The segmenter is for volumes.
    """

    def __init__(self, name: str, found: TrainedSegmenter, at: tuple[int, int] | None = None) -> None:
        super().__init__(name, found.about.classes)
        if found.net.axes != 2:
            raise InputError(f"{name} answers volumes; only networks for pictures are explained.")
        self.net: Segmenter = found.net
        self.normalize, self.about = found.normalize, found.about
        self.at = at
        self._inner: tuple[int, int] | None = None  # the pixel within the part that is looked at

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` float in [0, 1] to the scores of the pixel, ``(N, classes)`` float32."""
        x = self.normalize(255 * x)
        column, row = self._inner or (x.shape[-1] // 2, x.shape[-2] // 2)
        if self.net.fixed is None:
            return self.net.whole(x, self.about.window).float()[:, :, row, column]
        height, width, top, left = self.extent(x)  # one window is enough for one pixel
        after = [height - top - x.shape[2], width - left - x.shape[3]]
        return self.net(mirrored(x, [top, left], after)).float()[:, :, row + top, column + left]

    def extent(self, x: Tensor) -> tuple[int, int, int, int]:
        """What :meth:`visus.nets.segmentation.Segmenter.whole` makes of the input: it is mirrored at its borders.

        Args:
            x: ``(1, C, H, W)`` float.

        Returns:
            Height and width with what is mirrored, and the row and the column at which the input begins, in pixels.
        """
        size, margin = tuple(x.shape[2:]), self.net.margin
        least = self.about.window if self.net.fixed is None else size
        seen = [self.net.fit_side(max(n + 2 * margin, w)) for n, w in zip(size, least, strict=True)]
        return seen[0], seen[1], (seen[0] - size[0]) // 2, (seen[1] - size[1]) // 2

    def input_of(self, picture: Picture) -> Tensor:
        """The part of a picture around the pixel, ``(1, C, H, W)`` float32 in [0, 1].

        Its sides are at most 512 pixels, or the side of a network that takes no other.

        Raises:
            InputError: The picture cannot be read, or has no such pixel.
        """
        values = pixels_of(picture)
        height, width = values.shape[:2]
        x, y = self.at or (width // 2, height // 2)
        if not (0 <= x < width and 0 <= y < height):
            raise InputError(f"There is no pixel {x},{y} on a picture of {width}x{height}; count from 0,0.")
        around = _AROUND if self.net.fixed is None else self.net.fixed // 2
        left, top = max(0, x - around), max(0, y - around)
        self._inner = (x - left, y - top)
        part = values[top : y + around, left : x + around]
        return as_input(to_gray(part)[..., None] if self.about.gray else part)

    def marked(self, seen: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The input with a small square around the pixel, ``(H, W, 3)`` uint8."""
        x, y = self._inner or (0, 0)
        return draw.boxes(seen, [[x - _SQUARE, y - _SQUARE, x + _SQUARE, y + _SQUARE]])

    @property
    def layers(self) -> dict[str, nn.Module]:
        """The layers by their names in ``visus nets``."""
        return dict(self.net.named_modules())

    def last_map(self, maps: Maps) -> Maps:
        """The coarsest maps that are not scores yet: behind them upsampling begins."""
        fitting = super().last_map(maps)
        while fitting and fitting[-1][1][1] == len(self.classes):
            fitting = fitting[:-1]
        least = min((shape[-1] for _, shape in fitting), default=0)
        return [(module, shape) for module, shape in fitting if shape[-1] == least]


class BoxOf(Subject):
    """A detector that is asked about the class of one box.

    Args:
        name: What it is called.
        net: The detector.
        classes: Names of its classes, without the background.
        box: x0, y0, x1, y1 in pixels; None for the most certain object of the picture.
    """

    def __init__(self, name: str, net: Detector, classes: tuple[str, ...], box: Sequence[float] | None = None) -> None:
        super().__init__(name, (BACKGROUND, *classes))
        self.net: Any = net  # of those detectors that resize whole pictures by a transform
        self.box = tuple(box) if box is not None else None
        self._shown = self.box

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 3, H, W)`` float in [0, 1] to the box's scores, ``(N, 1 + classes)`` float, the background first."""
        whole = (0.0, 0.0, float(x.shape[-1]), float(x.shape[-2]))
        return self.net.box_scores(list(x), [x.new_tensor([self._shown or whole])] * len(x))

    def input_of(self, picture: Picture) -> Tensor:
        """The picture as it is, ``(1, 3, H, W)`` float32 in [0, 1].

        Raises:
            InputError: The picture cannot be read, or is no such array.
        """
        return as_input(pixels_of(picture))

    def asked(self, picture: Picture) -> tuple[Tensor, int | None]:
        """The input ``(1, 3, H, W)`` float32, and the class that the detector gave the box that it found.

        None in place of the class where the box was named: the likeliest is asked about.

        Raises:
            InputError: The picture cannot be read, the box does not lie on it, or none was named and the detector finds
                nothing or needs proposals.
        """
        x = self.input_of(picture).to(self.device)
        height, width = x.shape[2:]
        if self.box is None:
            if self.net.needs_proposals:
                raise InputError(f"{self.name} needs proposals; say which box is meant: --box x0,y0,x1,y1.")
            (found,) = self.net.detect([x[0]])
            if not len(found.boxes):
                raise InputError(f"{self.name} finds nothing on the picture; say which box is meant.")
            self._shown = tuple(found.boxes[0].tolist())
            return x, 1 + int(found.labels[0])
        x0, y0, x1, y1 = self.box
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            raise InputError(f"The box {x0:g},{y0:g},{x1:g},{y1:g} does not lie on the picture of {width}x{height}.")
        return x, None

    def settle(self) -> None:
        """Stay with the box that was found."""
        self.box = self._shown

    def extent(self, x: Tensor) -> tuple[int, int, int, int]:
        """The picture with what is padded to its right and below.

        Args:
            x: ``(1, 3, H, W)`` float in [0, 1].

        Returns:
            Height and width with what is padded, in pixels of the picture, and 0, 0: the picture begins at the corner.
        """
        images, _ = self.net.transform([x[0]])
        (inner,), padded = images.image_sizes, images.tensors.shape[2:]
        height, width = (round(n * p / i) for n, p, i in zip(x.shape[2:], padded, inner, strict=True))
        return height, width, 0, 0

    def marked(self, seen: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The input with the box drawn on it, ``(H, W, 3)`` uint8; without one, the input itself."""
        return draw.boxes(seen, [self._shown]) if self._shown else seen

    @property
    def layers(self) -> dict[str, nn.Module]:
        """The layers of what sees the whole picture."""
        body = next(self.net.body_modules())
        own = set(getattr(body, "body", body).modules())  # of a pyramid what lies below it
        return {name: module for name, module in self.net.named_modules() if module in own}


class Located(Subject):
    """A localizer that is asked about the class of its picture.

    Args:
        name: What it is called.
        net: The localizer.
        classes: Names of its classes.
    """

    def __init__(self, name: str, net: Localizer, classes: tuple[str, ...]) -> None:
        super().__init__(name, classes)
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 3, H, W)`` float in [0, 1] to logits ``(N, classes)`` float32."""
        return self.net(list(x))[0]

    def input_of(self, picture: Picture) -> Tensor:
        """The picture as it is, ``(1, 3, H, W)`` float32 in [0, 1].

        Raises:
            InputError: The picture cannot be read, or is no such array.
        """
        return as_input(pixels_of(picture))

    @property
    def layers(self) -> dict[str, nn.Module]:
        """The layers that the class depends on."""
        own = {module for part in self.net.body_modules() for module in part.modules()}
        return {name: module for name, module in self.net.named_modules() if module in own}


def pixels_of(picture: Picture) -> NDArray[np.uint8]:
    """A picture as it is, ``(H, W, 3)`` uint8.

    Raises:
        InputError: It cannot be read, or is no such array.

    >>> pixels_of(np.zeros((2, 3, 3), np.uint8)).shape
    (2, 3, 3)
    """
    return colors_of(picture if isinstance(picture, np.ndarray) else read_wide(picture))


def as_input(values: NDArray[np.uint8]) -> Tensor:
    """``(H, W, C)`` uint8 to ``(1, C, H, W)`` float32 in [0, 1].

    >>> as_input(np.array([[[0], [255]]], np.uint8)).tolist()
    [[[[0.0, 1.0]]]]
    """
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None].float() / 255


def open_subject(
    source: str | os.PathLike[str] | Subject,
    *,
    at: tuple[int, int] | None = None,
    box: Sequence[float] | None = None,
    device: str = "cpu",
) -> Subject:
    """A network to ask.

    Args:
        source: A run, a file that visus trained, the name of a network with ImageNet weights, or one that is open.
        at: Of a segmenter: x and y of the pixel that it is asked about; None for the middle.
        box: Of a detector: x0, y0, x1, y1 of the box that it is asked about; None for the most certain object.
        device: Where it works.

    Raises:
        InputError: It is neither, or has no pixel or box to be asked about.
        RunError: The run is damaged.
        WeightsError: The weights are not at hand.
    """
    if isinstance(source, Subject):
        if at is not None or box is not None:
            raise InputError(f"{source.name} is open already; say at and box where it is opened.")
        return source.to(device)
    task = task_of(source) if is_trained(source) else "classify"
    for option, value, wanted in (("at", at, "segment"), ("box", box, "detect")):
        if value is not None and task != wanted:
            raise InputError(f"{option} does nothing beside a network of {task}; it is for {wanted}.")
    name = Path(source).name
    if task == "segment":
        subject: Subject = PixelOf(name, trained.read(source, "segmenter"), at)
    elif task == "detect":
        found = trained.read(source, "detector")
        subject = BoxOf(name, found.net, found.about.classes, box)
    elif task == "localize":
        found = trained.read(source, "detector")
        assert isinstance(found.net, Localizer)
        subject = Located(name, found.net, found.about.classes)
    else:
        subject = classifier(source)
    subject.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - twice as fast on a CPU
    return subject.to(device).eval()


def open_classifier(source: str | os.PathLike[str] | Subject, *, device: str = "cpu") -> Classifier:
    """A classifier to ask; see :func:`open_subject`.

    Raises:
        InputError: It is none.
        RunError: The run is damaged.
        WeightsError: The weights are not at hand.

    >>> net, normalize = registry.create("cnn", classes=2, widths=[4, 4]), Normalize.of_channels([0.5] * 3, [0.25] * 3)
    >>> subject = Classifier("mine", net, normalize, ("cat", "dog"), size=8, resize_to=8)
    >>> open_classifier(subject)(torch.zeros(1, 3, 8, 8)).shape
    torch.Size([1, 2])
    """
    subject = open_subject(source, device=device)
    if not isinstance(subject, Classifier):
        raise InputError(f"{subject.name} is no classifier; give a run of classify, or a network of visus nets.")
    if subject.multilabel:
        raise InputError(f"{subject.name} gives a picture several classes; this takes classifiers that give one.")
    return subject


def classifier(source: str | os.PathLike[str]) -> Classifier:
    """A trained classifier, or a network by its name with ImageNet weights."""
    if is_trained(source):
        found = trained.read(source, "classifier")
        about = found.about
        return Classifier(
            Path(source).name,
            found.backbone,
            found.normalize,
            about.classes,
            size=about.size,
            resize_to=about.resize_to,
            interpolation=about.interpolation,
            gray=about.gray,
            multilabel=about.multilabel,
        )
    name = os.fspath(source)
    backbone = registry.create(name, weights="imagenet")
    known = weights.preprocessing(name)
    return Classifier(
        name,
        backbone,
        Normalize.of_channels(known.mean, known.deviation),
        imagenet_classes(backbone.classes),
        size=known.size,
        resize_to=known.resize,
        interpolation=known.interpolation,
    )


def imagenet_classes(count: int) -> tuple[str, ...]:
    """The names of ImageNet's classes (Russakovsky et al. 2015); numbers where there are not 1000 of them.

    >>> imagenet_classes(1000)[1], imagenet_classes(3)
    ('goldfish', ('0', '1', '2'))
    """
    from torchvision.models import ResNet18_Weights

    meta: dict[str, Any] = ResNet18_Weights.IMAGENET1K_V1.meta
    names = tuple(meta["categories"])
    return names if count == len(names) else tuple(str(k) for k in range(count))
