"""Files of a data set that nothing uses: named and counted by folder and ending."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from visus.data.splits import paths_below
from visus.images import is_picture_name

FOREIGN = (
    ".ppm", ".pgm", ".pbm", ".pnm", ".psd", ".svg", ".eps", ".tga", ".exr", ".hdr", ".dds", ".ico", ".cr2", ".cr3",
    ".nef",    ".arw", ".dng", ".orf", ".rw2", ".raf", ".dcm",
)  # fmt: skip
"""Endings of pictures that visus does not read where it learns."""

_MOST_NAMED = 6


def is_foreign(name: str) -> bool:
    """Whether a file is a picture by its ending, of a kind that is not read."""
    return name.lower().endswith(FOREIGN)


def unused(root: Path, used: Iterable[str | Path], *, expected: tuple[str, ...] = ()) -> list[str]:
    """One sentence on the files below a folder that are not used; none where all are.

    Args:
        root: The folder of the data set.
        used: Files that are used or were named already.
        expected: Endings of files that belong to the format, and papers that come with sets.
    """
    as_named = {os.fspath(path) for path in used}
    rest = [path for path in paths_below(root) if path not in as_named]
    known = {os.path.abspath(path) for path in as_named} if rest else set()
    counts: Counter[tuple[str, str]] = Counter()
    for name in rest:
        path, ending = Path(name), os.path.splitext(name)[1].lower()
        if os.path.abspath(name) not in known and (is_picture_name(name) or ending not in expected):
            counts[str(path.parent.relative_to(root)), ending or "without ending"] += 1
    if not counts:
        return []
    named = [
        f"{count:,} {ending}" + ("" if folder == "." else f" in {folder}")
        for (folder, ending), count in counts.most_common(_MOST_NAMED)
    ]
    more = len(counts) - len(named)
    total = sum(counts.values())
    many = f"{total:,} files are" if total > 1 else "1 file is"
    return [f"{many} not used: {', '.join(named)}{f' and {more} more kinds' if more else ''}."]
