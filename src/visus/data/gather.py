"""Bring together what annotation files say of pictures, and the pictures, wherever they lie."""

from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import FormatError, InputError
from visus.data.coco import encode, read_json
from visus.data.find import Finder, split_in
from visus.data.left_out import Notes
from visus.data.splits import files_below, is_passed_over
from visus.images import is_picture_name

Rows = tuple[list[str], list[list[dict[str, Any]]]]
"""Files, and the objects of each."""

Entry = tuple[str, str, list[dict[str, Any]]]
"""What a picture is called, its split (empty for that of its folder), and its objects."""


Listed = tuple[Path, Iterable[Entry]]
"""An annotation file, and what it says of pictures."""

DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, IndexError, RecursionError)
"""What reading a damaged annotation raises."""


def gather(lists: Iterable[Listed], form: str, root: Path, notes: Notes) -> dict[str, Rows]:
    """Pictures and objects by split; entries of one picture are joined.

    Args:
        lists: Files, and what each says of pictures; a split that is not told is that of the file's folder.
        form: What is said of a damaged file, such as "is no list of CreateML".
        root: The folder of the data set.
        notes: Told of pictures that are not there, and of those that no entry names.

    Raises:
        FormatError: A file is damaged.
    """
    finder = Finder(root)
    objects: dict[str, list[dict[str, Any]]] = {}
    splits: dict[str, str] = {}
    missing: set[str] = set()
    for source, entries in lists:
        inside = split_in(source.relative_to(root).parts[:-1])
        for name, told, rows in _entries_of(entries, source, form):
            split = told or inside
            found = finder.find(name, source.parent, source.parent / "images", split=split)
            if found is None or str(found) in notes.beside:  # what has its name there is an annotation
                if name not in missing:
                    place = source.parent / Path(name).name
                    notes.drop(place, f"The picture {name} of {source.name} is not in {root}; bring it.")
                missing.add(name)
                continue
            file = str(found)
            objects.setdefault(file, []).extend(rows)
            splits.setdefault(file, split or split_in(found.relative_to(root).parts[:-1]))
    note_unlabeled(root, objects, notes)
    result: dict[str, Rows] = {}
    for file in sorted(objects):
        files, rows_of = result.setdefault(splits[file], ([], []))
        files.append(file)
        rows_of.append(objects[file])
    return result


def _entries_of(entries: Iterable[Entry], source: Path, form: str) -> list[Entry]:
    try:
        return list(entries)
    except InputError:
        raise
    except DAMAGED as error:
        raise FormatError(f"{source} {form} ({error!r}); mend it.") from error


def each_file(paths: Iterable[Path], read: Callable[[Path], Entry], form: str, notes: Notes) -> Iterator[Listed]:
    """What each of many annotation files says of its picture; those that cannot be read are left out.

    Args:
        paths: The files.
        read: From a file to its entry.
        form: What is said of a damaged file, such as "is no annotation of Supervisely".
        notes: Told of damaged files.
    """
    for path in paths:
        try:
            entry = read(path)
        except (*DAMAGED, InputError) as error:
            notes.drop(path, f"{path} {form} ({error}); mend it.")
            continue
        yield path, [entry]


def each_entry(
    items: Iterable[Any],
    read: Callable[[Any], Entry | None],
    name_of: Callable[[Any], Any],
    source: Path,
    notes: Notes,
) -> Iterator[Entry]:
    """What the entries of one annotation file say of pictures; those that cannot be read are left out.

    Args:
        items: The entries.
        read: From an entry to what it says; None where it says nothing.
        name_of: From an entry to the name of its picture.
        source: The file.
        notes: Told of damaged entries.
    """
    for number, item in enumerate(items, 1):
        try:
            entry = read(item)
        except (*DAMAGED, InputError) as error:
            name = f"entry {number}"
            with suppress(*DAMAGED, StopIteration):
                name = str(name_of(item) or name)
            last = name.replace("\\", "/").rsplit("/", 1)[-1]
            notes.drop(source.parent / last, f"What {source.name} says of {name} cannot be read ({error!r}); mend it.")
            continue
        if entry is not None:
            yield entry


def note_unlabeled(root: Path, known: Container[str], notes: Notes) -> None:
    """Note the pictures below a folder that nothing is said of; those whose annotation is damaged are none.

    Args:
        root: The folder of the data set.
        known: Files of which something is said.
        notes: Told of the others.
    """
    damaged = {Path(own.path).stem for own in notes.left_out}
    for path in files_below(root):
        if path.name in damaged or path.stem in damaged:
            notes.beside.add(str(path))
        elif is_picture_name(path.name) and str(path) not in known and str(path) not in notes.beside:
            notes.unlabeled.append((split_in(path.relative_to(root).parts[:-1]), str(path)))


def json_files(root: Path) -> list[tuple[Path, Any]]:
    """The JSON files in a folder and in the folders in it that can be read, and what they hold."""
    found = []
    for path in sorted([*root.glob("*.json"), *root.glob("*/*.json")])[:_MOST]:
        if not is_passed_over(path.name):
            try:
                found.append((path, read_json(path)))
            except (OSError, ValueError, RecursionError):
                continue
    return found


_MOST = 12  # more are the files of a tool that writes one for each picture


def polygon(points: list[tuple[float, float]]) -> dict[str, Any]:
    """Box and shape of a polygon.

    Raises:
        ValueError: It has less than three corners.
    """
    if len(points) < 3:
        raise ValueError("a polygon needs three corners")
    xs, ys = zip(*points, strict=True)
    return {"box": [min(xs), min(ys), max(xs), max(ys)], "shape": [[value for point in points for value in point]]}


def rectangle(x0: float, y0: float, x1: float, y1: float) -> dict[str, Any]:
    """Box of a rectangle, which is its shape too."""
    return {**polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]), "rectangle": True}


def region(inside: NDArray[np.bool_]) -> dict[str, Any]:
    """Box and shape of a mask ``(H, W)`` bool of the whole picture.

    Raises:
        ValueError: It is empty.
    """
    ys, xs = np.nonzero(inside)
    if not len(ys):
        raise ValueError("a mask is empty")
    box = [float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1)]
    return {"box": box, "shape": encode(inside)}


def placed(part: NDArray[np.bool_], x: int, y: int, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask of a part of a picture as one of the whole, ``(H, W)`` bool; what lies outside is cut off.

    Args:
        part: ``(h, w)`` bool.
        x: Where its left edge lies, in pixels.
        y: Where its upper edge lies.
        size: Height and width of the picture.
    """
    whole = np.zeros(size, bool)
    target = whole[max(0, y) : max(0, y + part.shape[0]), max(0, x) : max(0, x + part.shape[1])]
    target[:] = part[max(0, -y) :, max(0, -x) :][: target.shape[0], : target.shape[1]]
    return whole
