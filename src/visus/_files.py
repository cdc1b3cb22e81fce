"""Files that survive a power cut: written whole or not at all.

Who reads sees the old content or the new one, never a part; and once a function of this file has returned, the content
is on the disk, not only in the system's memory (the pattern of "atomic replace" in ext4's and XFS's documents: write
beside the place, sync the file, rename it, sync the folder).
"""

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO


def write_atomically(target: Path, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Write a file whole or not at all; it is on the disk afterwards.

    Args:
        target: Where; a file that is there is replaced.
        content: The bytes, or a function that writes them to an open file.

    Raises:
        OSError: There is no room, the folder is missing, or it may not be written; it names the target.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
        os.chmod(temporary, 0o666 & ~_mask())
        publish(Path(temporary), target)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(
            error, OSError
        ):  # a failing write does not tell of which file, and nobody knows the temporary one
            error.filename, error.filename2 = os.fspath(target), None
        raise


def publish(temporary: Path, target: Path) -> None:
    """Give a file that was written beside its place its name, once its content is on the disk.

    Args:
        temporary: The whole file, in the folder of the target.
        target: Its name from now on; a file that is there is replaced.

    Raises:
        OSError: The disk fails.
    """
    sync([temporary])
    os.replace(temporary, target)
    sync([target.parent])


def sync(places: Iterable[str | os.PathLike[str]]) -> None:
    """Wait until files, and the names in folders, are on the disk.

    Args:
        places: Files and folders.

    Raises:
        OSError: One of them is missing, or the disk fails.
    """
    for place in places:
        if os.name == "nt" and os.path.isdir(place):  # Windows writes names down by itself and opens no folder
            continue
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _mask() -> int:
    """The permissions that new files of this process do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
