"""What happens to files: they are emptied, cut in half, or one of their bits flips."""

from pathlib import Path


def empty(path: Path) -> None:
    """Take all of a file's content away."""
    path.write_bytes(b"")


def cut(path: Path) -> None:
    """Keep the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path, place: int | None = None, bit: int = 0) -> None:
    """Flip one bit of a file, in the middle unless a place is named."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if place is None else place] ^= 1 << bit
    path.write_bytes(content)
