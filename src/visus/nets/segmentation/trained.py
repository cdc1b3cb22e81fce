"""A trained segmenter: what it says of itself, and how it is put together again (see :mod:`visus.nets.trained`)."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from visus._renamed import renamed
from visus.nets.file import Tensors
from visus.nets.segmentation.registry import as_trained, create, options_of
from visus.nets.segmentation.segmenter import Segmenter
from visus.ops import Normalize

_LARGEST = 4096  # of a side of a window
_COLOR = 255


@dataclass(frozen=True, slots=True)
class About:
    """What a trained segmenter is.

    Attributes:
        net: Name of the network.
        options: What its function was given.
        classes: Names of the classes, in the order of the logits.
        window: Spatial size of the windows that it was trained on.
        palette: A color for each class, red, green, blue.
        gray: Whether the input has one channel.
        ignored: Classes in the masks, by name or value, that did not count.
        spacing: Millimeters between the voxels of the volumes that it was trained on, where these were resampled.
        task: ``"segment"``.
        threshold: Of two classes: above which probability of the second a position is of it.
    """

    net: str
    options: dict[str, Any]
    classes: tuple[str, ...]
    window: tuple[int, ...]
    palette: tuple[tuple[int, int, int], ...]
    gray: bool = False
    ignored: tuple[str, ...] = ()
    spacing: tuple[float, float, float] | None = None
    task: str = "segment"
    threshold: float = 0.5


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained segmenter with all that is needed to use it.

    Attributes:
        about: What it is.
        net: The network, in evaluation mode.
        normalize: From pictures ``(N, C, H, W)`` uint8 to its input; volumes come as they are.
    """

    about: About
    net: Segmenter
    normalize: nn.Module

    def on(self, device: str) -> "Trained":
        """The same, moved to a device."""
        self.net.to(device)
        self.normalize.to(device)
        return self

    def modules(self) -> tuple[nn.Module, nn.Module]:
        """What is written: the network, and its preprocessing."""
        return self.net, self.normalize

    def probabilities(self, x: Tensor) -> Tensor:
        """The softmax for every position of pictures of any size, without gradients.

        Args:
            x: ``(N, C, H, W)`` uint8, or ``(N, 1, D, H, W)`` float, on the device.

        Returns:
            ``(N, classes, *spatial)`` float32.
        """
        with torch.inference_mode():
            x = self.normalize(x)
            if x.ndim == 4:
                x = x.contiguous(memory_format=torch.channels_last)
            return self.net.whole(x, self.about.window).float().softmax(1)


def about_of(values: dict[str, Any]) -> About:
    """What a header says of a segmenter, if it can be true: it may come from anywhere.

    Raises:
        ValueError: It cannot.
        KeyError: A value is missing.
        TypeError: A value is of another kind.
        VisusError: There is no such network.

    >>> colors = [[0, 0, 0], [255, 255, 255]]
    >>> header = {"net": "unet", "options": {}, "classes": ["ground", "cell"], "window": [572, 572], "palette": colors}
    >>> about_of(header).classes
    ('ground', 'cell')
    """
    palette = tuple((int(r), int(g), int(b)) for r, g, b in values["palette"])
    about = About(
        **{
            **values,
            "options": as_trained(values["net"], values["options"]),
            "classes": tuple(values["classes"]),
            "window": tuple(values["window"]),
            "palette": palette,
            "ignored": tuple(values.get("ignored", ())),
            "spacing": _spacing(values.get("spacing")),
        }
    )
    fine = (
        isinstance(about.options, dict)
        and about.options.keys() <= options_of(about.net)
        and 0 < len(about.classes) <= _COLOR
        and all(isinstance(name, str) for name in (*about.classes, *about.ignored))
        and len(about.palette) == len(about.classes)
        and all(0 <= value <= _COLOR for color in palette for value in color)
        and len(about.window) in (2, 3)
        and all(isinstance(n, int) and 0 < n <= _LARGEST for n in about.window)
        and isinstance(about.gray, bool)
        and isinstance(about.threshold, float)
        and 0 < about.threshold < 1
    )
    if not fine:
        raise ValueError("its header cannot be true")
    return about


def _spacing(values: Any) -> tuple[float, float, float] | None:  # noqa: ANN401 - of a header
    """Three distances, or None.

    Raises:
        ValueError: They are neither.
    """
    if values is None:
        return None
    x, y, z = (float(value) for value in values)
    if not all(0 < value < math.inf for value in (x, y, z)):
        raise ValueError("its spacing cannot be")
    return x, y, z


def assemble(about: About, parts: Tensors) -> Trained:
    """The segmenter that a header names, with its tensors.

    Raises:
        ValueError: The tensors do not fit; RuntimeError, KeyError, TypeError and VisusError say the same.
    """
    net = create(about.net, classes=len(about.classes), **about.options)
    net.load_state_dict(parts["net"])
    if len(about.window) != net.axes:
        raise ValueError(f"its windows have {len(about.window)} axes")
    normalize = nn.Identity() if net.axes == 3 else Normalize.from_tensors(parts["normalize"])
    if net.axes == 2:
        if about.gray != (net.channels == 1):
            raise ValueError(f"it takes {net.channels} channels")
        normalize(torch.zeros(1, net.channels, 8, 8, dtype=torch.uint8))
    return Trained(about, net.requires_grad_(False).eval(), normalize.eval())


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    return renamed(__name__, name)
