"""Trained networks: how one of any task is written and read (see :mod:`visus.nets.file` for what the file holds)."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from visus._errors import RunError, VisusError
from visus._optional import require
from visus._renamed import renamed
from visus.nets import file

if TYPE_CHECKING:
    from visus.nets.classification import trained as classification
    from visus.nets.detection import trained as detection
    from visus.nets.segmentation import trained as segmentation

Kind = Literal["classifier", "segmenter", "detector"]

KINDS: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "classifier": ("visus.nets.classification.trained", ("classify",)),
    "segmenter": ("visus.nets.segmentation.trained", ("segment",)),
    "detector": ("visus.nets.detection.trained", ("detect", "localize")),
}
"""The module of each kind of network, and the tasks that such networks are trained for."""


def write(path: Path, trained: "classification.Trained | segmentation.Trained | detection.Trained") -> None:
    """Write a trained network; the file appears whole or not at all.

    Args:
        path: The file, in a folder that exists; a run calls it ``best.safetensors``.
        trained: A network of any task.
    """
    file.write(path, asdict(trained.about), *trained.modules())


@overload
def read_about(path: str | os.PathLike[str], kind: Literal["classifier"]) -> "classification.About": ...
@overload
def read_about(path: str | os.PathLike[str], kind: Literal["segmenter"]) -> "segmentation.About": ...
@overload
def read_about(path: str | os.PathLike[str], kind: Literal["detector"]) -> "detection.About": ...
@overload
def read_about(path: str | os.PathLike[str]) -> Any: ...  # noqa: ANN401 - of its kind


def read_about(path: str | os.PathLike[str], kind: Kind | None = None) -> Any:
    """What a trained network is, without its tensors.

    Args:
        path: A run's folder, a file that :func:`write` wrote, or one that :func:`visus.nets.file.open_saved` opened.
        kind: What it must be; None for any kind.

    Returns:
        The ``About`` of its kind, for example :class:`visus.nets.classification.trained.About`.

    Raises:
        RunError: The file is missing, damaged, or of another kind.
    """
    saved = file.open_saved(path)
    module = _module_of(saved, kind)
    try:
        return module.about_of(saved.header)
    except VisusError as error:  # there is no such network here
        raise file.does_not_fit(saved.place, str(saved.header.get("net")), error) from error
    except (ValueError, KeyError, TypeError) as error:
        raise file.damaged(saved.place, error) from error


@overload
def read(path: str | os.PathLike[str], kind: Literal["classifier"]) -> "classification.Trained": ...
@overload
def read(path: str | os.PathLike[str], kind: Literal["segmenter"]) -> "segmentation.Trained": ...
@overload
def read(path: str | os.PathLike[str], kind: Literal["detector"]) -> "detection.Trained": ...
@overload
def read(path: str | os.PathLike[str]) -> Any: ...  # noqa: ANN401 - of its kind


def read(path: str | os.PathLike[str], kind: Kind | None = None) -> Any:
    """Read a trained network, in evaluation mode.

    Args:
        path: See :func:`read_about`.
        kind: What it must be; None for any kind.

    Returns:
        The ``Trained`` of its kind, for example :class:`visus.nets.classification.trained.Trained`.

    Raises:
        RunError: The file is missing, damaged, of another kind, or its tensors do not fit the network that it names.
    """
    saved = file.open_saved(path)
    about = read_about(saved, kind)  # pyright: ignore[reportCallIssue, reportArgumentType] - None stands for any
    try:
        return _module_of(saved, kind).assemble(about, file.read_parts(saved.place))
    except (RuntimeError, KeyError, ValueError, TypeError, VisusError) as error:
        raise file.does_not_fit(saved.place, about.net, error) from error


def _module_of(saved: file.Saved, kind: Kind | None) -> Any:  # noqa: ANN401 - a module
    """The module of a network, by what its header says.

    Raises:
        RunError: It is of another kind than is wanted, or of none.
    """
    found: Kind | None = next((own for own, (_, tasks) in KINDS.items() if saved.task in tasks), None)
    if found is None:
        raise RunError(f"{saved.place} holds a network of the task {saved.task}, which this visus does not know.")
    if kind and found != kind:
        task = KINDS[kind][1][0]
        raise RunError(f"{saved.place} holds a network of the task {saved.task}, not a {kind}; give a run of {task}.")
    return require(KINDS[found][0])


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    return renamed(__name__, name)
