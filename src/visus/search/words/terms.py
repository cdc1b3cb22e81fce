"""Mixed queries: pictures and words, each with a weight, added or taken away.

``dog.jpg + snow - 0.5 beach``: a term that is a file is a picture, anything else is words. Signs stand behind a
space or at the beginning, so that ``t-shirt`` and ``my-dog.jpg`` are one term each; a plus may also join two words. A
number before a term is its weight. Quotes keep a term together, ``word:`` and ``file:`` decide where both could be
meant.
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

NUMBER = re.compile(r"\d+\.?\d*|\.\d+")
"""A weight as it is typed."""

_MOST_WEIGHT = 100.0
_SIGNS = {"+": 1.0, "＋": 1.0, "-": -1.0, "−": -1.0, "－": -1.0}
_ANY = "".join(map(re.escape, _SIGNS))
_SIGN = re.compile(rf'"[^"]*"|(?<!\S)([{_ANY}])(?!\S)')  # a quoted text goes by whole
# signs that touch a term: behind a space or at the beginning, or a plus between two words
_GLUED = re.compile(rf'"[^"]*"|((?<!\S)[{_ANY}]+|(?<=[^\s{_ANY}])[+＋][{_ANY}]*)(?=[^\s{_ANY}])')
_WEIGHTED = re.compile(r"(\d+\.?\d*|\.\d+)\s*[:*×]\s*(?=\S)|(\d+\.?\d*|\.\d+)\s+(?=\S)")
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A part of a query.

    Attributes:
        weight: How much it counts; below zero it is taken away.
        picture: That asks; None for words.
        words: That ask; empty for a picture.
        perhaps_words: Whether the picture is a file whose name, as it was typed, could as well be words.
    """

    weight: float
    picture: Picture | None = None
    words: str = ""
    perhaps_words: bool = False


@dataclass(frozen=True, slots=True)
class _Sign:
    value: float
    weight: str = ""  # the number that a minus stands directly before


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
            if piece.weight and sign and not text:
                raise _no_weight(f"-{piece.weight}", "; what is taken away has a single - before it")
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
            if text and not NUMBER.fullmatch(text):
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
        InputError: The weight is none, or there are signs.

    >>> weighted("0.5:beach", -1.0).weight
    -0.5
    """
    if not isinstance(asked, str) or (files and _is_there(asked)):
        return Term(sign, asked, perhaps_words=isinstance(asked, str) and _is_plain(asked))
    if not asked.strip():
        raise InputError("A term to be added or taken away is empty; name a picture or words, such as snow.")
    term = _term(sign, asked, files)
    if term.picture is None and any(isinstance(piece, _Sign) for piece in _pieces(asked, files)):
        raise InputError(f"A term to be added or taken away stands alone and without a sign, not {asked[:60]!r}.")
    return term


def _pieces(part: Picture, files: bool) -> Iterator[Picture | _Sign]:
    """Signs, and what stands between them; a whole text that is a file stays one."""
    if isinstance(part, os.PathLike):
        yield f"file:{os.fspath(part)}" if files else os.fspath(part)
        return
    if not isinstance(part, str) or (files and _is_there(part)):
        yield part
        return
    if len(part) > LONGEST:
        raise InputError(f"A query has at most {LONGEST} characters, not {len(part)}; say it shorter.")
    start = 0
    for found in _SIGN.finditer(part):
        if found[1]:
            yield from _unglued(part[start : found.start()], files)
            yield _Sign(_SIGNS[found[1]])
            start = found.end()
    yield from _unglued(part[start:], files)


def _unglued(part: str, files: bool) -> Iterator[str | _Sign]:
    """What stands between two signs with spaces around them, cut at signs that touch a term."""
    start = 0
    for found in () if files and _names_one(part.strip()) else _GLUED.finditer(part):
        if found[1] and not (files and _is_of_a_name(part, found)):
            yield from _text(part[start : found.start()])
            number = NUMBER.match(part, found.end())
            *before, last = (_SIGNS[own] for own in found[1])
            yield from map(_Sign, before)
            yield _Sign(last, number[0] if number and last < 0 else "")
            start = found.end()
    yield from _text(part[start:])


def _names_one(text: str) -> bool:
    """Whether a text is a file that is there, perhaps with its weight before it."""
    found = _WEIGHTED.match(text)
    return _is_there(text) or _is_there(text[found.end() if found else 0 :].removeprefix("file:"))


def _is_of_a_name(part: str, sign: re.Match[str]) -> bool:
    """Whether a sign within a word belongs to the name of a file."""
    before, behind = re.split(r"\s", part[: sign.start()])[-1], part[sign.start() :].split(maxsplit=1)[0]
    if not before:
        return False
    name = before + behind
    return _names_one(name) or (bool(_ENDING.search(name)) and not _is_there(re.split("[+＋]", name)[-1]))


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


def _is_plain(text: str) -> bool:
    """Whether the name of a file says by nothing that it is one."""
    return not (text.startswith("file:") or os.sep in text or _ENDING.search(text))


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
        return Term(sign * weight, rest.removeprefix("file:"), perhaps_words=_is_plain(rest))
    return Term(sign * weight, words=rest.removeprefix("word:").strip())


def _weight(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and 0 < value <= _MOST_WEIGHT):
        raise _no_weight(text)
    return value


def _no_weight(text: str, mend: str = "") -> InputError:
    return InputError(f"The weight of a term must be above 0 and at most {_MOST_WEIGHT:g}, not {text[:20]}{mend}.")
