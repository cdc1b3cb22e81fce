"""Which file systems number their files for good.

A file is known again by its inode. Some file systems make these numbers up at each mount (FAT, exFAT, most of FUSE), or
hand on what a server makes up (SMB): there the number says nothing, and size and times must do.
"""

import functools
import os

_MADE_UP = ("cifs", "smb3", "smbfs", "vfat", "msdos", "exfat", "9p", "fuseblk")


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
