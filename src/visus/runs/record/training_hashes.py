"""Which pictures a network has seen: so that no one measures it on them by mistake."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from visus._files import write_atomically


def write(path: Path, digests: Mapping[str, list[bytes]]) -> None:
    """Write the hashes of the pictures of train and val, ``(N, 16)`` uint8; of val too, since it chose the weights.

    Args:
        path: The file.
        digests: A hash of the content of each picture, by split.
    """
    hashes = b"".join(digests["train"] + digests["val"])
    buffer = io.BytesIO()
    np.save(buffer, np.frombuffer(hashes, np.uint8).reshape(-1, 16))
    write_atomically(path, buffer.getvalue())


def count(path: Path, digests: list[bytes]) -> int:
    """How many pictures of some hashes are among those of a file; 0 where there is no file."""
    if not path.is_file():
        return 0
    try:
        known = {row.tobytes() for row in np.load(path, allow_pickle=False)}
    except ValueError:  # damaged; a measurement goes on without it
        return 0
    return sum(digest in known for digest in digests)
