"""A run is a thing one holds: a path, a network that is read once, and answers of one family."""

import os
import pickle
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch

from visus import Index, InputError, Run, RunError, evaluate, explain, predict, train
from visus.images.result import Result
from visus.nets import trained
from visus.runs.answers import Unreadable


@pytest.fixture(scope="module")
def picture(trained_run: Any) -> Path:
    return next((trained_run.folder.parents[2] / "textures" / "test" / "blob").iterdir())


@pytest.mark.slow
def test_it_can_be_given_wherever_its_folder_can(trained_run: Any, picture: Path, tmp_path: Path) -> None:
    assert os.fspath(trained_run) == str(trained_run.folder)
    assert Run(trained_run).folder == trained_run.folder
    assert trained.read(trained_run).about.net == "mlp"
    assert explain.saliency(trained_run, picture, method="saliency").name in trained_run.summary["classes"]
    index = Index(tmp_path / "i.visus", model=trained_run)
    assert index.add(picture.parent).added == 12
    again = train(
        "classify", picture.parents[2], weights=trained_run, net="mlp", hidden=(32,), size=16, mode="finetune",
        epochs=1, augment="none", runs=tmp_path, workers=0,
    )  # fmt: skip
    assert again.settings.weights == str(trained_run.folder)
    assert evaluate(trained_run, out=tmp_path / "e").top1 == evaluate(trained_run.folder, out=tmp_path / "e").top1


def test_a_path_an_array_a_list_and_a_folder(trained_run: Any, picture: Path, tmp_path: Path) -> None:
    from visus import read

    one = trained_run.predict(picture)
    assert trained_run.predict(read(picture)).probabilities == one.probabilities
    assert predict(trained_run, picture).to_dict() == one.to_dict()
    assert predict(trained_run.folder / "best.safetensors", str(picture), k=1).classes == one.classes[:1]
    (tmp_path / "torn.jpg").write_bytes(b"no picture")
    first, second = trained_run.predict([picture, tmp_path / "torn.jpg"])
    assert first == one
    assert isinstance(second, Unreadable)
    assert second.path == str(tmp_path / "torn.jpg")
    answers = list(trained_run.predict(picture.parent, k=1))
    assert [answer.path for answer in answers] == sorted(map(str, picture.parent.iterdir()))
    assert {len(answer.classes) for answer in answers} == {1}
    with pytest.raises(InputError, match="does not exist"):
        trained_run.predict(tmp_path / "none.jpg")


def test_the_network_is_read_once_and_again_when_it_has_changed(
    trained_run: Any, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    folder = Path(shutil.copytree(trained_run.folder, tmp_path / "run"))
    reads: list[Any] = []
    known = trained.read
    monkeypatch.setattr(trained, "read", lambda *given: reads.append(given) or known(*given))
    run = Run(folder)
    for _ in range(3):
        run.predict(picture)
    assert len(reads) == 1
    run.predict(picture, k=1)
    assert len(reads) == 2
    os.utime(folder / "best.safetensors", ns=(1, 1))
    run.predict(picture, k=1)
    assert len(reads) == 3
    (folder / "best.safetensors").unlink()
    with pytest.raises(RunError, match="no trained network yet"):
        run.predict(picture)


def test_an_evaluation_reads_each_file_once(trained_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count: Counter[str] = Counter()
    safe_open, loads = safetensors.safe_open, tomllib.loads

    def counted_open(*given: Any, **options: Any) -> Any:
        count["header"] += 1
        return safe_open(*given, **options)

    def counted_loads(text: str) -> dict[str, Any]:
        count["config"] += 1
        return loads(text)

    monkeypatch.setattr(safetensors, "safe_open", counted_open)
    monkeypatch.setattr(tomllib, "loads", counted_loads)
    evaluate(trained_run.folder, out=tmp_path)
    assert count == {"header": 1, "config": 1}


def test_answers_are_of_one_family(trained_run: Any, picture: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "i.visus")
    index.add(picture.parent)
    answers: list[Result] = [
        trained_run.predict(picture),
        trained_run.evaluate(out=tmp_path / "e"),
        explain.saliency(trained_run, picture, method="saliency"),
        index.search(picture, k=3),
    ]
    for number, answer in enumerate(answers):
        assert isinstance(answer, Result)
        assert len(repr(answer)) < 200
        assert answer.to_dict()
        assert len(answer.to_dataframe()) > 0
        drawn = answer.drawn()
        assert drawn is not None
        assert (drawn.dtype, drawn.shape[2]) == (np.uint8, 3)
        assert "<img" in answer._repr_html_()
        for ending in (".png", ".json", ".csv"):
            answer.save(tmp_path / f"{number}{ending}")
            assert (tmp_path / f"{number}{ending}").stat().st_size > 0


def test_a_run_travels_without_its_network(trained_run: Any, picture: Path) -> None:
    run = Run(trained_run.folder)
    run.predict(picture)
    sent = pickle.dumps(run)
    assert len(sent) < 1000
    assert pickle.loads(sent).predict(picture) == run.predict(picture)


def test_what_is_no_picture_is_one_sentence(trained_run: Any) -> None:
    for strange in (torch.zeros(3, 8, 8), 7, object()):
        with pytest.raises(InputError, match="A picture is a path or a NumPy array"):
            trained_run.predict(strange)


def test_settings_of_others_beside_a_file_of_weights(trained_run: Any, picture: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copy(trained_run.folder / "best.safetensors", tmp_path / "mine.safetensors")
    (tmp_path / "config.toml").write_text("[tool]\nof = 'somebody else'\n")
    found = evaluate(tmp_path / "mine.safetensors", picture.parents[1], out=tmp_path / "e")
    assert found.split == "all"


def test_a_run_of_a_task_that_there_is_not(trained_run: Any, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('task = "guess"\ndata = "x"\n')
    run = Run(tmp_path)
    for ask in (lambda: run.settings, run.evaluate):
        with pytest.raises(InputError, match=r"config.toml names the task 'guess'.*must be one of"):
            ask()
