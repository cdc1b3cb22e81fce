"""The chapters of the course are notebooks: kept without output, each lesson in one of them, and they run."""

import ast
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from visus.lessons import LESSONS

DOCS = Path(__file__).parents[1] / "docs"
CHAPTERS = sorted((DOCS / "chapters").glob("*.ipynb"))


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_of(path: Path) -> list[str]:
    return [cell.source for cell in read(path).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_is_kept_as_it_was_written(path: Path) -> None:
    book = read(path)
    nbformat.validate(book)
    for cell in book.cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)
            assert not cell.outputs
            assert cell.execution_count is None
    assert f"chapters/{path.stem}\n" in (DOCS / "index.md").read_text(encoding="utf-8")


def test_every_lesson_is_in_a_chapter() -> None:
    shown = [
        name for path in CHAPTERS for code in code_of(path) for name in re.findall(r'(?m)^lesson\("([\w-]+)"', code)
    ]
    assert sorted(shown) == sorted(LESSONS)


@pytest.mark.long
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_runs(path: Path, tmp_path: Path) -> None:
    book = read(path)
    NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for cell in book.cells:
        if cell.cell_type == "code" and cell.source.startswith("lesson("):
            assert "image/png" in cell.outputs[-1].data
            assert cell.outputs[-1].data["text/html"].count("<p>") >= 3
