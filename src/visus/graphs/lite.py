"""The graph of EfficientNet-Lite0, which describes pictures unless another network is asked for, made without torch.

``efficientnet_lite0.onnx`` beside this file is the graph that torch exports, without the weights of its convolutions.
They come from the package of weights (:mod:`visus.graphs.tensors`), with the batch normalization behind each folded in
(Jacob et al. 2018, section 3.2): ``w' = w g / sqrt(v + e)`` and ``b' = b - m g / sqrt(v + e)``.

An ONNX file is a message of Protocol Buffers. Where a part occurs twice in such a message, a reader joins the two. So
the filled graph is the skeleton and, behind it, one more part with nothing but tensors.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import WeightsError
from visus.graphs.tensors import read_tensors
from visus.graphs.weights import of, package_file

NET = "efficientnet_lite0"
SKELETON = Path(__file__).with_name(f"{NET}.onnx")
SLOTS = Path(__file__).with_name(f"{NET}.json")

_FLOAT = 1  # TensorProto.DataType
_GRAPH = 7  # ModelProto.graph
_INITIALIZER = 5  # GraphProto.initializer
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9  # TensorProto


def fill() -> tuple[bytes, dict[str, Any]]:
    """The content of the ONNX file, and of the description beside it, all but the name of the weights.

    Raises:
        WeightsError: The package of weights is not installed, or holds other tensors.
    """
    about: dict[str, Any] = json.loads(SLOTS.read_text(encoding="utf-8"))
    known = of(NET)
    tensors = list(read_tensors(package_file(known)).values())
    if len(tensors) != len(about["names"]):
        raise WeightsError(f"The package {known.key} holds the weights of another network; install it again.")
    parts = b"".join(
        _field(_INITIALIZER, _tensor(name, values))
        for names, folded in zip(about["slots"], _folded(tensors, about["epsilon"]), strict=True)
        for name, values in zip(names, folded, strict=True)
    )
    content = SKELETON.read_bytes() + _field(_GRAPH, parts)
    return content, {
        "model": NET,
        "digest": digest(dict(zip(about["names"], tensors, strict=True))),
        "dimension": about["dimension"],
        "preprocessing": known.preprocessing.to_dict(),
        "has_map": True,
        "bytes": len(content),
    }


def digest(tensors: dict[str, NDArray[Any]]) -> str:
    """SHA-256 over the names and values of all tensors of a network, hexadecimal.

    >>> digest({"bias": np.zeros(2, np.float32)})[:8]
    '6f58b405'
    """
    total = hashlib.sha256()
    for name, values in tensors.items():
        total.update(name.encode())
        total.update(np.ascontiguousarray(values).tobytes())
    return total.hexdigest()


def _folded(tensors: list[NDArray[Any]], epsilon: float) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Weight and bias of each convolution; in the file each comes before the five tensors of its normalization."""
    for start in range(0, len(tensors) - 2, 6):  # the last two are the classifier's
        weight, gain, shift, mean, variance, _ = (values.astype(np.float64) for values in tensors[start : start + 6])
        scale = gain / np.sqrt(variance + epsilon)
        yield (weight * scale[:, None, None, None]).astype("<f4"), (shift - mean * scale).astype("<f4")


def _tensor(name: str, values: NDArray[Any]) -> bytes:
    """A ``TensorProto`` of float32."""
    dims = b"".join(_number(_DIMS, side) for side in values.shape)
    return dims + _number(_DATA_TYPE, _FLOAT) + _field(_NAME, name.encode()) + _field(_RAW_DATA, values.tobytes())


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes: its number and kind, its length, its content."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    """A field of a whole number."""
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    """A whole number from 0 on: seven bits a byte, the lowest first, the highest bit says that more follow.

    >>> _varint(300).hex()
    'ac02'
    """
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
