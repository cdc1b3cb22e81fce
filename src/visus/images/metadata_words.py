"""Words of metadata, whatever wrote them: which a person wrote, and whether others say the same."""

import html
import re
import unicodedata
from collections.abc import Set
from typing import Any

Word = tuple[str, str]
"""A kind (caption, keywords ...), and what is told: words in small letters, with a blank between them."""

_TRIVIAL = re.compile(
    r"[\w ]*digital (?:still )?camera|sony dsc|exif_?jpeg.*|default|screenshot|untitled|dcim.*"
    r"|(?:dsc[fn]?|p?img|mvimg|pxl|pict?|picture|photo|scan|image|imag)[\W\d_]*(?:\.\w{3,4})?"
    r"|(?:created|made|generated|edited|saved|processed|optimi[sz]ed|compressed|converted) (?:with|by|using|in) .*"
    r"|(?:file )?written (?:with|by) .*|software: .*|acd systems.*|handmade software.*"
    r"|(?:creator: )?gd-jpeg.*|lavc.*|lead technologies.*|intel\W.*|applemark.*|file source: .*"
    r"|op(?:po|lus)_\d+|filter: \d.*|r?hdr|sdr|edf|cof|ptrs?|oznor\w*"
    r'|\{"shape": .*|[\W\d_]*',
    re.IGNORECASE | re.DOTALL,
)
"""Captions that cameras, phones and programs write by themselves; the last but one is tifffile's."""

_NO_AUTHOR = re.compile(r"[\W\d_]*|unknown|default|owner|user|author", re.IGNORECASE)
_NO_WORD = re.compile(r"[\W_]+")


def word(kind: str, value: Any) -> set[Word]:  # noqa: ANN401 - from a file
    """What is told there, and not only what a camera or a program says of each picture; empty for nothing.

    Args:
        kind: Of what is told.
        value: As the file has it.

    >>> word("caption", "SONY DSC"), word("caption", b"Rosa &amp; Emil")
    (set(), {('caption', 'rosa emil')})
    """
    text = letters(value)
    trivial = {"caption": _TRIVIAL, "text": _TRIVIAL, "author": _NO_AUTHOR}.get(kind)
    if text == "" or (trivial is not None and trivial.fullmatch(text)):
        return set()
    plain = unicodedata.normalize("NFKC", html.unescape(text)).casefold()
    return {(kind, _NO_WORD.sub(" ", plain).strip() or plain)}


def letters(value: Any) -> str:  # noqa: ANN401 - from a file
    """A text, without the zeros of UTF-16 and of what is filled up.

    EXIF says nothing of its letters: what can be read as UTF-8 is.

    Args:
        value: Bytes, or a text that was taken for Latin-1.
    """
    data = value if isinstance(value, bytes) else None
    try:
        text = (str(value).encode("latin-1") if data is None else data).decode()
    except UnicodeError:
        text = str(value) if data is None else data.decode("cp1252", "replace")
    return text.replace("\0", "").strip()


def says(words: Set[Word], own: Word) -> bool:
    """Whether some words hold another one of its kind, perhaps among others.

    >>> says({("caption", "rosa and emil")}, ("caption", "rosa")), says({("caption", "timber")}, ("caption", "tim"))
    (True, False)
    """
    return any(kind == own[0] and f" {own[1]} " in f" {text} " for kind, text in words)
