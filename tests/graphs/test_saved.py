"""What a trained network says of itself, and what is none."""

from pathlib import Path

import pytest

from visus import RunError
from visus.graphs.saved import open_saved


@pytest.mark.parametrize("name", ["model.onnx", "model.xml", "model.pt"])
def test_a_graph_that_was_exported_is_told_from_a_damaged_network(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(RunError, match="graph for other programs"):
        open_saved(tmp_path / name)
