"""Boxes in Pascal VOC's form: one XML file for each picture.

Everingham et al., "The Pascal Visual Object Classes challenge", IJCV 2010. Pixels are counted from 1, and the last one
belongs to the box, so that (xmin, ymin, xmax, ymax) has the edges (xmin - 1, ymin - 1, xmax, ymax). Label Studio,
labelImg, CVAT and Datumaro write the edges themselves, which is recognized by what they write beside it, or by an xmin
of 0.
"""

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError  # the types; parsing is defusedxml's

from visus._errors import FormatError
from visus._files import write_atomically
from visus.data.find import Finder
from visus.data.foreign import is_labelme_online
from visus.data.left_out import Notes
from visus.data.splits import files_in, folders_in, split_of
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


_PICTURES, _ANNOTATIONS = ("jpegimages", "images", "image", "img"), ("annotations", "annotation", "xmls", "labels")


def _sides(folder: Path) -> Sides | None:
    """As the challenge has them, as many collections have them, or side by side as labelImg writes them."""
    named = {own.name.lower(): own for own in folders_in(folder)}
    pictures = next((named[name] for name in _PICTURES if name in named), None)
    annotations = next((named[name] for name in _ANNOTATIONS if name in named), None)
    both = [(pictures, annotations)] if pictures and annotations else []
    return next((sides for sides in [*both, (folder, folder)] if _has_annotations(sides[1])), None)


def _has_annotations(folder: Path) -> bool:
    """Whether a folder holds XML files, and the first that can be read is of VOC's form."""
    for path in sorted(folder.glob("*.xml"))[:_LOOKED_AT]:
        try:
            start = path.read_bytes()[:_START]
        except OSError:
            continue
        if b"<annotation" in start:
            return b"<annotations" not in start and not is_labelme_online(start.decode("utf-8", "replace"))
    return False


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
        splits = {split: _pairs(sides, _stems(path, sides[1]), finder, notes) for split, path in lists.items()}
    else:
        splits = {split: _all(sides, split, finder, notes) for split, sides in folders.items()}
    _count_from_zero(splits, notes)
    return None, splits


def _count_from_zero(splits: dict[str, Named], notes: Notes) -> None:
    """Move boxes whose files count pixels from 0: those of tools that do, or of a set with a box that begins there."""
    rows = [row for _, lists in splits.values() for own in lists for row in own]
    if any(min(row["box"][:2]) == -1 for row in rows):
        notes.remarks.append("Some boxes begin at 0, so all are taken as edges counted from 0, not from 1 as VOC does.")
    elif rows and all(row["edges"] for row in rows):
        notes.remarks.append(
            "The boxes were written by a tool that counts from 0 (labelImg, Label Studio, CVAT), and are read so."
        )
    else:
        return
    for row in rows:
        x0, y0, x1, y1 = row["box"]
        row["box"] = [x0 + 1, y0 + 1, x1, y1]


def _lists(root: Path) -> dict[str, Path]:
    """The lists of names, by split; pictures that are given for both train and val are for training."""
    folder = root / "ImageSets" / "Main"
    lists = sorted(folder.glob("*.txt")) if folder.is_dir() else []
    found = {split: path for path in lists if (split := split_of(path.stem))}
    if found and "train" not in found and (folder / "trainval.txt").is_file():
        found["train"] = folder / "trainval.txt"
    return found


def _stems(path: Path, annotations: Path) -> list[str]:
    """The names in a list; a line may hold 1 or -1 behind the name, and a name may hold spaces."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    there = [(annotations / f"{line}.xml").is_file() for line in lines]
    return [line if own else line.split()[0] for line, own in zip(lines, there, strict=True) if line]


def _all(sides: Sides, split: str, finder: Finder, notes: Notes) -> Named:
    """All pictures that have an annotation; the others are told."""
    stems = sorted(path.stem for path in files_in(sides[1]) if path.suffix.lower() == ".xml")
    found = _pairs(sides, stems, finder, notes)
    known = {*found[0], *(own.path for own in notes.left_out)}
    alone = [str(p) for p in files_in(sides[0]) if is_picture_name(p.name) and str(p) not in known]
    notes.unlabeled += [(split, file) for file in alone if Path(file).stem not in set(stems)]
    return found


def _pairs(sides: Sides, stems: list[str], finder: Finder, notes: Notes) -> Named:
    pictures, annotations = sides
    by_stem: dict[str, Path] = {}
    for own in sorted(files_in(pictures), key=lambda p: (p.suffix.lower() not in (".jpg", ".jpeg"), p.name)):
        if is_picture_name(own.name):
            by_stem.setdefault(own.stem, own)
    files, rows = [], []
    for stem in stems:
        path, picture = annotations / f"{stem}.xml", by_stem.get(stem)
        if Path(stem).name != stem or not path.is_file():
            notes.drop(picture or path, f"{path}, which a list names, does not exist; bring it.")
            continue
        try:
            name, found = read_annotation(path)
        except FormatError as error:
            notes.drop(picture or path, str(error))
            continue
        named = pictures / Path(name).name if name else None
        picture = picture or (named if named and named.is_file() else finder.find(name or stem, pictures))
        if picture is None:
            notes.drop(path, f"{path} has no picture {pictures / stem}.jpg; bring it, or take the annotation away.")
            continue
        files.append(str(picture))
        rows.append(found)
    return files, rows


def read_annotation(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """The picture that an annotation names, and its objects.

    Raises:
        FormatError: It is damaged, or tries to blow up the parser.
    """
    from defusedxml import DefusedXmlException, ElementTree

    try:
        tree = ElementTree.parse(path).getroot()
        assert tree is not None
        height, width = (int(float(_text(tree, f"size/{name}", "0"))) for name in ("height", "width"))
        size = (height, width) if height > 0 and width > 0 else None
        database, annotation = (_text(tree, f"source/{name}", "") for name in ("database", "annotation"))
        edges = annotation == "COCO2017" or (  # Label Studio
            database == "Unknown" and (tree.find("path") is not None or annotation == "Unknown")  # labelImg, Datumaro
        )
        rows = [{**_object(entry), "size": size, "edges": edges} for entry in tree.iter("object")]
        return _text(tree, "filename", ""), rows
    except DefusedXmlException as error:
        raise FormatError(f"{path} declares entities, as an XML bomb does, and is not read; take them out.") from error
    except (ParseError, OSError, ValueError, OverflowError, LookupError, AssertionError) as error:
        raise FormatError(f"{path} is no annotation of VOC's form ({error}); mend it.") from error


def _object(entry: Element) -> dict[str, Any]:
    box = entry.find("bndbox")
    name = _text(entry, "name", "")
    if box is None or not name:
        raise ValueError("an object has no name or no bndbox")
    sides = ("xmin", "ymin", "xmax", "ymax")
    missing = [side for side in sides if not _text(box, side, "")]
    if missing:
        raise ValueError(f"the box of {name} has no {missing[0]}")
    x0, y0, x1, y1 = (float(_text(box, side, "")) for side in sides)
    return {"name": name, "box": [x0 - 1, y0 - 1, x1, y1], "difficult": _text(entry, "difficult", "0").strip() == "1"}


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
