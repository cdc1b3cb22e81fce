"""A trained network in one file that says itself what it is.

The file is safetensors: the tensors of the network (``net.*``) and of its preprocessing (``normalise.*``), and in its
header, as JSON, its task, the name of the network and what it was built with, the classes, and how a picture becomes
its input. Nothing in it is code.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from visus._errors import RunError
from visus._files import write_atomically

Tensors = dict[str, dict[str, Tensor]]
"""The tensors of a file by part: ``"net"`` and ``"normalize"``."""

_FORMAT = 1
_NORMALIZE = "normalise"  # files call it so since 0.1
_KEYS = {"gray": "grey"}  # and this
_KEY = "visus"


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
    header = json.dumps({"format": _FORMAT, **as_written(about)}, ensure_ascii=False)
    plain = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
    write_atomically(path, save(plain, {_KEY: header}))


def as_written(about: Mapping[str, Any]) -> dict[str, Any]:
    """What a network says of itself, under the keys that files have.

    >>> as_written({"net": "cnn", "gray": True})
    {'net': 'cnn', 'grey': True}
    """
    return {_KEYS.get(key, key): value for key, value in about.items()}


def file_of(path: str | os.PathLike[str]) -> Path:
    """The file of a trained network: itself, or the best one of a run.

    Raises:
        RunError: There is none.
    """
    place = Path(path)
    if place.is_dir():
        place = place / "best.safetensors"
    if not place.is_file():
        raise RunError(f"{path} holds no trained network (best.safetensors is missing); train one, or check the path.")
    return place


def is_trained(path: str | os.PathLike[str]) -> bool:
    """Whether a name is that of a run's folder, or of a file that says which network it holds.

    >>> is_trained("imagenet"), is_trained("resnet18")
    (False, False)
    """
    place = Path(path)
    if os.fspath(path) == "imagenet":  # a word, whatever folder may be called so
        return False
    if place.is_dir():
        return (place / "best.safetensors").is_file() or (place / "config.toml").is_file()
    if place.suffix != ".safetensors" or not place.is_file():
        return False
    try:
        read_header(place)
    except RunError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Saved:
    """The file of a trained network whose header was read; it can be given wherever its path can.

    Attributes:
        place: The file.
        header: What it says of itself, as plain values that are not checked yet.
    """

    place: Path
    header: dict[str, Any]

    def __fspath__(self) -> str:
        return os.fspath(self.place)

    @property
    def task(self) -> str:
        """The task of the network: ``"classify"``, ``"segment"``, ``"detect"``, ``"localize"``."""
        return str(self.header.get("task", "classify"))

    @property
    def home(self) -> Path:
        """The folder that it lies in: a run, where it was not taken out of one."""
        return self.place.parent

    def list_of(self, key: str) -> list[Any]:
        """A list of the header: ``classes``, or the sides of a segmenter's ``window``.

        Raises:
            RunError: There is no such list.
        """
        found = self.header.get(key)
        if not isinstance(found, list):
            raise damaged(self.place, TypeError(key))
        return found


def open_saved(path: str | os.PathLike[str]) -> Saved:
    """Read the header of a trained network.

    Args:
        path: A run's folder, the file of a network, or one that was opened before, whose header is not read again.

    Raises:
        RunError: The file is missing, damaged, or of another kind.
    """
    if isinstance(path, Saved):
        return path
    from safetensors import SafetensorError, safe_open

    file = file_of(path)
    try:
        with safe_open(file, framework="pt") as opened:
            header = (opened.metadata() or {}).get(_KEY)
        if header is None:
            raise RunError(f"{file} does not say which network it is; give a file or a run that visus trained.")
        values: dict[str, Any] = json.loads(header)
        version = values.pop("format")
        if version > _FORMAT:
            raise RunError(f"{file} was written by a newer visus (format {version}); update visus.")
        plain = {written: key for key, written in _KEYS.items()}
        return Saved(file, {plain.get(key, key): value for key, value in values.items()})
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(file, error) from error


def of_task(saved: Saved, task: str) -> Saved:
    """A network of a task.

    Raises:
        RunError: It is of another one.
    """
    if saved.task != task:
        raise RunError(f"{saved.place} holds a network of the task {saved.task}, not of {task}; give a run of {task}.")
    return saved


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a trained network says of itself, as plain values that are not checked yet.

    Raises:
        RunError: The file is missing, damaged, or of another kind.
    """
    return open_saved(path).header


def task_of(path: str | os.PathLike[str]) -> str:
    """The task of a trained network: ``"classify"``, ``"segment"``, ``"detect"`` or ``"localize"``.

    Raises:
        RunError: The file is missing, damaged, or of another kind.
    """
    return open_saved(path).task


def damaged(file: Path, error: Exception) -> RunError:
    """The error that says that a file is damaged, for the caller to raise.

    >>> print(damaged(Path("best.safetensors"), KeyError("format")))
    best.safetensors is damaged (KeyError); bring it again or train anew.
    """
    return RunError(f"{file} is damaged ({type(error).__name__}); bring it again or train anew.")


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
