"""TIFF files written again, with what each page says beside its pixels."""

import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np

from visus._optional import is_installed
from visus.images import directories, quiet
from visus.images.directories import Directory, Entry
from visus.images.samples import Layers
from visus.images.tiff import dpi_of, number_in

_LOSSLESS = {1: None, 5: "lzw", 8: "adobe_deflate", 32946: "adobe_deflate", 32773: "packbits", 34925: "lzma",
             50000: "zstd"}  # fmt: skip
_WITHOUT_CODECS = (1, 8, 32946, 34925)  # of these, what tifffile writes without imagecodecs
DEFLATE = 8

_DESCRIPTION = 270
_TEXTS = (269, _DESCRIPTION, 271, 272, 285, 305, 306, 315, 316, 33432)
"""Names of document and page, description, camera, program, moment, who made it, on what, and whose it is."""
_OF_CAMERA = (*_TEXTS, directories.EXIF, directories.GPS)
_RESOLUTION = (282, 283, 296)  # across, down, unit
_PLACE_ON_EARTH = (33550, 33922, 34264, 34735, 34736, 34737)  # GeoTIFF 1.1, section 7
_GDAL, _NO_DATA = 42112, 42113
SAID = {*_OF_CAMERA, *_RESOLUTION, *_PLACE_ON_EARTH, _GDAL, _NO_DATA}
"""Tags that are kept."""

_KIND, _BELOW = 254, 330
_REDUCED_OR_MASK = 1 | 4  # of the kind of a page
_IN_A_STACK = re.compile(rb'^ImageJ=|<OME[ >]|^\{"shape":')


@dataclass(frozen=True, slots=True)
class Said:
    """What a page says beside its pixels.

    Attributes:
        tags: Those that are kept.
        dpi: Pixels per inch, across and down, upright; None where it does not say.
        size: Height and width.
        is_turned: Whether its orientation is another than upright.
        numbers: Their type, as people call it.
        bits: Of a number; 0 for colors of a palette.
        is_beside: Whether it is another page in fewer pixels, or its mask.
        below: How many directories it has below it, which are smaller ones of the same, too.
        is_damaged: Whether what it says of its camera or place is not all there.
    """

    tags: Directory
    dpi: tuple[float, float] | None
    size: tuple[int, int]
    is_turned: bool = False
    numbers: str = ""
    bits: int = 0
    is_beside: bool = False
    below: int = 0
    is_damaged: bool = False


def said_in(data: bytes) -> list[Said]:
    """What the pages of a TIFF file say.

    Args:
        data: The content of the file.

    Raises:
        Exception: It is damaged; tifffile raises almost anything then.
    """
    with quiet.tifffile().TiffFile(io.BytesIO(data)) as file:
        return [_said(data, file.pages[number].aspage()) for number in range(len(file.pages))]


def _said(data: bytes, page: Any) -> Said:  # noqa: ANN401 - of a library without types
    tags = directories.read(data, page.offset, only=SAID)
    turn = number_in(page, 274, 1)
    dtype = None if page.dtype is None else np.dtype(page.dtype)
    bits = page.bitspersample if isinstance(page.bitspersample, int) and page.photometric != 3 else 0
    kinds = {"f": "floats", "i": "integers with a sign"}
    lies = 5 <= turn <= 8
    dpi = dpi_of(page)
    return Said(
        _upright(tags) if lies else tags,
        (dpi[1], dpi[0]) if dpi and lies else dpi,
        (int(page.imagelength), int(page.imagewidth)),
        2 <= turn <= 8,
        kinds.get(dtype.kind if dtype else "", "integers"),
        bits,
        bool(number_in(page, _KIND) & _REDUCED_OR_MASK),
        len(page.subifds or ()),
        any(tag in page.tags and tag not in tags for tag in (directories.EXIF, directories.GPS)),
    )


def _upright(tags: Directory) -> Directory:
    """The resolution of a page whose sides change places."""
    across, down = _RESOLUTION[:2]
    if across not in tags or down not in tags:
        return tags
    return tags | {across: tags[down], down: tags[across]}


def alone(said: Sequence[Said], number: int) -> Said:
    """What one of several pages says where it is alone.

    That is not how all of them lie in a stack, as ImageJ, OME and tifffile describe it; but of the camera also what
    only the first says.
    """
    of_all = {tag: value for tag, value in said[0].tags.items() if tag in _OF_CAMERA and tag != _DESCRIPTION}
    tags = of_all | said[number].tags
    text = tags.get(_DESCRIPTION)
    if isinstance(text, Entry) and _IN_A_STACK.search(text.value):
        del tags[_DESCRIPTION]
    return replace(said[number], tags=tags)


def widened(numbers: str, bits: int, now: int) -> str:
    """What is told of numbers that are read as integers of other bits."""
    return f"{numbers} of {bits} bit{'s' * (bits > 1)} became {now} bits"


def exif_of(said: Said) -> bytes:
    """A block of EXIF with what a page says of its camera; empty for nothing."""
    own = {tag: value for tag, value in said.tags.items() if tag in _OF_CAMERA}
    return b"Exif\0\0" + directories.block(own) if own else b""


def said_by_exif(exif: bytes) -> Directory:
    """The tags in a block of EXIF that a TIFF file has a place for."""
    return directories.read(exif.removeprefix(b"Exif\0\0"), only=_OF_CAMERA) if exif else {}


def in_reach(compression: int | None) -> tuple[int | None, str | None]:
    """The compression that is written with the packages at hand, and what must be told of it.

    Args:
        compression: Of the file that is read, by its number.

    Returns:
        Deflate in the place of one that needs imagecodecs, and a note then.
    """
    wanted = _LOSSLESS.get(compression or DEFLATE)
    if wanted is None or compression in _WITHOUT_CODECS or is_installed("imagecodecs"):
        return compression, None
    return DEFLATE, f"compressed with Deflate in place of {wanted}, which is written with: pip install 'visus[codecs]'"


def write(
    file: BinaryIO,
    pages: Iterable[Layers],
    said: Sequence[Said],
    *,
    compression: int | None = None,
    dpi: tuple[float, float] | None = None,
    exif: bytes = b"",
) -> Iterator[str]:
    """Write a TIFF file.

    Args:
        file: Where to write.
        pages: The pages.
        said: What each of them says, of TIFF; of others, nothing.
        compression: By its number; one that loses nothing is kept, all others become Deflate.
        dpi: Pixels per inch, for files that do not say it themselves.
        exif: What other formats say of the camera.

    Yields:
        What must be told.
    """
    buffer = io.BytesIO()
    compression, note = in_reach(compression)
    tags: list[Directory] = []
    notes = dict.fromkeys([note] if note else [])
    with quiet.tifffile().TiffWriter(buffer, byteorder="<") as out:
        for number, page in enumerate(pages):
            colors = page.colors if page.alpha is None else np.dstack([page.colors, page.alpha])
            out.write(
                colors,
                photometric="minisblack" if page.colors.ndim == 2 else "rgb",
                planarconfig="contig" if colors.ndim == 3 else None,
                extrasamples=None if page.alpha is None else ["assocalpha" if page.premultiplied else "unassalpha"],
                compression=_LOSSLESS.get(compression or DEFLATE, "adobe_deflate"),
                resolution=dpi,
                resolutionunit="INCH" if dpi else None,
                iccprofile=page.profile,
                software=False,
                metadata=None,
            )
            if said:
                kept, left = _fitting(said[number], colors.shape, 8 * colors.dtype.itemsize)
                tags.append(kept)
                notes |= dict.fromkeys(left)
    directories.add(buffer, tags if said else [said_by_exif(exif)])
    file.write(buffer.getbuffer())
    yield from notes


def _fitting(said: Said, shape: tuple[int, ...], bits: int) -> tuple[Directory, list[str]]:
    """The tags that are still true of a page, and what is told of the others."""
    gone: dict[int, str] = {}
    if shape[:2] != said.size or said.is_turned:
        gone |= dict.fromkeys(_PLACE_ON_EARTH, "where it lies on Earth (GeoTIFF) is left out, as its shape has changed")
    if said.numbers != "integers" or said.bits != bits:
        gone |= dict.fromkeys((_GDAL, _NO_DATA), "what GDAL says of its numbers is left out, as these have changed")
    text = said.tags.get(_DESCRIPTION)
    if isinstance(text, Entry) and not _is_true(text.value, shape):
        gone[_DESCRIPTION] = ""
    left = {gone[tag] for tag in said.tags if tag in gone}
    return {tag: value for tag, value in said.tags.items() if tag not in gone}, [note for note in left if note]


def _is_true(text: bytes, shape: tuple[int, ...]) -> bool:
    """Whether a description is none of a shape, as tifffile writes it, or one that ends as that of a page."""
    if not text.startswith(b'{"shape":'):
        return True
    try:
        return tuple(json.loads(text.rstrip(b"\0"))["shape"])[-len(shape) :] == shape
    except (ValueError, TypeError):
        return False
