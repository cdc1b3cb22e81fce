"""A result that is kept beside the index, for its version: who asks again need not wait.

What is answered from it is what still holds: files that are no longer there, or that someone decided on meanwhile, are
left out.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Set
from typing import Any

from visus._errors import VisusError
from visus.search.away import is_missing, is_replaced
from visus.search.duplicates.decisions import Decision, Pair, pair_of
from visus.search.duplicates.keep import DECIDED, decided_to_stay
from visus.search.duplicates.members import Duplicates, Member
from visus.search.files import Files

FILE = "duplicates.json"

Kept = dict[str, Any]
"""Groups, stacks and notes as plain values; of each file also what tells whether it is still the same."""

_OWN = ("mtime", "hash")  # what is kept of a file and not answered


def as_plain(found: Duplicates) -> Kept:
    """Groups, stacks and notes as plain values; ids as texts, since numbers of JavaScript have 53 bits only."""
    groups = [
        {
            "keep": _plain(group.keep),
            "why": group.why,
            "others": [{**_plain(copy), "means": str(copy.relation)} for copy in group.others],
        }
        for group in found
    ]
    stacks = [{"kind": stack.kind, "pictures": [_plain(member) for member in stack.members]} for stack in found.stacks]
    return {"groups": groups, "stacks": stacks, "notes": found.notes}


def _plain(member: Member) -> dict[str, Any]:
    return {"id": str(member.id), **member.to_dict(), "mtime": member.mtime, "hash": member.hash.hex()}


def save(files: Files, key: Mapping[str, Any], decided: Collection[Pair], kept: Kept) -> None:
    """Keep a result; where the index may not be written, it is made anew each time.

    Args:
        files: Of the index.
        key: What it depends on: the version, and what was asked.
        decided: Pairs that had been decided on.
        kept: As :func:`as_plain` gives it.
    """
    pairs = sorted([a.hex(), b.hex()] for a, b in decided)
    try:
        files.write(FILE, json.dumps({"key": dict(key), "decided": pairs, "kept": kept}).encode())
    except (OSError, VisusError):
        return


def load(files: Files, key: Mapping[str, Any], decided: Collection[Pair]) -> Kept | None:
    """The kept result; None where there is none for this key, or decisions were taken back since.

    Args:
        files: Of the index.
        key: What it depends on.
        decided: Pairs that are decided on now.
    """
    try:
        noted = json.loads(files.read(FILE))
        before = {(bytes.fromhex(a), bytes.fromhex(b)) for a, b in noted["decided"]}
        return noted["kept"] if noted["key"] == dict(key) and before <= set(decided) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def holding(kept: Kept, decided: Mapping[Pair, Decision]) -> dict[str, Any]:
    """What of a result still holds.

    A group of which the kept picture is not there any more is left out: nothing in it may go.

    Args:
        kept: As :func:`as_plain` gives it; it is not changed.
        decided: What is decided on pairs now.

    Returns:
        The same without what does not hold, and a note on each reason.
    """
    lost, named = set(), 0
    stay = decided_to_stay(decided, {bytes.fromhex(file["hash"]) for file in _files(kept)})
    groups, stacks = [], []

    def there(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
        gone = {file["path"] for file in files if _is_gone(file)}
        lost.update(gone)
        return [file for file in files if file["path"] not in gone]

    for group in kept["groups"]:
        keep, others = there([group["keep"]]), there(group["others"])
        left = [copy for copy in others if _pair(group["keep"], copy) not in decided]
        named += len(others) - len(left)
        if keep and left:
            groups.append({**group, "keep": _answered(keep[0]), "others": [_staying(copy, stay) for copy in left]})
    for stack in kept["stacks"]:
        pictures = there(stack["pictures"])
        if len(pictures) > 1:
            stacks.append({**stack, "pictures": [_answered(picture) for picture in pictures]})
    return {"groups": groups, "stacks": stacks, "notes": [*kept["notes"], *_notes(len(lost), named)]}


def _is_gone(file: dict[str, Any]) -> bool:
    return is_missing(file["path"]) or is_replaced(file["path"], file["size"], file["mtime"])


def _pair(keep: dict[str, Any], copy: dict[str, Any]) -> Pair:
    return pair_of(bytes.fromhex(keep["hash"]), bytes.fromhex(copy["hash"]))


def _files(kept: Kept) -> Iterator[dict[str, Any]]:
    for group in kept["groups"]:
        yield from (group["keep"], *group["others"])


def _staying(copy: dict[str, Any], stay: Set[bytes]) -> dict[str, Any]:
    """A copy as it is answered; what was decided to stay after the search stays."""
    if bytes.fromhex(copy["hash"]) not in stay or copy["stays"]:
        return _answered(copy)
    return {**_answered(copy), "may_go": False, "stays": DECIDED}


def _answered(file: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in file.items() if name not in _OWN}


def _notes(lost: int, named: int) -> list[str]:
    notes = []
    if lost:
        files = "1 file that was found is" if lost == 1 else f"{lost:,} files that were found are"
        notes.append(f"{files} gone or changed since, and left out; say: visus index FOLDER")
    if named:
        copies = "1 copy is" if named == 1 else f"{named:,} copies are"
        notes.append(f"{copies} not named, since you decided on them after the search")
    return notes
