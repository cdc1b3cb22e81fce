"""Which pictures a network has seen: so that no one measures it on them by mistake."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from visus._files import write_atomically


def write(path: Path, digests: Mapping[str, list[bytes]]) -> None:
    """Write the hashes of the pictures of train and val, ``(N, 17)`` uint8: 16 of the hash, and whether it is of val.

    Args:
        path: The file.
        digests: A hash of the content of each picture, by split.
    """
    hashes = b"".join(digest + bytes([k]) for k, split in enumerate(("train", "val")) for digest in digests[split])
    buffer = io.BytesIO()
    np.save(buffer, np.frombuffer(hashes, np.uint8).reshape(-1, _WIDTH + 1))
    write_atomically(path, buffer.getvalue())


_WIDTH = 16


def count(path: Path, digests: list[bytes]) -> tuple[int, int]:
    """How many pictures of some hashes were trained on, and by how many others the weights were chosen.

    Args:
        path: The file; without it both are 0. One of an older run does not tell the two apart: all count as trained on.
        digests: A hash of the content of each picture.
    """
    if not path.is_file():
        return 0, 0
    try:
        rows = np.load(path, allow_pickle=False)
        trained = {row[:_WIDTH].tobytes() for row in rows if len(row) == _WIDTH or not row[_WIDTH]}
        chosen = {row[:_WIDTH].tobytes() for row in rows if len(row) > _WIDTH and row[_WIDTH]} - trained
    except (ValueError, TypeError, IndexError):  # damaged; a measurement goes on without it
        return 0, 0
    return sum(digest in trained for digest in digests), sum(digest in chosen for digest in digests)
