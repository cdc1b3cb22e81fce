"""Change a picture and its mask, or a volume and its mask, in the same way at random.

Both are drawn through one map of positions, so that they stay on top of each other to the pixel: the picture with
straight lines between its values, the mask with the nearest. Beyond the border the picture is mirrored, and the mask
does not count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from visus.data.augment import Strength
from visus.data.masks import IGNORE, Mask

# Half the range of each random change: zoom (in the logarithm), turn (degrees), stretch (in the logarithm), and
# brightness, contrast and saturation (shares).
_RANGES: dict[str, tuple[float, float, float, float]] = {
    "none": (0, 0, 0, 0),
    "light": (0.2, 0, 0.05, 0.15),
    "strong": (0.5, 15, 0.15, 0.3),
}


@dataclass(frozen=True, slots=True)
class Joint:
    """What may happen to a picture and its mask.

    ``light`` zooms by up to 22 %, stretches by up to 5 %, mirrors, and changes brightness, contrast and saturation by
    up to 15 %; ``strong`` zooms by up to 65 %, turns by up to 15 degrees, stretches by up to 16 %, mirrors and changes
    colors by up to 30 %.

    Attributes:
        strength: ``"none"``, ``"light"`` or ``"strong"``.
        flip: Whether to mirror: pictures left to right, volumes along any axis.
        elastic: Standard deviation in pixels of random displacements on a coarse grid, between which they change
            smoothly (Ronneberger et al. 2015, section 3.1: 10 pixels on a grid of 3x3); 0 for none.
    """

    strength: Strength = "none"
    flip: bool = True
    elastic: float = 0.0

    def window(
        self,
        picture: NDArray[Any],
        mask: Mask,
        size: Sequence[int],
        random: np.random.Generator,
        *,
        margin: int = 0,
    ) -> tuple[NDArray[Any], Mask]:
        """A random window of a picture or volume, changed at random.

        Args:
            picture: ``(H, W, C)`` uint8 or ``(D, H, W)`` float32.
            mask: ``(H, W)`` or ``(D, H, W)`` uint8.
            size: Spatial size of the window.
            random: Where the changes come from.
            margin: How much of each border of the window the mask leaves out.

        Returns:
            The window of the picture, and of the mask without the margins.
        """
        zoom, turn, stretch, change = _RANGES[self.strength]
        plain = self.strength == "none" and not self.elastic
        axes = mask.ndim
        linear = _linear(axes, zoom, turn, stretch, random)
        mirror = [self.flip and self.strength != "none" and random.random() < 0.5 for _ in range(axes)]
        if axes == 2:
            mirror[0] = False  # pictures have an up and a down
        linear = linear * np.where(mirror, -1.0, 1.0)
        middle = _middle(mask.shape, size, margin, linear, random)
        if plain:  # whole pixels
            middle = np.ceil(middle - (np.array(size) - 1) / 2) + (np.array(size) - 1) / 2
        warp = Warp(tuple(size), linear, middle, _displacement(size, self.elastic, random) if self.elastic else None)
        found, labels = _warp_picture(picture, mask, warp) if axes == 2 else _warp_volume(picture, mask, warp)
        inner = tuple(slice(margin, n - margin) for n in size)
        return recolored(found, change, random), np.ascontiguousarray(labels[inner])


def _linear(axes: int, zoom: float, turn: float, stretch: float, random: np.random.Generator) -> NDArray[np.float64]:
    """``(axes, axes)``: from offsets in the window to offsets in the source."""
    scales = np.exp(-random.uniform(-zoom, zoom) + random.uniform(-stretch, stretch, axes))
    matrix = np.diag(scales)
    angle = np.deg2rad(random.uniform(-turn, turn))
    rotation = np.eye(axes)
    rotation[-2:, -2:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return rotation @ matrix


def _middle(
    source: Sequence[int], size: Sequence[int], margin: int, matrix: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Where the middle of the window lies: such that what it answers for lies within the source, if it can."""
    reach = np.abs(matrix) @ (np.array(size, float) - 2 * margin) / 2
    source_middle = (np.array(source) - 1) / 2
    room = np.maximum(0, np.array(source) / 2 - reach)
    return source_middle + random.uniform(-1, 1, len(room)) * room


def _displacement(size: Sequence[int], deviation: float, random: np.random.Generator) -> NDArray[np.float64]:
    """``(axes, *size)``: how far each position is moved."""
    coarse = random.normal(0, deviation, (len(size), *(3,) * len(size)))
    factors = [n / 3 for n in size]
    fine: list[Any] = [ndimage.zoom(one, factors, order=3, mode="nearest", grid_mode=True) for one in coarse]
    return np.stack(fine)


@dataclass(frozen=True, slots=True)
class Warp:
    """From positions of a window to positions of its source.

    Attributes:
        size: Spatial size of the window.
        linear: ``(axes, axes)``.
        middle: ``(axes,)``, where the middle of the window lies.
        moved: ``(axes, *size)``, what is added to each position, or None.
    """

    size: tuple[int, ...]
    linear: NDArray[np.float64]
    middle: NDArray[np.float64]
    moved: NDArray[np.float64] | None

    def positions(self) -> NDArray[np.float64]:
        """``(axes, *size)`` float64: where each position of the window comes from, in positions of the source."""
        offsets = [np.arange(n) - (n - 1) / 2 for n in self.size]
        grid = np.stack(np.meshgrid(*offsets, indexing="ij"))
        places = np.tensordot(self.linear, grid, axes=1) + self.middle.reshape(-1, *(1,) * len(self.size))
        return places if self.moved is None else places + self.moved


_LARGEST = 32_766  # side of a picture that OpenCV warps


def _near(shape: Sequence[int], warp: Warp) -> tuple[slice, ...]:
    """The part of a large picture that a window comes from, with what is mirrored into it."""
    reach = np.abs(warp.linear) @ ((np.array(warp.size) - 1) / 2) + 2
    if warp.moved is not None:
        reach += np.abs(warp.moved).max()
    low, high = np.floor(warp.middle - reach), np.ceil(warp.middle + reach)
    beyond = np.maximum(0, np.maximum(-low, high - np.array(shape)))
    starts, stops = np.maximum(0, low - beyond), np.minimum(shape, high + beyond)
    return tuple(slice(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True))


def _warp_picture(picture: NDArray[Any], mask: Mask, warp: Warp) -> tuple[NDArray[Any], Mask]:
    """With OpenCV, whose positions are (x, y)."""
    import cv2

    if max(mask.shape) > _LARGEST:
        part = _near(mask.shape, warp)
        picture, mask = picture[part], mask[part]
        warp = replace(warp, middle=warp.middle - [s.start for s in part])
    beyond: Any = IGNORE
    mirrored = cv2.BORDER_REFLECT_101
    if warp.moved is not None:
        rows, columns = warp.positions().astype(np.float32)
        found = cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=mirrored)
        labels = cv2.remap(mask, columns, rows, cv2.INTER_NEAREST, borderValue=beyond)
    else:
        start = warp.middle - warp.linear @ ((np.array(warp.size) - 1) / 2)
        affine = np.column_stack([warp.linear, start])[::-1][:, [1, 0, 2]]
        wanted, inverse = (warp.size[1], warp.size[0]), cv2.WARP_INVERSE_MAP
        found = cv2.warpAffine(picture, affine, wanted, flags=inverse | cv2.INTER_LINEAR, borderMode=mirrored)
        labels = cv2.warpAffine(mask, affine, wanted, flags=inverse | cv2.INTER_NEAREST, borderValue=beyond)
    return found.reshape(*warp.size, -1), labels  # pyright: ignore[reportReturnType]


def _warp_volume(volume: NDArray[Any], mask: Mask, warp: Warp) -> tuple[NDArray[Any], Mask]:
    """With SciPy."""
    places = warp.positions()
    found: Any = ndimage.map_coordinates(volume, places, order=1, mode="mirror")
    labels: Any = ndimage.map_coordinates(mask, places, order=0, mode="constant", cval=IGNORE)
    return found, labels


def recolored(picture: NDArray[Any], change: float, random: np.random.Generator) -> NDArray[Any]:
    """Change brightness, contrast and, of colors, saturation at random; of volumes, scale and offset.

    Args:
        picture: ``(H, W, C)`` uint8 or ``(D, H, W)`` float32.
        change: How far each factor may be from 1; 0 leaves the picture as it is.
        random: Where the changes come from.

    Returns:
        The same shape and dtype.
    """
    if not change:
        return picture
    brightness, contrast, saturation = 1 + random.uniform(-change, change, 3)
    if picture.dtype != np.uint8:
        return (picture * contrast + (brightness - 1)).astype(np.float32)
    values = picture.astype(np.float32) * brightness
    mean = values.mean()
    values = (values - mean) * contrast + mean
    if picture.shape[-1] == 3:
        gray = values @ np.array([0.299, 0.587, 0.114], np.float32)
        values = (values - gray[..., None]) * saturation + gray[..., None]
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
