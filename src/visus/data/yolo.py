"""Boxes in YOLO's form: beside each picture a text file, in each line a class and a box or a polygon.

``images/.../NAME.jpg`` has its objects in ``labels/.../NAME.txt``, any other ``NAME.jpg`` in ``NAME.txt`` next to it:
the number of the class, then the middle and the size of the box (x, y, w, h), or the corners of a polygon, all as
shares of the width and the height. ``data.yaml`` names the classes and the folders of the splits; without it, a list
of names does: ``classes.txt``, ``obj.names`` or ``_darknet.labels``.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from visus._errors import FormatError, InputError
from visus.data.folder import SPLITS
from visus.images import is_picture_name

_LONGEST = 200  # letters of a name
_NAMES = ("classes.txt", "obj.names", "_darknet.labels")
_DARKNET = "obj_train_data"  # where Darknet has its pictures

Lines = tuple[list[str], list[list[list[float]]]]
"""Files, and for each its lines of numbers."""


def is_yolo(root: Path) -> bool:
    """Whether a folder is laid out in YOLO's form."""
    if _yaml_of(root) is not None:
        return True
    if any(_is_flat(folder) for folder in (root, *(root / name for name in (*SPLITS, _DARKNET)))):
        return True
    labels = (root / "labels", *(root / name / "labels" for name in SPLITS))
    return any(next(folder.rglob("*.txt"), None) is not None for folder in labels if folder.is_dir())


def _is_flat(folder: Path) -> bool:
    """Whether pictures have their labels beside them."""
    if not folder.is_dir():
        return False
    return any(is_picture_name(p.name) and p.with_suffix(".txt").is_file() for p in folder.iterdir())


def _yaml_of(root: Path) -> Path | None:
    usual = [root / name for name in ("data.yaml", "data.yml", "dataset.yaml") if (root / name).is_file()]
    others = sorted(p for ending in ("*.yaml", "*.yml") for p in root.glob(ending))
    return usual[0] if usual else others[0] if len(others) == 1 and "names" in _keys(others[0]) else None


def _keys(path: Path) -> set[str]:
    try:
        return {str(key) for key in _yaml(path)}
    except FormatError:
        return set()


def read_yolo(root: Path, mends: Counter[str]) -> tuple[tuple[str, ...] | None, dict[str, Lines]]:
    """Classes, and pictures with their lines by split; the classes are None where nothing names them.

    Args:
        root: The folder.
        mends: What was left out, counted by reason.

    Raises:
        InputError: A file is damaged, or there are no pictures.
    """
    path = _yaml_of(root)
    values = _yaml(path) if path else {}
    names = _names(values, path) if path else _listed(root)
    folders = {split: places for split, (_, places) in _told(root, values).items() if places}
    if not folders:
        for key, split in SPLITS.items():
            for place in (root / "images" / key, root / key / "images", root / key):
                if place.is_dir() and (place != root / key or _is_flat(place)):
                    folders.setdefault(split, [place])
    if not folders:
        folders = {"": [root / "images" if (root / "images").is_dir() else root]}
    splits = {split: _pairs(places, root, mends) for split, places in folders.items()}
    if not any(files for files, _ in splits.values()):
        raise InputError(f"{root} holds no pictures beside its labels; lay them out as images/ and labels/.")
    return names, splits


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except Exception as error:  # the parser raises many kinds on hostile input
        raise FormatError(f"{path} is damaged ({type(error).__name__}); mend it.") from error
    if not isinstance(values, dict):
        raise FormatError(f"{path} must hold names and folders, such as train: images/train; mend it.")
    return values


def _names(values: dict[str, Any], path: Path) -> tuple[str, ...]:
    names = values.get("names")
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[k] for k in range(len(names))]
    plain = isinstance(names, list) and all(isinstance(name, str | int | float) for name in names)
    if not plain or not names or any(isinstance(name, str) and len(name) > _LONGEST for name in names):
        raise FormatError(f"{path} must name all classes from 0 on in a list called names; mend it.")
    return tuple(str(name) for name in names)


def _listed(root: Path) -> tuple[str, ...] | None:
    folders = (root, root / "labels", *(root / name for name in (*SPLITS, _DARKNET)))
    places = [folder / name for folder in folders for name in _NAMES]
    place = next((p for p in places if p.is_file()), None)
    if place is None:
        return None
    text = place.read_text(encoding="utf-8-sig", errors="replace")
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _told(root: Path, values: dict[str, Any]) -> dict[str, tuple[Any, list[Path]]]:
    """What ``data.yaml`` says of each split, and the folders or lists of pictures that this is.

    Raises:
        InputError: What it says of the training pictures is not there, or is no path at all.
    """
    found: dict[str, tuple[Any, list[Path]]] = {}
    for key, split in SPLITS.items():
        entries = values.get(key)
        if not entries:
            continue
        entries = entries if isinstance(entries, list) else [entries]
        base = values.get("path") or ""
        if any(not isinstance(own, str) or len(own) > 10 * _LONGEST for own in [base, *entries]):
            raise FormatError(f"{_yaml_of(root)} must give a folder for {key}; mend it.")
        places = [place for entry in entries if (place := _place(root, base, entry))]
        if len(places) < len(entries) and split == "train":
            raise InputError(f"{entries[0]!r}, which {_yaml_of(root)} names for {key}, is not in {root}; bring it.")
        if places or split not in found:  # val and valid are one
            found[split] = (values[key], places)
    return found


def _place(root: Path, base: str, entry: str) -> Path | None:
    """A folder or list of pictures inside the data set, wherever the set lay when its path was written."""
    places = (root / base / entry, root / entry, *_ends(root, entry))
    return next((p for p in places if (p.is_dir() or p.suffix == ".txt") and p.exists() and _inside(p, root)), None)


def _ends(root: Path, path: str) -> list[Path]:
    """Where a path of another place may lie in the data set: all of its parts, the last ones, the last."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return [root.joinpath(*parts[k:]) for k in range(len(parts))]


def _inside(place: Path, root: Path) -> bool:
    return place.resolve().is_relative_to(root.resolve())


def remarks_on(root: Path) -> list[str]:
    """What a user should know of the folder: splits that are named and not there, and classes without names."""
    path = _yaml_of(root)
    told = _told(root, _yaml(path)) if path else {}
    absent = [(split, said) for split, (said, places) in told.items() if not places]
    remarks = [f"{said!r}, which {path} names for {split}, is not there." for split, said in absent]
    if not path and _listed(root) is None:
        remarks.append("Nothing names the classes, so they are called by their numbers; name them in classes.txt.")
    return remarks


def _pairs(places: list[Path], root: Path, mends: Counter[str]) -> Lines:
    files = [file for place in places for file in _pictures(place, root)]
    labels = [label_of(p, root) for p in files]
    known = set(labels)
    for folder in {label.parent for label in labels}:
        alone = [p for p in folder.glob("*.txt") if p not in known] if folder.is_dir() else []
        mends["in a file of labels without its picture, left out"] += sum(_count(p) for p in alone)
    return [str(p) for p in files], [read_lines(label) for label in labels]


def _pictures(place: Path, root: Path) -> list[Path]:
    """The pictures below a folder, or those of a list."""
    if place.is_dir():
        return sorted(p for p in place.rglob("*") if is_picture_name(p.name) and p.name[0] != "." and p.is_file())
    lines = [line.strip() for line in place.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
    found = [next((p for p in _ends(root, line) if p.is_file() and _inside(p, root)), None) for line in lines if line]
    return [p for p in found if p is not None]


def _count(path: Path) -> int:
    """How many objects stand in a text file; 0 if it is something else, such as a list of names."""
    try:
        return len(read_lines(path))
    except FormatError:
        return 0


def label_of(picture: Path, root: Path) -> Path:
    """Where the objects of a picture stand: the last folder called images, within the data set, becomes labels."""
    parts = list(picture.relative_to(root).parts) if picture.is_relative_to(root) else [picture.name]
    for k in range(len(parts) - 2, -1, -1):
        if parts[k] == "images":
            parts[k] = "labels"
            break
    return (root / Path(*parts)).with_suffix(".txt")


def read_lines(path: Path) -> list[list[float]]:
    """The numbers of each line; none where there is no file: a picture without objects.

    Raises:
        FormatError: A line is neither a box nor a polygon.
    """
    if not path.is_file():
        return []
    rows = []
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error.strerror}); mend it.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = [float(part) for part in line.split()]
            if len(row) != 5 and (len(row) < 7 or len(row) % 2 == 0):
                raise ValueError(f"{len(row)} numbers")
            if row[0] != int(row[0]) or row[0] < 0:
                raise ValueError(f"class {row[0]}")
        except (ValueError, OverflowError) as error:
            raise FormatError(
                f"{path}, line {number} is neither a class with a box (x y w h) nor with a polygon ({error}); mend it."
            ) from error
        rows.append(row)
    return rows


def row_of(line: list[float], size: tuple[int, int]) -> dict[str, Any]:
    """An object in pixels.

    Args:
        line: The numbers.
        size: Height and width of the picture.
    """
    height, width = size
    label, numbers = int(line[0]), line[1:]
    if len(numbers) == 4:
        x, y, w, h = numbers
        box = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
        return {"label": label, "box": box}
    corners = [value * side for value, side in zip(numbers, [width, height] * (len(numbers) // 2), strict=True)]
    xs, ys = corners[0::2], corners[1::2]
    return {"label": label, "box": [min(xs), min(ys), max(xs), max(ys)], "shape": [corners]}
