"""Options that several commands share."""

import os
from pathlib import Path
from typing import Annotated

import typer


def default_index() -> Path:
    """Where the index is unless ``--index`` says otherwise: ``$VISUS_INDEX``, or the user's data folder."""
    import platformdirs

    place = os.environ.get("VISUS_INDEX")
    return Path(place) if place else platformdirs.user_data_path("visus") / "pictures.visus"


IndexPlace = Annotated[
    Path | None,
    typer.Option("--index", "-i", help="Folder of the index.  [default: $VISUS_INDEX, or one for the user]"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for another program.")]


def human_size(size: float) -> str:
    """A number of bytes for people.

    >>> human_size(1_500_000)
    '1.5 MB'
    """
    units = ("B", "kB", "MB", "GB", "TB")
    power = min(len(units) - 1, max(0, (len(f"{size:.0f}") - 1) // 3))
    return f"{size:.0f} B" if power == 0 else f"{size / 1000**power:.1f} {units[power]}"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """A count with its noun.

    >>> plural(1, "picture"), plural(2, "picture"), plural(2, "copy", "copies")
    ('1 picture', '2 pictures', '2 copies')
    """
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def save_picture(path: Path, picture: object) -> None:
    """Write a picture and say where it is."""
    import numpy as np

    from visus.images import write

    write(path, np.asarray(picture))
    typer.echo(f"Wrote {path}", err=True)
