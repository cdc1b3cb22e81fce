"""Segmenters as graphs of every size: they answer as the network does, with and without PyTorch."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from tests.support.command import visus
from tests.test_halves import visus as light
from visus import DependencyError, InputError, RunError, nets
from visus.graphs.masks import MaskGraph, MaskRunner, mirrored
from visus.nets import trained
from visus.nets.segmentation import segmenter
from visus.nets.segmentation.trained import About, Trained
from visus.ops import Normalize
from visus.runs.export import export
from visus.runs.segment.light import GraphSegmenter
from visus.runs.segment.predict import SegmentPredictor

NETS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "fcn8s": ({"backbone": "efficientnet_lite0"}, (64, 96)),
    "fcn16s": ({"backbone": "resnet18"}, (64, 96)),
    "deeplab": ({"backbone": "efficientnet_lite0"}, (48, 64)),
    "unet": ({"width": 2, "channels": 1}, (188, 204)),
    "unet, padded": ({"width": 2, "channels": 1, "padded": True, "batch_norm": True}, (64, 96)),
    "segnet": ({"width": 4}, (64, 64)),
    "deconvnet": ({"width": 2}, (224, 224)),
    "lraspp_mobilenet_v3_large": ({}, (64, 64)),
    "deeplabv3_mobilenet_v3_large": ({}, (64, 64)),
    "vnet": ({"width": 2}, (16, 16, 32)),
}


def network(name: str) -> Trained:
    """A segmenter with random weights."""
    options, window = NETS[name]
    net = name.partition(",")[0]
    torch.manual_seed(0)
    built = nets.segmentation.create(net, classes=3, **options).eval()
    colors = ((0, 0, 0), (9, 9, 9), (200, 0, 0))
    gray = built.channels == 1
    about = About(net, options, ("a", "b", "c"), window, colors, gray=gray)
    normalize = torch.nn.Identity() if built.axes == 3 else Normalize.of_channels(*((0.5,) * built.channels,) * 2)
    return Trained(about, built, normalize.eval())


def pictures(own: Trained) -> list[Any]:
    """Of three sizes, of which the network takes none."""
    random = np.random.default_rng(1)
    if own.net.axes == 3:
        sizes = ((9, 17, 20), (16, 16, 33), (20, 30, 31))
        return [random.normal(size=size).astype(np.float32) for size in sizes]
    return [random.integers(0, 256, (*size, 3), dtype=np.uint8) for size in ((33, 70), (101, 75), (60, 230))]


class ByNetwork:
    """Runs a network where a graph would be run."""

    def __init__(self, own: Trained) -> None:
        self.own = own

    def run(self, names: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        x = torch.from_numpy(feeds["pixels"])
        x = x[:, None] if self.own.net.axes == 3 else x.permute(0, 3, 1, 2)[:, : self.own.net.channels]
        with torch.inference_mode():
            return [self.own.net(self.own.normalize(x)).softmax(1).numpy()]


@pytest.mark.parametrize("net", ["fcn8s", "unet", "deconvnet", "vnet"])
def test_a_runner_mirrors_and_cuts_as_the_network_does(net: str) -> None:
    own = network(net)
    runner = MaskRunner(MaskGraph(Path(), own.net.sides, own.about.window), ByNetwork(own))
    predictor = SegmentPredictor(own, device="cpu")
    for picture in pictures(own)[:2]:
        seen = np.repeat(_gray(picture)[..., None], 3, axis=2) if own.about.gray and own.net.axes == 2 else picture
        np.testing.assert_allclose(runner.probabilities(seen), predictor.probabilities(picture), atol=1e-5)


def _gray(picture: np.ndarray) -> np.ndarray:
    from visus.images.color import to_gray

    return to_gray(picture)


@pytest.mark.parametrize("before", [0, 2, 9])
def test_both_mirror_alike(before: int) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (5, 1, 3), dtype=np.uint8)
    expected = segmenter.mirrored(torch.from_numpy(picture).permute(2, 0, 1)[None], [before, 3], [7, 0])
    np.testing.assert_array_equal(mirrored(picture, [before, 3], [7, 0]), expected[0].permute(1, 2, 0).numpy())


_RARE = [pytest.param(net, marks=pytest.mark.long) for net in NETS if net not in ("fcn8s", "unet, padded")]


@pytest.mark.slow
@pytest.mark.parametrize("net", ["fcn8s", "unet, padded", *_RARE])
def test_a_graph_answers_as_the_network_at_every_size(net: str, tmp_path: Path) -> None:
    own = network(net)
    trained.write(tmp_path / "best.safetensors", own)
    path = export(tmp_path)
    about = json.loads({row.key: row.value for row in onnx.load(path).metadata_props}["visus"])
    assert about["classes"] == ["a", "b", "c"]
    assert about["pixels"] == [None, None, None if own.net.axes == 3 else 3]
    assert (about["multiple"], about["margin"]) == (own.net.multiple, own.net.margin)
    assert about["license"] is None  # it began at random
    predictor, by_graph = SegmentPredictor(tmp_path, device="cpu"), GraphSegmenter(tmp_path)
    shown = pictures(own)
    for picture in shown:
        np.testing.assert_allclose(by_graph.probabilities(picture), predictor.probabilities(picture), atol=1e-3)
        same = by_graph.predict(picture).mask == predictor.predict(picture).mask
        assert same.mean() > 0.999
    if net == "fcn8s":
        assert _by_openvino(export(tmp_path, "openvino"), shown[0]).shape == (1, 3, 64, 96)
        _without_pytorch(tmp_path)


def _by_openvino(path: Path, picture: np.ndarray) -> np.ndarray:
    """The answer of its intermediate representation to a picture of 64x96 pixels."""
    from visus._openvino import core, hints

    pixels = np.resize(picture, (1, 64, 96, 3))
    return core().compile_model(core().read_model(path), "CPU", hints(1))([pixels])["probabilities"]


def _without_pytorch(place: Path) -> None:
    """The command answers the same where PyTorch is not installed, and says what the graph does not do."""
    Image.fromarray(np.random.default_rng(5).integers(0, 256, (70, 110, 3), dtype=np.uint8)).save(place / "p.png")
    answer = light(place, "predict", ".", "p.png", "--json", "--out", "one")
    assert answer.returncode == 0, answer.stderr
    again = visus("predict", ".", "p.png", "--engine", "onnx", "--json", "--out", "two", cwd=place)
    assert json.loads(again.stdout) == json.loads(answer.stdout)
    for ending in ("png", "jpg", "json"):
        assert (place / f"one/p.{ending}").read_bytes() == (place / f"two/p.{ending}").read_bytes()
    wrong = visus("predict", ".", "p.png", "--engine", "onnx", "--flip", cwd=place, code=2)
    assert "--flip needs PyTorch" in wrong.stderr


def test_what_a_graph_does_not_do_is_said(tmp_path: Path) -> None:
    trained.write(tmp_path / "best.safetensors", network("unet"))
    with pytest.raises(InputError, match="--scales needs PyTorch"):
        GraphSegmenter(tmp_path, scales=(0.5, 1.0))
    with pytest.raises(InputError, match="runs on the CPU"):
        GraphSegmenter(tmp_path, device="cuda")
    with pytest.raises(DependencyError, match=r"no graph of its network for pictures of any size .*visus export"):
        GraphSegmenter(tmp_path)
    with pytest.raises(DependencyError, match=r"no graph of 8 bits .*visus export --int8"):
        GraphSegmenter(tmp_path, int8=True)


def test_a_network_that_cannot_be_traced_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise ValueError("no such operator")

    trained.write(tmp_path / "best.safetensors", network("unet"))
    monkeypatch.setattr("visus.runs.segment.exporting.to_onnx", fail)
    with pytest.raises(RunError, match=r"cannot be exported for pictures of any size .* with --size"):
        export(tmp_path)
