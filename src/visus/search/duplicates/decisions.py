"""What people decided about pairs of pictures, kept in the index by contents: scans and moves change nothing.

``decisions.json`` has a checksum in it, and a copy beside it that is written after it: a damaged file is told from a
sound one, and comes back from its copy. A file of an earlier visus has no checksum until it is written again.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Literal, get_args

from visus._errors import InputError, PictureIndexError
from visus.search.files import Files

Decision = Literal["not-copies", "keep-both"]
"""Two pictures are no copies; or they are, and both stay."""

FILE = "decisions.json"
COPY = "decisions.copy.json"

Pair = tuple[bytes, bytes]
"""Hashes of two contents, the lesser one first."""

Decisions = dict[Pair, Decision]


def pair_of(a: bytes, b: bytes) -> Pair:
    """Two contents as a pair."""
    return (a, b) if a <= b else (b, a)


def load(files: Files) -> Decisions:
    """The decisions of an index.

    Raises:
        PictureIndexError: Their file is damaged, or missing while its copy is there.
    """
    content = _read(files, FILE)
    if content is None and _read(files, COPY) is None:
        return {}
    if content is None:
        raise PictureIndexError(_told("missing"))
    try:
        return _parsed(content)
    except ValueError as error:
        raise PictureIndexError(_told("damaged")) from error


def _told(state: str) -> str:
    return (
        f"The decisions on duplicates in the index ({FILE}) are {state}; bring them back from their copy with visus "
        f"index --verify --mend, or remove {FILE} and {COPY} and decide again."
    )


def _parsed(content: bytes) -> Decisions:
    """Decisions from the bytes of their file.

    Raises:
        ValueError: It is not whole.
    """
    try:
        values = json.loads(content)
        if set(values) not in ({"pairs"}, {"pairs", "checksum"}):
            raise ValueError("unknown keys")
        entries = values["pairs"]
        if "checksum" in values and values["checksum"] != _checksum(entries):
            raise ValueError("not what was written")
        return {pair_of(bytes.fromhex(a), bytes.fromhex(b)): _decision(kind) for a, b, kind in entries}
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _to_bytes(known: Decisions) -> bytes:
    entries = [[a.hex(), b.hex(), kind] for (a, b), kind in sorted(known.items())]
    return json.dumps({"pairs": entries, "checksum": _checksum(entries)}, indent=0).encode()


def _checksum(entries: Any) -> str:  # noqa: ANN401  # whatever a file holds
    return hashlib.blake2b(json.dumps(entries).encode(), digest_size=16).hexdigest()


def _decision(value: object) -> Decision:
    for known in get_args(Decision):
        if value == known:
            return known
    raise ValueError(f"unknown decision {value!r}")


def decide(files: Files, pairs: Iterable[Pair], decision: Decision | Literal["undecided"] | None) -> int:
    """Note a decision on pairs; None, or "undecided", takes decisions back.

    Returns:
        How many pairs were decided otherwise before.

    Raises:
        InputError: There is no such decision, or files that hold the same are said to be no copies.
        PictureIndexError: The file of decisions is damaged.
    """
    wanted = None if decision in (None, "undecided") else _asked(decision)
    known = load(files)
    before = dict(known)
    for pair in pairs:
        if pair[0] == pair[1] and wanted == "not-copies":
            raise InputError(
                "These files hold the same, byte by byte: they are copies; say keep-both if all of them stay."
            )
        if wanted is None:
            known.pop(pair, None)
        else:
            known[pair] = wanted
    content = _to_bytes(known)
    files.write(FILE, content)
    files.write(COPY, content)
    return len({pair for pair in before.keys() | known.keys() if before.get(pair) != known.get(pair)})


def _asked(decision: object) -> Decision:
    try:
        return _decision(decision)
    except ValueError:
        choices = ", ".join(repr(known) for known in (*get_args(Decision), "undecided"))
        raise InputError(f"A decision is one of {choices}, not {decision!r}.") from None


def damaged(files: Files) -> list[str]:
    """Names of the files of decisions that are not as they were written: decisions, copy, both or none.

    A copy that is missing is none of them: it is written after the decisions, and with the next ones.

    Args:
        files: Of the index.
    """
    own, copy = _read(files, FILE), _read(files, COPY)
    if own is None and copy is None:
        return []
    parts = [(FILE, own), *([] if copy is None else [(COPY, copy)])]
    return [name for name, content in parts if not _sound(content)]


def mend(files: Files) -> bool:
    """Write what is damaged of decisions and copy anew, from the one that is sound; nothing where none is.

    Args:
        files: Of the index.

    Returns:
        Whether the decisions are sound now.
    """
    sound = next((content for name in (FILE, COPY) if _sound(content := _read(files, name))), None)
    if sound is None:
        return not damaged(files)
    for name in damaged(files):
        files.write(name, sound)
    return True


def _read(files: Files, name: str) -> bytes | None:
    try:
        return files.read(name)
    except FileNotFoundError:
        return None


def _sound(content: bytes | None) -> bool:
    try:
        return content is not None and _parsed(content) is not None
    except ValueError:
        return False
