"""Files that are made of boxes: HEIC and AVIF (ISO/IEC 14496-12 and 23008-12), JPEG 2000 (ISO/IEC 15444-1, annex I)."""

from collections.abc import Iterator

_HEADER = 8  # length and name of a box
_FULL = 4  # version and flags of some


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of the content of each box, one behind the other.

    Args:
        data: The file.
        start: Where the first begins.
        end: Where the last ends; None for the end of the file.
    """
    stop = len(data) if end is None else min(end, len(data))
    while start + _HEADER <= stop:
        size, name, head = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8], _HEADER
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        size = size or stop - start  # 0: to the end
        if size < head or start + size > stop:
            return
        yield name, start + head, start + size
        start += size


def find(data: bytes, *names: bytes, start: int = 0, end: int | None = None) -> tuple[int, int] | None:
    """Start and end of the content of a box within boxes, by names from the outermost on; None if it is not there."""
    for number, name in enumerate(names):
        found = next((place for own, *place in boxes(data, start, end) if own == name), None)
        if found is None:
            return None
        start, end = found
        if name == b"meta" and number + 1 < len(names):
            start += _FULL
    return start, len(data) if end is None else end


def properties(data: bytes) -> list[tuple[bytes, bytes]]:
    """Name and content of each property of the main picture in HEIC or AVIF (ISO/IEC 23008-12, section 9.3)."""
    main, known, told = (find(data, b"meta", *names) for names in ((b"pitm",), (b"iprp", b"ipco"), (b"iprp", b"ipma")))
    if not (main and known and told):
        return []
    own = int.from_bytes(data[main[0] + _FULL : main[1]], "big")
    every = [(name, data[start:end]) for name, start, end in boxes(data, *known)]
    numbers = _associations(data[told[0] : told[1]]).get(own, [])
    return [every[number - 1] for number in numbers if 0 < number <= len(every)]


def _associations(content: bytes) -> dict[int, list[int]]:
    """The numbers of the properties of each picture (ISO/IEC 23008-12, section 9.3.2)."""
    wide_name, wide_number = content[0] >= 1, content[3] & 1
    name_bytes, number_bytes = (4 if wide_name else 2), (2 if wide_number else 1)
    count, place, found = int.from_bytes(content[4:8], "big"), 8, {}
    for _ in range(count):
        if place + name_bytes >= len(content):
            break
        name = int.from_bytes(content[place : place + name_bytes], "big")
        several, place = content[place + name_bytes], place + name_bytes + 1
        end = place + several * number_bytes
        mask = (1 << (8 * number_bytes - 1)) - 1  # the first bit says whether it is essential
        steps = range(place, min(end, len(content)), number_bytes)
        found[name] = [int.from_bytes(content[k : k + number_bytes], "big") & mask for k in steps]
        place = end
    return found
