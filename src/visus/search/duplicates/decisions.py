"""What people decided about pairs of pictures, kept in the index by contents: scans and moves change nothing."""

import json
from collections.abc import Iterable
from typing import Literal, get_args

from visus._errors import InputError, PictureIndexError
from visus.search.files import Files

Decision = Literal["not-copies", "keep-both"]
"""Two pictures are no copies; or they are, and both stay."""

FILE = "decisions.json"

Pair = tuple[bytes, bytes]
"""Hashes of two contents, the lesser one first."""


def pair_of(a: bytes, b: bytes) -> Pair:
    """Two contents as a pair."""
    return (a, b) if a <= b else (b, a)


def load(files: Files) -> dict[Pair, Decision]:
    """The decisions of an index.

    Raises:
        PictureIndexError: Their file is damaged.
    """
    try:
        content = files.read(FILE)
    except FileNotFoundError:
        return {}
    try:
        entries = json.loads(content)["pairs"]
        return {pair_of(bytes.fromhex(a), bytes.fromhex(b)): _decision(kind) for a, b, kind in entries}
    except (ValueError, KeyError, TypeError) as error:
        raise PictureIndexError(
            f"The decisions on duplicates in the index ({FILE}) are damaged; bring the file back from a backup, "
            "or remove it and decide again."
        ) from error


def _decision(text: object) -> Decision:
    for known in get_args(Decision):
        if text == known:
            return known
    raise ValueError(f"unknown decision {text!r}")


def decide(files: Files, pairs: Iterable[Pair], decision: Decision | None) -> int:
    """Note a decision on pairs; None takes decisions back.

    Returns:
        How many pairs were decided otherwise before.

    Raises:
        InputError: Files that hold the same are said to be no copies.
    """
    known = load(files)
    before = dict(known)
    for pair in pairs:
        if pair[0] == pair[1] and decision == "not-copies":
            raise InputError(
                "These files hold the same, byte by byte: they are copies; say keep-both if all of them stay."
            )
        if decision is None:
            known.pop(pair, None)
        else:
            known[pair] = decision
    entries = [[a.hex(), b.hex(), kind] for (a, b), kind in sorted(known.items())]
    files.write(FILE, json.dumps({"pairs": entries}, indent=0).encode())
    return len({pair for pair in before.keys() | known.keys() if before.get(pair) != known.get(pair)})
