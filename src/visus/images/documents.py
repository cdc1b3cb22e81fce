"""Files as documents: all their pages or frames, and what they say beside these, read and written again.

Where :func:`visus.read` makes one picture for people of whatever a file holds, a document keeps the file's own: gray
stays gray, alpha stays alpha, colors stay those of its profile.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from visus._errors import DependencyError, FormatError, InputError
from visus._files import write_atomically
from visus.images import directories, tiff, tiff_written
from visus.images.container import FIRST, kind_of, needs, readable
from visus.images.decode import MAX_PIXELS, common_range, layers_in
from visus.images.fitted import fitted, png_of_sixteen
from visus.images.jpeg import exif_in, frame_of, orientation_in, sampling_of, segments
from visus.images.opened import bits_of, open_by
from visus.images.samples import Layers, in_srgb
from visus.images.tiff_written import Said
from visus.images.webp import is_lossless

ENDINGS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF",
    ".tiff": "TIFF", ".bmp": "BMP", ".gif": "GIF",
}  # fmt: skip
"""Formats that are written, by the ending of the name."""

_MOVING = ("GIF", "WEBP", "PNG", "AVIF")  # formats of animations
_WITHOUT_EXIF = ("BMP", "GIF")
_MOST_EXIF = 65_533  # bytes of a segment of JPEG
_QUALITY = 95


@dataclass(frozen=True, slots=True)
class About:
    """What a file says beside its pictures.

    Attributes:
        container: Format.
        numbers: Its pages or frames, from 0: those that are no smaller ones of others.
        dpi: Pixels per inch, across and down; None where it does not say.
        exif: A block of EXIF, without an orientation, since what is read is upright; empty for none.
        durations: Of the frames of an animation, in ms; empty for pages.
        loop: How often it is shown; 0 for ever, None where it does not say.
        compression: Of TIFF, by its number there.
        said: Of TIFF, what each page says.
        is_lossless: Of WebP, whether nothing is lost.
        sampling: Of JPEG, how its colors are sampled, by Pillow's number; None for gray and other formats.
        smaller: Pages that are smaller ones of these, or their masks, and not among them.
        notes: What is left out of this, and what becomes of the numbers.
    """

    container: str
    numbers: tuple[int, ...] = (0,)
    dpi: tuple[float, float] | None = None
    exif: bytes = b""
    durations: tuple[int, ...] = ()
    loop: int | None = None
    compression: int | None = None
    said: tuple[Said, ...] = ()
    is_lossless: bool = False
    sampling: int | None = None
    smaller: int = 0
    notes: tuple[str, ...] = ()

    @property
    def pages(self) -> int:
        """How many pages or frames."""
        return len(self.numbers)

    def of_one_page(self, number: int) -> "About":
        """What is said of one of several pages: not how all of them lie in a stack."""
        one = replace(self, numbers=(number,), durations=(), smaller=0)
        if not 1 < len(self.said) > number:
            return one
        own = tiff_written.alone(self.said, number)
        said = (*self.said[:number], own, *self.said[number + 1 :])
        return replace(one, said=said, dpi=own.dpi, exif=tiff_written.exif_of(own))


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
            return _of_tiff(data)
        if kind is None or kind == "RAW":
            return About(kind or "")
        if kind == "JPEG" and frame_of(data).is_deep:
            exif, notes = _exif(exif_in(segments(data)))
            return About(kind, exif=exif, notes=notes)
        with open_by(data, kind) as opened:
            return _of_opened(opened, data, kind)
    except DependencyError as error:
        raise FormatError(f"{name} cannot be read here. {error}") from error
    except Exception as error:  # decoders of hostile files raise almost anything
        raise FormatError(f"{name} is damaged or truncated ({error}); bring the file again or delete it.") from error


_DAMAGED_EXIF = "damaged EXIF left out"


def _of_tiff(data: bytes) -> About:
    page, said = tiff.look(data), tuple(tiff_written.said_in(data))
    numbers = tuple(number for number, own in enumerate(said) if not own.is_beside) or tuple(range(len(said)))
    smaller = len(said) - len(numbers) + sum(own.below for own in said)
    first = said[numbers[0]]
    return About(
        "TIFF",
        numbers,
        first.dpi,
        tiff_written.exif_of(first),
        compression=page.compression,
        said=said,
        smaller=smaller,
        notes=(_DAMAGED_EXIF,) if any(own.is_damaged for own in said) else (),
    )


def _of_opened(opened: Image.Image, data: bytes, kind: str) -> About:
    count = int(getattr(opened, "n_frames", 1))
    dpi = opened.info.get("dpi")
    exif, notes = _exif(opened.info.get("exif") or b"")
    durations = []
    for frame in range(count if count > 1 and kind in _MOVING else 0):
        opened.seek(frame)
        if kind in ("WEBP", "AVIF"):  # tell only then
            opened.load()
        durations.append(int(opened.info.get("duration", 0)))
    turned = kind == "JPEG" and orientation_in(segments(data)) >= 5
    if opened.mode in ("1", "L") and (bits := 1 if opened.mode == "1" else bits_of(opened, data, kind)) < 8:
        notes = (*notes, tiff_written.widened("integers", bits, 8))
    found = (float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 0 else None
    return About(
        kind,
        tuple(range(count)),
        (found[1], found[0]) if found and turned else found,
        exif,
        tuple(durations),
        opened.info.get("loop"),
        is_lossless=kind == "WEBP" and is_lossless(data),
        sampling=sampling_of(opened),
        notes=notes,
    )


def _exif(block: bytes) -> tuple[bytes, tuple[str, ...]]:
    try:
        return directories.upright(block), ()
    except ValueError:
        return b"", (_DAMAGED_EXIF,)


_EXACT = {("integers", bits) for bits in range(17)}  # numbers that are a picture's as they are


def pages_in(
    data: bytes, name: str, numbers: Sequence[int], *, said: Sequence[Said] = (), max_pixels: int = MAX_PIXELS
) -> Iterator[Layers]:
    """Pages or frames of a file, one after the other, upright, in 8 or 16 bits.

    They are exact where they can be; numbers that are no picture's are stretched to the range of all pages, and the
    notes of the layers say so. Inks become RGB.

    Args:
        data: The content of the file.
        name: What errors call it.
        numbers: Which pages, from 0.
        said: What each page of the file says, if it is TIFF.
        max_pixels: Larger ones are refused.

    Raises:
        FormatError: The file is damaged, or no picture.
        InputError: A page is too large, or is not there.
    """
    kinds = {(said[number].numbers, said[number].bits) for number in numbers if number < len(said)}
    may_differ = len(numbers) > 1 and len(kinds) == 1 and not kinds <= _EXACT
    ends = common_range(data, name, numbers, max_pixels) if may_differ else None
    for number in numbers:
        try:
            layers = layers_in(data, name, page=number, max_pixels=max_pixels, ends=ends)
        except FormatError as error:
            if "range='own'" not in str(error):
                raise
            layers = layers_in(data, name, page=number, max_pixels=max_pixels, range="own")
        if number < len(said) and (note := _changed(said[number], layers)):
            layers = replace(layers, notes=(*layers.notes, note))
        yield _without_inks(layers)


def _changed(said: Said, layers: Layers) -> str | None:
    """What is told of a page whose numbers have another type than in the file."""
    bits = 8 * layers.colors.dtype.itemsize
    if not said.bits or (said.bits == bits and said.numbers == "integers") or "stretched" in str(layers.notes):
        return None
    return tiff_written.widened(said.numbers, said.bits, bits)


def _without_inks(layers: Layers) -> Layers:
    if layers.colors.ndim == 2 or layers.colors.shape[2] != 4:
        return layers
    notes = [*layers.notes, "inks (CMYK) became RGB"]
    colors = in_srgb(layers.colors, layers.profile, notes)
    return replace(layers, colors=colors, profile=None, notes=tuple(notes))


def write_document(target: Path, pages: Iterable[Layers], about: About) -> list[str]:
    """Write pages or frames as one file; the ending of its name tells the format.

    The file appears whole or not at all.

    Args:
        target: Where to write.
        pages: What to write, each ``(H, W)`` or ``(H, W, 3)``, uint8 or uint16. The format must be able to hold it.
        about: What to say beside the pages; how many there are counts.

    Returns:
        What must be said: what the format has no place for.

    Raises:
        InputError: The format holds no such pages, or the place cannot be written.
    """
    container = ENDINGS.get(target.suffix.lower())
    if container is None:
        raise InputError(f"{target} has no ending that visus writes; use one of: {', '.join(ENDINGS)}.")
    if about.pages > 1 and container != "TIFF" and not (about.durations and container in _MOVING):
        holds = "one picture or an animation" if container in _MOVING else "one picture"
        raise InputError(
            f"{target} holds {holds}, and there are {about.pages}{_kind(about)}; write .tif, or choose one with --page."
        )
    notes: dict[str, None] = dict.fromkeys(about.notes)
    writer = _write_tiff if container == "TIFF" else _write_by_pillow
    try:
        write_atomically(target, lambda file: writer(file, pages, about, target, notes))
    except InputError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{target} cannot be written ({reason}); choose another place or make room.") from error
    return list(notes)


def _kind(about: About) -> str:
    return " frames" if about.durations else " pages"


def _write_tiff(file: BinaryIO, pages: Iterable[Layers], about: About, _target: Path, notes: dict[str, None]) -> None:
    if about.durations:
        notes["how long frames are shown is left out"] = None
    said = [about.said[number] for number in about.numbers if number < len(about.said)]
    notes |= dict.fromkeys(
        tiff_written.write(
            file, pages, said, compression=about.compression, dpi=None if said else about.dpi, exif=about.exif
        )
    )


def _write_by_pillow(
    file: BinaryIO, pages: Iterable[Layers], about: About, target: Path, notes: dict[str, None]
) -> None:
    container = ENDINGS[target.suffix.lower()]
    rest = (fitted(page, container, notes) for page in pages)
    first = next(rest)
    if container == "GIF" and about.container != "GIF" and first.colors.ndim == 3:
        notes["colors reduced to 256"] = None
    options = _options(about, container, notes)
    if first.profile:
        options["icc_profile"] = first.profile
    if first.colors.dtype == np.uint16:
        if container != "PNG" or about.pages > 1:
            what = "16 bits a channel" if about.pages == 1 else f"{about.pages} pictures of 16 bits a channel"
            raise InputError(f"{target} cannot hold {what}; write .tif{' or .png' * (about.pages == 1)}.")
        file.write(png_of_sixteen(first, options))
        return
    if about.pages > 1:
        frames = list(rest)
        if any(frame.colors.dtype == np.uint16 for frame in frames):
            raise InputError(f"{target} cannot hold the pages that have 16 bits a channel; write .tif.")
        options |= {"save_all": True, "append_images": [_opened(frame) for frame in frames]}
        options |= {"duration": list(about.durations)}
        options |= {"loop": about.loop} if about.loop is not None else {}
    try:
        _opened(first).save(file, container, **options)
    except ValueError as error:  # each format has a largest size
        raise InputError(f"{target} cannot hold this picture ({error}); use .png or .tif.") from error


def _options(about: About, container: str, notes: dict[str, None]) -> dict[str, Any]:
    """How Pillow writes a format, and what is said beside the pixels."""
    options: dict[str, Any] = {"quality": _QUALITY} if container in ("JPEG", "WEBP") else {}
    if container == "JPEG" and about.sampling is not None:
        options["subsampling"] = about.sampling
    if container == "WEBP" and about.is_lossless:
        options = {"lossless": True, "exact": True}
    if about.dpi:
        options["dpi"] = about.dpi
    if about.exif and (container in _WITHOUT_EXIF or (container == "JPEG" and len(about.exif) > _MOST_EXIF)):
        notes[f"EXIF left out, for which {container} has no room"] = None
    elif about.exif:
        options["exif"] = about.exif
    return options


def _opened(page: Layers) -> Image.Image:
    """A page of 8 bits as Pillow's."""
    opened = Image.fromarray(np.ascontiguousarray(page.colors))
    if page.alpha is not None:
        opened.putalpha(Image.fromarray(np.ascontiguousarray(page.alpha)))
    return opened
