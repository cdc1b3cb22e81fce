"""WebP by the chunks of its file (RFC 9649, section 2), without a decoder."""

from collections.abc import Iterator

_HEAD = 12  # bytes before the first chunk
_FRAME, _FRAME_HEAD = b"ANMF", 16  # of an animation, whose chunks stand behind its place and duration
_LOSSY, _LOSSLESS = b"VP8 ", b"VP8L"


def is_lossless(data: bytes) -> bool:
    """Whether all pictures of a file are coded without loss."""
    found: set[bytes] = set()
    for name, place, end in _chunks(data, _HEAD, len(data)):
        inside = _chunks(data, place + _FRAME_HEAD, end) if name == _FRAME else ()
        found.update(own for own in (name, *(own for own, _, _ in inside)) if own in (_LOSSY, _LOSSLESS))
    return found == {_LOSSLESS}


def _chunks(data: bytes, place: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of the content of each chunk."""
    while place + 8 <= end:
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        yield data[place : place + 4], place + 8, min(place + 8 + size, end)
        place += 8 + size + size % 2
