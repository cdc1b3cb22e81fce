"""A trained network in one file."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from visus import RunError, nets
from visus.nets import trained
from visus.nets.classification.trained import About, Trained
from visus.ops import Normalize


def _network(name: str = "cnn", **options: Any) -> Trained:
    torch.manual_seed(0)
    about = About("classify", name, dict(options), ("Gänse", "b", "c"), 16, 18, "bicubic", False)
    normalize = Normalize.of_channels((0.5,) * 3, (0.2,) * 3)
    return Trained(about, nets.create(name, classes=3, **options), normalize)


@pytest.mark.parametrize(("name", "options"), [("cnn", {}), ("mlp", {"size": 16, "hidden": (5, 4)}), ("resnet18", {})])
def test_a_file_brings_everything_back(tmp_path: Path, name: str, options: dict) -> None:
    network = _network(name, **options)
    trained.write(tmp_path / "best.safetensors", network)
    for place in (tmp_path, tmp_path / "best.safetensors", str(tmp_path)):
        again = trained.read(place)
        assert again.about.classes == network.about.classes
        assert (again.about.net, again.about.size, again.about.resize_to) == (name, 16, 18)
        x = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
        expected = network.backbone(network.normalize(x))
        assert torch.allclose(again.logits(x), expected, atol=1e-6)
    assert [p.name for p in tmp_path.iterdir()] == ["best.safetensors"]


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    file = tmp_path / "best.safetensors"
    with pytest.raises(RunError, match="holds no trained network"):
        trained.read(tmp_path)
    trained.write(file, _network())
    content = file.read_bytes()
    for damaged in (content[: len(content) // 2], content[:50], b"", b"\x80\x04cos\nsystem\n."):
        file.write_bytes(damaged)
        with pytest.raises(RunError, match="damaged"):
            trained.read(tmp_path)
    save_file({"a": torch.zeros(3)}, file)
    with pytest.raises(RunError, match="does not say which network"):
        trained.read(file)
    file.write_bytes(content)
    tensors = load_file(file)
    import json

    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        header = opened.metadata()
    about = json.loads(header["visus"])
    save_file(tensors, file, {"visus": json.dumps({**about, "net": "resnet18"})})
    with pytest.raises(RunError, match="does not fit the network resnet18"):
        trained.read(file)
    save_file(tensors, file, {"visus": json.dumps({**about, "format": 99})})
    with pytest.raises(RunError, match="newer visus"):
        trained.read(file)


@pytest.mark.parametrize(
    "change",
    [
        {"options": {"weights": "imagenet"}},
        {"options": {"classes": 5}},
        {"options": []},
        {"options": {"channels": "three"}},
        {"size": -5},
        {"size": 10**7},
        {"size": "a"},
        {"resize_to": 3},
        {"interpolation": "lanczos"},
        {"task": "segment"},
        {"classes": [1, 2, 3]},
        {"classes": ["a", "a", "a"]},
        {"gray": True},
        {"net": "../../x"},
    ],
)
def test_a_header_that_cannot_be_true_is_refused(tmp_path: Path, change: dict) -> None:
    import json

    from safetensors import safe_open

    file = tmp_path / "best.safetensors"
    trained.write(file, _network())
    with safe_open(file, "pt") as opened:
        about = json.loads(opened.metadata()["visus"])
    save_file(load_file(file), file, {"visus": json.dumps({**about, **change})})
    with pytest.raises(RunError):
        trained.read(file)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    network = _network()
    network.backbone.head.weight.data[0, 0] = float("nan")
    trained.write(tmp_path / "best.safetensors", network)
    with pytest.raises(RunError, match="does not fit"):
        trained.read(tmp_path)


def test_a_header_of_many_brackets_is_damaged(tmp_path: Path) -> None:
    place = tmp_path / "best.safetensors"
    save_file({"a": torch.zeros(1)}, place, {"visus": "[" * 100_000 + "]" * 100_000})
    with pytest.raises(RunError, match=r"is damaged \(RecursionError\)"):
        trained.read(place)
