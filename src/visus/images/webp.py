"""WebP by the chunks of its file (RFC 9649, section 2), without a decoder."""

_HEAD = 12  # bytes before the first chunk
_FRAME, _FRAME_HEAD = b"ANMF", 16  # of an animation, whose chunks stand behind its place and duration
_LOSSY, _LOSSLESS = b"VP8 ", b"VP8L"


def is_lossless(data: bytes) -> bool:
    """Whether all pictures of a file are coded without loss."""
    found = _names(data, _HEAD, len(data))
    return _LOSSLESS in found and _LOSSY not in found


def _names(data: bytes, place: int, end: int) -> set[bytes]:
    names: set[bytes] = set()
    while place + 8 <= end:
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        if name == _FRAME:
            names |= _names(data, place + 8 + _FRAME_HEAD, min(place + 8 + size, end))
        names.add(name)
        place += 8 + size + size % 2
    return names
