"""Which file systems number their files for good.

A file is known again by its inode. Some file systems make these numbers up at each mount (FAT, exFAT, most of FUSE), or
hand on what a server makes up (SMB): there the number says nothing, and size and times must do.
"""

import functools
import os
from typing import NamedTuple

_MADE_UP = ("cifs", "smb3", "smbfs", "vfat", "msdos", "exfat", "9p", "fuseblk")


_MOST = 2**63 - 1  # that the index can hold; of times, in the year 2262


class Entry(NamedTuple):
    """What the entry of a file says, in numbers that an index can hold.

    ``mtime`` and ``ctime`` are in ns since 1970, UTC; ``inode`` is 0 where such numbers do not last.
    """

    mtime: int
    ctime: int
    size: int
    device: int
    inode: int


def entry_of(about: os.stat_result) -> Entry:
    """The entry of a file.

    Args:
        about: As ``os.stat`` tells it.
    """
    inode = about.st_ino & _MOST if lasting_inodes(about.st_dev) else 0
    times = min(about.st_mtime_ns, _MOST), min(about.st_ctime_ns, _MOST)
    return Entry(*times, about.st_size, about.st_dev & _MOST, inode)


@functools.cache
def lasting_inodes(device: int) -> bool:
    """Whether a file keeps its inode on a file system.

    Args:
        device: Its number, ``st_dev``.
    """
    kind = _kinds().get(device, "")
    return not (kind in _MADE_UP or kind.startswith("fuse."))


@functools.cache
def _kinds() -> dict[int, str]:
    """Kinds of the mounted file systems by their number; empty where the system does not tell (macOS)."""
    found: dict[int, str] = {}
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                before, _, after = line.partition(" - ")
                major, _, minor = before.split()[2].partition(":")
                found[os.makedev(int(major), int(minor))] = after.split()[0]
    except (OSError, ValueError, IndexError):
        return {}
    return found
