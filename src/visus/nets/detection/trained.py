"""A trained detector: what it is, and how it is written and read (see :mod:`visus.nets.file`)."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from visus._errors import RunError, VisusError
from visus.nets import file
from visus.nets.detection.detector import Detector, Found, Limits
from visus.nets.detection.registry import create, options_of

_LARGEST = 4096
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
        """What is on pictures ``(3, H, W)`` uint8 on its device."""
        return self.net.detect([picture.float() / 255 for picture in pictures], proposals, limits)


def write(path: Path, trained: Trained) -> None:
    """Write a trained detector; the file appears whole or not at all."""
    file.write(path, asdict(trained.about), trained.net, nn.Identity())


def read_about(path: str | os.PathLike[str]) -> About:
    """What a trained detector is, without its tensors.

    Raises:
        RunError: The file is missing, damaged, or of another kind.
    """
    values = file.read_header(path)
    if values.get("task") not in ("detect", "localize"):
        raise RunError(f"{path} holds a network of the task {values.get('task')}, not a detector.")
    try:
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
            and isinstance(about.options.get("side", 1), int)
            and 0 < about.options.get("side", 1) <= _LARGEST
            and len(about.options.get("sizes") or ()) <= _MOST_ANCHORS
        )
        if not fine:
            raise ValueError("its header cannot be true")
    except (ValueError, KeyError, TypeError, VisusError) as error:
        raise file.damaged(file.file_of(path), error) from error
    return about


def read(path: str | os.PathLike[str]) -> Trained:
    """Read a trained detector.

    Args:
        path: A run's folder, or a file that :func:`write` wrote.

    Raises:
        RunError: The file is missing, damaged, or its tensors do not fit the network that it names.
    """
    place, about = file.file_of(path), read_about(path)
    try:
        net = create(about.net, classes=len(about.classes), **about.options)
        net.load_state_dict(file.read_parts(place)["net"])
        net.eval()
        picture, proposal = torch.zeros(3, 32, 32), torch.tensor([[0.0, 0, 16, 16]])
        net.detect([picture], [proposal])
    except (RuntimeError, KeyError, ValueError, TypeError, VisusError) as error:
        raise file.does_not_fit(place, about.net, error) from error
    net.requires_grad_(False).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return Trained(about, net.eval())
