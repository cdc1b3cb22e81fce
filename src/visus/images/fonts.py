r"""Fonts for texts in any script: one that has all the letters, and never boxes in their place.

Pillow's own font has Latin letters. Others come from the package of ``visus[cjk]`` (Noto Sans SC) or from the fonts of
the system; letters that none of these has lose their accents, or are written by their number, as ``\u732b``.
"""

import contextlib
import functools
import importlib.util
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import ImageFont

_PACKAGE, _FILE = "pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf"
_FOLDERS = (
    "/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts", "/System/Library/Fonts",
    "/Library/Fonts", "~/Library/Fonts", "C:/Windows/Fonts",
)  # fmt: skip
_ENDINGS = (".ttf", ".ttc", ".otf")
_LIKED = ("notosanscjk", "notosanssc", "sourcehansans", "pingfang", "msyh", "wqy-microhei", "wqy", "dejavusans.ttf")
_NOTHING = "\U0010ffff"  # a letter that no font has
_SIZE = 20

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def font_for(text: str, first: Path | None = None) -> tuple[Path | None, str]:
    """A font for a text, and the text as it can be written in it.

    Args:
        text: What is written.
        first: The file of the font that is taken where it has all letters; None for Pillow's own.

    Returns:
        The file of the font, None for Pillow's own; and the text, in which letters that no font has have no
        accents, or stand by their number.

    >>> font_for("cat")
    (None, 'cat')
    """
    if text.isascii():
        return first, text
    best: tuple[int, Path | None] = (-1, first)
    for path in (first, *_files()):
        count = sum(_has(path, letter) for letter in text)
        if count == len(text):
            return path, text
        best = max(best, (count, path), key=lambda pair: pair[0])
    path = best[1]
    return path, "".join(letter if _has(path, letter) else _plainly(letter) for letter in text)


def load(path: Path | None, size: int) -> Font:
    """A font of :func:`font_for` in a size in pixels."""
    return ImageFont.load_default(size) if path is None else ImageFont.truetype(os.fspath(path), size)


def _plainly(letter: str) -> str:
    """A letter in ASCII: without its accents, or by its number."""
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return plain or letter.encode("ascii", "backslashreplace").decode()


@functools.lru_cache(maxsize=1 << 14)
def _has(path: Path | None, letter: str) -> bool:
    """Whether a font has a letter: what it draws in place of one that it lacks looks otherwise."""
    if letter.isspace():
        return True
    drawn = _drawn(path, letter)
    return drawn is not None and drawn != _drawn(path, _NOTHING)


@functools.lru_cache(maxsize=1 << 10)
def _drawn(path: Path | None, letter: str) -> bytes | None:
    try:
        mask: Any = _loaded(path).getmask(letter)
    except OSError:  # a file that is no font
        return None
    return repr(mask.size).encode() + bytes(mask)


@functools.lru_cache(maxsize=64)
def _loaded(path: Path | None) -> Font:
    return load(path, _SIZE)


@functools.cache
def _files() -> tuple[Path, ...]:
    """Files of fonts: the package's, those that are known for many letters, all others."""
    found = sorted(_of_the_system(), key=lambda path: (_rank(path), os.fspath(path)))
    spec = importlib.util.find_spec(_PACKAGE)
    own = [Path(place) / _FILE for place in (spec.submodule_search_locations or ())] if spec else []
    return (*(path for path in own if path.is_file()), *found)


def _of_the_system() -> Iterator[Path]:
    for folder in _FOLDERS:
        with contextlib.suppress(OSError):
            yield from (path for path in Path(folder).expanduser().rglob("*") if path.suffix.lower() in _ENDINGS)


def _rank(path: Path) -> int:
    name = path.name.lower()
    return next((rank for rank, liked in enumerate(_LIKED) if liked in name), len(_LIKED))
