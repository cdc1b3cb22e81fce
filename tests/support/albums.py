"""Indexes of photographs of the demo."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from visus import Index
from visus.search.demo import photographs


def album(folder: Path, names: Sequence[str]) -> Path:
    """A folder with some of the photographs in ``photos`` and their index ``i.visus``."""
    (folder / "photos").mkdir()
    for name in names:
        shutil.copy(photographs()[name], folder / "photos")
    Index(folder / "i.visus").add(folder / "photos")
    return folder
