"""A trained classifier: what it says of itself, and how it is put together again (see :mod:`visus.nets.trained`)."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from visus.nets import registry
from visus.nets.backbones import Backbone
from visus.nets.file import Tensors
from visus.ops import Normalize
from visus.ops.pieces import pieces

LARGEST = 4096  # pixels of a side


@dataclass(frozen=True, slots=True)
class About:
    """What a trained network is.

    Attributes:
        task: ``"classify"``.
        net: Name of the network.
        options: What its function was given (see :func:`visus.nets.create`).
        classes: Names of the classes, in the order of the logits.
        size: Side of the input in pixels.
        resize_to: Length of the shorter side before the middle is cut out, in pixels.
        interpolation: ``"bicubic"`` or ``"bilinear"``.
        gray: Whether the input has one channel.
        multilabel: Whether a picture may have several classes, or none.
    """

    task: str
    net: str
    options: dict[str, Any]
    classes: tuple[str, ...]
    size: int
    resize_to: int
    interpolation: Literal["bicubic", "bilinear"] = "bilinear"
    gray: bool = False
    multilabel: bool = False

    def probabilities(self, logits: Tensor) -> Tensor:
        """Of ``(N, classes)`` logits the softmax, or the sigmoid of each where a picture may have several classes."""
        return logits.sigmoid() if self.multilabel else logits.softmax(1)


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network with all that is needed to use it.

    Attributes:
        about: What it is.
        backbone: The network, in evaluation mode.
        normalize: From ``(N, C, size, size)`` uint8 to its input.
    """

    about: About
    backbone: Backbone
    normalize: Normalize

    def on(self, device: str) -> "Trained":
        """The same, moved to a device and laid out as convolutions like it best."""
        self.backbone.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.normalize.to(device)
        return self

    def modules(self) -> tuple[nn.Module, nn.Module]:
        """What is written: the network, and its preprocessing."""
        return self.backbone.net, self.normalize

    def logits(self, pictures: Tensor) -> Tensor:
        """``(N, C, size, size)`` uint8 to ``(N, classes)`` float32, without gradients; both on the device."""
        with torch.inference_mode():
            parts = (self.normalize(piece).contiguous(memory_format=torch.channels_last) for piece in pieces(pictures))
            return torch.cat([self.backbone(part).float() for part in parts])


def about_of(values: dict[str, Any]) -> About:
    """What a header says of a classifier, if it can be true: it may come from anywhere.

    Raises:
        ValueError: It cannot.
        KeyError: The classes are missing.
        TypeError: Another value is missing, unknown, or of another kind.
        VisusError: There is no such network.

    >>> header = {"task": "classify", "net": "cnn", "options": {}, "classes": ["cat", "dog"]}
    >>> about_of({**header, "size": 32, "resize_to": 36}).classes
    ('cat', 'dog')
    """
    about = About(**{**values, "classes": tuple(values["classes"])})
    sizes = (about.size, about.resize_to)
    fine = (
        isinstance(about.net, str)
        and isinstance(about.options, dict)
        and about.options.keys() <= registry.options_of(about.net)
        and len(about.classes) > 0
        and len(set(about.classes)) == len(about.classes)
        and all(isinstance(name, str) for name in about.classes)
        and all(isinstance(n, int) and not isinstance(n, bool) and 0 < n <= LARGEST for n in sizes)
        and about.resize_to >= about.size
        and about.interpolation in ("bicubic", "bilinear")
        and isinstance(about.gray, bool)
        and isinstance(about.multilabel, bool)
    )
    if not fine:
        raise ValueError("its header cannot be true")
    return about


def assemble(about: About, parts: Tensors) -> Trained:
    """The classifier that a header names, with its tensors.

    Raises:
        ValueError: The tensors do not fit; RuntimeError, KeyError, TypeError and VisusError say the same.

    >>> net = registry.create("cnn", classes=2, widths=[4]).net
    >>> own = {"net": net.state_dict(), "normalize": Normalize.of_channels([0.5] * 3, [0.25] * 3).state_dict()}
    >>> trained = assemble(About("classify", "cnn", {"widths": [4]}, ("cat", "dog"), 32, 32), own)
    >>> tuple(trained.logits(torch.zeros(5, 3, 32, 32, dtype=torch.uint8)).shape)
    (5, 2)
    """
    backbone = registry.create(about.net, classes=len(about.classes), **about.options)
    backbone.net.load_state_dict(parts["net"])
    normalize = Normalize.from_tensors(parts["normalize"])
    channels = 1 if about.gray else 3
    if len(normalize.mean) != channels:
        raise ValueError(f"its preprocessing has {len(normalize.mean)} channels, not {channels}")
    normalize(torch.zeros(1, channels, about.size, about.size, dtype=torch.uint8))
    return Trained(about, backbone.requires_grad_(False).eval(), normalize.eval())
