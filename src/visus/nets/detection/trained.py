"""A trained detector: what it says of itself, and how it is put together again (see :mod:`visus.nets.trained`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from visus._renamed import renamed
from visus.nets.detection.cascade import MOST
from visus.nets.detection.detector import Detector, Found, Limits
from visus.nets.detection.registry import create, options_of
from visus.nets.file import Tensors

_LARGEST = {"side": 4096, "width": 4096, "boxes": 4096, "stages": MOST}
_MOST_ANCHORS = 64  # sizes


@dataclass(frozen=True, slots=True)
class About:
    """What a trained detector is.

    Attributes:
        net: Name of the network.
        options: What its function was given.
        classes: Names of the classes.
        proposals: How boxes are proposed, where the network needs them: ``"fast"`` or ``"quality"``.
        most: How many proposals.
        task: ``"detect"`` or ``"localize"``.
    """

    net: str
    options: dict[str, Any]
    classes: tuple[str, ...]
    proposals: str = "fast"
    most: int = 2000
    task: str = "detect"


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained detector with all that is needed to use it.

    Attributes:
        about: What it is.
        net: The network, in evaluation mode.
    """

    about: About
    net: Detector

    def detect(
        self, pictures: Sequence[Tensor], proposals: Sequence[Tensor] | None = None, limits: Limits | None = None
    ) -> list[Found]:
        """What is on pictures ``(3, H, W)`` uint8 on its device.

        Args:
            pictures: The pictures, of any sizes.
            proposals: For each picture boxes ``(m, 4)`` float32 in pixels, where the network needs them.
            limits: Which answers are given; None for the defaults.
        """
        return self.net.detect([picture.float() / 255 for picture in pictures], proposals, limits)

    def modules(self) -> tuple[nn.Module, nn.Module]:
        """What is written: the network; its preprocessing is a part of it."""
        return self.net, nn.Identity()


def about_of(values: dict[str, Any]) -> About:
    """What a header says of a detector, if it can be true: it may come from anywhere.

    Raises:
        ValueError: It cannot.
        KeyError: A value is missing.
        TypeError: A value is of another kind.
        VisusError: There is no such network.

    >>> about_of({"net": "faster_rcnn", "options": {"side": 300}, "classes": ["cat", "dog"]}).classes
    ('cat', 'dog')
    """
    about = About(**{**values, "classes": tuple(values["classes"])})
    fine = (
        isinstance(about.options, dict)
        and about.options.keys() <= options_of(about.net)
        and (about.task == "localize") == (about.net == "localizer")
        and len(set(about.classes)) == len(about.classes) > 0
        and all(isinstance(name, str) for name in about.classes)
        and about.proposals in ("fast", "quality")
        and isinstance(about.most, int)
        and about.most > 0
        and all(_is_up_to(about.options.get(name, 1), most) for name, most in _LARGEST.items())
        and len(about.options.get("sizes") or ()) <= _MOST_ANCHORS
    )
    if not fine:
        raise ValueError("its header cannot be true")
    return about


def _is_up_to(value: object, most: int) -> bool:
    return type(value) is int and 0 < value <= most


def assemble(about: About, parts: Tensors) -> Trained:
    """The detector that a header names, with its tensors.

    Raises:
        ValueError: The tensors do not fit; RuntimeError, KeyError, TypeError and VisusError say the same.
    """
    net = create(about.net, classes=len(about.classes), **about.options)
    net.load_state_dict(parts["net"])
    net.eval()
    picture, proposal = torch.zeros(3, 32, 32), torch.tensor([[0.0, 0, 16, 16]])
    net.detect([picture], [proposal])
    net.requires_grad_(False).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return Trained(about, net.eval())


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    return renamed(__name__, name)
