"""A network that is asked for its reasons: from the values of pixels to the score of each class."""

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visus._errors import InputError
from visus._files import write_atomically
from visus.explain.rectifiers import Rectifiers, Rule

Maps = list[tuple[nn.Module, tuple[int, ...]]]
"""Layers with the shapes ``(N, C, h, w)`` of what they give."""

Picture = str | os.PathLike[str] | NDArray[np.uint8]


class Subject(nn.Module, ABC):
    """A network behind its preprocessing, so that gradients are those of the picture.

    Args:
        name: What it is called.
        classes: Names of the classes.
    """

    def __init__(self, name: str, classes: tuple[str, ...]) -> None:
        super().__init__()
        self.name, self.classes = name, classes
        self._usual: tuple[nn.Module, ...] = ()  # the last map; in a tuple, it is not registered twice

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` float in [0, 1] to the scores that are asked for, ``(N, classes)``, before a softmax."""

    @abstractmethod
    def input_of(self, picture: Picture) -> Tensor:
        """A picture as the network sees it, ``(1, C, H, W)`` float in [0, 1].

        Raises:
            InputError: It cannot be read.
        """

    def probabilities(self, logits: Tensor) -> Tensor:
        """What ``(N, classes)`` logits come to: their softmax."""
        return logits.softmax(1)

    @property
    @abstractmethod
    def layers(self) -> dict[str, nn.Module]:
        """The layers by their names in ``visus nets``."""

    def last_map(self, maps: Maps) -> Maps:
        """Of all maps, in their order, those of which Grad-CAM takes the last unless a layer is named."""
        return [(module, shape) for module, shape in maps if min(shape[2:]) > 1]

    def asked(self, picture: Picture) -> tuple[Tensor, int | None]:
        """The input, and the class that is asked about unless one is named.

        Args:
            picture: A file, or ``(H, W, 3)`` uint8.

        Returns:
            The input ``(1, C, H, W)`` float in [0, 1], on the device of the network, and the number of the class; None
            for the likeliest.

        Raises:
            InputError: The picture cannot be read.
        """
        return self.input_of(picture).to(self.device), None

    def extent(self, x: Tensor) -> tuple[int, int, int, int]:
        """What its maps cover of an input ``(1, C, H, W)``, float.

        Returns:
            Height and width of what they cover, and the row and the column at which the input begins in it, in pixels.
        """
        return x.shape[2], x.shape[3], 0, 0

    def settle(self) -> None:
        """Stay with what was asked about last, whatever the network says of it later."""

    def marked(self, seen: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The input with what is asked about drawn on it, ``(H, W, 3)`` uint8."""
        return seen

    def target_of(self, wanted: str | int | None, logits: Tensor) -> int:
        """The class that is asked about.

        Args:
            wanted: Its name or number; None for the likeliest.
            logits: ``(1, classes)`` float.

        Returns:
            Its number.

        Raises:
            InputError: There is no such class.
        """
        if wanted is None:
            return int(logits[0].argmax())
        if isinstance(wanted, str) and wanted in self.classes:
            return self.classes.index(wanted)
        place = int(wanted) if str(wanted).isdecimal() else -1
        if not 0 <= place < len(self.classes):
            word = str(wanted).lower()
            near = [name for name in self.classes if word in name.lower()]
            near = sorted(near, key=lambda name: word not in name.lower().split())[:3]
            some = ", ".join([*self.classes[:5], *(["..."] if len(self.classes) > 5 else [])])
            hint = f"did you mean {', '.join(near)}?" if near else f"they are {some}"
            raise InputError(f"{self.name} has no class {wanted!r} among its {len(self.classes)}; {hint}")
        return place

    def layer_named(self, wanted: str) -> nn.Module:
        """A layer by its name in ``visus nets``.

        Raises:
            InputError: There is no such layer.
        """
        names, wanted = self.layers, wanted.removeprefix("net.")  # visus nets says the one, its library the other
        if wanted not in names or not wanted:
            near = [name for name in names if wanted in name][:3] or [name for name in names if name][:3]
            raise InputError(f"{self.name} has no layer {wanted!r}; it has {', '.join(near)}, ...")
        return names[wanted]

    def layer_of(self, wanted: str | None, x: Tensor) -> nn.Module:
        """The layer that Grad-CAM looks at.

        Args:
            wanted: Its name; None for the last that suits.
            x: ``(1, C, H, W)`` float in [0, 1].

        Raises:
            InputError: There is no such layer, or none that gives a map.
        """
        if wanted is not None:
            return self.layer_named(wanted)
        if self._usual:
            return self._usual[0]
        found: Maps = []

        def note(module: nn.Module, _: object, output: object) -> None:
            if isinstance(output, Tensor) and output.ndim == 4:
                found.append((module, tuple(output.shape)))

        hooks = [module.register_forward_hook(note) for module in self.layers.values()]
        try:
            with torch.inference_mode(), asking(self):
                self(x)
        finally:
            for hook in hooks:
                hook.remove()
        fitting = self.last_map(found)
        if not fitting:
            raise InputError(f"{self.name} has no layer that gives a map; choose another method than gradcam.")
        self._usual = (fitting[-1][0],)
        return self._usual[0]

    @property
    def device(self) -> torch.device:
        """The device that its parameters lie on."""
        return next(self.parameters()).device


@contextlib.contextmanager
def asking(subject: nn.Module, rule: Rule = "plain") -> Iterator[Rectifiers]:
    """Let a network be asked: in evaluation mode, without gradients of its weights, its rectifiers out of place.

    Afterwards it is as it was before.

    Args:
        subject: The network.
        rule: How gradients pass its rectifiers.

    Yields:
        What counts the rectifiers that were met.

    >>> net = nn.Dropout()
    >>> with asking(net):
    ...     net.training
    False
    >>> net.training
    True
    """
    training = [module for module in subject.modules() if module.training]
    learning = [parameter for parameter in subject.parameters() if parameter.requires_grad]
    for module in training:
        module.training = False
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        with Rectifiers(rule) as rectifiers:
            yield rectifiers
    finally:
        for module in training:
            module.training = True
        for parameter in learning:
            parameter.requires_grad_(True)


def as_picture(x: Tensor) -> NDArray[np.uint8]:
    """An input as a picture.

    Args:
        x: ``(1, C, H, W)`` float in [0, 1], with 1 or 3 channels.

    Returns:
        ``(H, W, 3)`` uint8.

    >>> as_picture(torch.tensor([[[[0.0, 1.0]]]])).tolist()
    [[[0, 0, 0], [255, 255, 255]]]
    """
    values = (255 * x[0]).round().byte().cpu().numpy().transpose(1, 2, 0)
    return np.ascontiguousarray(np.broadcast_to(values, (*values.shape[:2], 3)))


def save_array(path: str | os.PathLike[str], values: NDArray[Any]) -> None:
    """Write an array (``.npy``).

    Args:
        path: Where to.
        values: ``(C, H, W)`` float32 of an explanation, ``(H, W, 3)`` uint8 of a picture, or any other array.

    Raises:
        InputError: The place cannot be written.
    """
    try:
        write_atomically(Path(path), lambda file: np.save(file, values))
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); choose another place.") from error
