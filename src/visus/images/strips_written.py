"""Large pictures written strip by strip: from each strip of a picture, or part by part.

Between the rows and the encoder, that of libvips, lies an uncompressed TIFF file on the disk beside the target.
"""

import contextlib
import math
import mmap
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import JpegImagePlugin

from visus._errors import InputError
from visus._files import publish
from visus._optional import require
from visus.images import directories
from visus.images.container import kind_of_file
from visus.images.directories import Directory, Entry
from visus.images.jpeg import sampling_of
from visus.images.strips import TYPES, Large
from visus.images.tiff_written import SAID, said_by_exif

Array = NDArray[Any]

_ENDINGS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF"}
_QUALITY = 95
_MOST = 0xF0000000  # bytes of a TIFF file that 32 bits can number
_COMPRESSIONS = {"none": "none", "lzw": "lzw", "packbits": "packbits", "zstd": "zstd"}  # all others become Deflate
_BY_LIBVIPS = (270, 282, 283, 296)  # tags that all formats have a place for
_UNIT = 296
_SCREEN = 72 / 25.4  # pixels per mm that libvips gives to what does not say it


def why_not_to(large: Large, target: Path) -> str | None:
    """Why a picture is not written in strips to a place; None where it is.

    Args:
        large: The picture.
        target: The place.
    """
    written = _ENDINGS.get(target.suffix.lower())
    if written is None:
        return f"{target.suffix} is not written in strips"
    holds_all = large.opened.format == "uchar" and large.opened.bands == large.colors
    return "JPEG holds neither 16 bits nor alpha" if written == "JPEG" and not holds_all else None


def change(large: Large, target: Path, reach: int, work: Callable[[Array], Array]) -> list[str]:
    """Write what becomes of a picture, strip by strip; alpha stays as it is.

    Args:
        large: The picture.
        target: Where to write: .jpg, .png or .tif; the file appears whole or not at all.
        reach: So many rows above and below count for a row of the result.
        work: Takes ``(h, W)`` or ``(h, W, 3)``, and gives the same shape and dtype.

    Returns:
        What must be said.

    Raises:
        FormatError: The file is damaged.
        InputError: There is no room on the disk, or the place cannot be written.
    """
    import tifffile

    with _beside(target) as (raw, done):
        source = large.opened
        tifffile.imwrite(
            raw,
            _results(large, reach, work),
            shape=(source.height, source.width, source.bands)[: 3 if source.bands > 1 else 2],
            dtype=TYPES[source.format],
            rowsperstrip=large.height(reach),
            photometric="rgb" if large.colors == 3 else "minisblack",
            planarconfig="contig" if source.bands > 1 else None,
            extrasamples=["unassalpha"] if source.bands > large.colors else None,
            bigtiff=_is_big(large),
            metadata=None,
        )
        said = _said(large)
        _encode(large, raw, done, said)
        if _ENDINGS[target.suffix.lower()] == "TIFF":
            with done.open("r+b") as file:
                directories.add(file, [said])
            said = {}
    left = "of what a TIFF file says, only its resolution, color profile and description are kept"
    return ["read and written in strips", *([left] if _says_more(large, said) else [])]


def write_jpeg(target: Path, parts: Iterator[Array], shape: tuple[int, int, int], *, rows: int, quality: int) -> None:
    """Write a JPEG file part by part.

    Args:
        target: Where to write; the file appears whole or not at all.
        parts: Rows ``(rows, W, 3)`` uint8 from the top down; the last ones may be fewer.
        shape: ``(H, W, 3)``.
        rows: Of a part.
        quality: From 1 to 100.

    Raises:
        InputError: There is no room on the disk, the place cannot be written, or JPEG has no such size.
    """
    import tifffile

    with _beside(target) as (raw, done):
        is_big = math.prod(shape) > _MOST
        tifffile.imwrite(
            raw, parts, shape=shape, dtype=np.uint8, rowsperstrip=rows, photometric="rgb", bigtiff=is_big, metadata=None
        )
        image = require("pyvips").Image.tiffload(str(raw), access="sequential")
        _save(image, done, {"Q": quality, "subsample_mode": "on"})


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[tuple[Path, Path]]:
    """Places for the rows and for the file that is made of them, which goes to its own place at the end.

    Raises:
        InputError: There is no room on the disk, or the place cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
            done = Path(folder, f"done{target.suffix.lower()}")
            yield Path(folder, "raw.tif"), done
            publish(done, target)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{target} cannot be written ({reason}); choose another place or make room.") from error


def _said(large: Large) -> Directory:
    """What a file says beside its pixels, as TIFF says it."""
    if kind_of_file(large.path) == "TIFF":
        with large.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return directories.read(content, only=SAID)
    if not large.opened.get_typeof("exif-data"):
        return {}
    with contextlib.suppress(ValueError):  # a damaged block
        return said_by_exif(large.opened.get("exif-data"))
    return {}


def _says_more(large: Large, said: Directory) -> bool:
    """Whether a TIFF file tells what is not written into the result."""
    return kind_of_file(large.path) == "TIFF" and any(tag not in _BY_LIBVIPS for tag in said)


def _results(large: Large, reach: int, work: Callable[[Array], Array]) -> Iterator[Array]:
    for rows, own in large.strips(reach):
        colors = rows[:, :, 0] if large.colors == 1 else rows[:, :, :3]
        result = work(np.ascontiguousarray(colors))[own]
        yield np.concatenate([result.reshape(*result.shape[:2], large.colors), rows[own, :, large.colors :]], axis=2)


def _encode(large: Large, raw: Path, done: Path, said: Directory) -> None:
    """A file of numbers as a picture file, with what the source says beside its pixels."""
    pyvips, source = require("pyvips"), large.opened
    numbers = pyvips.Image.tiffload(str(raw), access="sequential")
    unit = said.get(_UNIT)
    bare = isinstance(unit, Entry) and unit.value == b"\1\0"  # a ratio, which libvips takes for pixels per mm
    image = numbers.copy(xres=_SCREEN if bare else source.xres, yres=_SCREEN if bare else source.yres)
    for name in ("icc-profile-data", "exif-data", "xmp-data", "iptc-data", "resolution-unit", "image-description"):
        if kind := source.get_typeof(name):
            image.set_type(kind, name, source.get(name))
    if (ending := done.suffix) in (".jpg", ".jpeg"):
        options: dict[str, Any] = {"Q": _QUALITY, "subsample_mode": _subsampling(large.path)}
    elif ending == ".png":
        options = {"compression": 6}
    else:
        told = source.get("compression") if source.get_typeof("compression") else ""
        options = {
            "compression": _COMPRESSIONS.get(told, "deflate"),
            "predictor": "horizontal",
            "bigtiff": _is_big(large),
        }
    _save(image, done, options)


def _subsampling(path: Path) -> str:
    """Whether colors are sampled down by two both ways: JPEG where they are so already, and other formats."""
    if kind_of_file(path) != "JPEG":
        return "on"
    with JpegImagePlugin.JpegImageFile(path) as opened:
        return "on" if sampling_of(opened) in (2, None) else "off"


def _save(image: Any, done: Path, options: dict[str, Any]) -> None:  # noqa: ANN401 - of a library without types
    try:
        image.write_to_file(str(done), **options)
    except require("pyvips").Error as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{done.suffix} cannot hold this picture ({reason}); choose another format or make room."
        ) from error


def _is_big(large: Large) -> bool:
    """Whether a file may grow beyond what 32 bits can say."""
    numbers = large.opened.width * large.opened.height * large.opened.bands
    return numbers * np.dtype(TYPES[large.opened.format]).itemsize > _MOST
