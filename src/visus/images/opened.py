"""What Pillow opens: one picture of a file in any of its modes, upright."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from visus._optional import is_installed, require
from visus.images import quiet
from visus.images.boxes import properties
from visus.images.color_spaces import meaning_in
from visus.images.jxl import bits_in, is_animated
from visus.images.samples import Layers, Range, Samples, layers_of

_WIDENED = {2: 85, 4: 17}  # bits of gray: what it is multiplied by for 8
_GRAY_AND_ALPHA = 4  # color type of PNG
_TO_BACKGROUND, _TO_PREVIOUS = 2, 3  # what becomes of a frame of GIF (GIF89a, section 23)


def open_by(data: bytes, kind: str) -> Image.Image:
    """Open by the one decoder that fits, without Pillow's own (process-wide) pixel limit.

    Args:
        data: The content of the file.
        kind: As :func:`visus.images.container.kind_of` tells it, not RAW; MPO for all pictures of such a JPEG.
    """
    quiet.without_warnings()
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
        MpoImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    plugin = {
        "JPEG": JpegImagePlugin.JpegImageFile,
        "MPO": MpoImagePlugin.MpoImageFile,
        "PNG": PngImagePlugin.PngImageFile,
        "WEBP": WebPImagePlugin.WebPImageFile,
        "TIFF": TiffImagePlugin.TiffImageFile,
        "BMP": BmpImagePlugin.BmpImageFile,
        "GIF": GifImagePlugin.GifImageFile,
        "AVIF": AvifImagePlugin.AvifImageFile,
        "JPEG2000": Jpeg2KImagePlugin.Jpeg2KImageFile,
    }[kind]
    opened = plugin(io.BytesIO(data))
    if kind == "PNG" and opened.mode == "L" and isinstance(clear := opened.info.get("transparency"), int):
        opened.info["transparency"] = clear * _WIDENED.get(data[24], 1)  # as Pillow widens the gray, but not this
    return opened


def seek(opened: Image.Image, kind: str, page: int) -> None:
    """Go to a page or frame behind the first; the main picture of HEIC is the first."""
    main = opened.tell() if kind == "HEIC" else 0
    opened.seek(page - 1 if page <= main else page)


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
    profile, notes = meaning_in(opened, data, kind)
    if opened.mode == "LAB":
        profile, notes = None, (*notes, "Lab became RGB")
    if (deep := _deep(opened, data, kind)) is not None:
        return turned(layers_of(replace(deep, profile=profile, notes=notes), values, name), _orientation(opened))
    if kind == "PNG" and bits_of(opened, data, kind) == 16:
        notes = (*notes, "8 of 16 bits of a further frame")
    shown = painted(opened) if kind == "GIF" else None
    if kind == "JXL" and is_animated(data):
        opened, said = _first_frame(opened, data)
        notes = (*notes, *said)
    elif kind == "JXL" and (bits := bits_in(data)) > 8 and not getattr(opened, "jpeg", False):
        notes = (*notes, f"8 of {bits} bits")
    layers = replace(_eight_bits(_upright(opened, data, kind)), profile=profile, notes=notes)
    return layers if shown is None else _only(shown, layers)


def _deep(opened: Image.Image, data: bytes, kind: str) -> Samples | None:
    """What has more than 8 bits a channel; None for the rest."""
    bits = bits_of(opened, data, kind)
    if bits > 8 and kind == "PNG" and not opened.tell():
        opened.load()  # Pillow finds truncated files, OpenCV fills them up with gray
        return _by_opencv(data, 16, data[25] == _GRAY_AND_ALPHA, opened.info.get("transparency"))
    if bits > 8 and kind == "JPEG2000" and (opened.mode != "I;16" or not _is_signed(data)):
        if (place := _sizes(data)) and (data[place + 1] not in (1, 3, 4) or _is_signed(data)):
            raise ValueError("of more than 8 bits in JPEG 2000, gray, RGB and RGBA without a sign are read")
        return _by_opencv(data, bits)
    if opened.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I", "F"):
        return Samples(np.asarray(opened), 16)
    return None


def _upright(opened: Image.Image, data: bytes, kind: str) -> Image.Image:
    if kind == "HEIC":
        return _turned_by_exif(opened, data)
    if is_upright(opened, kind):
        return opened
    try:
        return ImageOps.exif_transpose(opened)
    except SyntaxError:  # a block of EXIF that is none
        if kind != "JPEG":
            raise
        opened.load()
        return opened


def _first_frame(opened: Image.Image, data: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """Of an animated JPEG XL, of which Pillow's plugin gives the last frame; and what must be said."""
    if not is_installed("imagecodecs"):
        return opened, ("the last frame of the animation; the first with: pip install 'visus[codecs]'",)
    import imagecodecs

    pixels = imagecodecs.jpegxl_decode(data, index=0)
    if pixels.dtype != np.uint8 or pixels.shape[:2] != (opened.height, opened.width):
        return opened, ("the last frame of the animation",)
    return Image.fromarray(pixels), ()


def is_upright(opened: Image.Image, kind: str) -> bool:
    """Whether a decoder has turned the picture already: what EXIF says in JPEG XL counts in a JPEG that it holds alone.

    ISO/IEC 18181-2:2024, section 9.4.
    """
    return kind == "JXL" and not getattr(opened, "jpeg", False)


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
    if kind == "JPEG2000" and (place := _sizes(data)):
        return (data[place + 2] & 127) + 1  # the first bit is that of a sign
    return 16 if picture.mode.startswith("I") else 8


_CODESTREAM = b"\xff\x4f\xff\x51"


def _sizes(data: bytes) -> int:
    """Where the number of components of a JPEG 2000 file stands (ISO/IEC 15444-1, section A.5.1); 0 where it is not."""
    start = data.find(_CODESTREAM)
    return start + 40 if 0 <= start < len(data) - 42 else 0


def _is_signed(data: bytes) -> bool:
    place = _sizes(data)
    return bool(place) and data[place + 2] >= 128


def _by_opencv(data: bytes, bits: int, gray: bool = False, clear: Any = None) -> Samples:  # noqa: ANN401 - from a file
    """All bits of more than 8, by OpenCV: BGR there, RGB from here on.

    Args:
        data: The content of the file.
        bits: Of a channel.
        gray: Whether the colors, which OpenCV gives three times, are gray.
        clear: The one color that is not there (PNG 1.2, section 4.2.1.1).
    """
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise ValueError("what has more than 8 bits cannot be decoded")
    if pixels.ndim == 2:
        colors, alpha = pixels, None
    else:
        colors = pixels[:, :, 0] if gray else pixels[:, :, 2::-1]
        alpha = pixels[:, :, 3] if pixels.shape[2] == 4 else None
    if clear is not None and alpha is None:
        same = colors == np.asarray(clear)
        alpha = np.where(same if colors.ndim == 2 else same.all(axis=2), np.uint16(0), np.uint16(65535))
    return Samples(colors, bits, alpha)


def _orientation(picture: Image.Image) -> int:
    orientation = picture.getexif().get(0x0112, 1)
    return orientation if orientation in range(1, 9) else 1


def is_turned_by_exif(picture: Image.Image, data: bytes) -> bool:
    """Whether only EXIF says how a HEIC picture lies."""
    if picture.info.get("original_orientation") not in range(2, 9):
        return False
    return not {b"irot", b"imir"} & {name for name, _ in properties(data)}


def _turned_by_exif(picture: Image.Image, data: bytes) -> Image.Image:
    """A HEIC picture upright.

    The container has turns of its own (ISO/IEC 23008-12, section 6.5.10), which libheif applies, and EXIF only repeats
    them. Where there are none, EXIF is all that there is.
    """
    if not is_turned_by_exif(picture, data):
        return picture
    return Image.fromarray(upright(np.asarray(picture), picture.info["original_orientation"]))


def _eight_bits(picture: Image.Image) -> Layers:
    """Any mode of Pillow of 8 bits."""
    gray = picture.mode in ("L", "1", "LA", "La")
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        colors = rgba.getchannel("R") if gray else rgba.convert("RGB")
        return Layers(np.asarray(colors), np.asarray(rgba.getchannel("A")))
    mode = picture.mode if picture.mode in ("L", "CMYK") else "L" if gray else "RGB"
    return Layers(np.asarray(picture.convert(mode)))


def painted(opened: Image.Image) -> NDArray[np.bool_] | None:
    """Where the frames of a GIF up to the present one have painted: ``(H, W)``; None for everywhere.

    Elsewhere is nothing, as browsers have it: the background color of GIF89a, section 18, is not shown.
    """
    animation: Any = opened
    done = np.zeros((opened.height, opened.width), bool)
    for number in range((last := opened.tell()) + 1):
        opened.seek(number)
        before = done.copy()
        left, top, right, bottom = animation.tile[0][1]
        done[top:bottom, left:right] = True
        if number < last and animation.disposal_method == _TO_BACKGROUND:
            done[top:bottom, left:right] = False
        elif number < last and animation.disposal_method == _TO_PREVIOUS:
            done = before
    return None if done.all() else done


def _only(shown: NDArray[np.bool_], layers: Layers) -> Layers:
    alpha = np.uint8(255) if layers.alpha is None else layers.alpha
    return replace(layers, alpha=np.where(shown, alpha, np.uint8(0)))
