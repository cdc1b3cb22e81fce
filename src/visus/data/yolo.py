"""Boxes in YOLO's form: beside each picture a text file, in each line a class and a box or a polygon.

``images/.../NAME.jpg`` has its objects in ``labels/.../NAME.txt``, any other ``NAME.jpg`` in ``NAME.txt`` next to it:
the number of the class, then the middle and the size of the box (x, y, w, h), or the corners of a polygon, all as
shares of the width and the height. ``data.yaml`` names the classes and the folders of the splits; without it, a list
of names does: ``classes.txt``, ``obj.names`` or ``_darknet.labels``. Darknet's ``obj.data`` and lists such as
``train.txt`` say which pictures are for what.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visus._errors import FormatError, InputError
from visus.data.find import Finder
from visus.data.foreign import is_dota_line, is_visdrone_line, start_of
from visus.data.gather import Rows
from visus.data.layout_words import BOXES, PICTURES, labels_of
from visus.data.left_out import Notes
from visus.data.splits import files_below, files_in, folders_in, split_of
from visus.data.texts import text_of
from visus.data.yolo_labels import LabelFinder
from visus.data.yolo_lines import look_at, read_lines
from visus.images import is_picture_name

_LONGEST = 200  # letters of a name
_NAMES = ("classes.txt", "obj.names", "_darknet.labels", "class_names.txt", "labels.txt", "predefined_classes.txt")


def is_yolo(root: Path) -> bool:
    """Whether a folder is laid out in YOLO's form."""
    if _yaml_of(root) is not None:
        return True
    own = [root, *(folder for folder in folders_in(root) if split_of(folder.name) or folder.name.lower() in PICTURES)]
    if any(_is_flat(folder) for folder in own):
        return True
    return any(_has_lines(folder, strict=folder.name.lower() != "labels") for folder in _label_folders(own))


def _label_folders(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        for own in folders_in(folder):
            if own.name.lower() in BOXES or (labels_of(own.name) and split_of(labels_of(own.name) or "")):
                yield own


def _has_lines(folder: Path, *, strict: bool) -> bool:
    """Whether a folder of labels holds text files with numbers.

    Args:
        folder: The folder.
        strict: Whether the first file must hold such; a folder called labels is taken for one even if it is damaged.
    """
    for path in files_below(folder):
        if path.suffix.lower() != ".txt" or path.name in _NAMES:
            continue
        if any(map(is_visdrone_line, start_of(path).splitlines())):
            return False
        try:
            return bool(read_lines(path)) or (not strict and not path.read_bytes().strip())
        except (FormatError, OSError):
            return not strict and not any(map(is_dota_line, start_of(path).splitlines()))
    return False


def _is_flat(folder: Path) -> bool:
    """Whether pictures have their labels beside them."""
    files = files_in(folder) if folder.is_dir() else []
    texts = {own.stem for own in files if own.suffix.lower() == ".txt"}
    return any(is_picture_name(own.name) and own.stem in texts for own in files)


def _yaml_of(root: Path) -> Path | None:
    usual = [root / name for name in ("data.yaml", "data.yml", "dataset.yaml") if (root / name).is_file()]
    others = [p for p in files_in(root) if p.suffix.lower() in (".yaml", ".yml") and "names" in _keys(p)]
    if not usual and len(others) > 1:
        named = ", ".join(path.name for path in others[:4])
        raise InputError(f"{root} has several lists of splits ({named}); call the one that you want data.yaml.")
    return usual[0] if usual else others[0] if others else None


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
    values = _yaml(path, notes) if path else {}
    names = _names(values, path, notes) if path and "names" in _lower(values) else _listed(root, notes)
    if path and names is None:
        raise FormatError(f"{path} must name all classes from 0 on in a list called names; mend it.")
    told = _told(root, values) if path else {}
    notes.remarks += [
        f"{own!r}, which {path} names for {split}, is not there." for split, (own, p) in told.items() if not p
    ]
    if names is None:
        notes.remarks.append(
            "Nothing names the classes, so they are called by their numbers; name them in classes.txt."
        )
    places = {split: own for split, (_, own) in told.items() if own} or _lists(root) or _folders(root)
    places = places or {"": [_pictures_folder(root) or root]}
    labels = LabelFinder(root)
    splits = {split: _pairs(own, labels, notes, split) for split, own in places.items()}
    _tell_alone(splits, labels, notes)
    if not any(files for files, _ in splits.values()) and not notes.unlabeled:
        first = f" that can be used (the first: {notes.left_out[0].reason})" if notes.left_out else ""
        raise InputError(f"{root} holds no pictures beside its labels{first}; lay them out as images/ and labels/.")
    rows = [row for _, lists in splits.values() for rows in lists for row in rows]
    look_at(rows, values, notes)
    numbers = {int(row["line"][0]) for row in rows}
    if names and numbers and min(numbers) == 1 and max(numbers) == len(names):
        raise InputError(
            f"The labels in {root} number classes from 1 to {len(names)}, and the {len(names)} names are those of 0 to "
            f"{len(names) - 1}; number classes from 0, or name that of 0, too."
        )
    if names is None:
        most = max((int(row["line"][0]) for row in rows), default=-1)
        if most >= _MOST_UNNAMED:
            raise InputError(f"{root} has a class {most} and no names; name the classes in data.yaml.")
        names = tuple(str(k) for k in range(most + 1))
    return names, splits


def _pictures_folder(root: Path) -> Path | None:
    """The folder of pictures in a data set, whatever the case."""
    named = {own.name.lower(): own for own in folders_in(root)}
    return next((named[name] for name in PICTURES if name in named), None)


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
        if split and _listed_pictures(path, root):
            found.setdefault(split, []).append(path)
    return found if len(found) > 1 else {}  # alone it may be any list


def _folders(root: Path) -> dict[str, list[Path]]:
    """Folders of splits: ``images/train``, ``train/images``, or ``train`` with pictures and labels side by side."""
    found: dict[str, list[Path]] = {}
    pictures = _pictures_folder(root)
    for folder in folders_in(pictures) if pictures else []:
        if split := split_of(folder.name):
            found.setdefault(split, []).append(folder)
    labels = LabelFinder(root)
    for folder in folders_in(root):
        split = split_of(folder.name)
        place = _pictures_folder(folder) or folder
        if split and split not in found and labels_of(folder.name) is None and _has_labels(place, labels):
            found[split] = [place]
    if len(found) == 1 and found.get("train") == [root / "obj_train_data"]:  # what Darknet calls the only folder
        return {"": found["train"]}
    return found


def _has_labels(folder: Path, labels: LabelFinder) -> bool:
    """Whether some picture below a folder has a file of labels."""
    return any(labels.find(own).is_file() for own in files_below(folder) if is_picture_name(own.name))


def _lower(values: dict[str, Any]) -> set[str]:
    return {str(key).lower() for key in values}


def _yaml(path: Path, notes: Notes | None = None) -> dict[str, Any]:
    import yaml

    text = text_of(path, notes)
    try:
        values = yaml.safe_load(text)
    except Exception as error:  # the parser raises many kinds on hostile input
        raise FormatError(f"{path} is damaged ({type(error).__name__}); mend it.") from error
    if not isinstance(values, dict):
        raise FormatError(f"{path} must hold names and folders, such as train: images/train; mend it.")
    return values


def _names(values: dict[str, Any], path: Path, notes: Notes) -> tuple[str, ...]:
    names = next((value for key, value in values.items() if str(key).lower() == "names"), None)
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[k] for k in range(len(names))]
    plain = isinstance(names, list) and all(isinstance(name, str | int | float) for name in names)
    if not plain or not names or any(isinstance(name, str) and len(name) > _LONGEST for name in names):
        raise FormatError(f"{path} must name all classes from 0 on in a list called names; mend it.")
    told = next((value for key, value in values.items() if str(key).lower() == "nc"), None)
    if isinstance(told, int) and told != len(names):
        notes.remarks.append(f"{path.name} counts {told} classes (nc) and names {len(names)}; the names are taken.")
    return tuple(str(name) for name in names)


def _listed(root: Path, notes: Notes) -> tuple[str, ...] | None:
    inner = [own for own in folders_in(root) if own.name.lower() in (*BOXES, "data") or split_of(own.name)]
    folders = [root, *inner, *(own for folder in inner for own in folders_in(folder) if own.name.lower() in BOXES)]
    places = [folder / name for folder in folders for name in _NAMES]
    place = next((p for p in places if p.is_file()), None)
    if place is None:
        return None
    return tuple(line.strip() for line in text_of(place, notes).splitlines() if line.strip())


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


def _pairs(places: list[Path], labels: LabelFinder, notes: Notes, split: str) -> Rows:
    by_label: dict[Path, list[Path]] = {}
    for place in places:
        for file in _pictures(place, labels.root, notes):
            own = by_label.setdefault(labels.find(file), [])
            if file not in own:
                own.append(file)
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


def _tell_alone(splits: dict[str, Rows], labels: LabelFinder, notes: Notes) -> None:
    """Leave out files of labels that no picture belongs to."""
    pictures = [Path(file) for files, _ in splits.values() for file in files]
    pictures += [Path(own.path) for own in notes.left_out if is_picture_name(own.path)]
    known = {labels.find(file) for file in pictures}
    for folder in sorted({path.parent for path in known}):
        for path in labels.texts(folder):
            if path not in known and path.name not in _NAMES and _holds_objects(path):
                notes.drop(path, f"{path} has no picture beside it; bring it, or take the labels away.")


def _holds_objects(path: Path) -> bool:
    """Whether a text file has objects in it, and is no list of names or paper."""
    try:
        return bool(read_lines(path))
    except FormatError:
        return False


def _pictures(place: Path, root: Path, notes: Notes) -> list[Path]:
    """The pictures below a folder, or those of a list; what is listed and missing is told."""
    if place.is_dir():
        return [own for own in files_below(place) if is_picture_name(own.name)]
    found = _listed_pictures(place, root)
    for line, path in found.items():
        if path is None:
            name = line.replace("\\", "/").rsplit("/", 1)[-1]
            notes.drop(root / name, f"{place} names {line}, which is not there; bring it.")
    return [path for path in found.values() if path]


def _listed_pictures(place: Path, root: Path) -> dict[str, Path | None]:
    """The lines of a list, and the picture of each; none if no line has one."""
    finder = Finder(root)
    lines = [line.strip() for line in text_of(place).splitlines() if line.strip()]
    found = {line: _listed_picture(line, root, finder) for line in lines}
    return found if any(found.values()) else {}


def _listed_picture(line: str, root: Path, finder: Finder) -> Path | None:
    place = next((own for own in _ends(root, line) if own.is_file() and _inside(own, root)), None)
    place = place or finder.find(line)
    return place if place and is_picture_name(place.name) else None
