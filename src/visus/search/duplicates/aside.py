"""Put aside what may go: files are moved, never deleted, and a journal undoes it.

Each move is noted in the journal, on the disk, before it is made; so whatever stops the work, every file is in one of
the two places that the journal names.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus._files import publish, sync
from visus.images import read_bytes
from visus.search.duplicates.members import Copy, DuplicateGroup, Member
from visus.search.duplicates.opened import entry, unchanged
from visus.search.reading import content_hash

JOURNAL = "visus-moved.jsonl"
"""The journal's name, in the folder that files are moved to."""


@dataclass(slots=True)
class Moved:
    """Which files were moved, and which were left.

    Attributes:
        files: Pairs of places, from and to.
        size: Bytes of these files.
        left: Sentences on what was left where it is.
    """

    files: list[tuple[str, str]] = field(default_factory=list)
    size: int = 0
    left: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {"moved": [{"from": a, "to": b} for a, b in self.files], "size": self.size, "left": self.left}


def move_aside(groups: Iterable[DuplicateGroup], folder: str | os.PathLike[str]) -> Moved:
    """Move the copies that may go into a folder, where they keep their paths.

    Before a file is moved, it and the one that is kept are read once more: both must hold what the index says.

    Args:
        groups: Groups of duplicates.
        folder: Where; made if it is missing.

    Raises:
        InputError: The folder cannot be written, or holds a picture that is to be kept.
    """
    target = Path(folder).expanduser().absolute()
    groups = list(groups)
    for group in groups:
        if Path(group.keep.path).is_relative_to(target):
            raise InputError(f"{group.keep.path} is to be kept and lies in {target} itself; choose another folder.")
    moved = Moved()
    try:
        target.mkdir(parents=True, exist_ok=True)
        with open(target / JOURNAL, "a", encoding="utf-8") as journal:
            for keep, copy in _may_go(groups):
                reason = _why_not(keep, copy)
                if reason:
                    moved.left.append(f"{copy.path} was left: {reason}")
                    continue
                place = _free(target / Path(copy.path).relative_to(Path(copy.path).anchor))
                _note(journal, {"from": copy.path, "to": str(place), "hash": copy.hash.hex()})
                _move(Path(copy.path), place, copy.hash)
                moved.files.append((copy.path, str(place)))
                moved.size += copy.size
        sync([target])
    except OSError as error:
        raise InputError(
            f"Files cannot be moved to {target}: {error.strerror or error}; choose another folder."
        ) from error
    return moved


def move_back(folder: str | os.PathLike[str]) -> Moved:
    """Move files back to where :func:`move_aside` took them from.

    Args:
        folder: Where they are.

    Raises:
        InputError: There is no journal, or it is damaged.
    """
    journal = Path(folder).expanduser().absolute() / JOURNAL
    moved = Moved()
    entries = _entries(journal)
    try:
        for noted in reversed(entries):
            place, origin = Path(noted["to"]), Path(noted["from"])
            if not place.exists():
                continue  # it was never moved, or is back already
            if origin.exists():
                moved.left.append(f"{place} was left: there is another file at {origin}")
                continue
            _move(place, origin, bytes.fromhex(noted["hash"]))
            moved.files.append((str(place), str(origin)))
            moved.size += origin.stat().st_size
        if not moved.left:
            journal.unlink()
    except OSError as error:
        raise InputError(f"Files cannot be moved back: {error.strerror or error} ({error.filename}).") from error
    return moved


def _may_go(groups: Iterable[DuplicateGroup]) -> Iterator[tuple[Member, Copy]]:
    for group in groups:
        yield from ((group.keep, copy) for copy in group.others if copy.may_go)


def _why_not(keep: Member, copy: Copy) -> str:
    """What speaks against moving a file; empty for nothing."""
    if os.path.islink(copy.path):
        return "it is a link"
    if entry(keep.path) == entry(copy.path):
        return "it is the very file that is kept"
    for member, name in ((keep, "the file that is kept"), (copy, "it")):
        if not unchanged(member):
            return f"{name} is no longer what the index says"
    return ""


def _free(place: Path) -> Path:
    """A place that no file has yet."""
    number, found = 1, place
    while os.path.lexists(found):
        number += 1
        found = place.with_name(f"{place.stem} ({number}){place.suffix}")
    return found


def _note(journal: Any, noted: dict[str, str]) -> None:  # noqa: ANN401 - an open file
    journal.write(json.dumps(noted) + "\n")
    journal.flush()
    os.fsync(journal.fileno())


def _move(origin: Path, place: Path, hash: bytes) -> None:
    """Move a file without ever replacing another one; between disks, it is read again before the first one goes."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(origin, place, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # another disk, or a file system without hard links
        temporary = place.with_name(f".{place.name}.part")
        shutil.copy2(origin, temporary, follow_symlinks=False)
        if content_hash(read_bytes(temporary)) != hash:
            temporary.unlink()
            raise OSError(5, "the copy differs from the file", str(place)) from None
        publish(temporary, place)
    sync([place.parent])
    origin.unlink()
    sync([origin.parent])


def _entries(journal: Path) -> list[dict[str, str]]:
    try:
        lines = journal.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise InputError(
            f"There is no journal of moves ({JOURNAL}) in {journal.parent}; name the folder of --move-to."
        ) from None
    found = []
    for number, line in enumerate(lines, 1):
        try:
            noted = json.loads(line)
            found.append({key: str(noted[key]) for key in ("from", "to", "hash")})
        except (ValueError, KeyError, TypeError):
            if number < len(lines):  # the last line may be cut off: its file was not moved yet
                raise InputError(
                    f"Line {number} of {journal} is damaged; mend it by hand before the moves are undone."
                ) from None
    return found
