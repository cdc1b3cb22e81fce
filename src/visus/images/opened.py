"""What Pillow opens: one picture of a file in any of its modes, upright."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from visus._optional import require
from visus.images.samples import Layers, Range, Samples, layers_of


def open_by(data: bytes, kind: str) -> Image.Image:
    """Open by the one decoder that fits, without Pillow's own (process-wide) pixel limit.

    Args:
        data: The content of the file.
        kind: As :func:`visus.images.container.kind_of` tells it; not RAW.
    """
    if kind == "HEIC":
        return require("pillow_heif.as_plugin").HeifImageFile(io.BytesIO(data))
    if kind == "JXL":
        return require("pillow_jxl.JpegXLImagePlugin").JXLImageFile(io.BytesIO(data))
    from PIL import (
        AvifImagePlugin,
        BmpImagePlugin,
        GifImagePlugin,
        Jpeg2KImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    plugin = {
        "JPEG": JpegImagePlugin.JpegImageFile,
        "PNG": PngImagePlugin.PngImageFile,
        "WEBP": WebPImagePlugin.WebPImageFile,
        "TIFF": TiffImagePlugin.TiffImageFile,
        "BMP": BmpImagePlugin.BmpImageFile,
        "GIF": GifImagePlugin.GifImageFile,
        "AVIF": AvifImagePlugin.AvifImageFile,
        "JPEG2000": Jpeg2KImagePlugin.Jpeg2KImageFile,
    }[kind]
    return plugin(io.BytesIO(data))


def layers_in(opened: Image.Image, data: bytes, kind: str, values: Range, name: str) -> Layers:
    """The picture that is open (of several, the one that was sought), upright.

    Args:
        opened: The file, opened by :func:`open_by`.
        data: Its content.
        kind: Its format.
        values: See :func:`visus.images.samples.layers_of`.
        name: What errors call the file.

    Raises:
        FormatError: The numbers in the file are no picture's.
    """
    if kind == "PNG" and bits_of(opened, data, kind) == 16:
        return turned(layers_of(_sixteen_bits(opened, data), values, name), _orientation(opened))
    if opened.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I", "F"):
        numbers = Samples(np.asarray(opened), 16, profile=opened.info.get("icc_profile"))
        return turned(layers_of(numbers, values, name), _orientation(opened))
    return _eight_bits(_turned_by_exif(opened, data) if kind == "HEIC" else ImageOps.exif_transpose(opened))


def turned(layers: Layers, orientation: int) -> Layers:
    """All layers of a picture, brought upright from an orientation of EXIF."""
    alpha = None if layers.alpha is None else upright(layers.alpha, orientation)
    return replace(layers, colors=upright(layers.colors, orientation), alpha=alpha)


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo an EXIF orientation (Exif 2.3, section 4.6.4, tag 274)."""
    turned = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: p[::-1].swapaxes(0, 1),
        7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
        8: lambda p: p[:, ::-1].swapaxes(0, 1),
    }[orientation](pixels)
    return np.ascontiguousarray(turned)


def bits_of(picture: Image.Image, data: bytes, kind: str) -> int:
    """Bits of a channel in the file, where Pillow may drop some of them; not for TIFF.

    Args:
        picture: The file, opened by Pillow.
        data: Its content.
        kind: Its format.
    """
    if kind == "PNG":
        return data[24]  # IHDR: length 4, type 4, width 4, height 4, then the bit depth
    return 16 if picture.mode.startswith("I") else 8


def _sixteen_bits(picture: Image.Image, data: bytes) -> Samples:
    """Decode a 16-bit PNG by OpenCV, which keeps all bits: BGR there, RGB from here on."""
    import cv2

    picture.load()  # Pillow finds truncated files, OpenCV fills them up with gray
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise ValueError("the 16-bit data cannot be decoded")
    colors = pixels if pixels.ndim == 2 else pixels[:, :, 2::-1]
    alpha = pixels[:, :, 3] if pixels.ndim == 3 and pixels.shape[2] == 4 else None
    clear = picture.info.get("transparency")
    if clear is not None and alpha is None:  # the one color that is not there (PNG 1.2, section 4.2.1.1)
        same = colors == np.asarray(clear)
        alpha = np.where(same if colors.ndim == 2 else same.all(axis=2), np.uint16(0), np.uint16(65535))
    return Samples(colors, 16, alpha, profile=picture.info.get("icc_profile"))


def _orientation(picture: Image.Image) -> int:
    orientation = picture.getexif().get(0x0112, 1)
    return orientation if orientation in range(1, 9) else 1


def is_turned_by_exif(picture: Image.Image, data: bytes) -> bool:
    """Whether only EXIF says how a HEIC picture lies."""
    if picture.info.get("original_orientation") not in range(2, 9):
        return False
    start = data.find(b"meta")
    about = data[start : start + int.from_bytes(data[start - 4 : start], "big")]
    return b"irot" not in about and b"imir" not in about


def _turned_by_exif(picture: Image.Image, data: bytes) -> Image.Image:
    """A HEIC picture upright.

    The container has turns of its own (ISO/IEC 23008-12, section 6.5.10), which libheif applies, and EXIF only repeats
    them. Where there are none, EXIF is all that there is.
    """
    if not is_turned_by_exif(picture, data):
        return picture
    turned = Image.fromarray(upright(np.asarray(picture), picture.info["original_orientation"]))
    turned.info = {"icc_profile": picture.info.get("icc_profile")}
    return turned


def _eight_bits(picture: Image.Image) -> Layers:
    """Any mode of Pillow of 8 bits."""
    profile = picture.info.get("icc_profile")
    gray = picture.mode in ("L", "1", "LA", "La")
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        colors = rgba.getchannel("R") if gray else rgba.convert("RGB")
        return Layers(np.asarray(colors), np.asarray(rgba.getchannel("A")), profile=profile)
    mode = picture.mode if picture.mode in ("L", "CMYK") else "L" if gray else "RGB"
    return Layers(np.asarray(picture.convert(mode)), profile=profile)
