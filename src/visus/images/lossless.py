"""Whether a format that can do both keeps each number of a picture, by headers alone."""

from visus.images import jxl, webp

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
        return webp.is_lossless(data)
    if kind == "JPEG2000":
        return _is_reversible(data)
    return kind == "GIF" or (kind == "JXL" and jxl.is_lossless(data))


def _is_reversible(data: bytes) -> bool:
    """Whether JPEG 2000 uses the wavelet of whole numbers (ISO/IEC 15444-1, sections A.6.1 and F.3)."""
    place = data.find(_SIZES) + 2
    while place >= 2 and place + 4 + _WAVELET < len(data) and data[place] == 0xFF and data[place + 1] != _TILE:
        if data[place + 1] == _CODING:
            return data[place + 4 + _WAVELET] == _REVERSIBLE
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return False
