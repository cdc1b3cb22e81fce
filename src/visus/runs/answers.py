"""Answers to many files, from this process or from those of a cluster; the caller supplies what answers."""

import dataclasses
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from visus._errors import InputError
from visus.cluster import Cluster
from visus.data.scans import series_below
from visus.images import is_picture_name

Answers = Callable[[list[str]], list[Any]]
"""From files to an answer, or an :class:`Unreadable`, for each."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A picture that could not be read.

    Attributes:
        path: The file.
        message: Why, one sentence.
    """

    path: str
    message: str


def answers(
    make: Callable[[], Answers], files: Sequence[str], *, batch: int = 1, cluster: Cluster | None = None
) -> Iterator[Any]:
    """Answers to files, in their order; what cannot be read is told in its place.

    Args:
        make: Makes what answers; called once here, or once in each process of a cluster.
        files: Paths, which the machines of a cluster must see too.
        batch: Files that are answered at once.
        cluster: Where the work is done; None for here.
    """
    places = [os.path.abspath(file) for file in files] if cluster else files
    batches = (list(places[start : start + batch]) for start in range(0, len(places), batch))
    parts = cluster.map(make, batches) if cluster else map(make(), batches)
    for file, answer in zip(files, itertools.chain.from_iterable(parts), strict=True):
        yield dataclasses.replace(answer, path=file)


Answer = TypeVar("Answer")


def one_by_one(predict: Callable[[Any], Answer], pictures: Iterable[Any]) -> Iterator[Answer | Unreadable]:
    """The answers of a network that takes one picture at a time; what cannot be read is told in its place.

    Args:
        predict: Answers one picture, a file or an array.
        pictures: Files or arrays.
    """
    for picture in pictures:
        try:
            answer = predict(picture)
        except InputError as error:
            answer = Unreadable(os.fspath(picture) if isinstance(picture, str | os.PathLike) else "", str(error))
        yield answer


def files_beside(places: Sequence[Path], out: Path, wanted: Callable[[str], bool] = is_picture_name) -> list[str]:
    """The pictures of some places, without what earlier answers have left in the folder ``out``.

    Args:
        places: Folders and files.
        out: Where answers go.
        wanted: See :func:`files_of`.

    Raises:
        InputError: A place does not exist, holds no pictures, or lies in ``out``, where answers would cover it.
    """
    home, files = out.expanduser().resolve(), []
    for place in places:
        if place.expanduser().resolve().is_relative_to(home):
            raise InputError(f"The answers would go to {out}, where {place} lies; name another folder with --out.")
        files += files_of(place, wanted, without=home)
    return files


def files_of(
    path: str | os.PathLike[str], wanted: Callable[[str], bool] = is_picture_name, *, without: Path | None = None
) -> list[str]:
    """The pictures below a folder, sorted, or the file itself; where volumes are wanted, folders of DICOM slices too.

    Args:
        path: Folder or file.
        wanted: Tells from its name whether a file of a folder is taken.
        without: A folder, resolved, whose files are not taken.

    Raises:
        InputError: It does not exist, or there are no pictures.
    """
    place = Path(path).expanduser()
    if not place.exists():
        raise InputError(f"{path} does not exist; check the spelling of the path.")
    if place.is_file():
        return [str(place)]
    found = [
        str(file) for file in place.rglob("*") if wanted(file.name) and not file.name.startswith(".") and file.is_file()
    ]
    if wanted("volume.nii.gz"):
        found += map(str, series_below(place))  # the slices of DICOM in a folder are one volume
    found.sort()
    if without and without.is_relative_to(place.resolve()):
        found = [file for file in found if not Path(file).resolve().is_relative_to(without)]
    if not found:
        raise InputError(f"{path} holds no pictures; name another folder.")
    return found


def names_for(files: Sequence[str]) -> list[str]:
    """A name without ending for what is written of each file, all different.

    >>> names_for(["a/cat.jpg", "b/cat.png", "head.nii.gz"])
    ['cat', 'cat-2', 'head']
    """
    taken: set[str] = set()
    names = []
    for file in files:
        stem = Path(file).name
        if stem.lower().endswith(".nii.gz"):
            stem = stem[: -len(".nii.gz")]
        elif not Path(file).is_dir():  # of slices, which may be called 1.2.840
            stem = Path(stem).stem
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name)
        names.append(name)
    return names
