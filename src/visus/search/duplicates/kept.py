"""A result that is kept beside the index, for its version: who asks again need not wait."""

import json
from typing import Any

from visus._errors import VisusError
from visus.search.duplicates.members import Duplicates, Member
from visus.search.files import Files

FILE = "duplicates.json"


def as_plain(found: Duplicates) -> dict[str, Any]:
    """Groups, stacks and notes as plain values; ids as texts, since numbers of JavaScript have 53 bits only."""
    groups = [
        {
            "keep": _plain(group.keep),
            "why": group.why,
            "others": [{"id": str(copy.id), **copy.to_dict(), "means": str(copy.relation)} for copy in group.others],
        }
        for group in found
    ]
    stacks = [{"kind": stack.kind, "pictures": [_plain(member) for member in stack.members]} for stack in found.stacks]
    return {"groups": groups, "stacks": stacks, "notes": found.notes}


def _plain(member: Member) -> dict[str, Any]:
    return {"id": str(member.id), **member.to_dict()}


def save(files: Files, key: dict[str, Any], answer: dict[str, Any]) -> None:
    """Keep a result; where the index may not be written, it is made anew each time.

    Args:
        files: Of the index.
        key: What it depends on: the version, the decisions, and what was asked.
        answer: As :func:`as_plain` gives it.
    """
    try:
        files.write(FILE, json.dumps({"key": key, "answer": answer}).encode())
    except (OSError, VisusError):
        return


def load(files: Files, key: dict[str, Any]) -> dict[str, Any] | None:
    """The kept result; None where there is none for this key."""
    try:
        noted = json.loads(files.read(FILE))
        return noted["answer"] if noted["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
