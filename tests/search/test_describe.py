"""Pictures become vectors, the same ones on every runtime."""

import builtins
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.support.pictures import folder_of, scene
from visus import Index, InputError, PictureIndexError, WeightsError, nets
from visus.graphs import graph, runtime
from visus.nets.embedding import TorchRuntime
from visus.search.describe import Embedder, unit


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    return np.stack([scene(seed, 224, 224) for seed in range(3)])


def test_every_runtime_gives_the_networks_own_embedding(pixels: NDArray[np.uint8]) -> None:
    net = nets.create("efficientnet_lite0", weights="imagenet")
    x = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - 127) / 128
    with torch.inference_mode():
        expected = net.embed(x).numpy()
    found = graph.load("efficientnet_lite0")
    for ready in (
        runtime.OpenVinoRuntime(found),
        runtime.OpenVinoRuntime(found, streams=2),
        runtime.OnnxRuntime(found),
        TorchRuntime(found, "cpu"),
    ):
        runner = ready.runner()
        vectors = runner.vectors(pixels)
        assert np.abs(vectors - expected).max() < 2e-3, ready.name
        assert (unit(vectors) * unit(expected)).sum(axis=1).min() > 0.999999, ready.name
        assert np.abs(runner.maps(pixels).mean(axis=(1, 2)) - vectors).max() < 2e-3, ready.name


def test_bf16_stays_close(pixels: NDArray[np.uint8]) -> None:
    found = graph.load("efficientnet_lite0")
    exact = unit(runtime.OpenVinoRuntime(found).runner().vectors(pixels))
    fast = unit(runtime.OpenVinoRuntime(found, precision="bf16").runner().vectors(pixels))
    assert (exact * fast).sum(axis=1).min() > 0.99


def test_batches_and_single_pictures_agree(pixels: NDArray[np.uint8]) -> None:
    embedder = Embedder()
    together = embedder(list(pixels))
    alone = np.concatenate([embedder([picture]) for picture in pixels])
    assert np.abs(together - alone).max() < 1e-4
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("missing", "streams", "name"),
    [
        ("", 2, "OpenVINO"),
        ("", None, "ONNX Runtime"),
        ("openvino", 2, "ONNX Runtime"),
        ("onnxruntime", None, "OpenVINO"),
    ],
)
def test_each_runtime_stands_in_for_the_other(
    monkeypatch: pytest.MonkeyPatch, pixels: NDArray[np.uint8], missing: str, streams: int | None, name: str
) -> None:
    expected = Embedder()(list(pixels))
    real = builtins.__import__

    def without(module: str, *args: object, **options: object) -> object:
        if module == missing:
            raise ImportError(module)
        return real(module, *args, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(builtins, "__import__", without)
    embedder = Embedder(streams=streams)
    assert embedder.runtime.name == name
    assert np.abs(embedder(list(pixels)) - expected).max() < 1e-4


def test_asking_for_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="--device cpu"):
        Embedder(device="cuda")


def test_a_driver_without_a_gpu_falls_back_to_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert Embedder(streams=2).runtime.name == "OpenVINO"


def test_a_cache_that_cannot_be_written_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("VISUS_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(WeightsError, match="VISUS_CACHE"):
        graph.load("efficientnet_lite0")


@pytest.mark.slow
def test_a_damaged_graph_in_the_cache_is_made_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VISUS_CACHE", str(tmp_path))
    first = graph.load("resnet18", weights=_random_resnet(tmp_path))
    made = (first.path.read_bytes(), json.loads(first.path.with_suffix(".json").read_text()))
    exports: list[object] = []
    monkeypatch.setattr(graph, "_made", lambda *given: exports.append(given) or made)
    first.path.write_bytes(first.path.read_bytes()[:1000])
    assert graph.load("resnet18", weights=str(tmp_path / "r.pth")).path.stat().st_size > 10_000_000
    about = first.path.with_suffix(".json")
    about.write_text(json.dumps({"model": "resnet18"}))
    assert graph.load("resnet18", weights=str(tmp_path / "r.pth")) == first
    assert len(exports) == 2


def _random_resnet(folder: Path) -> str:
    torch.manual_seed(0)
    torch.save(nets.create("resnet18").net.state_dict(), folder / "r.pth")
    return str(folder / "r.pth")


@pytest.mark.slow
def test_other_weights_are_another_graph_and_another_index(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, photos: Path
) -> None:
    from visus import Index

    monkeypatch.setenv("VISUS_CACHE", str(tmp_path / "cache"))
    weights = _random_resnet(tmp_path)
    index = Index(tmp_path / "r.visus", model="resnet18", weights=weights)
    index.add(photos)
    assert index.search(photos / "0003.jpg", k=1).paths == [str(photos / "0003.jpg")]
    torch.save(nets.create("resnet18").net.state_dict(), tmp_path / "other.pth")
    with pytest.raises(PictureIndexError, match="other weights of resnet18"):
        Index(tmp_path / "r.visus", weights=str(tmp_path / "other.pth")).search(photos / "0003.jpg")
    with pytest.raises(PictureIndexError, match="made with resnet18, not efficientnet_lite0"):
        Index(tmp_path / "r.visus", model="efficientnet_lite0")


@pytest.mark.slow
def test_networks_without_average_pooling_describe_but_do_not_explain(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, photos: Path
) -> None:
    from visus import Index

    monkeypatch.setenv("VISUS_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(0)
    torch.save(nets.create("vit_tiny_patch16_224").net.state_dict(), tmp_path / "v.pth")
    index = Index(tmp_path / "v.visus", model="vit_tiny_patch16_224", weights=str(tmp_path / "v.pth"))
    index.add(photos)
    hits = index.search(photos / "0003.jpg", k=2)
    assert hits.paths[0] == str(photos / "0003.jpg")
    with pytest.raises(InputError, match="does not pool its last map by average"):
        hits[0].why()


def test_the_runtime_starts_no_process_and_reports_to_nobody() -> None:
    code = (
        "import os, sys, time\n"
        "os.register_at_fork(before=lambda: print('FORK'))\n"
        "from visus.search.describe import Embedder\n"
        "import numpy as np\n"
        "Embedder(streams=2)([np.zeros((50, 50, 3), np.uint8)])\n"
        "time.sleep(0.5)\n"
        "print([m for m in sys.modules if m.startswith('openvino_telemetry.')])\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert answer.stdout.strip() == "[]"


@pytest.mark.slow
def test_threads_that_run_first_at_once_do_not_wait_for_each_other() -> None:
    code = (
        "import os, sys, threading, numpy as np\n"
        "from visus.graphs import graph, runtime\n"
        "ready = runtime.OpenVinoRuntime(graph.load('efficientnet_lite0'), streams=8)\n"
        "gate = threading.Barrier(8)\n"
        "def first():\n"
        "    runner = ready.runner(); gate.wait(); runner.vectors(np.zeros((1, 224, 224, 3), np.uint8))\n"
        "threads = [threading.Thread(target=first, daemon=True) for _ in range(8)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join(30) for thread in threads[:1]]\n"
        "[thread.join(1) for thread in threads[1:]]\n"
        "os.write(1, b'hung' if any(thread.is_alive() for thread in threads) else b'done')\n"
        "os._exit(0)\n"
    )
    for _ in range(6):
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=90)
        assert answer.stdout == "done"


def test_bf16_is_taken_only_where_it_is_asked_for() -> None:
    assert [runtime.chosen(wanted) for wanted in ("auto", "f32", "bf16")] == ["f32", "f32", "bf16"]
    assert runtime.OnnxRuntime.precision == "f32"


def test_what_was_computed_in_is_written_and_kinds_mix(photos: Path, tmp_path: Path) -> None:
    place = tmp_path / "i.visus"
    assert Index(place, precision="f32").add(photos).precision == "f32"
    assert Index(place).about["precisions"] == ["f32"]
    folder_of(photos, 2, first=50)
    assert Index(place, precision="bf16").add(photos).precision == "bf16"
    assert Index(place).about["precisions"] == ["f32", "bf16"]
    assert Index(place, precision="f32").add(photos).added == 0
    for name, least in (("0003.jpg", 0.999), ("0050.jpg", 0.99)):  # the second in bf16, the query in f32
        hit = Index(place).search(photos / name, k=1)[0]
        assert hit.path == str(photos / name)
        assert hit.score >= least
    assert Index(place).verify().sound
