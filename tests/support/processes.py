"""Processes of this machine."""

from pathlib import Path


def called(name: str) -> list[int]:
    """The ids of those in whose command line a name stands, as Ray writes the names of its actors there."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if name.encode() in place.read_bytes():
                found.append(int(place.parent.name))
        except OSError:
            continue
    return found
