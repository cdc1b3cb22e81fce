"""Names in any script are letters, or numbers of letters, but never boxes."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from tests.support.fonts import forget, only_font
from visus.images import draw, fonts, plots

LETTERS = "\u732b\u72d7"  # cat, dog


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system whose only font has two Chinese letters."""
    return only_font(tmp_path / "fonts", LETTERS, monkeypatch)


def test_a_font_that_has_the_letters_is_taken(only: Path) -> None:
    assert fonts.font_for(LETTERS) == (only, LETTERS)
    assert fonts.font_for("cat") == (None, "cat")
    assert fonts.font_for("cr\u00e8me") == (None, "creme")


def test_letters_that_no_font_has_are_written_by_their_number(only: Path) -> None:
    assert fonts.font_for("\u9ce5") == (None, "\\u9ce5")
    assert fonts.font_for("\u732b\u9ce5") == (only, "\u732b\\u9ce5")


def test_captions_are_never_boxes(only: Path) -> None:
    picture = np.full((40, 40, 3), 255, np.uint8)
    sheets = [draw.contact_sheet([picture], [name], columns=1, tile=160) for name in (*LETTERS, "\u9ce5", "\\u9ce5")]
    assert not np.array_equal(sheets[0], sheets[1])
    assert np.array_equal(sheets[2], sheets[3])
    boxed = draw.boxes(picture, np.array([[2.0, 2, 30, 30]]), labels=["\u732b"])
    assert boxed.shape == picture.shape


def test_plots_have_the_letters_too(only: Path) -> None:
    pytest.importorskip("matplotlib")
    figure = plots.figure(3, 3)
    (axis,) = plots.axes(figure, 1, 1)
    axis.set_title(f"{LETTERS} \u9ce5")
    plots.matrix(axis, np.eye(2), list(LETTERS), ["\u9ce5", "cat"])
    assert plots.picture_of(figure).ndim == 3  # a warning of a missing letter would be an error
    assert axis.get_title() == f"{LETTERS} \\u9ce5"
    assert axis.title.get_fontfamily() == ["DejaVu Sans", "Bars"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["\\u9ce5", "cat"]


def test_the_optional_package_has_common_chinese() -> None:
    pytest.importorskip(fonts._PACKAGE)
    forget()
    path, shown = fonts.font_for("\u732b\u72d7\u9e1f\u8f66\u623f\u5b50 train/\u732b")
    assert (os.path.basename(str(path)), shown[:2]) == ("NotoSansSC-Regular.otf", LETTERS)
    assert isinstance(fonts.load(path, 20), ImageFont.FreeTypeFont)
