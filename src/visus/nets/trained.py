"""A trained classifier: what it is, and how it is written and read (see :mod:`visus.nets.file`)."""

import inspect
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from visus._errors import RunError, VisusError
from visus.nets import file, registry
from visus.nets.backbones import Backbone
from visus.nets.file import file_of, is_trained
from visus.ops import Normalise

__all__ = ["About", "Trained", "file_of", "is_trained", "read", "read_about", "write"]

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
        grey: Whether the input has one channel.
    """

    task: str
    net: str
    options: dict[str, Any]
    classes: tuple[str, ...]
    size: int
    resize_to: int
    interpolation: Literal["bicubic", "bilinear"] = "bilinear"
    grey: bool = False


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network with all that is needed to use it.

    Attributes:
        about: What it is.
        backbone: The network, in evaluation mode.
        normalise: From ``(N, C, size, size)`` uint8 to its input.
    """

    about: About
    backbone: Backbone
    normalise: Normalise

    def on(self, device: str) -> "Trained":
        """The same, moved to a device and laid out as convolutions like it best."""
        self.backbone.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.normalise.to(device)
        return self

    def logits(self, pictures: Tensor) -> Tensor:
        """``(N, C, size, size)`` uint8 to ``(N, classes)`` float32, without gradients; both on the device."""
        with torch.inference_mode():
            x = self.normalise(pictures).contiguous(memory_format=torch.channels_last)
            return self.backbone(x).float()


def write(path: Path, trained: Trained) -> None:
    """Write a trained classifier; the file appears whole or not at all."""
    file.write(path, asdict(trained.about), trained.backbone.net, trained.normalise)


def read_about(path: str | os.PathLike[str]) -> About:
    """What a trained classifier is, without its tensors.

    Raises:
        RunError: The file is missing, damaged, or of another kind.
    """
    values = file.read_header(path)
    task = values.get("task")
    if task != "classify" and isinstance(task, str):
        raise RunError(f"{path} holds a network of the task {task}, not a classifier; give a run of classify.")
    try:
        return _checked(About(**{**values, "classes": tuple(values["classes"])}))
    except (ValueError, KeyError, TypeError) as error:
        raise file.damaged(file.file_of(path), error) from error


def _checked(about: About) -> About:
    """What a file says of itself, if it can be true: it may come from anywhere.

    Raises:
        ValueError: It cannot.
    """
    sizes = (about.size, about.resize_to)
    known = inspect.signature(registry.OWN[about.net]).parameters if about.net in registry.OWN else {}
    fine = (
        about.task == "classify"
        and isinstance(about.net, str)
        and isinstance(about.options, dict)
        and about.options.keys() <= known.keys() - {"classes"}
        and len(about.classes) > 0
        and len(set(about.classes)) == len(about.classes)
        and all(isinstance(name, str) for name in about.classes)
        and all(isinstance(n, int) and not isinstance(n, bool) and 0 < n <= LARGEST for n in sizes)
        and about.resize_to >= about.size
        and about.interpolation in ("bicubic", "bilinear")
        and isinstance(about.grey, bool)
    )
    if not fine:
        raise ValueError("its header cannot be true")
    return about


def read(path: str | os.PathLike[str]) -> Trained:
    """Read a trained classifier.

    Args:
        path: A run's folder, or a file that :func:`write` wrote.

    Raises:
        RunError: The file is missing, damaged, or its tensors do not fit the network that it names.
    """
    place, about = file.file_of(path), read_about(path)
    try:
        parts = file.read_parts(place)
        backbone = registry.create(about.net, classes=len(about.classes), **about.options)
        backbone.net.load_state_dict(parts["net"])
        normalise = Normalise.from_tensors(parts["normalise"])
        channels = 1 if about.grey else 3
        if len(normalise.mean) != channels:
            raise ValueError(f"its preprocessing has {len(normalise.mean)} channels, not {channels}")
        normalise(torch.zeros(1, channels, about.size, about.size, dtype=torch.uint8))
    except (RuntimeError, KeyError, ValueError, TypeError, VisusError) as error:
        raise file.does_not_fit(place, about.net, error) from error
    return Trained(about, backbone.requires_grad_(False).eval(), normalise.eval())
