"""The default network's graph, made without torch: the same weights, the same vectors, and nothing in a file is run."""

import contextlib
import os
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from visus import WeightsError, nets, read
from visus.graphs import graph, lite, runtime
from visus.graphs.tensors import read_tensors
from visus.graphs.weights import Preprocessing, of, package_file
from visus.images import resize
from visus.nets import embedding
from visus.nets.weights import read_file
from visus.search import demo
from visus.search.describe import unit


def test_tensors_are_those_that_torch_reads_bit_for_bit() -> None:
    path = package_file(of("efficientnet_lite0"))
    own, torchs = read_tensors(path), read_file(path)
    assert list(own) == list(torchs)
    for name, values in torchs.items():
        assert own[name].dtype == values.numpy().dtype
        assert own[name].tobytes() == values.numpy().tobytes()


@pytest.mark.slow
def test_the_graph_is_that_which_torch_exports() -> None:
    content, about = lite.fill()
    _, exported = embedding.export("efficientnet_lite0", "imagenet")
    assert about | {"bytes": 0} == exported | {"bytes": 0}
    assert about["digest"] == embedding.digest(nets.create("efficientnet_lite0", weights="imagenet"))
    assert len(content) == about["bytes"]


@pytest.mark.slow
def test_vectors_and_maps_are_those_of_the_network(tmp_path: Path) -> None:
    found = graph.load("efficientnet_lite0")
    whole = [read(path) for path in demo.photographs().values()]
    parts = [own[: len(own) * 2 // 3, own.shape[1] // 3 :] for own in whole]  # 88 pictures, of 44 photographs
    turned = [own[::-1, ::-1] for own in whole[:12]]
    pictures = np.stack([resize(own, 224, 224) for own in (*whole, *parts, *turned)])
    assert len(pictures) == 100
    expected = unit(embedding.TorchRuntime(found, "cpu").vectors(pictures))
    for ready in (runtime.OnnxRuntime(found), runtime.OpenVinoRuntime(found)):
        vectors = unit(ready.runner().vectors(pictures))
        assert (vectors * expected).sum(axis=1).min() >= 1 - 1e-6, ready.name


def test_a_package_of_other_weights_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    monkeypatch.setattr(lite, "package_file", lambda _: tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="weights of another network; install it again"):
        lite.fill()


def test_nan_in_a_graph_is_said_before_a_relu_hides_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folded = lite._folded

    def broken(*given: Any) -> Iterator[tuple[Any, Any]]:
        return ((weight, bias * np.float32("nan")) for weight, bias in folded(*given))

    monkeypatch.setattr(lite, "_folded", broken)
    content, about = lite.fill()
    (tmp_path / "nan.onnx").write_bytes(content)
    prepared = Preprocessing.from_dict(about["preprocessing"])
    found = graph.Graph("lite", "nan", about["digest"], about["dimension"], prepared, True, tmp_path / "nan.onnx")
    with pytest.raises(WeightsError, match="holds NaN; give other weights"):
        runtime.OpenVinoRuntime(found)


# Files of tensors ------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(0, 4), max_size=3), max_size=4), st.booleans())
def test_any_dictionary_of_tensors(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[list[int]], turned: bool
) -> None:
    path = tmp_path_factory.mktemp("t") / "t.pth"
    tensors = {f"t{k}": torch.rand(shape) for k, shape in enumerate(shapes)}
    tensors |= {"n": torch.arange(6).reshape(2, 3).T if turned else torch.arange(6)[2:]}
    torch.save(tensors, path, _use_new_zipfile_serialization=False)
    found = read_tensors(path)
    assert list(found) == list(tensors)
    for name, values in tensors.items():
        assert np.array_equal(found[name], values.numpy())


def _saved(state: Any) -> bytes:
    parts = [lite_magic(), pickle.dumps(1001, 2), pickle.dumps({"little_endian": True}, 2), pickle.dumps(state, 2)]
    return b"".join([*parts, pickle.dumps([], 2)])


def lite_magic() -> bytes:
    return pickle.dumps(0x1950A86A20F9469CFC6C, 2)


class _Calls:
    """A pickle that would run a command."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self._folder),)


def test_a_file_that_calls_a_function_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.pth").write_bytes(_saved(OrderedDict(a=_Calls(tmp_path / "made"))))
    with pytest.raises(WeightsError, match="mkdir is no part of a dictionary of tensors"):
        read_tensors(tmp_path / "bad.pth")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        pickle.dumps(7, 2),
        lite_magic(),
        _saved([1, 2]),
        _saved({"a": 1}),
        _saved(None),
    ],
)
def test_what_is_no_file_of_tensors_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=r"bad\.pth cannot be read"):
        read_tensors(tmp_path / "bad.pth")


@given(st.integers(0, 1 << 30), st.integers(0, 7))
def test_no_flipped_bit_is_more_than_a_sentence(tmp_path_factory: pytest.TempPathFactory, place: int, bit: int) -> None:
    path = tmp_path_factory.mktemp("t") / "t.pth"
    torch.save({"a": torch.ones(3, 2), "b": torch.zeros(2)}, path, _use_new_zipfile_serialization=False)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    with contextlib.suppress(WeightsError):
        read_tensors(path)


def test_a_file_that_ends_too_early_and_one_that_lies_about_its_sizes(tmp_path: Path) -> None:
    path = tmp_path / "t.pth"
    torch.save({"a": torch.ones(100)}, path, _use_new_zipfile_serialization=False)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(WeightsError, match="ends too early"):
        read_tensors(path)
    path.write_bytes(whole[:-408] + struct.pack("<q", 1 << 40) + whole[-400:])
    with pytest.raises(WeightsError, match="ends too early"):
        read_tensors(path)
