"""Boxes in Pascal VOC's form: one XML file for each picture.

Everingham et al., "The Pascal Visual Object Classes challenge", IJCV 2010. Pixels are counted from 1, and the last one
belongs to the box, so that (xmin, ymin, xmax, ymax) has the edges (xmin - 1, ymin - 1, xmax, ymax). Label Studio,
labelImg, CVAT, Datumaro and FiftyOne write the edges themselves, Roboflow and supervision the edges and 1 more; each is
recognized by what it writes beside it, or edges by an xmin of 0.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError  # the types; parsing is defusedxml's

from visus._errors import FormatError
from visus._files import write_atomically
from visus.data.find import Finder
from visus.data.foreign import is_labelme_online
from visus.data.layout_words import BOXES, PICTURES
from visus.data.left_out import Notes, is_said
from visus.data.own_splits import names_in
from visus.data.splits import files_below, files_in, folders_in, split_of
from visus.data.texts import decoded
from visus.images import is_picture_name

Named = tuple[list[str], list[list[dict[str, Any]]]]
"""Files, and for each its objects: ``name``, ``box`` and ``difficult``."""


Sides = tuple[Path, Path]
"""The folder of the pictures and that of the annotations."""


def is_voc(root: Path) -> bool:
    """Whether a folder is laid out as Pascal VOC and its like."""
    return bool(_folders(root))


def _folders(root: Path) -> dict[str, Sides]:
    """Where pictures and annotations lie, by split; ``""`` where the folder is not parted into splits."""
    whole = _sides(root)
    if whole:
        return {"": whole}
    inner = {split: _sides(p) for p in folders_in(root) if (split := split_of(p.name))}
    return {split: sides for split, sides in inner.items() if sides}


def _sides(folder: Path) -> Sides | None:
    """As the challenge has them, as many collections have them, or side by side as labelImg writes them."""
    named = {own.name.lower(): own for own in folders_in(folder)}
    pictures = next((named[name] for name in PICTURES if name in named), None)
    if pictures is None:
        return (folder, folder) if _has_annotations(folder) else None
    beside = [named[name] for name in BOXES if name in named]
    inner = [own for above in beside for own in folders_in(above) if own.name.lower() in BOXES]  # annotations/xmls
    both = [(pictures, own) for own in (*inner, *beside)]
    return next((sides for sides in [*both, (folder, folder)] if _has_annotations(sides[1])), None)


def _has_annotations(folder: Path) -> bool:
    """Whether a folder holds XML files, and the first that can be read is of VOC's form."""
    for path in islice(_xml_files(folder), _LOOKED_AT):
        try:
            start = path.read_bytes()[:_START].replace(b"\0", b"")  # of UTF-16
        except OSError:
            continue
        if b"<annotation" in start:
            return b"<annotations" not in start and not is_labelme_online(start.decode("utf-8", "replace"))
    return False


def _xml_files(folder: Path) -> Iterator[Path]:
    """XML files below a folder of annotations, or beside pictures."""
    files = files_below(folder) if folder.name.lower() in BOXES else files_in(folder)
    return (path for path in files if path.suffix.lower() == ".xml")


def _annotations_in(folder: Path) -> dict[str, Path]:
    """XML files by their path without the ending."""
    return {_key(path, folder): path for path in _xml_files(folder)}


def _key(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


_LOOKED_AT, _START = 20, 4096


def read_voc(root: Path, notes: Notes) -> tuple[None, dict[str, Named]]:
    """No list of classes, and pictures and objects by split, as ``ImageSets/Main`` or folders part them.

    Args:
        root: The folder.
        notes: Told of annotations that cannot be read, of pictures without one, and how boxes are counted.

    Raises:
        InputError: There are no annotations.
    """
    folders, lists = _folders(root), _lists(root)
    finder = Finder(root)
    if lists:
        sides = folders.get("") or next(iter(folders.values()))
        about = _both(sides)
        splits = {split: _pairs(about, _listed(path, about), finder, notes) for split, path in lists.items()}
    else:
        splits = {split: _all(sides, split, finder, notes) for split, sides in folders.items()}
    if _are_shares(splits, notes):
        pass
    elif notes.first_pixel is None:
        _count_from_zero(splits, notes)
    elif notes.first_pixel == 0:
        _move(splits, _TO_EDGES)
    return None, splits


def _are_shares(splits: dict[str, Named], notes: Notes) -> bool:
    """Recognize boxes that are shares of the width and the height, which VOC has not; the rows are changed in place."""
    rows = [row for _, lists in splits.values() for own in lists for row in own]
    numbers = [value + step for row in rows for value, step in zip(row["box"], _TO_EDGES, strict=True)]
    if not numbers or min(numbers) < 0 or max(numbers) > 1 or all(value % 1 == 0 for value in numbers):
        return False
    notes.remarks.append(
        "The boxes are shares of the width and the height, for none is beyond 1; they are taken as such."
    )
    _move(splits, _TO_EDGES)
    for row in rows:
        row["relative"] = True
    return True


def _count_from_zero(splits: dict[str, Named], notes: Notes) -> None:
    """Move boxes whose files count pixels from 0: those of tools that do, or of a set with a box that begins there."""
    rows = [row for _, lists in splits.values() for own in lists for row in own]
    if any(min(row["box"][:2]) == -1 for row in rows):
        notes.remarks.append("Some boxes begin at 0, so all are taken as edges counted from 0, not from 1 as VOC does.")
        _move(splits, _TO_EDGES)
    elif rows and all(row["tool"] == "edges" for row in rows):
        notes.remarks.append(
            "The boxes were written by a tool that counts from 0 (labelImg, Label Studio, CVAT), and are read so."
        )
        _move(splits, _TO_EDGES)
    elif rows and all(row["tool"] == "roboflow" for row in rows):
        notes.remarks.append("The boxes were written by Roboflow, which adds 1 to all edges; it is taken away.")
        _move(splits, (0.0, 0.0, -1.0, -1.0))


_TO_EDGES = (1.0, 1.0, 0.0, 0.0)  # from what VOC's numbers mean to the numbers themselves


def _move(splits: dict[str, Named], steps: tuple[float, float, float, float]) -> None:
    """Move all boxes; the rows are changed in place."""
    for row in (row for _, lists in splits.values() for own in lists for row in own):
        row["box"] = [value + step for value, step in zip(row["box"], steps, strict=True)]


def _lists(root: Path) -> dict[str, Path]:
    """The lists of names, by split; pictures that are given for both train and val are for training."""
    folder = root / "ImageSets" / "Main"
    lists = sorted(folder.glob("*.txt")) if folder.is_dir() else []
    found = {split: path for path in lists if (split := split_of(path.stem))}
    if found and "train" not in found and (folder / "trainval.txt").is_file():
        found["train"] = folder / "trainval.txt"
    return found


@dataclass(frozen=True, slots=True)
class _Both:
    """What lies in the folders of pictures and annotations.

    Attributes:
        sides: The folders.
        pictures: Pictures by their path without the ending; JPEG files go before others of the name.
        by_stem: The same by their name without the ending.
        annotations: By their path without the ending.
    """

    sides: Sides
    pictures: dict[str, Path]
    by_stem: dict[str, list[Path]]
    annotations: dict[str, Path]


def _both(sides: Sides) -> _Both:
    pictures, annotations = sides
    by_key: dict[str, Path] = {}
    by_stem: dict[str, list[Path]] = defaultdict(list)
    below = files_below(pictures) if pictures != annotations else files_in(pictures)
    for own in sorted(below, key=lambda p: (p.suffix.lower() not in (".jpg", ".jpeg"), p.name)):
        if is_picture_name(own.name):
            by_key.setdefault(_key(own, pictures), own)
            by_stem[own.stem].append(own)
    return _Both(sides, by_key, by_stem, _annotations_in(annotations))


def _listed(path: Path, about: _Both) -> list[str]:
    """The annotations that a list names: with or without folder and ending; 1 or -1 may follow."""
    there = about.annotations
    found = []
    for line, word in names_in(path):
        spelled = [line, word, *(Path(own).with_suffix("").as_posix() for own in (line, word)), Path(word).stem]
        found.append(next((own for own in spelled if own in there), word))
    return found


def _all(sides: Sides, split: str, finder: Finder, notes: Notes) -> Named:
    """All pictures that have an annotation; the others are told."""
    about = _both(sides)
    found = _pairs(about, sorted(about.annotations), finder, notes)
    known = {*found[0], *(own.path for own in notes.left_out)}
    stems = {Path(file).stem for file in known}
    below = sorted(str(path) for stem, own in about.by_stem.items() if stem not in stems for path in own)
    notes.unlabeled += [(split, file) for file in below if file not in known]
    return found


def _pairs(about: _Both, keys: list[str], finder: Finder, notes: Notes) -> Named:
    pictures, annotations = about.sides
    files, rows, others = [], [], 0
    for key in keys:
        path, picture = about.annotations.get(key), about.pictures.get(key)
        if path is None:
            missing = annotations / f"{key}.xml"
            notes.drop(picture or missing, f"{missing}, which a list names, does not exist; bring it.")
            continue
        try:
            name, found = read_annotation(path)
        except FormatError as error:
            notes.drop(picture or path, str(error))
            continue
        named = pictures / Path(name).name if name else None
        alike = about.by_stem.get(path.stem, [])
        picture = picture or (alike[0] if len(alike) == 1 else None)
        picture = picture or (named if named and named.is_file() else finder.find(name or path.stem, pictures))
        if picture is None:
            notes.drop(path, f"{path} has no picture {pictures / key}.jpg; bring it, or take the annotation away.")
            continue
        others += bool(named and named.stem != picture.stem and named.is_file())
        files.append(str(picture))
        rows.append(found)
        notes.mends["a rotated box: the upright box around it is taken"] += sum(own.pop("turned") for own in found)
        notes.unread.update(kind for own in found for kind in own.pop("unread"))
    if others:
        named = f"{others:,} annotations name" if others > 1 else "1 annotation names"
        notes.remarks.append(f"{named} another picture than the one of the same name, which is taken.")
    return files, rows


def read_annotation(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """The picture that an annotation names, and its objects.

    Raises:
        FormatError: It is damaged, or tries to blow up the parser.
    """
    from defusedxml import DefusedXmlException

    try:
        tree = _tree(path)
        height, width = (int(float(_text(tree, f"size/{name}", "0"))) for name in ("height", "width"))
        size = (height, width) if height > 0 and width > 0 else None
        database, annotation = (_text(tree, f"source/{name}", "") for name in ("database", "annotation"))
        tool = ""
        if database.startswith("roboflow"):
            tool = "roboflow"  # and supervision, which writes the same
        elif annotation in ("COCO2017", "Unknown") or tree.find("path") is not None:
            tool = "edges"  # Label Studio, Datumaro and CVAT; labelImg, FiftyOne and their kin
        rows = [
            {**_object(entry), "size": size, "tool": tool, "unread": _unread(entry)} for entry in tree.iter("object")
        ]
        return _text(tree, "filename", ""), rows
    except DefusedXmlException as error:
        raise FormatError(f"{path} declares entities, as an XML bomb does, and is not read; take them out.") from error
    except (ParseError, OSError, ValueError, OverflowError, LookupError, AssertionError) as error:
        raise FormatError(f"{path} is no annotation of VOC's form ({error}); mend it.") from error


def _tree(path: Path) -> Element:
    """The root of an XML file, whatever its coding: expat knows no GB 18030, and some tools declare UTF-8 of it.

    Raises:
        ParseError: It is damaged.
        DefusedXmlException: It declares entities.
    """
    from defusedxml import ElementTree

    content = path.read_bytes()
    try:
        tree = ElementTree.fromstring(content)
    except (ParseError, ValueError):
        text, coding = decoded(content)
        if coding == "utf-8":
            raise
        tree = ElementTree.fromstring(text)
    assert tree is not None
    return tree


def _object(entry: Element) -> dict[str, Any]:
    box, turned = entry.find("bndbox"), entry.find("robndbox")
    name = _text(entry, "name", "")
    difficult = _text(entry, "difficult", "0").strip() == "1"
    if turned is not None and name:
        slanted = abs(math.sin(2 * float(_text(turned, "angle", "")))) > 1e-6
        return {"name": name, "box": _around(turned), "difficult": difficult, "turned": slanted}
    if box is None or not name:
        raise ValueError("an object has no name or no bndbox")
    sides = ("xmin", "ymin", "xmax", "ymax")
    missing = [side for side in sides if not _text(box, side, "")]
    if missing:
        raise ValueError(f"the box of {name} has no {missing[0]}")
    x0, y0, x1, y1 = (float(_text(box, side, "")) for side in sides)
    return {"name": name, "box": [x0 - 1, y0 - 1, x1, y1], "difficult": difficult, "turned": False}


_READ = ("name", "bndbox", "robndbox", "difficult", "type")


def _unread(entry: Element) -> set[str]:
    """What an object says beside what is read, such as its pose, its parts or the names of its attributes."""
    attributes = {_text(own, "name", "attribute") for own in entry.iter("attribute") if is_said(own.findtext("value"))}
    others = [own for own in entry if own.tag not in (*_READ, "attributes")]
    return attributes | {own.tag for own in others if is_said(list(own.itertext()))}


def _around(turned: Element) -> list[float]:
    """The upright box around a turned one of roLabelImg: its middle, sides and angle in radians, in places."""
    x, y, width, height, angle = (float(_text(turned, side, "")) for side in ("cx", "cy", "w", "h", "angle"))
    cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
    right, down = (width * cosine + height * sine) / 2, (width * sine + height * cosine) / 2
    return [x - right - 1, y - down - 1, x + right, y + down]  # as VOC's own numbers are read


def _text(entry: Element, name: str, default: str) -> str:
    found = entry.findtext(name)
    return found.strip() if found else default


def write_annotation(path: Path, picture: str, size: tuple[int, int], rows: list[dict[str, Any]]) -> None:
    """Write the objects of a picture.

    Args:
        path: The file.
        picture: Name of the picture.
        size: Its height and width.
        rows: Objects: ``name``, ``box`` and ``difficult``.
    """
    from xml.etree.ElementTree import SubElement, indent, tostring

    root = Element("annotation")
    SubElement(root, "folder").text = "JPEGImages"
    SubElement(root, "filename").text = picture
    sides = SubElement(root, "size")
    for name, value in (("width", size[1]), ("height", size[0]), ("depth", 3)):
        SubElement(sides, name).text = str(value)
    for row in rows:
        entry = SubElement(root, "object")
        SubElement(entry, "name").text = row["name"]
        SubElement(entry, "difficult").text = str(int(row["difficult"]))
        box = SubElement(entry, "bndbox")
        x0, y0, x1, y1 = row["box"]
        for name, value in (("xmin", x0 + 1), ("ymin", y0 + 1), ("xmax", x1), ("ymax", y1)):
            SubElement(box, name).text = f"{value:g}" if value == round(value) else f"{value:.4f}"
    indent(root)
    write_atomically(path, tostring(root, encoding="utf-8", xml_declaration=True))
