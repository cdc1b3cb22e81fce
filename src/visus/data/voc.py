"""Boxes in Pascal VOC's form: one XML file for each picture.

Everingham et al., "The Pascal Visual Object Classes challenge", IJCV 2010. Pixels are counted from 1, and the last one
belongs to the box, so that (xmin, ymin, xmax, ymax) has the edges (xmin - 1, ymin - 1, xmax, ymax).
"""

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError  # the types; parsing is defusedxml's

from visus._errors import FormatError, InputError
from visus._files import write_atomically
from visus.data.folder import SPLITS
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
    inner = {SPLITS[p.name.lower()]: _sides(p) for p in sorted(root.iterdir()) if p.name.lower() in SPLITS}
    return {split: sides for split, sides in inner.items() if sides}


def _sides(folder: Path) -> Sides | None:
    """As the challenge has them, as many collections have them, or side by side as labelImg writes them."""
    if (folder / "JPEGImages").is_dir() and (folder / "Annotations").is_dir():
        return folder / "JPEGImages", folder / "Annotations"
    both = ((folder / "images", folder / "annotations"), (folder, folder))
    return next((s for s in both if s[0].is_dir() and s[1].is_dir() and any(s[1].glob("*.xml"))), None)


def read_voc(root: Path) -> dict[str, Named]:
    """Pictures and objects by split, as ``ImageSets/Main`` or folders part them; ``""`` where nothing does.

    Raises:
        InputError: What a list names is not there, or an annotation is damaged.
    """
    folders, lists = _folders(root), _lists(root)
    if not lists:
        return {split: _all(sides) for split, sides in folders.items()}
    return {split: _pairs(folders[""], _stems(path, folders[""][1]), path) for split, path in lists.items()}


def _lists(root: Path) -> dict[str, Path]:
    """The lists of names, by split; pictures that are given for both train and val are for training."""
    folder = root / "ImageSets" / "Main"
    found = {SPLITS[p.stem]: p for p in sorted(folder.glob("*.txt")) if p.stem in SPLITS} if folder.is_dir() else {}
    if found and "train" not in found and (folder / "trainval.txt").is_file():
        found["train"] = folder / "trainval.txt"
    return found


def _stems(path: Path, annotations: Path) -> list[str]:
    """The names in a list; a line may hold 1 or -1 behind the name, and a name may hold spaces."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    there = [(annotations / f"{line}.xml").is_file() for line in lines]
    return [line if own else line.split()[0] for line, own in zip(lines, there, strict=True) if line]


def _all(sides: Sides) -> Named:
    """All pictures that have an annotation.

    Raises:
        InputError: None has.
    """
    stems = sorted(path.stem for path in sides[1].glob("*.xml"))
    if not stems:
        raise InputError(f"{sides[1]} holds no annotations; bring some.")
    return _pairs(sides, stems, None)


def unlisted(root: Path, splits: dict[str, Named]) -> list[str]:
    """One sentence on pictures that have no annotation, where all annotations are taken; else none."""
    if _lists(root):
        return []
    known = {Path(file) for files, _ in splits.values() for file in files}
    places = sorted({pictures for pictures, _ in _folders(root).values()})
    alone = [p for place in places for p in sorted(place.iterdir()) if is_picture_name(p.name) and p not in known]
    if not alone:
        return []
    count = "1 picture has" if len(alone) == 1 else f"{len(alone):,} pictures have"
    return [f"{count} no annotation and {'is' if len(alone) == 1 else 'are'} left out, {alone[0].name} for one."]


def _pairs(sides: Sides, stems: list[str], listed: Path | None) -> Named:
    pictures, annotations = sides
    by_stem: dict[str, Path] = {}
    for own in sorted(pictures.iterdir(), key=lambda p: (p.suffix.lower() not in (".jpg", ".jpeg"), p.name)):
        if is_picture_name(own.name):
            by_stem.setdefault(own.stem, own)
    files, rows = [], []
    for stem in stems:
        path = annotations / f"{stem}.xml"
        if Path(stem).name != stem or not path.is_file():
            raise InputError(f"{path}, which {listed} names, does not exist; bring it.")
        name, found = read_annotation(path)
        named = pictures / Path(name).name if name else None
        picture = by_stem.get(stem) or (named if named and named.is_file() else None)
        if picture is None:
            raise InputError(f"{path} has no picture {pictures / stem}.jpg; bring it, or take the annotation away.")
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
        rows = [{**_object(entry), "size": size} for entry in tree.iter("object")]
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
