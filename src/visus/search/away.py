"""Which pictures are no longer there, and when that is not to be believed: a drive that is not mounted looks empty."""

import os
import stat
from collections import Counter
from collections.abc import Iterable

from visus.search.filesystems import entry_of


def is_missing(path: str) -> bool:
    """Whether a file is surely not there, or a folder took its place; one that cannot be looked at may well be."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def is_replaced(path: str, size: int, mtime: int) -> bool:
    """Whether a file that is there is another than the one that had this size and time of change (ns since 1970)."""
    try:
        entry = entry_of(os.stat(path))
    except OSError:
        return False
    return (entry.size, entry.mtime) != (size, mtime)


def is_away(real_path: str) -> bool:
    """Whether a file is surely not at its real path: it is missing, or a link took the place of it or of its folder."""
    return is_missing(real_path) or os.path.realpath(real_path) != real_path


def emptied(roots: Iterable[str], there: Iterable[str]) -> list[str]:
    """Roots below which no known picture is there.

    Args:
        roots: Real paths.
        there: Real paths of the pictures that are not marked as gone.

    >>> emptied(["/usb", "/home"], ["/home/a.jpg"])
    ['/usb']
    """
    left = list(roots)
    for path in there:
        left = [root for root in left if not path.startswith(os.path.join(root, ""))]
    return left


def watched(roots: Iterable[str], remembered: Iterable[str]) -> set[str]:
    """Real paths of the roots of an update, and of earlier ones that lie below them.

    >>> sorted(watched(["/nowhere/a"], ["/nowhere/a/usb", "/nowhere/b"]))
    ['/nowhere/a', '/nowhere/a/usb']
    """
    real = {os.path.realpath(root) for root in roots}
    return real | {root for root in remembered if any(root.startswith(os.path.join(own, "")) for own in real)}


def drives_away(
    away: Iterable[tuple[str, int | None]], known: Iterable[tuple[str, int | None]]
) -> dict[int, list[str]]:
    """File systems below a root of which every picture is missing, while there are pictures of others.

    Args:
        away: The missing pictures.
        known: All pictures.

    Returns:
        The paths of their pictures, by their number.

    >>> drives_away([("/p/usb/a.jpg", 2)], [("/p/usb/a.jpg", 2), ("/p/b.jpg", 1)])
    {2: ['/p/usb/a.jpg']}
    """
    every = Counter(device for _, device in known)
    lost: dict[int, list[str]] = {}
    for path, device in away:
        if device is not None:
            lost.setdefault(device, []).append(path)
    return {device: paths for device, paths in lost.items() if len(paths) == every[device] and len(every) > 1}


def drive_away(folder: str, count: int) -> str:
    """What is said of a folder whose pictures lay on a drive that is away."""
    return (
        f"{folder} was on a drive of its own, and none of its pictures in the index ({count:,}) is there; none "
        "was marked as gone or pruned: mount the drive, or add --force if they were deleted."
    )


def away_because(root: str, away: int, known: int, device: int | None) -> str | None:
    """Why missing pictures are not believed to be gone; None where they are.

    Args:
        root: A real path.
        away: How many of its pictures are missing.
        known: How many it had.
        device: Number of its file system when it was last looked through.
    """
    if away == known:
        return (
            f"None of the index's pictures ({known:,}) is left at {root}; none was marked as gone or pruned: mount the "
            "drive, or add --force if the pictures were deleted."
        )
    if device is not None and os.path.isdir(root) and os.stat(root).st_dev != device:
        return (
            f"{root} is on a different file system than before, and {away:,} of {known:,} pictures are not there; "
            "nothing was marked as gone or pruned: run the command again if that is right, or say --force."
        )
    return None
