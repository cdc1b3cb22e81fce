"""A trained network in one file that says itself what it is.

The file is safetensors: the tensors of the network (``net.*``) and of its preprocessing (``normalise.*``), and in its
header, as JSON, the name of the network and what it was built with, the classes, and how a picture becomes its input.
Nothing in it is code.
"""

import inspect
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from visus._errors import RunError, VisusError
from visus.images.io import write_atomically
from visus.nets import registry
from visus.nets.backbones import Backbone
from visus.ops import Normalise

_FORMAT = 1
_LARGEST = 4096  # pixels of a side
_KEY = "visus"


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
    """Write a trained network; the file appears whole or not at all."""
    from safetensors.torch import save

    tensors = {f"net.{key}": value for key, value in trained.backbone.net.state_dict().items()}
    tensors |= {f"normalise.{key}": value for key, value in trained.normalise.state_dict().items()}
    about = {"format": _FORMAT, **asdict(trained.about)}
    plain = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
    write_atomically(path, save(plain, {_KEY: json.dumps(about, ensure_ascii=False)}))


def is_trained(path: str | os.PathLike[str]) -> bool:
    """Whether a name is that of a run's folder, or of a file that says which network it holds."""
    place = Path(path)
    if os.fspath(path) == "imagenet":  # a word, whatever folder may be called so
        return False
    if place.is_dir():
        return (place / "best.safetensors").is_file() or (place / "config.toml").is_file()
    if place.suffix != ".safetensors" or not place.is_file():
        return False
    try:
        read_about(place)
    except RunError:
        return False
    return True


def file_of(path: str | os.PathLike[str]) -> Path:
    """The file of a trained network: itself, or the best one of a run.

    Raises:
        RunError: There is none.
    """
    place = Path(path)
    if place.is_dir():
        place = place / "best.safetensors"
    if not place.is_file():
        raise RunError(f"{path} holds no trained network (best.safetensors is missing); train one, or check the path.")
    return place


def read_about(path: str | os.PathLike[str]) -> About:
    """What a trained network is, without its tensors.

    Raises:
        RunError: The file is missing, damaged, or of another kind.
    """
    from safetensors import SafetensorError, safe_open

    file = file_of(path)
    try:
        with safe_open(file, framework="pt") as opened:
            header = (opened.metadata() or {}).get(_KEY)
        if header is None:
            raise RunError(f"{file} does not say which network it is; give a file or a run that visus trained.")
        values: dict[str, Any] = json.loads(header)
        version = values.pop("format")
        if version > _FORMAT:
            raise RunError(f"{file} was written by a newer visus (format {version}); update visus.")
        return _checked(About(**{**values, "classes": tuple(values["classes"])}))
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file} is damaged ({type(error).__name__}); bring it again or train anew.") from error


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
        and all(isinstance(n, int) and not isinstance(n, bool) and 0 < n <= _LARGEST for n in sizes)
        and about.resize_to >= about.size
        and about.interpolation in ("bicubic", "bilinear")
        and isinstance(about.grey, bool)
    )
    if not fine:
        raise ValueError("its header cannot be true")
    return about


def read(path: str | os.PathLike[str]) -> Trained:
    """Read a trained network.

    Args:
        path: A run's folder, or a file that :func:`write` wrote.

    Raises:
        RunError: The file is missing, damaged, or its tensors do not fit the network that it names.
    """
    from safetensors.torch import load_file

    file = file_of(path)
    about = read_about(file)
    tensors = load_file(file)
    parts: dict[str, dict[str, Tensor]] = {"net": {}, "normalise": {}}
    for key, value in tensors.items():
        part, _, name = key.partition(".")
        parts.setdefault(part, {})[name] = value
    try:
        backbone = registry.create(about.net, classes=len(about.classes), **about.options)
        backbone.net.load_state_dict(parts["net"])
        normalise = Normalise.from_tensors(parts["normalise"])
        channels = 1 if about.grey else 3
        if len(normalise.mean) != channels:
            raise ValueError(f"its preprocessing has {len(normalise.mean)} channels, not {channels}")
        normalise(torch.zeros(1, channels, about.size, about.size, dtype=torch.uint8))
        if not all(torch.isfinite(value).all() for value in tensors.values() if value.is_floating_point()):
            raise ValueError("it holds NaN or infinite weights")
    except (RuntimeError, KeyError, ValueError, TypeError, VisusError) as error:
        detail = str(error).splitlines()[-1].strip()
        raise RunError(f"{file} does not fit the network {about.net} that it names ({detail}); train anew.") from error
    return Trained(about, backbone.requires_grad_(False).eval(), normalise.eval())
