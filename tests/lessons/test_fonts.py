"""Chinese text is drawn by a font that has it, or not at all."""

from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from visus.lessons import fonts, lesson


def font_with(path: Path, characters: str, name: str) -> Path:
    """A font of squares for some characters."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 700), (700, 700), (700, 0)):
        pen.lineTo(corner)
    pen.closePath()
    names = [".notdef", *(f"u{ord(own):x}" for own in dict.fromkeys(characters))]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(own): f"u{ord(own):x}" for own in characters})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": name, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


def test_a_font_counts_only_with_all_characters(tmp_path: Path) -> None:
    some = font_with(tmp_path / "A-Regular.ttf", "一学", "Some")
    every = font_with(tmp_path / "B-Bold.ttf", fonts._SAMPLE, "Bold")
    regular = font_with(tmp_path / "C-Regular.ttf", fonts._SAMPLE, "Regular")
    (tmp_path / "damaged.ttf").write_bytes(b"no font")
    paths = [str(path) for path in tmp_path.iterdir()]
    assert fonts.first_with(fonts._SAMPLE, paths) == str(regular)
    assert fonts.first_with(fonts._SAMPLE, [str(some), str(every)]) == str(every)
    assert fonts.first_with(fonts._SAMPLE, [str(some), str(tmp_path / "missing.ttf")]) is None


def test_chinese_is_drawn_where_a_font_has_it_and_otherwise_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = lesson("nms").picture
    place = font_with(tmp_path / "Squares-Regular.ttf", fonts._SAMPLE, "Squares")
    for found in ([], [str(place)]):
        fonts.chinese.cache_clear()
        monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda found=found: found)
        own = lesson("nms", lang="zh")
        assert "得分" in own.sentences[0]
        assert np.array_equal(own.picture, english) == (not found)
        assert ("apt install fonts-noto-cjk" in own.note) == (not found)
    assert fonts.chinese() == "Squares"
    fonts.chinese.cache_clear()
