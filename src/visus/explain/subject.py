"""A network that is asked for its reasons: from the values of pixels to the score of each class."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visus._errors import InputError
from visus.data.batches import one
from visus.explain.rectifiers import Rectifiers, Rule
from visus.nets import registry, trained, weights
from visus.nets.backbones import Backbone
from visus.nets.file import is_trained
from visus.ops import Normalise

Picture = str | os.PathLike[str] | NDArray[np.uint8]


class Subject(nn.Module):
    """A classifier behind its preprocessing, so that gradients are those of the picture.

    Args:
        name: What it is called.
        backbone: The network.
        normalise: From values in [0, 255] to its input.
        classes: Names of the classes.
        size: Side of its input in pixels.
        resize_to: Length of the shorter side before the middle is cut out.
        interpolation: ``"bicubic"`` or ``"bilinear"``.
        grey: Whether the input has one channel.
    """

    interpolation: Literal["bicubic", "bilinear"]

    def __init__(
        self,
        name: str,
        backbone: Backbone,
        normalise: Normalise,
        classes: tuple[str, ...],
        *,
        size: int,
        resize_to: int,
        interpolation: Literal["bicubic", "bilinear"] = "bilinear",
        grey: bool = False,
    ) -> None:
        super().__init__()
        self.name, self.classes = name, classes
        self.backbone, self.normalise = backbone, normalise
        self.size, self.resize_to, self.interpolation, self.grey = size, resize_to, interpolation, grey

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, size, size)`` float in [0, 1] to logits ``(N, classes)``."""
        return self.backbone(self.normalise(255 * x)).float()

    def input_of(self, picture: Picture) -> Tensor:
        """A picture as the network sees it, ``(1, C, size, size)`` float in [0, 1].

        Raises:
            InputError: It cannot be read.
        """
        own = one(picture, self.size, self.resize_to, self.interpolation, grey=self.grey)
        return own[None].float() / 255

    def target_of(self, wanted: str | int | None, logits: Tensor) -> int:
        """The class that is asked about.

        Args:
            wanted: Its name or number; None for the likeliest.
            logits: ``(1, classes)``.

        Raises:
            InputError: There is no such class.
        """
        if wanted is None:
            return int(logits[0].argmax())
        if isinstance(wanted, str) and wanted in self.classes:
            return self.classes.index(wanted)
        place = int(wanted) if str(wanted).isdigit() else -1
        if not 0 <= place < len(self.classes):
            word = str(wanted).lower()
            near = [name for name in self.classes if word in name.lower()]
            near = sorted(near, key=lambda name: word not in name.lower().split())[:3]
            hint = f"did you mean {', '.join(near)}?" if near else f"they are {', '.join(self.classes[:5])}, ..."
            raise InputError(f"{self.name} has no class {wanted!r} among its {len(self.classes)}; {hint}")
        return place

    def layer_of(self, wanted: str | None) -> nn.Module:
        """A layer by its name in ``visus nets``; None for the one that gives the last map of several positions.

        Raises:
            InputError: There is no such layer.
        """
        names = dict(self.backbone.net.named_modules())
        if wanted is not None:
            if wanted not in names or not wanted:
                near = [name for name in names if wanted in name][:3] or [name for name in names if name][:3]
                raise InputError(f"{self.name} has no layer {wanted!r}; it has {', '.join(near)}, ...")
            return names[wanted]
        found: list[nn.Module] = []

        def note(module: nn.Module, _: object, output: object) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[2:]) > 1:
                found.append(module)

        hooks = [module.register_forward_hook(note) for module in names.values()]
        try:
            with torch.inference_mode(), asking(self):
                self(torch.zeros(1, 1 if self.grey else 3, self.size, self.size, device=self.device))
        finally:
            for hook in hooks:
                hook.remove()
        if not found:
            raise InputError(f"{self.name} has no layer that gives a map; choose another method than gradcam.")
        return found[-1]

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return next(self.parameters()).device


@contextlib.contextmanager
def asking(subject: nn.Module, rule: Rule = "plain") -> Iterator[None]:
    """Let a network be asked: in evaluation mode, without gradients of its weights, its rectifiers out of place.

    Afterwards it is as it was before.

    Args:
        subject: The network.
        rule: How gradients pass its rectifiers.
    """
    modes = {module: module.training for module in subject.modules()}
    wanted = {parameter: parameter.requires_grad for parameter in subject.parameters()}
    subject.eval().requires_grad_(False)
    try:
        with Rectifiers(rule):
            yield
    finally:
        for module, training in modes.items():
            module.training = training
        for parameter, needs in wanted.items():
            parameter.requires_grad_(needs)


def open_subject(source: str | os.PathLike[str] | Subject, *, device: str = "cpu") -> Subject:
    """A classifier to ask.

    Args:
        source: A run, a file that visus trained, the name of a network with ImageNet weights, or one that is open.
        device: Where it works.

    Raises:
        InputError: It is neither.
        RunError: The run is damaged, or of another task.
        WeightsError: The weights are not at hand.
    """
    if isinstance(source, Subject):
        return source
    if is_trained(source):
        found = trained.read(source)
        about = found.about
        subject = Subject(
            Path(source).name,
            found.backbone,
            found.normalise,
            about.classes,
            size=about.size,
            resize_to=about.resize_to,
            interpolation=about.interpolation,
            grey=about.grey,
        )
    else:
        name = os.fspath(source)
        backbone = registry.create(name, weights="imagenet")
        known = weights.preprocessing(name)
        subject = Subject(
            name,
            backbone,
            Normalise.of_channels(known.mean, known.deviation),
            imagenet_classes(backbone.classes),
            size=known.size,
            resize_to=known.resize,
            interpolation=known.interpolation,
        )
    return subject.to(device).eval()


def imagenet_classes(count: int) -> tuple[str, ...]:
    """The names of ImageNet's classes; numbers where there are not 1000 of them."""
    from torchvision.models import ResNet18_Weights

    meta: dict[str, Any] = ResNet18_Weights.IMAGENET1K_V1.meta
    names = tuple(meta["categories"])
    return names if count == len(names) else tuple(str(k) for k in range(count))
