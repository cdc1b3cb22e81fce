"""Several processes train as one does."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from tests.support.boxed import coco_folder
from tests.support.labeled import splits
from tests.support.processes import called
from visus import InputError, RunError, train
from visus.cluster import Cluster
from visus.data import Order
from visus.data.batches import Batches, loader
from visus.data.samples import Pictures
from visus.runs.engine.progress import Progress
from visus.tasks import all_reduce
from visus.tasks.all_reduce import Share

FAST: dict[str, Any] = {"net": "mlp", "hidden": (16,), "augment": "none", "size": 16, "batch_size": 8, "workers": 0}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return splits(tmp_path_factory.mktemp("data") / "textures", 16, 8, 0, side=16)


@pytest.mark.parametrize(("count", "processes"), [(64, 2), (61, 2), (61, 4), (7, 2)])
def test_shares_make_up_the_batches(count: int, processes: int) -> None:
    labels = np.zeros(count, np.int64)
    whole = Order(labels, shuffle=True, seed=3)
    shares = [Share(Order(labels, shuffle=True, seed=3), 8, processes, rank) for rank in range(processes)]
    for epoch in range(2):
        for order in (whole, *shares):
            order.set_epoch(epoch)
        parts = [list(share) for share in shares]
        assert len({len(part) for part in parts}) == 1
        assert len(parts[0]) == len(shares[0])
        each = 8 // processes
        for number in range(count // 8):
            seen = [key for part in parts for key in part[number * each : (number + 1) * each]]
            assert seen == list(whole)[number * 8 : number * 8 + 8]
        everything = [key for part in parts for key in part]
        assert len(set(everything)) == len(everything)
        assert count - len(everything) < processes


def test_no_batch_of_one_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_reduce, "count", lambda: 2)
    monkeypatch.setattr(all_reduce, "rank", lambda: 0)
    for count, sizes in ((66, [4] * 8), (68, [4] * 8 + [2]), (64, [4] * 8), (9, [4])):
        pictures = Pictures(np.zeros(count, np.int64), arrays=np.zeros((count, 8, 8), np.uint8))
        whole = loader(Batches(pictures, 8), pictures.labels, batch_size=8, shuffle=True)
        assert [len(labels) for _, labels in all_reduce.shared(whole)] == sizes


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "momentum", "lr": 0.05},
        pytest.param({"schedule": "plateau", "clip_norm": 1.0}, marks=pytest.mark.long),
    ],
)
def test_two_processes_take_the_steps_of_one(
    cluster: Cluster, data: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    settings = {**FAST, **settings, "epochs": 2}
    said: list[str] = []
    alone = train("classify", data, runs=tmp_path / "alone", **settings)
    joint = train("classify", data, runs=tmp_path / "together", cluster=cluster, say=said.append, **settings)
    assert "2 processes train together, 4 pictures of each batch to each." in said
    assert any(text.startswith("Best: accuracy") for text in said)
    first, second = (load_file(run.folder / "best.safetensors") for run in (alone, joint))
    for name, tensor in first.items():
        np.testing.assert_allclose(second[name], tensor, rtol=1e-3, atol=1e-4, err_msg=name)
    tables = [np.genfromtxt(run.folder / "metrics.csv", delimiter=",", names=True) for run in (alone, joint)]
    for column in ("train_loss", "val_loss", "val_accuracy", "lr"):
        np.testing.assert_allclose(tables[0][column], tables[1][column], rtol=1e-3, atol=1e-4, err_msg=column)
    assert joint.finished
    assert not (joint.folder / ".ray").exists()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_killed_process_costs_an_epoch_at_most(cluster: Cluster, data: Path, tmp_path: Path) -> None:
    settings = {**FAST, "epochs": 6, "optimizer": "momentum", "lr": 0.05}
    killed: list[int] = []
    begun: list[int] = []

    def kill(progress: Progress) -> None:
        if progress.done == 1:
            begun.append(progress.epoch)
        if progress.epoch == 3 and not killed:
            killed.extend(called("RayTrainWorker"))
            os.kill(killed[0], signal.SIGKILL)

    joint = train("classify", data, runs=tmp_path / "together", cluster=cluster, progress=kill, **settings)
    assert killed
    assert begun.count(1) == 1  # it went on, and did not begin anew
    alone = train("classify", data, runs=tmp_path / "alone", **settings)
    first, second = (load_file(run.folder / "best.safetensors") for run in (alone, joint))
    for name, tensor in first.items():
        np.testing.assert_allclose(second[name], tensor, rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_fine_tuning_opens_layers_in_all_processes(cluster: Cluster, data: Path, tmp_path: Path) -> None:
    run = train(
        "classify",
        data,
        runs=tmp_path,
        cluster=cluster,
        mode="finetune",
        epochs=3,
        patience=0,
        batch_size=8,
        size=64,
        workers=0,
    )
    assert run.finished
    assert run.summary["epochs"] == 3


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_detector(cluster: Cluster, tmp_path: Path) -> None:
    coco_folder(tmp_path / "boxes", {"train": 8, "val": 4})
    run = train(
        "detect", tmp_path / "boxes", runs=tmp_path, cluster=cluster, epochs=1, batch_size=2, side=64, workers=0
    )
    assert run.finished


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_training_that_diverges_says_so_once(cluster: Cluster, data: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"The training diverged in epoch 1: a gradient is no finite number"):
        train("classify", data, runs=tmp_path, cluster=cluster, epochs=2, optimizer="sgd", lr=1e30, **FAST)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_cannot_be_divided_is_refused(cluster: Cluster, data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="A batch of 7 cannot be divided among 2 processes; say --batch-size 8"):
        train("classify", data, runs=tmp_path, cluster=cluster, **{**FAST, "batch_size": 7})
    with pytest.raises(InputError, match="A probe trains one layer"):
        train("classify", data, runs=tmp_path, cluster=cluster, mode="probe")
    with pytest.raises(InputError, match="--find-lr looks for the rate in one process"):
        train("classify", data, runs=tmp_path, cluster=cluster, **FAST, find_lr=True)
    assert not list(tmp_path.glob("classify/*"))
