"""Decode the content of picture files.

Whatever the file holds (gray, palette, alpha, CMYK, 16 bits, any EXIF orientation), what comes out is RGB and the right
way up.
"""

import io
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps

from visus._errors import FormatError, InputError
from visus._optional import require
from visus.images.container import EXTRAS, FIRST, kind_of, readable

MAX_PIXELS = 200_000_000
"""Pictures with more pixels than this are refused unless the caller allows them."""

DECODER = 1
"""Version of the decoding: raised when a file's pixels come out otherwise than before."""

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

_STRIP = 64  # rows

_READS = "JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, JPEG 2000; HEIC, JPEG XL and raw by extras"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded picture and the size that it has in the file.

    Attributes:
        pixels: ``(H, W, 3)`` RGB, uint8 (or uint16 when asked for).
        width: Width of the picture in the file in pixels, upright.
        height: Height of the picture in the file in pixels, upright.
    """

    pixels: NDArray[Any]
    width: int
    height: int


def decode(
    data: bytes,
    *,
    name: str = "the picture",
    min_side: int | None = None,
    depth: Literal[8, 16] | None = 8,
    max_pixels: int = MAX_PIXELS,
) -> Decoded:
    """Decode the content of a picture file; see :func:`read`.

    Args:
        data: The content of the file.
        name: What errors call the file.
        min_side: As in :func:`read`.
        depth: As in :func:`read`.
        max_pixels: As in :func:`read`.

    Returns:
        The pixels and the size of the picture in the file.

    Raises:
        FormatError: The data is empty, damaged, truncated, or not a picture.
        InputError: The picture is larger than ``max_pixels``.
    """
    kind = _kind(data, name)
    if kind == "JPEG" and depth != 16:
        fast = _decode_jpeg(data, name, min_side, max_pixels)
        if fast is not None:
            return fast
    if kind == "RAW":
        return _decode_preview(data, name, min_side, max_pixels)
    return _decode_any(data, name, kind, depth, max_pixels)


def size_of(data: bytes, *, name: str = "the picture", max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height of a picture as its file holds them, from the header alone: nothing is decoded.

    Args:
        data: The content of the file.
        name: What errors call the file.
        max_pixels: As in :func:`read`.

    Returns:
        In pixels, before an EXIF orientation is applied.

    Raises:
        FormatError: The data is empty, damaged, or not a picture.
        InputError: The picture is larger than ``max_pixels``.
    """
    kind = _kind(data, name)
    try:
        if kind == "RAW":  # its preview is not larger
            with require("rawpy").imread(io.BytesIO(data)) as raw:
                width, height = raw.sizes.raw_width, raw.sizes.raw_height
        else:
            with open_by(data, kind) as picture:
                width, height = picture.size
    except InputError:
        raise
    except Exception as error:  # decoders of hostile files raise almost anything
        raise _damaged(name, error) from error
    _check_size(width, height, name, max_pixels)
    return width, height


def _kind(data: bytes, name: str) -> str:
    if not data:
        raise FormatError(f"{name} is empty (0 bytes); bring the file again or delete it.")
    kind = kind_of(data[:FIRST], name)
    if kind is None:
        raise FormatError(f"{name} is not a picture that visus reads ({_READS}); convert it to one of these.")
    if not readable(kind):
        raise FormatError(f"{name} is {kind}, which visus reads with: pip install 'visus[{EXTRAS[kind][1]}]'")
    return kind


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise FormatError(f"{name} has no pixels ({width} x {height}); bring the file again.")
    if width * height > max_pixels:
        raise InputError(
            f"{name} has {width} x {height} pixels, more than the limit of {max_pixels / 1e6:g} megapixels; "
            "make it smaller or raise the limit (max_pixels, --max-pixels)."
        )


def _damaged(name: str, reason: object) -> FormatError:
    return FormatError(f"{name} is damaged or truncated ({reason}); bring the file again or delete it.")


def _decode_jpeg(data: bytes, name: str, min_side: int | None, max_pixels: int) -> Decoded | None:
    """Decode by libjpeg-turbo, at a reduced scale where that is enough; None where Pillow must decide."""
    try:
        rows, columns, space, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    if space in ("CMYK", "YCCK"):
        return None
    height, width = int(rows), int(columns)
    _check_size(width, height, name, max_pixels)
    least = min_side or 0
    try:
        # Accurate transforms: the fast ones change which pictures are found (see docs/performance.md).
        pixels = simplejpeg.decode_jpeg(
            data, colorspace="RGB", fastdct=False, fastupsample=False, min_width=least, min_height=least
        )
    except ValueError:  # damaged, or only odd: Pillow tells which
        return None
    orientation = _exif_orientation(data)
    if orientation >= 5:  # the sides change places
        width, height = height, width
    return Decoded(_upright(pixels, orientation), width, height)


def _exif_orientation(jpeg: bytes) -> int:
    if b"Exif\x00\x00" not in jpeg[:65536]:
        return 1
    try:
        with open_by(jpeg, "JPEG") as picture:
            orientation = picture.getexif().get(0x0112, 1)
    except Exception:  # a damaged EXIF block raises almost anything and is no reason to lose the picture
        return 1
    return orientation if orientation in range(1, 9) else 1


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
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


def _decode_any(data: bytes, name: str, kind: str, depth: Literal[8, 16] | None, max_pixels: int) -> Decoded:
    try:
        with open_by(data, kind) as picture:
            _check_size(*picture.size, name, max_pixels)
            if bits_of(picture, data, kind) == 16:
                rgb = _sixteen_bits(picture, data)
            else:
                rgb = _to_rgb(ImageOps.exif_transpose(picture), name)
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"{name} needs more memory than there is; make it smaller or skip it.") from error
    except Exception as error:  # decoders of hostile files raise almost anything
        raise _damaged(name, error) from error
    return Decoded(_to_depth(rgb, depth), rgb.shape[1], rgb.shape[0])


def _decode_preview(data: bytes, name: str, min_side: int | None, max_pixels: int) -> Decoded:
    """The preview that a camera puts into its raw file, upright."""
    rawpy = require("rawpy")
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            preview, flip = raw.extract_thumb(), raw.sizes.flip
    except Exception as error:  # decoders of hostile files raise almost anything
        raise _damaged(name, f"no preview: {error}") from error
    if preview.format == rawpy.ThumbFormat.JPEG:
        found = decode(preview.data, name=name, min_side=min_side, max_pixels=max_pixels)
        if b"Exif\x00\x00" in preview.data[:65536]:  # it says itself how it lies
            return found
    else:
        found = Decoded(preview.data, preview.data.shape[1], preview.data.shape[0])
    orientation = {3: 3, 5: 8, 6: 6}.get(flip, 1)  # LibRaw's turns as EXIF's
    width, height = (found.height, found.width) if orientation > 4 else (found.width, found.height)
    return Decoded(_upright(found.pixels, orientation), width, height)


def bits_of(picture: Image.Image, data: bytes, kind: str) -> int:
    """Bits of a channel in the file, where Pillow would drop some of them.

    Args:
        picture: The file, opened by Pillow.
        data: Its content.
        kind: Its format.
    """
    if kind == "PNG":
        return data[24]  # IHDR: length 4, type 4, width 4, height 4, then the bit depth
    if kind == "TIFF" and picture.mode in ("RGB", "RGBA"):
        return max(picture.tag_v2.get(258, (8,)))  # pyright: ignore[reportAttributeAccessIssue]
    return 8


def _sixteen_bits(picture: Image.Image, data: bytes) -> NDArray[np.uint16]:
    """Decode a 16-bit PNG or TIFF by OpenCV, which keeps all bits: BGR there, RGB from here on."""
    import cv2

    picture.load()  # Pillow finds truncated files, OpenCV fills them up with gray
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise ValueError("the 16-bit data cannot be decoded")
    rgb = np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels[:, :, 2::-1]
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        alpha = pixels[:, :, 3:].astype(np.float32) / 65535
        rgb = np.rint(rgb * alpha + 65535 * (1 - alpha)).astype(np.uint16)
    orientation = picture.getexif().get(0x0112, 1)
    return _upright(rgb, orientation if orientation in range(1, 9) else 1)


def _to_rgb(picture: Image.Image, name: str) -> Pixels:
    """Bring any mode of Pillow to RGB: ``(H, W, 3)`` uint8, or uint16 where the mode holds 16 bits."""
    if picture.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I"):
        gray = np.asarray(picture).astype(np.int64)
        if gray.min() < 0 or gray.max() > 65535:
            raise FormatError(
                f"{name} holds integers from {gray.min()} to {gray.max()}; save it with 8 or 16 bits a channel."
            )
        return np.repeat(gray.astype(np.uint16)[:, :, None], 3, axis=2)
    if picture.mode == "F":
        gray = np.asarray(picture)
        if not np.isfinite(gray).all() or gray.min() < 0 or gray.max() > 1:
            raise FormatError(f"{name} holds floats outside [0, 1] or NaN; scale its values to [0, 1].")
        return np.repeat(np.rint(gray * 65535).astype(np.uint16)[:, :, None], 3, axis=2)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        return _over_white(picture.convert("RGBA"))
    return np.asarray(picture.convert("RGB"))


def _over_white(rgba: Image.Image) -> NDArray[np.uint8]:
    """A transparent picture over white, ``(H, W, 3)``; a strip at a time: Pillow lets no other thread run."""
    rgb = np.empty((rgba.height, rgba.width, 3), np.uint8)
    for top in range(0, rgba.height, _STRIP):
        strip = rgba.crop((0, top, rgba.width, min(top + _STRIP, rgba.height)))
        white = Image.new("RGBA", strip.size, (255, 255, 255, 255))
        rgb[top : top + _STRIP] = np.asarray(Image.alpha_composite(white, strip).convert("RGB"))
    return rgb


def _to_depth(rgb: Pixels, depth: Literal[8, 16] | None) -> Pixels:
    if depth == 8 and rgb.dtype == np.uint16:
        return ((rgb.astype(np.uint32) + 128) // 257).astype(np.uint8)  # rounds; 65535 -> 255
    if depth == 16 and rgb.dtype == np.uint8:
        return rgb.astype(np.uint16) * np.uint16(257)  # 255 -> 65535
    return rgb
