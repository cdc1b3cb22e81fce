"""Fonts made for a test."""

from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from visus.images import fonts


def font_with(folder: Path, letters: str) -> Path:
    """A font whose letters are bars of different heights, and whose sign for all others is a box."""
    names = [".notdef", "space", *(f"letter{k}" for k in range(len(letters)))]
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({32: "space"} | {ord(sign): f"letter{k}" for k, sign in enumerate(letters)})
    glyphs = {}
    for k, name in enumerate(names):
        pen = TTGlyphPen(None)
        if name != "space":
            for place in ((0, 0), (0, 300 + 90 * k), (400, 300 + 90 * k), (400, 0)):
                (pen.lineTo if place != (0, 0) else pen.moveTo)(place)
            pen.closePath()
        glyphs[name] = pen.glyph()
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(names, (500, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Bars", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    folder.mkdir(parents=True, exist_ok=True)
    builder.save(str(folder / "bars.ttf"))
    return folder / "bars.ttf"


def only_font(folder: Path, letters: str, patch: pytest.MonkeyPatch) -> Path:
    """A system with one font, for some letters, and a file that is none."""
    patch.setattr(fonts, "_FOLDERS", (str(folder),))
    patch.setattr(fonts, "_PACKAGE", "no_such_package")
    forget()
    folder.mkdir()
    (folder / "broken.ttf").write_bytes(b"no font")
    return font_with(folder / "deeper", letters)


def forget() -> None:
    """Look for fonts anew."""
    for cached in (fonts._files, fonts._has, fonts._drawn, fonts._loaded):
        cached.cache_clear()
