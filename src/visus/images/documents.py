"""Files as documents: all their pages or frames, and what they say beside these, read and written again.

Where :func:`visus.read` makes one picture for people of whatever a file holds, a document keeps the file's own: gray
stays gray, alpha stays alpha, colors stay those of its profile.
"""

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visus._errors import DependencyError, FormatError, InputError
from visus._files import write_atomically
from visus._optional import is_installed
from visus.images import tiff
from visus.images.container import FIRST, kind_of, needs, readable
from visus.images.decode import MAX_PIXELS, layers_in
from visus.images.jpeg import frame_of
from visus.images.opened import open_by
from visus.images.png import chunk
from visus.images.samples import Layers, in_srgb, over_white, straight

ENDINGS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF",
    ".tiff": "TIFF", ".bmp": "BMP", ".gif": "GIF",
}  # fmt: skip
"""Formats that are written, by the ending of the name."""

_SEVERAL = ("TIFF", "GIF", "WEBP", "PNG")  # formats that hold several pages or frames
_ORIENTATION, _DESCRIPTION, _EXIF = 0x0112, 0x010E, 0x8769
_IN_A_STACK = re.compile(r"^ImageJ=|<OME[ >]")
_QUALITY = 95


@dataclass(frozen=True, slots=True)
class About:
    """What a file says beside its pictures.

    Attributes:
        container: Format.
        pages: How many pages or frames.
        dpi: Pixels per inch, across and down; None where it does not say.
        exif: A block of EXIF, without an orientation, since what is read is upright; empty for none.
        durations: Of the frames of an animation, in ms.
        loop: How often it is shown; 0 for ever, None where it does not say.
        compression: Of TIFF, by its number there.
    """

    container: str
    pages: int = 1
    dpi: tuple[float, float] | None = None
    exif: bytes = b""
    durations: tuple[int, ...] = ()
    loop: int | None = None
    compression: int | None = None

    def of_one_page(self) -> "About":
        """What is said of one of several pages: not how all of them lie in a stack, as ImageJ and OME describe it."""
        exif = Image.Exif()
        exif.load(self.exif)
        alone = replace(self, pages=1, durations=())
        if self.pages == 1 or not _IN_A_STACK.search(str(exif.get(_DESCRIPTION))):
            return alone
        del exif[_DESCRIPTION]
        return replace(alone, exif=_upright(exif))


def look(data: bytes, name: str) -> About:
    """What a file says beside its pictures.

    Args:
        data: The content of the file.
        name: What errors call it.

    Raises:
        FormatError: It is damaged, or needs a package that is not installed.
    """
    kind = kind_of(data[:FIRST], name)
    if kind is not None and not readable(kind):
        raise FormatError(needs(kind, name))
    try:
        if kind == "TIFF":
            page = tiff.look(data)
            return About(kind, page.pages, page.dpi, _exif_of_tiff(data), compression=page.compression)
        if kind is None or kind == "RAW" or (kind == "JPEG" and frame_of(data).is_deep):
            return About(kind or "")
        with open_by(data, kind) as opened:
            return _of_opened(opened, kind)
    except DependencyError as error:
        raise FormatError(f"{name} cannot be read here. {error}") from error
    except Exception as error:  # decoders of hostile files raise almost anything
        raise FormatError(f"{name} is damaged or truncated ({error}); bring the file again or delete it.") from error


def _of_opened(opened: Image.Image, kind: str) -> About:
    count = int(getattr(opened, "n_frames", 1))
    exif = Image.Exif()
    exif.load(opened.info.get("exif") or b"")
    dpi = opened.info.get("dpi")
    durations = []
    for frame in range(count if count > 1 else 0):
        opened.seek(frame)
        if kind == "WEBP":  # tells only then
            opened.load()
        durations.append(int(opened.info.get("duration", 0)))
    found = (float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 0 else None
    return About(kind, count, found, _upright(exif), tuple(durations), opened.info.get("loop"))


def _exif_of_tiff(data: bytes) -> bytes:
    """The entries of a first page that are not about its pixels, and the camera's."""
    if data[2:4] not in (b"*\0", b"\0*"):  # BigTIFF, which Pillow does not take apart
        return b""
    whole, own = Image.Exif(), Image.Exif()
    whole.load(data)
    for tag in _TEXTS:
        if tag in whole:
            own[tag] = whole[tag]
    own.get_ifd(_EXIF).update(whole.get_ifd(_EXIF))
    return _upright(own)


def _upright(exif: Image.Exif) -> bytes:
    """A block of EXIF for a picture that has been turned."""
    exif.pop(_ORIENTATION, None)
    return exif.tobytes() if len(exif) or exif.get_ifd(_EXIF) else b""


def pages_in(data: bytes, name: str, numbers: Iterable[int], *, max_pixels: int = MAX_PIXELS) -> Iterator[Layers]:
    """Pages or frames of a file, one after the other, upright, in 8 or 16 bits.

    They are exact where they can be; numbers that are no picture's are stretched to their own range, and the notes of
    the layers say so. Inks become RGB.

    Args:
        data: The content of the file.
        name: What errors call it.
        numbers: Which pages, from 0.
        max_pixels: Larger ones are refused.

    Raises:
        FormatError: The file is damaged, or no picture.
        InputError: A page is too large, or is not there.
    """
    for number in numbers:
        try:
            layers = layers_in(data, name, page=number, max_pixels=max_pixels)
        except FormatError as error:
            if "range='own'" not in str(error):
                raise
            layers = layers_in(data, name, page=number, max_pixels=max_pixels, range="own")
        yield _without_inks(layers)


def _without_inks(layers: Layers) -> Layers:
    if layers.colors.ndim == 2 or layers.colors.shape[2] != 4:
        return layers
    notes = [*layers.notes, "inks (CMYK) became RGB"]
    colors = in_srgb(layers.colors, layers.profile, notes)
    return replace(layers, colors=colors, profile=None, notes=tuple(notes))


def write_document(target: Path, pages: Iterable[Layers], about: About) -> None:
    """Write pages or frames as one file; the ending of its name tells the format.

    The file appears whole or not at all.

    Args:
        target: Where to write.
        pages: What to write, each ``(H, W)`` or ``(H, W, 3)``, uint8 or uint16. The format must be able to hold it.
        about: What to say beside the pages; how many there are counts.

    Raises:
        InputError: The format holds no such pages, or the place cannot be written.
    """
    container = ENDINGS.get(target.suffix.lower())
    if container is None:
        raise InputError(f"{target} has no ending that visus writes; use one of: {', '.join(ENDINGS)}.")
    if about.pages > 1 and container not in _SEVERAL:
        raise InputError(
            f"{target} holds one picture, and there are {about.pages}; write .tif, or choose one with --page."
        )
    writer: Callable[[BinaryIO, Iterable[Layers], About, str], None]
    writer = _write_tiff if container == "TIFF" else _write_by_pillow
    try:
        write_atomically(target, lambda file: writer(file, pages, about, container))
    except InputError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{target} cannot be written ({reason}); choose another place or make room.") from error


# TIFF ------------------------------------------------------------------------------------------------------------

_LOSSLESS = {1: None, 5: "lzw", 8: "adobe_deflate", 32946: "adobe_deflate", 32773: "packbits", 34925: "lzma",
             50000: "zstd"}  # fmt: skip
_WITHOUT_CODECS = (1, 8, 32946, 34925)  # of these, what tifffile writes without imagecodecs
_DEFLATE = 8
_PLACE = _EXIF - 1  # no tag has this number; tifffile writes no entry with that of EXIF
_TEXTS = (270, 271, 272, 305, 306, 315, 33432)  # description, camera, program, moment, who made it, whose it is


def _write_tiff(file: BinaryIO, pages: Iterable[Layers], about: About, _container: str) -> None:
    import tifffile

    about, _ = in_reach(about)
    exif = Image.Exif()
    exif.load(about.exif)
    tags = [(tag, 2, None, str(exif[tag]), True) for tag in _TEXTS if exif.get(tag)]
    camera = exif.get_ifd(_EXIF)
    buffer = io.BytesIO()  # its first page names a block that is written behind the last
    with tifffile.TiffWriter(buffer) as out:
        for number, page in enumerate(pages):
            colors = page.colors if page.alpha is None else np.dstack([page.colors, page.alpha])
            kind = "assocalpha" if page.premultiplied else "unassalpha"
            out.write(
                colors,
                photometric="minisblack" if page.colors.ndim == 2 else "rgb",
                planarconfig="contig" if colors.ndim == 3 else None,
                extrasamples=None if page.alpha is None else [kind],
                compression=_LOSSLESS.get(about.compression or _DEFLATE, "adobe_deflate"),
                resolution=about.dpi,
                resolutionunit="INCH" if about.dpi else None,
                iccprofile=page.profile,
                extratags=tags + ([(_PLACE, 4, 1, 8, True)] if camera and number == 0 else []),
                software=False,
                metadata=None,
            )
    file.write(_with_camera(buffer.getvalue(), camera))


def in_reach(about: About) -> tuple[About, str | None]:
    """What can be said of a TIFF file that is written with the packages at hand, and what must be told of it.

    Args:
        about: As the file was that it was read from.

    Returns:
        The same with Deflate in the place of a compression that needs imagecodecs, and a note then.
    """
    wanted = _LOSSLESS.get(about.compression or _DEFLATE)
    if wanted is None or about.compression in _WITHOUT_CODECS or is_installed("imagecodecs"):
        return about, None
    note = f"compressed with Deflate in place of {wanted}, which is written with: pip install 'visus[codecs]'"
    return replace(about, compression=_DEFLATE), note


def _with_camera(content: bytes, camera: dict[int, Any]) -> bytes:
    """A TIFF file with a camera's own tags behind it; the entry that leads there is in the first page."""
    if not camera:
        return content
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    start = len(content) + len(content) % 2
    entries = ImageFileDirectory_v2(b"II*\x00\x08\x00\x00\x00" if content[:2] == b"II" else b"MM\x00*\x00\x00\x00\x08")
    for tag, value in camera.items():
        entries[tag] = value
    order = "<" if content[:2] == b"II" else ">"
    entry = struct.pack(f"{order}HHI", _PLACE, 4, 1)
    place = content.index(entry)
    content = content[:place] + struct.pack(f"{order}HHII", _EXIF, 4, 1, start) + content[place + 12 :]
    return content.ljust(start, b"\0") + entries.tobytes(start)


# The others, by Pillow -------------------------------------------------------------------------------------------


def _write_by_pillow(file: BinaryIO, pages: Iterable[Layers], about: About, container: str) -> None:
    rest = map(straight, pages)
    first = next(rest)
    options: dict[str, Any] = {"quality": _QUALITY} if container in ("JPEG", "WEBP") else {}
    if about.dpi:
        options["dpi"] = about.dpi
    if first.profile:
        options["icc_profile"] = first.profile
    if about.exif:
        options["exif"] = about.exif
    if first.colors.dtype == np.uint16:
        if container != "PNG" or about.pages > 1:
            raise InputError(f"{container} cannot hold {about.pages} pictures of 16 bits a channel; write .tif.")
        file.write(_png_of_sixteen(first, options))
        return
    if about.pages > 1:
        options |= {"save_all": True, "append_images": [_opened(page, container) for page in rest]}
        options |= {"duration": list(about.durations)} if about.durations else {}
        options |= {"loop": about.loop} if about.loop is not None else {}
    try:
        _opened(first, container).save(file, container, **options)
    except ValueError as error:  # each format has a largest size
        raise InputError(f"{container} cannot hold this picture ({error}); use .png or .tif.") from error


def _opened(page: Layers, container: str) -> Image.Image:
    """A page of 8 bits as Pillow's; over white where the format has no alpha."""
    if page.colors.dtype == np.uint16:
        raise InputError("Some pages have 16 bits a channel; write .tif.")
    if container in ("JPEG", "BMP"):
        return Image.fromarray(np.ascontiguousarray(over_white(page)))
    opened = Image.fromarray(np.ascontiguousarray(page.colors))
    if page.alpha is not None:
        opened.putalpha(Image.fromarray(np.ascontiguousarray(page.alpha)))
    return opened


def _png_of_sixteen(page: Layers, options: dict[str, Any]) -> bytes:
    """A PNG with 16 bits, which Pillow has no mode for: OpenCV's, with the chunks of what is said beside it."""
    import cv2

    pixels: NDArray[Any] = page.colors
    if (
        page.alpha is not None and pixels.ndim == 2 and page.profile
    ):  # OpenCV has no gray with alpha, and RGB no gray profile
        pixels = in_srgb(pixels, page.profile, [])
        options = {name: value for name, value in options.items() if name != "icc_profile"}
    if page.alpha is not None:
        pixels = np.dstack([pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2), page.alpha])
    order = [2, 1, 0, 3][: pixels.shape[2]] if pixels.ndim == 3 else None
    done, encoded = cv2.imencode(".png", pixels if order is None else np.ascontiguousarray(pixels[:, :, order]))
    if not done:
        raise InputError(f"A picture {pixels.shape} cannot be encoded as PNG; use .tif.")
    content = encoded.tobytes()
    chunks = b""
    if "icc_profile" in options:
        chunks += chunk(b"iCCP", b"profile\0\0" + zlib.compress(options["icc_profile"]))
    if "dpi" in options:
        chunks += chunk(b"pHYs", struct.pack(">IIB", *(round(n / 0.0254) for n in options["dpi"]), 1))
    if "exif" in options:
        chunks += chunk(b"eXIf", options["exif"].removeprefix(b"Exif\0\0"))
    return content[:33] + chunks + content[33:]  # behind the header
