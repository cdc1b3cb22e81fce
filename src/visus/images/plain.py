"""Which PNG and TIFF files are so plain that libvips reads them as visus does.

libvips knows fewer compressions than a file may have, and makes up black where it lacks one; it guesses what odd
channels are, and does not see what a PNG file says behind its pixels. Such files are decoded as a whole.
"""

from pathlib import Path
from typing import Any

from visus.images import quiet
from visus.images.png import chunks

_PLAIN, _LZW, _JPEG, _DEFLATE, _PACKBITS = {1}, {5}, 7, {8, 32946}, {32773}
_COMPRESSIONS = {*_PLAIN, *_LZW, _JPEG, *_DEFLATE, *_PACKBITS}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _YCBCR = 0, 1, 2, 6
_COLORS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _YCBCR: 3}
"""Channels that are colors, by photometric interpretation."""

_TOGETHER = 1  # planar configuration
_UNASSOCIATED = 2  # kind of alpha
_TEXTS = (b"iTXt", b"tEXt", b"zTXt")
_TURNED = (b"Orientation", b"orientation")
_HIDDEN = (b"Raw profile", b"XML:com.adobe.xmp\0\1")  # EXIF as ImageMagick wrote it once, and XMP that is compressed


def why_not_plain(path: Path, kind: str, *, has_profile: bool) -> str | None:
    """Why a file is decoded as a whole; None where libvips reads it alike.

    Args:
        path: The file.
        kind: ``"JPEG"``, ``"PNG"`` or ``"TIFF"``.
        has_profile: Whether libvips sees a color profile in it.

    Raises:
        OSError: It cannot be read.
    """
    if kind == "TIFF":
        return _of_tiff(path)
    return _of_png(path, has_profile) if kind == "PNG" else None


def _of_tiff(path: Path) -> str | None:
    with quiet.tifffile().TiffFile(path) as file:
        first: Any = file.pages[0]
        photometric, compression = int(first.photometric), int(first.compression)
        colors = _COLORS.get(photometric)
        if compression not in _COMPRESSIONS or (photometric == _YCBCR and compression != _JPEG):
            return "its compression is not one that libvips always has"
        if (
            colors is None
            or int(first.samplesperpixel) - len(first.extrasamples) != colors
            or len(first.extrasamples) > 1
        ):
            return "its channels are others than gray or RGB, with alpha at most"
        if int(first.planarconfig) != _TOGETHER and int(first.samplesperpixel) > 1:
            return "its colors lie in planes"
        if any(int(own) != _UNASSOCIATED for own in first.extrasamples):
            return "its alpha is multiplied or has no name"
    return None


def _of_png(path: Path, has_profile: bool) -> str | None:
    names: set[bytes] = set()
    with path.open("rb") as file:
        for name, content in chunks(file):
            text = content if name in _TEXTS else b""
            turned = name == b"eXIf" and b"IDAT" in names
            if turned or any(word in text for word in _TURNED) or text.startswith(_HIDDEN):
                return "it may be turned"
            names.add(name)
    if b"cICP" in names or (b"gAMA" in names and not names & {b"sRGB", b"iCCP"}):
        return "its colors are told by numbers"
    return "its color profile is odd" if b"iCCP" in names and not has_profile else None
