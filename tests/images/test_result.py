"""Answers as a person, a program and a notebook see them."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from visus import InputError, read
from visus.images.result import Result


class Told(Result):
    """An answer with a picture and two rows."""

    def __init__(self, picture: NDArray[np.uint8] | None = None, count: int = 2) -> None:
        self.picture, self.count = picture, count

    def __repr__(self) -> str:
        return "Told()"

    def drawn(self) -> NDArray[np.uint8] | None:
        return self.picture

    def rows(self) -> list[dict[str, Any]]:
        return [{"file": f"<b>{n}", "score": n / 3, "box": [1, 2]} for n in range(self.count)]

    def to_dict(self) -> dict[str, Any]:
        return {"rows": self.rows()}


RED = np.full((8, 12, 3), (255, 0, 0), np.uint8)


def test_it_is_saved_by_its_ending(tmp_path: Path) -> None:
    told = Told(RED)
    for name in ("a.png", "a.json", "a.csv"):
        told.save(tmp_path / name)
    assert (read(tmp_path / "a.png") == RED).all()
    assert json.loads((tmp_path / "a.json").read_text()) == told.to_dict()
    with open(tmp_path / "a.csv", newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == ["<b>0", "<b>1"]
    with pytest.raises(InputError, match=r"must end in \.json, \.csv"):
        told.save(tmp_path / "a.txt")
    with pytest.raises(InputError, match="cannot be written"):
        told.save(tmp_path / "none" / "a.json")


def test_a_table_has_a_row_for_each() -> None:
    table = Told(count=3).to_dataframe()
    assert list(table.columns) == ["file", "score", "box"]
    assert len(table) == 3


def test_a_notebook_sees_picture_and_table_and_no_markup_of_files() -> None:
    shown = Told(RED, count=30)._repr_html_()
    assert shown.startswith('<img src="data:image/png;base64,')
    assert "<b>" not in shown
    assert "&lt;b&gt;0" in shown
    assert "and 10 more" in shown
    assert "0.3333" in shown
    assert (Told(RED)._repr_png_() or b"").startswith(b"\x89PNG")


def test_without_a_picture_it_says_so(tmp_path: Path) -> None:
    told = Told()
    assert told._repr_png_() is None
    assert told._repr_html_().startswith("<table>")
    assert "nothing" in Told(count=0)._repr_html_()
    for draw in (told.show, lambda: told.save(tmp_path / "a.png")):
        with pytest.raises(InputError, match=r"nothing to draw of Told\(\)"):
            draw()


def test_show_opens_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    shown: list[tuple[int, int]] = []
    monkeypatch.setattr(Image.Image, "show", lambda self: shown.append(self.size))
    Told(RED).show()
    assert shown == [(12, 8)]
