"""Chinese text is drawn by a font that has it, or not at all."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.fonts import forget, only_font
from visus.lessons import fonts, lesson


def test_a_font_counts_only_with_all_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_font(tmp_path / "some", "一学", monkeypatch)
    assert not fonts.has_chinese()
    only_font(tmp_path / "every", fonts._SAMPLE, monkeypatch)
    assert fonts.has_chinese()


def test_chinese_is_drawn_where_a_font_has_it_and_otherwise_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = lesson("nms").picture
    for letters in ("a", fonts._SAMPLE):
        only_font(tmp_path / letters[0], letters, monkeypatch)
        own = lesson("nms", lang="zh")
        assert "得分" in own.sentences[0]
        assert np.array_equal(own.picture, english) == (letters == "a")
        assert ("visus[cjk]" in own.note) == (letters == "a")
        assert ("apt install fonts-noto-cjk" in own.note) == (letters == "a")


def test_the_optional_package_draws_lessons() -> None:
    pytest.importorskip("pylopdf_fonts_zh_cn")
    forget()
    assert not lesson("nms", lang="zh").note
