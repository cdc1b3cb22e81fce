"""Tensors out of a file that torch saved, without torch, and without running what the file says.

``torch.save`` writes pickles, and a pickle may call any function. This reader knows three calls, those of which a plain
dictionary of tensors is made, and refuses every other. It reads the form of torch before 1.6 (magic number, version,
system, dictionary, names of storages, their bytes), in which the packages of weights come.
"""

import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from visus._errors import WeightsError

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True, slots=True)
class _Storage:
    """Values that lie further back in the file."""

    name: str
    dtype: np.dtype
    count: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A part of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class _Reader(pickle._Unpickler):
    """Reads pickles in which nothing but dictionaries and tensors are made.

    It is Python's own reader in Python: the one in C takes as much memory as a damaged file tells it to.
    """

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - what a pickle calls
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _DTYPES:
            return name  # a word: a type could be told to change itself
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a dictionary of tensors")

    def persistent_load(self, pid: Any) -> _Storage:  # noqa: ANN401 - what a pickle names
        kind, dtype, name, _, count, _ = pid
        if kind != "storage" or dtype not in _DTYPES or not isinstance(count, int) or count < 0:
            raise pickle.UnpicklingError("what is stored is no tensor")
        return _Storage(str(name), _DTYPES[dtype], count)


def _tensor(storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object) -> _Tensor:
    return _Tensor(storage, offset, shape, stride)


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Tensors by name, in the order in which they were saved.

    Args:
        path: A plain dictionary of tensors, as ``torch.save(net.state_dict(), path)`` wrote it before torch 1.6.

    Returns:
        Arrays of the shapes that were saved, float32 or int64.

    Raises:
        WeightsError: The file is missing, damaged, or holds something else.
    """
    try:
        with path.open("rb") as file:
            named = _described(file)
            values = dict(_storages(file, {own.storage.name: own.storage for own in named.values()}))
        return {name: _array(own, values[own.storage.name]) for name, own in named.items()}
    except Exception as error:  # a damaged pickle raises almost any
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> WeightsError:
    return WeightsError(
        f"The file of weights {path} cannot be read ({error or type(error).__name__}); install it again."
    )


def _described(file: BinaryIO) -> dict[str, _Tensor]:
    """The tensors, as the head of the file describes them."""
    if _Reader(file).load() != _MAGIC or _Reader(file).load() != _VERSION:
        raise ValueError("it is not of the form that torch wrote before 1.6")
    if not _Reader(file).load()["little_endian"]:
        raise ValueError("its numbers are big-endian")
    named = _Reader(file).load()
    if not all(isinstance(own, _Tensor) for own in named.values()):
        raise ValueError("it holds more than tensors")
    return dict(named)


def _storages(file: BinaryIO, known: dict[str, _Storage]) -> "OrderedDict[str, NDArray[Any]]":
    """The values of each storage, from the rest of the file."""
    values: OrderedDict[str, NDArray[Any]] = OrderedDict()
    for name in _Reader(file).load():
        own = known[name]
        (count,) = struct.unpack("<q", file.read(8))
        content = file.read(own.count * own.dtype.itemsize)
        if count != own.count or len(content) < own.count * own.dtype.itemsize:
            raise ValueError("it ends too early")
        values[name] = np.frombuffer(content, own.dtype)
    return values


def _array(own: _Tensor, values: NDArray[Any]) -> NDArray[Any]:
    last = own.offset + sum((side - 1) * step for side, step in zip(own.shape, own.stride, strict=True))
    if min((*own.shape, *own.stride, own.offset, 0)) < 0 or (0 not in own.shape and last >= len(values)):
        raise ValueError("a tensor lies outside its values")
    strides = [step * values.itemsize for step in own.stride]
    return np.lib.stride_tricks.as_strided(values[own.offset :], own.shape, strides, writeable=False)
