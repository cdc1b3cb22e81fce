"""What a set of pictures or volumes with masks is, whatever format it came in.

A mask gives each position a class: ``(H, W)`` or ``(D, H, W)`` uint8, the position of the class in the list of classes,
or 255 (:data:`IGNORE`) where the class is not known or does not count.
"""

import hashlib
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from visus._errors import FormatError, InputError
from visus.data.left_out import LeftOut
from visus.data.upright import sideways, upright
from visus.images import read_bytes
from visus.images.draw import Color
from visus.images.wide import read_wide

IGNORE = 255
"""What a mask holds where a position does not count."""

MOST_CLASSES = 255

Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Masked:
    """Pictures or volumes of one split, and the mask of each; they are read at use.

    Attributes:
        files: Their paths.
        masks: What :attr:`read_mask` takes for each; None for a picture that is all ground.
        read_mask: From an entry of masks to the mask.
        read_picture: From a path to the picture ``(H, W, 3)`` uint8, or the volume ``(D, H, W)`` float32.
        ground: The class of a picture that has no mask.
    """

    files: list[str]
    masks: list[Any]
    read_mask: Callable[[Any], Mask]
    read_picture: Callable[[str], NDArray[Any]] = read_wide
    ground: int = 0

    def __len__(self) -> int:
        return len(self.files)

    @property
    def labels(self) -> NDArray[np.int64]:
        """``(N,)`` int64 zeros: a picture with a mask has no class of its own."""
        return np.zeros(len(self.files), np.int64)

    def read(self, place: int) -> tuple[NDArray[Any], Mask]:
        """A picture or volume and its mask.

        Returns:
            The picture ``(H, W, 3)`` uint8 and its mask ``(H, W)`` uint8, or the volume ``(D, H, W)`` float32 and its
            mask ``(D, H, W)`` uint8.

        Raises:
            InputError: One cannot be read, or they differ in size.
        """
        picture, mask, _ = self.look(place)
        return picture, mask

    def look(self, place: int, picture: NDArray[Any] | None = None) -> tuple[NDArray[Any], Mask, bool]:
        """As :meth:`read`, and whether the mask was turned: it may be drawn on the picture as the file holds it (EXIF).

        Args:
            place: Which one.
            picture: The picture, where it was read before.

        Raises:
            InputError: One cannot be read, or they differ in size.
        """
        picture = self.read_picture(self.files[place]) if picture is None else picture
        entry = self.masks[place]
        mask = np.full(picture.shape[:2], self.ground, np.uint8) if entry is None else self.read_mask(entry)
        size = picture.shape[: mask.ndim]
        turned = mask.ndim == 2 and size == mask.shape[::-1] != mask.shape
        if turned:
            mask = upright(mask, sideways(self.files[place]))
        if size != mask.shape:
            raise InputError(
                f"The mask of {self.files[place]} is {_times(mask.shape)}, and its picture {_times(size)}; bring the "
                "mask that belongs to it."
            )
        return picture, mask, turned

    def take(self, places: NDArray[np.integer]) -> "Masked":
        """The pictures or volumes at some places, with their masks.

        Args:
            places: ``(m,)`` integer positions, in the order that is wanted.
        """
        files, masks = ([values[k] for k in places.tolist()] for values in (self.files, self.masks))
        return replace(self, files=files, masks=masks)


@dataclass(frozen=True, slots=True)
class MaskSet:
    """Pictures or volumes with masks, in splits.

    Attributes:
        root: The folder that they came from.
        form: How they lie there, in words.
        classes: Names of the classes, in the order of the masks' values.
        splits: ``train``, ``val`` and ``test``, those that there are.
        palette: ``(classes, 3)`` uint8, a color for each class.
        axes: 2 for pictures, 3 for volumes.
        gray: Whether all pictures are gray.
        remarks: What a user should know, each one sentence.
        digests: A hash of the content of each picture with its mask, by split.
        pixels: By split: positions of each class in each picture, ``(N, classes)`` int64.
        cards: What is compared of each picture, by split; see :func:`visus.data.near.card_of`. None of volumes.
        left_out: Labeled files that cannot be used.
    """

    root: Path
    form: str
    classes: tuple[str, ...]
    splits: dict[str, Masked]
    palette: NDArray[np.uint8]
    axes: int = 2
    gray: bool = False
    remarks: list[str] = field(default_factory=list)
    digests: dict[str, list[bytes]] = field(default_factory=dict)
    pixels: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    cards: dict[str, list[NDArray[np.uint8]]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)

    def describe(self) -> str:
        """The form, the classes and which share of the positions each has, for people."""
        what = "volumes" if self.axes == 3 else "pictures"
        names = list(self.splits)
        width = max(len(name) for name in (*self.classes, "class", what))
        lines = [f"{self.root}: {self.form}", f"{'class':{width}}" + "".join(f"{name:>9}" for name in names)]
        shares = {name: self.pixels[name].sum(0) / max(1, int(self.pixels[name].sum())) for name in names}
        for k, name in enumerate(self.classes):
            lines.append(f"{name:{width}}" + "".join(f"{shares[split][k]:>9.2%}" for split in names))
        return "\n".join([*lines, f"{what:{width}}" + "".join(f"{len(self.splits[name]):>9}" for name in names)])

    def fingerprint(self) -> str:
        """What tells these pictures and classes from others, wherever they lie."""
        total = hashlib.sha256(repr(self.classes).encode())
        for split in self.splits:
            total.update(split.encode() + b"".join(self.digests[split]) + self.pixels[split].tobytes())
        return total.hexdigest()[:16]


def colors(count: int) -> NDArray[np.uint8]:
    """A color for each class, ``(count, 3)`` uint8: those of Pascal VOC, the first of which is black.

    The bits of the class number are dealt to red, green and blue in turn, from the highest bit of each on.

    >>> colors(3).tolist()
    [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
    """
    palette = np.zeros((count, 3), np.uint8)
    for k in range(count):
        for bit in range(8):
            for channel in range(3):
                palette[k, channel] |= (k >> (3 * bit + channel) & 1) << (7 - bit)
    return palette


def read_values(path: str | os.PathLike[str], *, numbers_of_objects: bool = False) -> NDArray[Any]:
    """The values of a mask file: ``(H, W)`` uint8 numbers, or ``(H, W, 3)`` colors where these are not all gray.

    8 bits that are spread over 16 (white is 65535) come back. Where all colors are one and alpha differs, alpha is the
    mask; where a palette has black and white alone, black is 0 and white 1.

    Args:
        path: The file.
        numbers_of_objects: Whether numbers beyond 254 may be there; they come out as 254.

    Raises:
        InputError: The file is missing.
        FormatError: It is damaged, a JPEG or lossy WebP file, or holds broken numbers or such beyond 255.
    """
    name = os.fspath(path)
    content = read_bytes(path)
    try:
        with Image.open(io.BytesIO(content)) as picture:
            lossy = "lossy WebP" if picture.format == "WEBP" and b"VP8 " in content[:_HEADER] else "JPEG"
            if picture.format == "JPEG" or lossy != "JPEG":
                raise FormatError(f"The mask {name} is a {lossy} file, which changes its values; save masks as PNG.")
            values = _samples(picture, name)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = "its kind is not known" if isinstance(error, UnidentifiedImageError) else str(error)
        raise FormatError(f"The mask {name} is damaged or no picture ({reason}); bring it again.") from error
    if values.ndim == 2 and values.size and values.max() > IGNORE and not (values % _TIMES).any():
        values = values // _TIMES  # 8 bits spread over 16: white is 65535
    if numbers_of_objects and values.ndim == 2 and values.size and values.max() > IGNORE:
        values = np.minimum(values, IGNORE - 1)
    if values.ndim == 2 and values.size and not 0 <= int(values.min()) <= int(values.max()) <= IGNORE:
        strange = values.min() if int(values.min()) < 0 else values.max()
        raise FormatError(
            f"The mask {name} holds the value {strange}; classes are 0 to {IGNORE - 1}; say --binary if these are "
            "numbers of objects."
        )
    if values.ndim == 3 and is_gray(values):  # saved as RGB, as OpenCV does
        return values[..., 0]
    return values.astype(np.uint8)


def _samples(picture: Image.Image, name: str) -> NDArray[Any]:
    """What a file holds: ``(H, W)`` numbers or ``(H, W, 3)`` colors.

    Raises:
        FormatError: They are broken numbers.
    """
    if picture.mode == "P":
        return _indexes(picture)
    if picture.mode in ("L", "1"):
        return np.array(picture).astype(np.uint8)
    if picture.mode.startswith("I"):
        return np.array(picture).astype(np.int64)
    if picture.mode == "F":
        return _whole(np.array(picture), name)
    if picture.mode in ("RGBA", "LA", "PA"):
        return _without_alpha(np.array(picture.convert("RGBA")))
    return np.array(picture.convert("RGB"))


_TIMES = 257  # 65535 / 255
_HEADER = 64  # bytes in which a WebP file says how it is packed


def _indexes(picture: Image.Image) -> NDArray[np.uint8]:
    """The numbers of a picture with a palette; where that has black and white alone, 0 for black and 1 for white."""
    values, colors = np.array(picture), palette_in(picture)
    if is_black_and_white(colors) and values.max(initial=0) < len(colors):
        return np.array(colors, np.uint8)[values, 0] // 255
    return values


def palette_in(picture: Image.Image) -> list[Color]:
    """The colors of a picture's palette, red, green and blue; none where it has none."""
    levels = picture.getpalette("RGB") or []
    return list(zip(levels[::3], levels[1::3], levels[2::3], strict=True))


def is_black_and_white(colors: Sequence[Color]) -> bool:
    """Whether a palette has black and white alone: such a mask counts by its colors."""
    return set(colors) == {(0, 0, 0), (255, 255, 255)}


def is_gray(picture: NDArray[Any]) -> bool:
    """Whether red, green and blue are the same everywhere in a picture ``(H, W, 3)``."""
    red, green, blue = (picture[..., k] for k in range(3))
    return bool((red == green).all() and (green == blue).all())


def positions(mask: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many positions of a mask hold each value, ``(256,)`` int64.

    >>> positions(np.array([[1, 1], [0, 255]], np.uint8))[[0, 1, 255]].tolist()
    [1, 2, 1]
    """
    if not mask.size:
        return np.zeros(256, np.int64)
    return np.array(Image.fromarray(mask.reshape(len(mask), -1)).histogram(), np.int64)  # four times as fast as NumPy


def read_numbers_of_objects(path: str | os.PathLike[str]) -> NDArray[Any]:
    """As :func:`read_values`, of masks that number objects, of which there may be more than 254.

    Raises:
        InputError: The file is missing.
        FormatError: It is damaged, or a JPEG file.
    """
    return read_values(path, numbers_of_objects=True)


def _whole(values: NDArray[Any], name: str) -> NDArray[np.int64]:
    """Floating-point numbers that are whole, as such.

    Raises:
        FormatError: They are not.
    """
    if not (np.isfinite(values).all() and (values == np.rint(values)).all()):
        raise FormatError(f"The mask {name} holds broken numbers, such as {values.max():.3g}; save whole ones.")
    return values.astype(np.int64)


def _without_alpha(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colors ``(H, W, 3)`` of ``(H, W, 4)``; or alpha ``(H, W)`` where it alone tells something."""
    colors = values[..., :3]
    plain = bool((colors == colors[:1, :1]).all())
    return values[..., 3] if plain and values[..., 3].min() < values[..., 3].max() else colors


@dataclass(frozen=True, slots=True)
class ByValue:
    """Reads masks that hold numbers.

    Attributes:
        lookup: ``(256,)`` uint8: the class of each value, or :data:`IGNORE`.
        values: Reads a file.
    """

    lookup: NDArray[np.uint8]
    values: Callable[[str], NDArray[Any]] = read_values

    def __call__(self, path: str) -> Mask:
        """The mask of a file.

        Raises:
            InputError: It is missing, damaged or in color.
        """
        values = self.values(path)
        if values.shape[-1] == 3 and values.ndim == 3 and self.values in (read_values, read_numbers_of_objects):
            raise InputError(f"The mask {path} is in color; name its classes in a classes.csv (name,red,green,blue).")
        return self.lookup.take(values)

    def given(self, path: str, answer: int) -> list[int]:
        """The values of a file that are answered by a class, or by another value of the lookup, in order.

        Raises:
            InputError: It is missing or damaged.
        """
        return [value for value in np.unique(self.values(path)).tolist() if self.lookup[value] == answer]


@dataclass(frozen=True, slots=True)
class ByColor:
    """Reads masks that hold colors.

    Attributes:
        classes: The class of each color, as red * 65536 + green * 256 + blue.
    """

    classes: dict[int, int]

    def __call__(self, path: str) -> Mask:
        """The mask of a file.

        Raises:
            InputError: It is missing or damaged, or has a color that no class has.
        """
        values = read_values(path)
        if values.ndim == 2:
            values = np.repeat(values[..., None], 3, axis=2)
        codes = values.astype(np.int64) @ np.array([65536, 256, 1])
        found, place = np.unique(codes, return_inverse=True)
        strange = [code for code in found.tolist() if code not in self.classes]
        if strange:
            red, rest = divmod(strange[0], 65536)
            raise InputError(
                f"The mask {path} has the color ({red}, {rest // 256}, {rest % 256}), which no class has; add it to "
                "classes.csv."
            )
        return np.array([self.classes[code] for code in found.tolist()], np.uint8)[place].reshape(codes.shape)


def _times(size: Sequence[int]) -> str:
    """A size in words, width first."""
    return "x".join(str(n) for n in reversed(size))
