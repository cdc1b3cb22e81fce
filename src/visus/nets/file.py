"""A trained network in one file that says itself what it is.

The file is safetensors: the tensors of the network (``net.*``) and of its preprocessing (``normalise.*``), and in its
header, as JSON, its task, the name of the network and what it was built with, the classes, and how a picture becomes
its input. Nothing in it is code.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from visus._errors import RunError
from visus._files import write_atomically
from visus.graphs.saved import (
    FORMAT,
    HEADER,
    Saved,
    as_written,
    damaged,
    file_of,
    is_trained,
    of_task,
    open_saved,
    read_header,
    task_of,
)

__all__ = [
    "Saved",
    "Tensors",
    "as_written",
    "damaged",
    "does_not_fit",
    "file_of",
    "is_trained",
    "of_task",
    "open_saved",
    "read_header",
    "read_parts",
    "task_of",
    "write",
]

Tensors = dict[str, dict[str, Tensor]]
"""The tensors of a file by part: ``"net"`` and ``"normalize"``."""

_NORMALIZE = "normalise"  # files call it so since 0.1


def write(path: Path, about: Mapping[str, Any], net: torch.nn.Module, normalize: torch.nn.Module) -> None:
    """Write a trained network as safetensors (Hugging Face 2022); the file appears whole or not at all.

    Args:
        path: The file, in a folder that exists.
        about: What its header says, as plain values for JSON: ``task``, ``net``, ``classes`` and so on.
        net: The network; its tensors are written in the shape and dtype that they have.
        normalize: Its preprocessing.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder) / "best.safetensors", {"task": "segment"}, torch.nn.Linear(2, 3), torch.nn.Identity())
    ...     task_of(folder)
    'segment'
    """
    from safetensors.torch import save

    tensors = {f"net.{key}": value for key, value in net.state_dict().items()}
    tensors |= {f"{_NORMALIZE}.{key}": value for key, value in normalize.state_dict().items()}
    header = json.dumps({"format": FORMAT, **as_written(about)}, ensure_ascii=False)
    plain = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
    write_atomically(path, save(plain, {HEADER: header}))


def does_not_fit(file: Path, net: str, error: Exception) -> RunError:
    """The error that says that the tensors of a file are not those of its network, for the caller to raise.

    >>> print(does_not_fit(Path("best.safetensors"), "cnn", KeyError("net")))
    best.safetensors does not fit the network cnn that it names ('net'); train anew.
    """
    detail = str(error).splitlines()[-1].strip() if str(error) else type(error).__name__
    return RunError(f"{file} does not fit the network {net} that it names ({detail}); train anew.")


def read_parts(file: Path) -> Tensors:
    """The tensors of the network (``"net"``) and of its preprocessing (``"normalize"``).

    Args:
        file: A file that :func:`write` wrote.

    Returns:
        By part, then by name, on the CPU, each in the shape and dtype in which it was written, for example
        ``(classes, dimension)`` float32 for the weight of a head.

    Raises:
        ValueError: Some values are NaN or infinite.
    """
    from safetensors.torch import load_file

    parts: Tensors = {"net": {}, "normalize": {}}
    names = {_NORMALIZE: "normalize"}
    for key, value in load_file(file).items():
        part, _, name = key.partition(".")
        parts.setdefault(names.get(part, part), {})[name] = value
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ValueError("it holds NaN or infinite weights")
    return parts
