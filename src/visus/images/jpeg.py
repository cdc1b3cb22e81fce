"""The segments of a JPEG file before its first scan (ITU-T T.81, annex B), without a decoder."""

from collections.abc import Iterator

_PROFILE = b"ICC_PROFILE\x00"


def segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Markers and contents of the segments before the first scan."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # a filling byte
            place += 1
            continue
        if marker in (0xDA, 0xD9):
            return
        size = int.from_bytes(data[place + 2 : place + 4], "big")
        yield marker, data[place + 4 : place + 2 + size]
        place += 2 + max(size, 2)


def profile_in(data: bytes) -> bytes | None:
    """The color profile of a JPEG file; None where there is none, or a part of it is missing.

    ICC.1:2022, annex B.4: each part has its number and how many there are.
    """
    parts = {
        segment[12]: segment[14:]
        for marker, segment in segments(data)
        if marker == 0xE2 and segment.startswith(_PROFILE) and len(segment) > 14
    }
    if not parts or sorted(parts) != list(range(1, len(parts) + 1)):
        return None
    return b"".join(parts[number] for number in sorted(parts))
