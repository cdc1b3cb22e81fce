"""Graphs in the cache."""

from pathlib import Path
from typing import Any

import pytest

from visus.graphs import graph
from visus.graphs.weights import Preprocessing


def test_names_with_dots_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(model: str, weights: str, _stem: Path) -> tuple[bytes, dict[str, Any]]:
        content = f"{model} {weights}".encode()
        prepared = Preprocessing(224, 224).to_dict()
        about = {"model": model, "digest": model, "dimension": 3, "preprocessing": prepared, "has_map": False}
        return content, {**about, "bytes": len(content)}

    monkeypatch.setenv("VISUS_CACHE", str(tmp_path))
    monkeypatch.setattr(graph, "_made", made)
    names = ["convnext_tiny.fb_in1k", "convnext_tiny.in12k_ft_in1k", "convnext_tiny"]
    monkeypatch.setattr(graph, "_identity", lambda model, weights: f"{model} of {weights}")
    first = [graph.load(name) for name in names]
    assert [found.model for found in first] == names
    assert len({found.path for found in first}) == 3
    assert [found.path.read_bytes() for found in first] == [f"{name} imagenet".encode() for name in names]
    assert [graph.load(name).path for name in names] == [found.path for found in first]
