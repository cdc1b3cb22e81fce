"""The files of a group, opened: what is compared in the end, and what decides which one is kept."""

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from visus._errors import InputError
from visus._once import once
from visus.images import decode, read_bytes, shrink
from visus.images.container import FIRST, kind_of
from visus.images.decode import MAX_PIXELS
from visus.images.facts import Facts, facts_of, luma_table
from visus.images.jpeg import orientation_in, segments
from visus.images.opened import open_by
from visus.search.duplicates.detail import contrast_of, needed_share, roughness_of
from visus.search.duplicates.looks import Gray
from visus.search.duplicates.lying import UPRIGHT, Lying
from visus.search.duplicates.members import Member
from visus.search.duplicates.rounding import Blocks, blocks_of, crowding, follows, mean_step
from visus.search.duplicates.tones import Levels
from visus.search.reading import content_hash

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 768
"""Longest side at which files are compared, in pixels."""

CLOSE_SIDE = 1536
"""Longest side at which they are looked at closely: a digit of a page has some ten pixels then."""

WHITE = 250
"""Gray level from which a picture is overexposed."""

SOFT_SIDE = 256
"""Longest side at which colors are compared, in pixels."""

MOST_PAGES = 100
"""Pages or frames of a file that are looked at."""

_CORRUPT = "Corrupt JPEG data"  # libjpeg's words
_COLORLESS = 12  # levels between the channels of a gray picture, at most
_GRID = 64  # pixels along a side whose colors are looked at as directions
_ABOUT_ONE, _NEARLY_ALL = 0.12, 0.9  # from the length of a direction, and share of the pixels that have it
_EVEN, _OUT = 0.2, 0.6  # mean of directions across and down at most, and out at least
_COARSE = 16  # parts along a side whose colors are looked at, so large that noise has none


@dataclass(frozen=True, eq=False)
class Traits:
    """What decides whether a picture is kept.

    Attributes:
        member: Its row.
        facts: What the file says of itself.
        transparent: Whether it is, somewhere.
        spread: How far its colors are apart, as a share of its contrast; 0 for a gray picture and for one in sepia.
        contrast: Standard deviation of its gray levels: an over- or underexposed picture has less.
        levels: How many of its pixels, at :data:`SIDE`, have each gray level.
        directions: Whether its colors are numbers: directions of a surface, as normal maps hold them.
        lies: How its pixels are looked at, beside how they are stored.
    """

    member: Member
    facts: Facts
    transparent: bool
    spread: float
    contrast: float
    levels: Levels
    directions: bool = False
    lies: Lying = UPRIGHT

    def as_in(self, other: "Traits", lies: Lying) -> "Traits | None":
        """The same picture, with its pixels where another one has them.

        Args:
            other: The other one.
            lies: How that lies beside this one.

        Returns:
            None where they have no such places: sizes differ, or EXIF turns one of them.
        """
        width, height = self.member.width, self.member.height
        there = (width, height) if lies.quarters % 2 == 0 else (height, width)
        if there != (other.member.width, other.member.height) or not (self.upright and other.upright):
            return None
        return self if lies == UPRIGHT else replace(self, lies=lies)

    @once
    def blocks(self) -> Blocks:
        """What is looked at of its pixels to see whether an encoder once rounded them."""
        return blocks_of(self.lies.of(_luminance(self.member))).copy()  # without the rest

    def made_of(self, smaller: Sequence["Traits"]) -> bool:
        """Whether it surely is one of some smaller pictures made larger."""
        rounded = [other for other in smaller if other.steps is not None or other.rounded > 0]
        if not rounded:
            return False
        own = _luminance(self.member)
        return any(follows(own, _luminance(other.member), other.steps) for other in rounded)

    @once
    def damaged(self) -> bool:
        """Whether a decoder finds the data of a JPEG file corrupt, though it shows something."""
        if self.facts.container not in ("JPEG", "MPO"):
            return False
        try:
            simplejpeg.decode_jpeg(read_bytes(self.member.path), colorspace="GRAY")
        except ValueError as error:
            return _CORRUPT in str(error)
        return False

    @once
    def steps(self) -> NDArray[np.float32] | None:
        """The steps of luminance, ``(8, 8)`` float32, to which a JPEG file is rounded; None for other formats."""
        return luma_table(read_bytes(self.member.path)) if self.facts.container in ("JPEG", "MPO") else None

    def encodes(self, other: "Traits") -> float:
        """How surely it was made of another one, a JPEG with the same pixels at the same places, up to 1.

        Of a source it is about 0, and NaN where nothing tells.
        """
        return math.nan if other.steps is None else crowding(self.blocks, other.blocks, other.steps)

    @once
    def rounded(self) -> float:
        """The mean step to which an encoder once rounded its pixels, whatever the file says now; 0 where none shows."""
        return mean_step(self.blocks)

    @once
    def upright(self) -> bool:
        """Whether its pixels are stored as they are shown."""
        if self.facts.container not in ("JPEG", "MPO"):
            return True  # decoded upright
        return orientation_in(segments(read_bytes(self.member.path))) == 1

    @once
    def roughness(self) -> float:
        """The mean difference of gray levels side by side."""
        return roughness_of(self.blocks)

    @once
    def detail(self) -> float:
        """How many pixels its real detail needs: of a picture that was blown up, fewer than it has."""
        return needed_share(_luminance(self.member)) * self.member.width * self.member.height


@dataclass(frozen=True, eq=False)
class Opened:
    """A file of an index that is there and holds what the index says.

    Attributes:
        traits: What decides whether it is kept.
        colors: ``(h, w, 3)`` uint8, longest side :data:`SIDE`.
        gray: ``(h, w)`` uint8.
        alpha: ``(h, w)`` uint8; None for an opaque picture.
    """

    traits: Traits
    colors: NDArray[np.uint8]
    gray: Gray
    alpha: Gray | None

    @property
    def member(self) -> Member:
        """The row of the index that the file is of."""
        return self.traits.member

    @property
    def has_more(self) -> bool:
        """Whether the file has more pixels than are looked at."""
        return max(self.member.width, self.member.height) > SIDE

    @once
    def closely(self) -> Gray:
        """It once more, larger where the file has more pixels, to look for what is small."""
        if not self.has_more:
            return self.gray
        return _gray(_colors(read_bytes(self.member.path), self.member, CLOSE_SIDE))

    @once
    def white(self) -> bool:
        """Whether anything of it is overexposed."""
        return bool((self.gray >= WHITE).any())

    @once
    def soft(self) -> NDArray[np.uint8]:
        """Its colors, small: ``(h, w, 3)`` uint8, longest side :data:`SOFT_SIDE`."""
        return shrink(self.colors, SOFT_SIDE)

    @once
    def is_gray(self) -> bool:
        """Whether it has no colors at all, which a picture in sepia has."""
        red, green, blue = (self.soft[:, :, k].astype(np.int16) for k in range(3))
        return int(np.maximum(np.abs(red - green), np.abs(blue - green)).max()) <= _COLORLESS

    @property
    def facts(self) -> Facts:
        """What the file says of itself."""
        return self.traits.facts


def open_member(member: Member) -> Opened | None:
    """Open a file of an index.

    Returns:
        None where it is not there, cannot be read, or is no longer what the index says.
    """
    try:
        data = read_bytes(member.path)
        if content_hash(data) != member.hash:
            return None
        colors = _colors(data, member, SIDE)
    except InputError:
        return None
    gray = _gray(colors)
    alpha = _alpha(data, member.path, gray.shape)
    facts = facts_of(data, member.path)
    levels = np.bincount(gray.ravel(), minlength=256)
    traits = Traits(member, facts, alpha is not None, _spread(colors), contrast_of(gray), levels, _directions(colors))
    return Opened(traits, colors, gray, alpha)


def _colors(data: bytes, member: Member, side: int) -> NDArray[np.uint8]:
    """A picture with its longest side, in pixels, or less; JPEG is decoded at a scale that suffices.

    Files of one size come in one size, however the scale of JPEG was rounded.
    """
    import cv2

    least = round(side * min(member.width, member.height) / max(member.width, member.height))
    pixels = decode(data, name=member.path, min_side=max(1, least), range="own").pixels
    small = shrink(pixels, side)
    scale = min(1.0, side / max(member.width, member.height))
    size = max(1, round(member.width * scale)), max(1, round(member.height * scale))
    beside = abs(size[0] - small.shape[1]), abs(size[1] - small.shape[0])
    if max(beside) != 1:  # the same, or of a preview that is shaped otherwise
        return small
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def pixels_of(member: Member) -> NDArray[np.uint8]:
    """All pixels of a file, ``(H, W, 3)`` uint8."""
    return decode(read_bytes(member.path), name=member.path, range="own").pixels


def _luminance(member: Member) -> Gray:
    """The gray levels of all pixels of a file; of JPEG as they are stored, not turned as its EXIF says."""
    try:
        return simplejpeg.decode_jpeg(read_bytes(member.path), colorspace="GRAY")[:, :, 0]
    except ValueError:  # another format, or colors that are none of luminance
        return _gray(pixels_of(member))


def _gray(colors: NDArray[np.uint8]) -> Gray:
    import cv2

    return np.asarray(cv2.cvtColor(colors, cv2.COLOR_RGB2GRAY), np.uint8)


def _spread(colors: NDArray[np.uint8]) -> float:
    """How far colors are apart that do not follow from the gray level, as those of sepia do; noise is averaged away."""
    import cv2

    small = np.asarray(cv2.resize(colors, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA), np.float32)
    red, green, blue = (small[:, :, k].ravel() for k in range(3))
    gray = np.stack([np.ones_like(green), green / 255, (green / 255) ** 2], axis=1, dtype=np.float64)
    both = np.stack([red - green, blue - green], axis=1)
    rest = both - gray @ np.linalg.lstsq(gray.T @ gray, gray.T @ both, rcond=None)[0]
    return float(np.linalg.norm(rest.std(axis=0))) / (float(green.std()) + 1)


def _directions(colors: NDArray[np.uint8]) -> bool:
    """Whether the colors are vectors of length 1 that point out of a surface, evenly around."""
    import cv2

    small = cv2.resize(colors, (_GRID, _GRID), interpolation=cv2.INTER_NEAREST).reshape(-1, 3)
    vectors = small.astype(np.float32) / 127.5 - 1
    of_one = np.abs(np.linalg.norm(vectors, axis=1) - 1) <= _ABOUT_ONE
    across, down, out = np.abs(vectors.mean(axis=0))
    return bool(of_one.mean() >= _NEARLY_ALL and max(across, down) <= _EVEN and out >= _OUT)


def unchanged(member: Member) -> bool:
    """Whether a file is there and holds what the index says."""
    try:
        return content_hash(read_bytes(member.path)) == member.hash
    except InputError:
        return False


def entry(path: str) -> tuple[int, int] | None:
    """Device and number of a file, equal for all its hard links; None for one that is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _alpha(data: bytes, name: str, shape: tuple[int, ...]) -> Gray | None:
    """How opaque a picture is, ``shape`` uint8; None where it is everywhere."""
    from PIL import Image, ImageOps

    kind = kind_of(data[:FIRST], name)
    if kind in (None, "JPEG", "RAW", "BMP"):
        return None
    try:
        with open_by(data, kind) as picture:
            if "A" not in picture.getbands() and "transparency" not in picture.info:
                return None
            alpha = ImageOps.exif_transpose(picture.convert("RGBA")).getchannel("A")
    except Exception:  # decoders of hostile files raise almost anything; the picture itself was decoded before
        return None
    if alpha.getextrema() == (255, 255):
        return None
    return np.asarray(alpha.resize((shape[1], shape[0]), Image.Resampling.BOX))


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One page or frame of a file.

    Attributes:
        colors: ``(h, w, 3)`` uint8, longest side :data:`CLOSE_SIDE`.
        gray: ``(h, w)`` uint8.
        shown: How long it is shown, ms; 0 for a page.
    """

    colors: NDArray[np.uint8]
    gray: Gray
    shown: float

    @classmethod
    def of(cls, colors: NDArray[np.uint8], shown: float = 0.0) -> "Page":
        """A page of a file.

        Args:
            colors: ``(H, W, 3)`` uint8.
            shown: How long it is shown, ms.
        """
        small = shrink(colors, CLOSE_SIDE)
        return cls(small, _gray(small), shown)


def pages(member: Member, count: int) -> Iterator[Page]:
    """All frames or pages of a file, as they are compared.

    Args:
        member: The file.
        count: How many it has.

    Raises:
        InputError: They cannot be read, or are too many to look at.
    """
    return (Page.of(colors, shown) for colors, shown in whole_pages(member, count))


def whole_pages(member: Member, count: int) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """All pixels ``(H, W, 3)`` uint8 of each frame or page, over white, and how long it is shown, ms; one at a time.

    Args:
        member: The file.
        count: How many it has.

    Raises:
        InputError: They cannot be read, or are too many to look at.
    """
    if count > MOST_PAGES or member.width * member.height > MAX_PIXELS:
        raise InputError(f"{member.path} has too many pages to compare them.")
    data = read_bytes(member.path)
    kind = kind_of(data[:FIRST], member.path)
    if kind == "TIFF":
        for number in range(count):
            yield decode(data, name=member.path, range="own", page=number).pixels, 0.0
    elif kind is not None:
        yield from _frames(data, kind, member.path)


def _frames(data: bytes, kind: str, name: str) -> Iterator[tuple[NDArray[np.uint8], float]]:
    from PIL import ImageSequence

    try:
        with open_by(data, kind) as picture:
            for frame in ImageSequence.Iterator(picture):
                if frame.width * frame.height > MAX_PIXELS:
                    raise InputError(
                        f"{name} has a frame of {frame.width}x{frame.height} pixels, too large to compare."
                    )
                yield _over_white(frame), float(frame.info.get("duration") or 0)
    except InputError:
        raise
    except Exception as error:  # decoders of hostile files raise almost anything
        raise InputError(f"The frames of {name} cannot be read: {error}.") from error


def _over_white(frame: "Image") -> NDArray[np.uint8]:
    """What is seen of a frame, ``(H, W, 3)`` uint8: below what is transparent, a file may hold anything."""
    from PIL import Image

    if not frame.has_transparency_data:
        return np.asarray(frame.convert("RGB"))
    white = Image.new("RGBA", frame.size, "white")
    white.alpha_composite(frame.convert("RGBA"))
    return np.asarray(white.convert("RGB"))
