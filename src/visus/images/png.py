"""The chunks that a PNG file consists of (PNG, third edition, section 5.3)."""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_HEAD = 1 << 16  # bytes of a chunk that are read
_PIXELS = b"IDAT"


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a file: names, and the beginnings of what they hold, but for the pixels.

    Args:
        file: A PNG file; what is no chunk at its end is passed over.

    >>> import io
    >>> list(chunks(io.BytesIO(SIGNATURE + chunk(b"gAMA", b"1234") + chunk(b"IDAT", b"5"))))
    [(b'gAMA', b'1234'), (b'IDAT', b'')]
    """
    file.seek(len(SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        content = b"" if name == _PIXELS else file.read(min(length, _HEAD))
        file.seek(length - len(content) + 4, 1)
        yield name, content


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk as it stands in a file.

    Args:
        name: Four letters.
        content: What it holds.
    """
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
