"""Answers in a notebook that is really run."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

CELLS = {
    "prediction": "run.predict(picture)",
    "evaluation": "run.evaluate(out='measured')",
    "heat map": "visus.explain.saliency(run, picture, method='saliency')",
    "hits": "index.search(picture, k=3)",
}


@pytest.mark.long
def test_every_answer_is_a_picture_and_a_table(trained_run: Any, tmp_path: Path) -> None:
    blobs = trained_run.folder.parents[2] / "textures" / "test" / "blob"
    setup = f"""
import visus
run, picture = visus.Run({str(trained_run.folder)!r}), {str(next(blobs.iterdir()))!r}
index = visus.Index("i.visus")
index.add({str(blobs)!r})
"""
    notebook = new_notebook(cells=[new_code_cell(code) for code in (setup, *CELLS.values())])
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    nbformat.validate(notebook)
    for name, cell in zip(CELLS, notebook.cells[1:], strict=True):
        shown = cell.outputs[-1].data
        assert shown["text/html"].startswith('<img src="data:image/png;base64,'), name
        assert "<table>" in shown["text/html"], name
        assert shown["image/png"], name
        assert len(shown["text/plain"]) < 250, name
