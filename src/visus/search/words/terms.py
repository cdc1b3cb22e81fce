"""Mixed queries: pictures and words, each with a weight, added or taken away.

``dog.jpg + snow - 0.5 beach``: a term that is a file is a picture, anything else is words. Signs stand between spaces,
so that ``t-shirt`` and ``my-dog.jpg`` are one term each; a number before a term is its weight. Quotes keep a term
together, ``word:`` and ``file:`` decide where both could be meant.
"""

import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from visus._errors import InputError
from visus.search.query import Picture

LONGEST = 1000
"""Characters of a query at most."""

_MOST_WEIGHT = 100.0
_SIGNS = {"+": 1.0, "＋": 1.0, "-": -1.0, "−": -1.0, "－": -1.0}
_SIGN = re.compile(rf'"[^"]*"|(?<!\S)([{"".join(map(re.escape, _SIGNS))}])(?!\S)')  # a quoted text goes by whole
_WEIGHTED = re.compile(r"(\d+\.?\d*|\.\d+)\s*[:*×]\s*(?=\S)|(\d+\.?\d*|\.\d+)\s+(?=\S)")
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")
_NUMBER = re.compile(r"\d+\.?\d*|\.\d+")


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A part of a query.

    Attributes:
        weight: How much it counts; below zero it is taken away.
        picture: That asks; None for words.
        words: That ask; empty for a picture.
    """

    weight: float
    picture: Picture | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class _Sign:
    value: float


def terms_of(asked: Sequence[Picture], *, files: bool = True) -> list[Term]:
    """The terms of a query.

    Args:
        asked: Files, arrays, words or whole expressions; what is no file goes on in the next.
        files: Whether a text may name a file; a server takes none from others.

    Raises:
        InputError: A sign or a weight stands without a term, or is none; or the query is too long.

    >>> [(term.weight, term.words) for term in terms_of(["a tiger + snow - 0.5 beach"])]
    [(1.0, 'a tiger'), (1.0, 'snow'), (-0.5, 'beach')]
    """
    found: list[Term] = []
    sign, text = 0.0, ""  # the sign that was read, and what was read behind it
    for piece in (own for part in asked for own in _pieces(part, files)):
        if isinstance(piece, _Sign):
            found += _ended(sign, text, files)
            sign, text = piece.value, ""
            continue
        if not isinstance(piece, str):
            found += [] if not text else _ended(sign, text, files)
            found.append(Term(1.0 if text else sign or 1.0, piece))
            sign, text = 0.0, ""
        elif not _is_file(piece, files):
            text = f"{text} {piece}".strip()
        else:
            if text and not _NUMBER.fullmatch(text):
                found += _ended(sign, text, files)
                sign, text = 0.0, ""
            found.append(_term(sign or 1.0, f"{text} {piece}".strip(), files))
            sign, text = 0.0, ""
    return found + _ended(sign, text, files)


def weighted(asked: Picture, sign: float, *, files: bool = True) -> Term:
    """A single term as an option gives it: ``snow``, ``0.5:beach``, a file or an array.

    Args:
        asked: The term, perhaps with its weight before it.
        sign: 1 where it is added, -1 where it is taken away.
        files: Whether a text may name a file.

    Raises:
        InputError: The weight is none.

    >>> weighted("0.5:beach", -1.0).weight
    -0.5
    """
    if not isinstance(asked, str) or (files and _is_there(asked)):
        return Term(sign, asked)
    return _term(sign, asked, files)


def _pieces(part: Picture, files: bool) -> Iterator[Picture | _Sign]:
    """Signs, and what stands between them; a whole text that is a file stays one."""
    if not isinstance(part, str) or (files and _is_there(part)):
        yield os.fspath(part) if isinstance(part, os.PathLike) else part
        return
    if len(part) > LONGEST:
        raise InputError(f"A query has at most {LONGEST} characters, not {len(part)}; say it shorter.")
    start = 0
    for found in _SIGN.finditer(part):
        if found[1]:
            yield from _text(part[start : found.start()])
            yield _Sign(_SIGNS[found[1]])
            start = found.end()
    yield from _text(part[start:])


def _text(part: str) -> list[str]:
    plain = part.replace('"', "").strip()
    return [plain] if plain else []


def _is_there(text: str) -> bool:
    return os.path.isfile(os.path.expanduser(text))


def _is_file(text: str, files: bool) -> bool:
    """Whether a text names a file, there or not."""
    if not files or text.startswith("word:"):
        return False
    return text.startswith("file:") or _is_there(text) or os.sep in text or bool(_ENDING.search(text))


def _ended(sign: float, text: str, files: bool) -> list[Term]:
    """The term that a sign and the text behind it are; none where there is neither."""
    if sign and not text:
        raise InputError(f"Nothing stands behind a {'+' if sign > 0 else '-'} of the query; name a picture or words.")
    return [_term(sign or 1.0, text, files)] if text else []


def _term(sign: float, text: str, files: bool) -> Term:
    """A term with its weight before it."""
    found = None if files and _is_there(text) else _WEIGHTED.match(text)
    weight, rest = (_weight(found[1] or found[2]), text[found.end() :]) if found else (1.0, text)
    if _is_file(rest, files):
        return Term(sign * weight, rest.removeprefix("file:"))
    return Term(sign * weight, words=rest.removeprefix("word:").strip())


def _weight(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and 0 < value <= _MOST_WEIGHT):
        raise InputError(f"The weight of a term must be above 0 and at most {_MOST_WEIGHT:g}, not {text[:20]}.")
    return value
