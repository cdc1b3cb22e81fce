"""Copies of pictures for a data set that is written in another format."""

import os
from collections.abc import Sequence
from pathlib import Path

from visus._files import write_atomically
from visus.images import read


def copied(files: Sequence[str | os.PathLike[str]], folder: Path, taken: set[str]) -> list[Path]:
    """Copies of pictures in one folder, each under a name of its own without its ending.

    Args:
        files: The pictures.
        folder: Where the copies go; it is made.
        taken: Names without ending that are taken, in lower case; those of the copies are added.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copies = []
    for file in files:
        source = Path(file)
        stem, number = source.stem, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{source.stem}-{number}"
        taken.add(stem.casefold())
        copies.append(folder / f"{stem}{source.suffix}")
        write_atomically(copies[-1], source.read_bytes())
    return copies


def size_of(path: Path) -> tuple[int, int]:
    """Height and width of an upright picture."""
    height, width = read(path).shape[:2]
    return height, width
