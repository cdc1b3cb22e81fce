"""Copies that may go are moved aside: only where whoever started the server said so, and never deleted."""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from visus.search import Index
from visus.search.duplicates.aside import move_aside
from visus.search.duplicates.members import Copy, DuplicateGroup, Member, Relation

_ALONE = threading.Lock()  # one journal


def move(index: Index, groups: list[dict[str, Any]], ids: Iterable[int], folder: Path) -> dict[str, Any]:
    """Move copies into a folder, with a journal that undoes it.

    Args:
        index: To be asked.
        groups: All that were found, as :meth:`visus.search.Index.duplicates_known` gives them.
        ids: Of the copies.
        folder: Where.

    Returns:
        ``moved``, ``size`` and ``left``, as :class:`visus.search.duplicates.aside.Moved` has them; what is no copy that
        may go is left.

    Raises:
        InputError: The folder cannot be written, or holds a picture that is to be kept.
    """
    asked = set(ids)
    chosen = [
        {**group, "others": copies}
        for group in groups
        if (copies := [copy for copy in group["others"] if int(copy["id"]) in asked and copy["may_go"]])
    ]
    members = _members(index, [int(own["id"]) for group in chosen for own in (group["keep"], *group["others"])])
    found = [_group(group, members) for group in chosen if int(group["keep"]["id"]) in members]
    with _ALONE:
        moved = move_aside(found, folder).to_dict()
    others = asked - {copy.id for group in found for copy in group.others}
    if others:
        one, many = "1 picture is no copy that may go, and stays.", " pictures are no copies that may go, and stay."
        moved["left"].append(one if len(others) == 1 else f"{len(others)}{many}")
    return moved


def _members(index: Index, ids: list[int]) -> dict[int, dict[str, Any]]:
    """What tells files from others, by their ids."""
    rows, entries = index.rows(ids, ("path", "width", "height", "size", "hash")), index.entries(ids)
    names = ("id", "path", "width", "height", "size", "hash")
    return {
        number: {**{name: row[name] for name in names}, "mtime": entries[number].mtime}
        for number, row in rows.items()
        if number in entries
    }


def _group(group: dict[str, Any], members: dict[int, dict[str, Any]]) -> DuplicateGroup:
    others = [
        Copy(**members[int(copy["id"])], relation=_relation(copy["relation"]))
        for copy in group["others"]
        if int(copy["id"]) in members
    ]
    return DuplicateGroup(Member(**members[int(group["keep"]["id"])]), others, group["why"])


def _relation(plain: dict[str, Any]) -> Relation:
    return Relation(**{**plain, "names": tuple(plain["names"])})
