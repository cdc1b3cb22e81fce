"""Boxes in YOLO's form: beside each picture a text file, in each line a class and a box or a polygon.

``images/.../NAME.jpg`` has its objects in ``labels/.../NAME.txt``, any other ``NAME.jpg`` in ``NAME.txt`` next to it:
the number of the class, then the middle and the size of the box (x, y, w, h), or the corners of a polygon, all as
shares of the width and the height. ``data.yaml`` names the classes and the folders of the splits; without it, a list
of names does: ``classes.txt``, ``obj.names`` or ``_darknet.labels``. Darknet's ``obj.data`` and lists such as
``train.txt`` say which pictures are for what.
"""

from pathlib import Path
from typing import Any

import numpy as np

from visus._errors import FormatError, InputError
from visus.data.foreign import is_dota_line, start_of
from visus.data.gather import Rows
from visus.data.left_out import Notes
from visus.data.splits import folders_in, is_passed_over, split_of
from visus.images import is_picture_name

_LONGEST = 200  # letters of a name
_NAMES = ("classes.txt", "obj.names", "_darknet.labels", "class_names.txt", "labels.txt", "predefined_classes.txt")


def is_yolo(root: Path) -> bool:
    """Whether a folder is laid out in YOLO's form."""
    if _yaml_of(root) is not None:
        return True
    own = [root, *(folder for folder in folders_in(root) if split_of(folder.name))]
    if any(_is_flat(folder) for folder in own):
        return True
    labels = (folder / "labels" for folder in own)
    return any(_has_lines(folder) for folder in labels if folder.is_dir())


def _has_lines(folder: Path) -> bool:
    """Whether a folder of labels holds text files with numbers."""
    for path in folder.rglob("*.txt"):
        if path.name in _NAMES or is_passed_over(path.name):
            continue
        try:
            return bool(read_lines(path)) or not path.read_bytes().strip()
        except (FormatError, OSError):
            return not any(map(is_dota_line, start_of(path).splitlines()))
    return False


def _is_flat(folder: Path) -> bool:
    """Whether pictures have their labels beside them."""
    if not folder.is_dir():
        return False
    return any(is_picture_name(p.name) and p.with_suffix(".txt").is_file() for p in sorted(folder.iterdir()))


def _yaml_of(root: Path) -> Path | None:
    usual = [root / name for name in ("data.yaml", "data.yml", "dataset.yaml") if (root / name).is_file()]
    others = sorted(p for ending in ("*.yaml", "*.yml") for p in root.glob(ending))
    return usual[0] if usual else others[0] if len(others) == 1 and "names" in _keys(others[0]) else None


def _keys(path: Path) -> set[str]:
    try:
        return {str(key) for key in _yaml(path)}
    except FormatError:
        return set()


def read_yolo(root: Path, notes: Notes) -> tuple[tuple[str, ...] | None, dict[str, Rows]]:
    """Classes, and pictures with their lines by split.

    Args:
        root: The folder.
        notes: Told what was left out, and of pictures without labels.

    Raises:
        InputError: A list is damaged, or there are no pictures.
    """
    path = _yaml_of(root)
    values = _yaml(path) if path else {}
    names = _names(values, path) if path else _listed(root)
    told = _told(root, values) if path else {}
    notes.remarks += [
        f"{own!r}, which {path} names for {split}, is not there." for split, (own, p) in told.items() if not p
    ]
    if names is None:
        notes.remarks.append(
            "Nothing names the classes, so they are called by their numbers; name them in classes.txt."
        )
    places = {split: own for split, (_, own) in told.items() if own} or _lists(root) or _folders(root)
    places = places or {"": [root / "images" if (root / "images").is_dir() else root]}
    splits = {split: _pairs(own, root, notes, split) for split, own in places.items()}
    if not any(files for files, _ in splits.values()) and not notes.unlabeled:
        raise InputError(f"{root} holds no pictures beside its labels; lay them out as images/ and labels/.")
    rows = [row for _, lists in splits.values() for rows in lists for row in rows]
    if "kpt_shape" in values:
        _without_points(rows, notes)
    _look_at_numbers(rows, notes)
    _look_at_rotation(rows, notes)
    if names is None:
        most = max((int(row["line"][0]) for row in rows), default=-1)
        if most >= _MOST_UNNAMED:
            raise InputError(f"{root} has a class {most} and no names; name the classes in data.yaml.")
        names = tuple(str(k) for k in range(most + 1))
    return names, splits


_MOST_UNNAMED = 1000


def _lists(root: Path) -> dict[str, list[Path]]:
    """Lists of pictures: those that Darknet's ``obj.data`` names, or ``train.txt`` and its kin."""
    found: dict[str, list[Path]] = {}
    for path in [*sorted(root.glob("*.data")), *sorted(root.glob("data/*.data"))]:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        for key, value in (line.split("=", 1) for line in lines if "=" in line):
            split, place = split_of(key), _place(root, "", value.strip())
            if split and place:
                found.setdefault(split, []).append(place)
    if found:
        return found
    for path in sorted(root.glob("*.txt")):
        split = split_of(path.stem)
        if split and _pictures(path, root):
            found.setdefault(split, []).append(path)
    return found if len(found) > 1 else {}  # alone it may be any list


def _folders(root: Path) -> dict[str, list[Path]]:
    """Folders of splits: ``images/train``, ``train/images``, or ``train`` with pictures and labels side by side."""
    found: dict[str, list[Path]] = {}
    inner = folders_in(root / "images") if (root / "images").is_dir() else []
    for folder in inner:
        if split := split_of(folder.name):
            found.setdefault(split, []).append(folder)
    for folder in folders_in(root):
        split = split_of(folder.name)
        place = folder / "images" if (folder / "images").is_dir() else folder
        if split and split not in found and (place != folder or _is_flat(folder)):
            found[split] = [place]
    if len(found) == 1 and found.get("train") == [root / "obj_train_data"]:  # what Darknet calls the only folder
        return {"": found["train"]}
    return found


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
    names = next((value for key, value in values.items() if str(key).lower() == "names"), None)
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[k] for k in range(len(names))]
    plain = isinstance(names, list) and all(isinstance(name, str | int | float) for name in names)
    if not plain or not names or any(isinstance(name, str) and len(name) > _LONGEST for name in names):
        raise FormatError(f"{path} must name all classes from 0 on in a list called names; mend it.")
    return tuple(str(name) for name in names)


def _listed(root: Path) -> tuple[str, ...] | None:
    folders = (root, root / "labels", root / "data", *(p for p in folders_in(root) if split_of(p.name)))
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
    keys = {str(key).lower(): value for key, value in values.items()}
    for key, value in keys.items():
        split = split_of(key)
        if not split or not value:
            continue
        entries = value if isinstance(value, list) else [value]
        base = keys.get("path") or ""
        if any(not isinstance(own, str) or len(own) > 10 * _LONGEST for own in [base, *entries]):
            raise FormatError(f"{_yaml_of(root)} must give a folder for {key}; mend it.")
        places = [place for entry in entries if (place := _place(root, base, entry))]
        if len(places) < len(entries) and split == "train":
            raise InputError(f"{entries[0]!r}, which {_yaml_of(root)} names for {key}, is not in {root}; bring it.")
        if places or split not in found:  # val and valid are one
            found[split] = (value, places)
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


def _pairs(places: list[Path], root: Path, notes: Notes, split: str) -> Rows:
    by_label: dict[Path, list[Path]] = {}
    for place in places:
        for file in _pictures(place, root):
            own = by_label.setdefault(label_of(file, root), [])
            if file not in own:
                own.append(file)
    for folder in {label.parent for label in by_label}:
        alone = [p for p in folder.glob("*.txt") if p not in by_label] if folder.is_dir() else []
        notes.mends["in a file of labels without its picture, left out"] += sum(_count(p) for p in alone)
    files: list[str] = []
    rows: list[list[dict[str, Any]]] = []
    for label, pictures in by_label.items():
        for other in pictures[1:]:
            notes.drop(other, f"{other} and {pictures[0].name} share the labels {label.name}; the latter is taken.")
        if not label.is_file():
            notes.unlabeled.append((split, str(pictures[0])))
            continue
        try:
            lines = read_lines(label)
        except FormatError as error:
            notes.drop(pictures[0], str(error))
            continue
        files.append(str(pictures[0]))
        rows.append([{"line": line} for line in lines])
    return files, rows


def _look_at_numbers(rows: list[dict[str, Any]], notes: Notes) -> None:
    """Recognize boxes that are given in pixels, or by their corners, and say so; the rows are changed in place."""
    boxes = [row for row in rows if len(row["line"]) == 5]
    if len(boxes) < _FEW:
        return
    numbers = np.array([row["line"][1:] for row in boxes])
    if not np.isfinite(numbers).all():
        return
    ordered = bool((numbers[:, 2:] > numbers[:, :2]).all() and (numbers >= 0).all())
    in_pixels = bool((numbers[:, :2].max(1) > 1.5).mean() > 0.5)
    x, y, w, h = numbers.T
    beyond = (x - w / 2 < -_SLACK) | (y - h / 2 < -_SLACK) | (x + w / 2 > 1 + _SLACK) | (y + h / 2 > 1 + _SLACK)
    as_corners = ordered and not in_pixels and bool((numbers <= 1 + _SLACK).all()) and beyond.mean() > 0.2
    if in_pixels:
        notes.remarks.append("The numbers of the boxes are pixels, not shares of the picture, and are taken as such.")
    if as_corners:
        notes.remarks.append(
            "The boxes are given by their corners (x0 y0 x1 y1), not by middle and size: as the latter many would lie "
            "outside of their pictures; they are taken as corners."
        )
    for row in boxes:
        row |= {"pixels": in_pixels, "corners": as_corners}


_FEW, _SLACK = 4, 0.02


def _without_points(rows: list[dict[str, Any]], notes: Notes) -> None:
    """Keep the boxes of lines that end with the key points of a body; the rows are changed in place."""
    for row in rows:
        notes.mends["with key points, of which the box alone is taken"] += len(row["line"]) > 5
        row["line"] = row["line"][:5]


def _look_at_rotation(rows: list[dict[str, Any]], notes: Notes) -> None:
    """Say where four corners are those of rotated boxes (YOLO-OBB).

    Corners of a rectangle are those of a parallelogram, however a picture is stretched; polygons seldom are.
    """
    lines = [row["line"] for row in rows]
    if not lines or any(len(line) != 9 for line in lines):
        return
    corners = np.array(lines)[:, 1:].reshape(-1, 4, 2)
    apart = np.abs(corners[:, 0] - corners[:, 1] + corners[:, 2] - corners[:, 3]).max(1)
    if (apart > _SQUARE).mean() > 0.05:
        return
    xs, ys = corners[..., 0], corners[..., 1]
    ends = np.stack([xs.min(1), ys.min(1), xs.max(1), ys.max(1)], 1)
    off = np.minimum(np.abs(xs - ends[:, :1]), np.abs(xs - ends[:, 2:3])).max(1)
    off = np.maximum(off, np.minimum(np.abs(ys - ends[:, 1:2]), np.abs(ys - ends[:, 3:])).max(1))
    notes.mends["a rotated box: the upright box around it is taken"] += int((off > _SQUARE).sum())


_SQUARE = 2e-3  # shares of the sides by which the corners of a box may be off


def _pictures(place: Path, root: Path) -> list[Path]:
    """The pictures below a folder, or those of a list."""
    if place.is_dir():
        found = (p for p in place.rglob("*") if is_picture_name(p.name) and p.is_file())
        return sorted(p for p in found if not any(is_passed_over(part) for part in p.relative_to(place).parts))
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


def row_of(row: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """An object in pixels.

    Args:
        row: ``line``, the numbers, and perhaps ``pixels`` and ``corners``: that they are pixels, or corners.
        size: Height and width of the picture.
    """
    line = row["line"]
    height, width = (1, 1) if row.get("pixels") else size
    label, numbers = int(line[0]), line[1:]
    if len(numbers) == 4 and row.get("corners"):
        return {"label": label, "box": [v * side for v, side in zip(numbers, [width, height] * 2, strict=True)]}
    if len(numbers) == 4:
        x, y, w, h = numbers
        box = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
        return {"label": label, "box": box}
    corners = [value * side for value, side in zip(numbers, [width, height] * (len(numbers) // 2), strict=True)]
    xs, ys = corners[0::2], corners[1::2]
    return {"label": label, "box": [min(xs), min(ys), max(xs), max(ys)], "shape": [corners]}
