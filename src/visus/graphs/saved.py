"""What a trained network says of itself: the header of its file, read without a deep-learning library.

:mod:`visus.nets.file` writes such files, and reads their tensors.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visus._errors import DependencyError, RunError

FORMAT = 1
HEADER = "visus"
"""Key of the header in the file's metadata."""

_EXPORTED = (".onnx", ".xml", ".pt")
_KEYS = {"gray": "grey"}  # files call it so since 0.1


def as_written(about: Mapping[str, Any]) -> dict[str, Any]:
    """What a network says of itself, under the keys that files have.

    >>> as_written({"net": "cnn", "gray": True})
    {'net': 'cnn', 'grey': True}
    """
    return {_KEYS.get(key, key): value for key, value in about.items()}


def file_of(path: str | os.PathLike[str]) -> Path:
    """The file of a trained network: itself, or the best one of a run.

    Raises:
        RunError: There is none, or it is a graph that was exported.
    """
    place = Path(path)
    if place.is_dir():
        place = place / "best.safetensors"
    if not place.is_file():
        raise RunError(f"{path} holds no trained network (best.safetensors is missing); train one, or check the path.")
    if place.suffix in _EXPORTED:
        raise RunError(f"{path} is a graph for other programs; give the run's folder that it was exported from.")
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
        with safe_open(file, framework="np") as opened:
            header = (opened.metadata() or {}).get(HEADER)
        if header is None:
            raise RunError(f"{file} does not say which network it is; give a file or a run that visus trained.")
        values: dict[str, Any] = json.loads(header)
        version = values.pop("format")
        if version > FORMAT:
            raise RunError(f"{file} was written by a newer visus (format {version}); update visus.")
        plain = {written: key for key, written in _KEYS.items()}
        return Saved(file, {plain.get(key, key): value for key, value in values.items()})
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
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


def no_graph(saved: Saved, *, int8: bool, what: str = "its network") -> DependencyError:
    """The error that says that a run has no graph, for the caller to raise.

    Args:
        saved: The network.
        int8: Whether the graph is wanted whose numbers are of 8 bits.
        what: Of what there is none.
    """
    if int8:
        return DependencyError(
            f"{saved.home} has no graph of 8 bits of these weights (model-int8.onnx); run visus export --int8 where "
            "PyTorch is."
        )
    return DependencyError(
        f"{saved.home} has no graph of {what} (model.onnx); run visus export where PyTorch is, or say: pip install "
        "'visus[train]'"
    )
