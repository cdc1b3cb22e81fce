"""Change training pictures at random in ways that leave their class: torchvision's transforms v2, in two strengths."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torchvision.transforms import v2

Strength = Literal["none", "light", "strong"]
STRENGTHS: tuple[Strength, ...] = ("none", "light", "strong")


@dataclass(frozen=True)
class Augmentation:
    """What may happen to a training picture.

    ``light`` crops 50 to 100 % of the area, stretched by up to 4:3, mirrors every second picture, and changes
    brightness, contrast and saturation by up to 20 %. ``strong`` crops 25 to 100 %, turns by up to 20 degrees, shears
    by up to 10, changes colors by up to 40 % and hue by up to 5 %, and hides a patch of every fourth picture.

    Attributes:
        strength: ``"none"``, ``"light"`` or ``"strong"``.
        flip: Whether a mirrored picture is of the same class; it is not for digits, letters and road signs.
    """

    strength: Strength = "none"
    flip: bool = True

    def transform(self, size: int, *, gray: bool = False) -> v2.Transform:
        """What turns a picture ``(C, H, W)`` uint8 into one ``(C, size, size)`` uint8 at random.

        Args:
            size: Side of the result in pixels.
            gray: Whether pictures have one channel; colors are then left alone.
        """
        strong = self.strength == "strong"
        change = 0.4 if strong else 0.2
        steps: list[v2.Transform] = []
        if strong:
            steps.append(v2.RandomAffine((-20, 20), shear=10, interpolation=v2.InterpolationMode.BILINEAR))
        steps.append(v2.RandomResizedCrop(size, scale=(0.25 if strong else 0.5, 1.0), antialias=True))
        if self.flip:
            steps.append(v2.RandomHorizontalFlip())
        if gray:
            steps.append(v2.ColorJitter(change, change))
        else:
            steps.append(v2.ColorJitter(change, change, change, 0.05 if strong else 0))
        if strong:
            steps.append(v2.RandomErasing(0.25))
        return v2.Compose(steps)


def seeded(transform: v2.Transform, picture: Tensor, seed: int) -> Tensor:
    """Apply a random transform whose outcome depends on the seed alone; the global generator stays as it was.

    Args:
        transform: From :meth:`Augmentation.transform`.
        picture: ``(C, H, W)`` uint8.
        seed: Of the changes.

    Returns:
        The changed picture, ``(C, size, size)`` uint8.
    """
    state = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        return transform(picture)
    finally:
        torch.set_rng_state(state)
