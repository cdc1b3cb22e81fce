"""Read and write picture files."""

import errno
import io
import os
import stat
from pathlib import Path
from typing import Literal, overload

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from visus._errors import InputError
from visus._files import write_atomically
from visus.images.decode import MAX_PIXELS, Depth, decode
from visus.images.samples import Range

MAX_BYTES = 2 << 30
"""Larger files are refused before they are read: no picture within the pixel limit needs more."""

_DEFLATE = 8  # of TIFF: OpenCV's own choice, LZW, is read back by visus[codecs] alone
_WRITTEN = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
SUFFIXES = (*_WRITTEN, ".avif", ".jp2", ".j2k", ".jpf", ".jpx", ".mpo", ".heic", ".heif", ".hif", ".jxl")
"""File name endings (lower case) that visus takes for pictures when it walks through folders."""

SCANS = (".nrrd", ".nhdr", ".mha", ".mhd")
VOLUMES = (".nii", ".nii.gz", *SCANS)
"""File name endings (lower case) of volumes; SimpleITK reads those of :data:`SCANS`."""


def is_picture_name(name: str) -> bool:
    """Tell from its ending whether a file is taken for a picture.

    >>> is_picture_name("Cat.JPG"), is_picture_name("cat.txt")
    (True, False)
    """
    return name.lower().endswith(SUFFIXES)


def is_volume_name(name: str) -> bool:
    """Tell from its ending whether a file is taken for a volume.

    >>> is_volume_name("Head.nii.gz"), is_volume_name("head.nrrd"), is_volume_name("head.png")
    (True, True, False)
    """
    return name.lower().endswith(VOLUMES)


Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@overload
def read(
    path: str | os.PathLike[str],
    *,
    min_side: int | None = None,
    depth: Literal[8] = 8,
    max_pixels: int = MAX_PIXELS,
    range: Range = "type",
    page: int = 0,
) -> NDArray[np.uint8]: ...


@overload
def read(
    path: str | os.PathLike[str],
    *,
    min_side: int | None = None,
    depth: None,
    max_pixels: int = MAX_PIXELS,
    range: Range = "type",
    page: int = 0,
) -> Pixels: ...


@overload
def read(
    path: str | os.PathLike[str],
    *,
    min_side: int | None = None,
    depth: Literal[16],
    max_pixels: int = MAX_PIXELS,
    range: Range = "type",
    page: int = 0,
) -> NDArray[np.uint16]: ...


def read(
    path: str | os.PathLike[str],
    *,
    min_side: int | None = None,
    depth: Depth = 8,
    max_pixels: int = MAX_PIXELS,
    range: Range = "type",
    page: int = 0,
) -> Pixels:
    """Read a picture file as an upright RGB array.

    Gray and palette pictures become RGB, transparent ones are laid over white, CMYK is converted, of an
    animation or a document with several pages the first is taken, and the EXIF orientation is applied. Where a color
    profile says other colors than those of sRGB, they are brought to sRGB.

    Args:
        path: The file: JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or JPEG 2000, by its content, whatever its name; HEIC with
            ``visus[heic]``, JPEG XL with ``visus[jxl]``, the preview in a camera's raw file with ``visus[raw]``.
        min_side: A small picture is enough, if both its sides have at least this many pixels: JPEG files are
            then decoded at a reduced scale, which is several times faster. Other formats come at full size.
        depth: 8 gives uint8; 16 gives uint16, with the full precision of files that hold 16 bits; None gives
            what the file holds.
        max_pixels: Refuse pictures with more pixels than this before they are decoded.
        range: What is white in files that hold more than 8 bits. ``"type"``: the largest number of their type, exactly;
            numbers that are no picture's are refused. ``"own"``: what can be seen: numbers that leave the upper bits
            empty (8, 10, 12 or 14 of 16) have the full range, others (floats outside [0, 1], wide or negative integers)
            go from their smallest to their largest; a range that the file tells goes before.
        page: Number of the page or frame, from 0.

    Returns:
        ``(H, W, 3)`` array, uint8 in [0, 255] or uint16 in [0, 65535].

    Raises:
        FormatError: The file is empty, damaged, truncated, or not a picture.
        InputError: The file is missing, a folder, unreadable, larger than ``max_pixels``, or has no such page.
    """
    return decode(
        read_bytes(path),
        name=os.fspath(path),
        min_side=min_side,
        depth=depth,
        max_pixels=max_pixels,
        range=range,
        page=page,
    ).pixels


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a whole file, with errors that name it and the mend.

    Raises:
        InputError: The file is missing, a folder, not a regular file, larger than 2 GiB, or unreadable.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a named pipe or a device would block or never end
            raise InputError(f"{os.fspath(path)} is not a regular file; give a picture file.")
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise InputError(f"{os.fspath(path)} is larger than {MAX_BYTES >> 30} GiB; make it smaller or skip it.")
            return file.read()
    except FileNotFoundError as error:
        raise InputError(f"{os.fspath(path)} does not exist; check the spelling of the path.") from error
    except IsADirectoryError as error:
        raise InputError(f"{os.fspath(path)} is a folder, not a picture; give a file in it.") from error
    except PermissionError as error:
        raise InputError(
            f"{os.fspath(path)} may not be read; change its permissions (chmod u+r) or skip it."
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{os.fspath(path)!r} cannot be read ({reason}); check the disk and name.") from error


def encode_jpeg(picture: NDArray[np.uint8], *, quality: int = 85) -> bytes:
    """Encode an RGB picture ``(H, W, 3)`` uint8 as the content of a JPEG file."""
    return simplejpeg.encode_jpeg(np.ascontiguousarray(picture), quality=quality, colorspace="RGB")


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """Encode a picture ``(H, W)`` or ``(H, W, 3)`` uint8 as the content of a PNG file."""
    return _encode(picture, Path("picture.png"), 0)


def check_name(path: str | os.PathLike[str]) -> None:
    """Whether a picture can be written under a name; asked before long work.

    Raises:
        InputError: The ending is none that visus writes, or the folder is missing or may not be written.
    """
    target = Path(path)
    if target.suffix.lower() not in _WRITTEN:
        raise InputError(f"{target} has no ending that visus writes; use one of: {', '.join(_WRITTEN)}.")
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISDIR(os.stat(target.parent).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _unwritten(target, error) from error


def _unwritten(target: Path, error: OSError) -> InputError:
    return InputError(f"{target} cannot be written ({error.strerror}); choose another place or make room.")


def write(path: str | os.PathLike[str], picture: NDArray[np.generic], *, quality: int = 90) -> None:
    """Write a picture; the ending of the name chooses the format.

    The file appears whole or not at all: it is written beside its place and then moved there.

    Args:
        path: Where to write: .jpg, .png, .webp, .tif, .bmp or .gif.
        picture: ``(H, W)`` or ``(H, W, 3)``: uint8, bool, uint16, or float in [0, 1]. Pictures with 16 bits
            keep them in .png and .tif; floats are written with 8 bits.
        quality: Quality of .jpg and .webp, from 1 to 100.

    Raises:
        InputError: The shape, dtype or values are not a picture's, the ending is unknown, or the place cannot
            be written.
    """
    target = Path(path)
    check_name(target)
    pixels = _writable(picture, target)
    data = _encode(pixels, target, quality)
    try:
        write_atomically(target, data)
    except OSError as error:
        raise _unwritten(target, error) from error


def _writable(picture: NDArray[np.generic], target: Path) -> Pixels:
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] not in (1, 3)) or not picture.size:
        raise InputError(
            f"A picture for {target} must have the shape (H, W) or (H, W, 3) and pixels, not {picture.shape}."
        )
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[:, :, 0]
    if picture.dtype == np.bool_:
        return picture.astype(np.uint8) * np.uint8(255)
    if np.issubdtype(picture.dtype, np.floating):
        values = picture.astype(np.float64)
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
            raise InputError(f"A float picture for {target} must be within [0, 1]; scale or clip it first.")
        return np.rint(values * 255).astype(np.uint8)
    if picture.dtype in (np.uint8, np.uint16):
        return picture  # pyright: ignore[reportReturnType]
    raise InputError(f"A picture for {target} must be uint8, uint16, bool or float, not {picture.dtype}.")


def _encode(pixels: Pixels, target: Path, quality: int) -> bytes:
    suffix = target.suffix.lower()
    if pixels.dtype == np.uint16:
        if suffix not in (".png", ".tif", ".tiff"):
            raise InputError(f"{target} cannot hold 16 bits a channel; use .png or .tif, or convert to uint8.")
        import cv2

        bgr = pixels if pixels.ndim == 2 else pixels[:, :, ::-1]
        options = [] if suffix == ".png" else [cv2.IMWRITE_TIFF_COMPRESSION, _DEFLATE]
        done, data = cv2.imencode(suffix, bgr, options)
        if not done:
            raise InputError(f"{target} cannot be encoded; check the size {pixels.shape}.")
        return data.tobytes()
    kinds = {".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP", ".gif": "GIF"}
    buffer = io.BytesIO()
    try:
        Image.fromarray(pixels).save(buffer, kinds.get(suffix, "JPEG"), quality=quality)
    except (OSError, ValueError) as error:  # each format has a largest size
        height, width = pixels.shape[:2]
        raise InputError(f"{target} cannot hold {width} x {height} pixels ({error}); use .png or .tif.") from error
    return buffer.getvalue()
