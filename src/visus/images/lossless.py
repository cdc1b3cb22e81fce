"""Whether a format that can do both keeps each number of a picture, by headers alone."""

from collections.abc import Iterator

from visus.images import jxl

_RIFF, _FRAME = 12, 16  # bytes before the first chunk of a file, and before the first one within a frame
_SIZES = b"\xff\x4f\xff\x51"  # begin of a codestream
_CODING, _TILE = 0x52, 0x90  # markers of the coding style, and of the first part of the picture
_WAVELET, _REVERSIBLE = 9, 1  # where the wavelet stands behind the length, and which one is of whole numbers


def keeps_numbers(data: bytes, kind: str) -> bool:
    """Whether a file of a format that can do both keeps each number; False where the header does not tell.

    The colors of GIF were chosen before, and are kept. What an encoder of JPEG 2000 leaves out of a reversible
    transform is not told.

    Args:
        data: The content of the file.
        kind: As :func:`visus.images.container.kind_of` tells it.
    """
    if kind == "WEBP":
        found = set(_pictures(data, _RIFF, len(data)))
        return found == {b"VP8L"}
    if kind == "JPEG2000":
        return _is_reversible(data)
    return kind == "GIF" or (kind == "JXL" and jxl.is_lossless(data))


def _pictures(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """How each picture of WebP is compressed, those of frames too (RFC 9649, section 2)."""
    while start + 8 <= end:
        name, size = data[start : start + 4], int.from_bytes(data[start + 4 : start + 8], "little")
        if name in (b"VP8 ", b"VP8L"):
            yield name
        elif name == b"ANMF":
            yield from _pictures(data, start + 8 + _FRAME, min(end, start + 8 + size))
        start += 8 + size + size % 2


def _is_reversible(data: bytes) -> bool:
    """Whether JPEG 2000 uses the wavelet of whole numbers (ISO/IEC 15444-1, sections A.6.1 and F.3)."""
    place = data.find(_SIZES) + 2
    while place >= 2 and place + 4 + _WAVELET < len(data) and data[place] == 0xFF and data[place + 1] != _TILE:
        if data[place + 1] == _CODING:
            return data[place + 4 + _WAVELET] == _REVERSIBLE
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return False
