"""A run that is asked and searched through its graph, without PyTorch."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.labeled import splits
from tests.support.pictures import scene
from tests.test_halves import visus as without
from visus import DependencyError, Index, InputError, RunError
from visus.graphs import graph
from visus.images import write
from visus.runs import run as front
from visus.runs import train
from visus.runs.answers import Unreadable
from visus.runs.classify.light import GraphPredictor
from visus.runs.classify.predict import ClassifyPredictor
from visus.runs.classify.prediction import ClassPrediction

PUBLISH: Callable[..., None] = front._publish


@pytest.fixture(scope="module", params=["cnn", "gray"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    place = tmp_path_factory.mktemp("light")
    data = splits(place / "textures", 12, 6, 6, side=32)
    if request.param == "gray":
        for path in data.rglob("*.png"):
            from visus import read

            write(path, np.repeat(read(path)[..., :1], 3, axis=2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(front, "_publish", PUBLISH)
        net = {"cnn": {"net": "cnn"}, "gray": {"net": "mlp", "hidden": (16,)}}[request.param]
        return train("classify", data, epochs=2, augment="none", runs=place / "runs", size=32, **net)


def test_training_writes_the_graph_and_it_answers_as_the_network_does(run: Any) -> None:
    names = {path.name for path in run.folder.iterdir()}
    assert {"model.onnx", "model.json", "best.safetensors"} <= names
    ours, theirs = GraphPredictor(run, k=3), ClassifyPredictor(run, k=3)
    pictures: list[Any] = [scene(k, 90, 60 + k) for k in range(6)]
    pictures += [scene(9, 40, 40)[..., 0], "missing.jpg", *sorted(run.folder.parents[2].rglob("test/*/*.png"))[:5]]
    for own, other in zip(ours.predict_many(pictures), theirs.predict_many(pictures), strict=True):
        assert own.path == other.path
        assert isinstance(own, Unreadable) == isinstance(other, Unreadable)
        if isinstance(own, ClassPrediction) and isinstance(other, ClassPrediction):
            chances = dict(zip(other.classes, other.probabilities, strict=True))
            for name, value in zip(own.classes, own.probabilities, strict=True):
                assert value == pytest.approx(chances[name], abs=1e-4)
    assert ours.predict(pictures[0], k=1).label == theirs.predict(pictures[0]).label


def test_other_weights_have_no_graph(run: Any, tmp_path: Path) -> None:
    for name in ("best.safetensors", "model.onnx", "model.json"):
        (tmp_path / name).write_bytes((run.folder / name).read_bytes())
    assert graph.of_run(tmp_path / "best.safetensors") is not None
    about = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**about, "weights": "run:0"}))
    with pytest.raises(DependencyError, match="has no graph"):
        GraphPredictor(tmp_path)
    (tmp_path / "model.json").unlink()
    with pytest.raises(DependencyError, match="visus export"):
        GraphPredictor(tmp_path)
    with pytest.raises(InputError, match="no device 'cuda'"):
        GraphPredictor(run, device="cuda")
    with pytest.raises(RunError, match="holds no trained network"):
        GraphPredictor(tmp_path / "none")


@pytest.mark.slow
def test_commands_and_server_need_no_torch(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUS_CACHE", str(tmp_path / "cache"))
    test = run.folder.parents[2] / "textures" / "test"
    answer = without(tmp_path, "predict", str(run.folder), str(test), "--json", "-k", "2")
    assert answer.returncode == 0, answer.stderr
    rows = json.loads(answer.stdout)["predictions"]
    expected = {own.path: own for own in run.predict(test)}
    assert len(rows) == len(expected)
    assert all(row["class"] == expected[row["file"]].label for row in rows)
    made = without(tmp_path, "index", str(test), "--index", "i.visus", "--model", str(run.folder))
    assert made.returncode == 0, made.stderr
    query = str(next(test.rglob("*.png")))
    hits = json.loads(without(tmp_path, "search", query, "--index", "i.visus", "--json").stdout)["hits"]
    assert hits[0]["path"] == query
    assert Index(tmp_path / "i.visus").search(query, k=3).paths == [hit["path"] for hit in hits[:3]]
