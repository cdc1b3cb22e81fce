"""COCO's annotations as boxes: what each picture's objects are, with their shapes.

Lin et al., "Microsoft COCO: common objects in context", ECCV 2014.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from visus._errors import FormatError, InputError
from visus.data.boxes import UNKNOWN, box_of
from visus.data.coco import annotation_files, categories_of, decode, inside_folder, picture_folder, read_json
from visus.data.find import Finder
from visus.data.left_out import Notes, is_said
from visus.data.mask_layouts import mask_of
from visus.data.samples import counted
from visus.data.splits import files_in
from visus.images import MAX_PIXELS, is_picture_name

Named = tuple[list[str], list[list[dict[str, Any]]]]
"""Files, and for each its objects: ``name``, ``box``, ``crowd`` and ``shape``."""


def is_coco_set(root: Path) -> bool:
    """Whether a folder has annotation files of COCO's form."""
    return bool(annotation_files(root))


def read_coco_boxes(root: Path, notes: Notes) -> tuple[tuple[str, ...], dict[str, Named]]:
    """Classes, and pictures with their objects by split; categories of several files are matched by name.

    Args:
        root: The folder.
        notes: Told what was left out.

    Raises:
        InputError: An annotation file is damaged.
    """
    classes: list[str] = []
    splits: dict[str, Named] = {}
    finder = Finder(root)
    files = annotation_files(root)
    for split in sorted(files, key=lambda split: split != "train"):
        path = files[split]
        try:
            names, pair = _split(_with_numbers(read_json(path)), path, split, notes, finder)
        except InputError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise FormatError(f"{path} holds no annotations of COCO's form ({error!r}); mend it.") from error
        if classes and set(names) - set(classes):
            more = ", ".join(name for name in names if name not in classes)
            notes.remarks.append(f"{path.name} has categories that train has not: {more}.")
        classes += [name for name in names if name not in classes]
        splits[split] = pair
    rows = [row for _, lists in splits.values() for own in lists for row in own if row["told"]]
    _corners_for_sizes(rows, notes, shares=_shares(rows, notes))
    _note_unlisted(splits, notes)
    return tuple(classes), {split: splits[split] for split in files}


def _note_unlisted(splits: dict[str, Named], notes: Notes) -> None:
    """Note the pictures that lie beside those of the lists and stand in none; no bad ones, and no masks of others."""
    listed = {file for files, _ in splits.values() for file in files} | {own.path for own in notes.left_out}
    folders: dict[Path, set[str]] = defaultdict(set)
    for split, (files, _) in splits.items():
        for folder in {Path(file).parent for file in files}:
            folders[folder].add(split)
    for folder, own in folders.items():
        split = next(iter(own)) if len(own) == 1 else ""
        pictures = [path for path in files_in(folder) if is_picture_name(path.name)] if folder.is_dir() else []
        stems = {path.stem for path in pictures}
        for path in pictures:
            if str(path) not in listed and mask_of(str(path)) not in stems:
                notes.unlabeled.append((split, str(path)))


def _with_numbers(content: dict[str, Any]) -> dict[str, Any]:
    """The content with numbers where some tools write words: ids, and the numbers of boxes."""
    for key, names in (
        ("images", ("id",)),
        ("categories", ("id",)),
        ("annotations", ("image_id", "category_id", "iscrowd")),
    ):
        for entry in content[key]:
            for name in names:
                value = entry.get(name)
                if isinstance(value, str) and value.strip().isdigit():
                    entry[name] = int(value)
            box = entry.get("bbox")
            if isinstance(box, list) and any(isinstance(value, str) for value in box):
                entry["bbox"] = [float(value) for value in box]
    return content


def _shares(rows: list[dict[str, Any]], notes: Notes) -> bool:
    """Recognize boxes that are shares of the width and the height; the rows are changed in place.

    They are where no number, of polygons neither, is beyond 1, and most boxes would be thinner than a pixel.
    """
    if len(rows) < _FEW or not all(_is_within_one(row["shape"]) for row in rows):
        return False
    numbers = np.array([row["told"] for row in rows])
    if not ((numbers >= 0) & (numbers <= 1)).all() or (numbers[:, 2:] < 1).any(1).mean() < _MOST:
        return False
    notes.remarks.append(
        "The boxes are shares of the width and the height, for none is beyond 1; they are taken as such."
    )
    for row in rows:
        row |= {"relative": True, "area": float("nan")}
    return True


def _is_within_one(shape: Any) -> bool:  # noqa: ANN401 - from a file
    """Whether no corner of some polygons is beyond 1; so it is where there are none."""
    if not shape:
        return True
    if not isinstance(shape, list) or not all(isinstance(polygon, list) for polygon in shape):
        return False
    values = [value for polygon in shape for value in polygon]
    return all(isinstance(value, int | float) and 0 <= value <= 1 for value in values)


def _corners_for_sizes(rows: list[dict[str, Any]], notes: Notes, *, shares: bool) -> None:
    """Recognize boxes that are given by two corners in place of a corner and a size; the rows are changed in place."""
    boxes = [row for row in rows if shares or row["size"]]
    if len(boxes) < _FEW:
        return
    shaped = [row for row in boxes if row["shape"]]
    slack = _OFF_SHARE if shares else 1.0
    reason = _why_by_shapes(shaped, _OFF * slack) if shaped else _why_by_sides(boxes, slack, shares=shares)
    if not reason:
        return
    notes.remarks.append(
        f"The boxes are given by two corners (x0, y0, x1, y1), not by a corner and a size: {reason}; they are taken as "
        "corners."
    )
    for row in boxes:
        row["box"] = [float(value) for value in row["told"]]


def _why_by_sides(boxes: list[dict[str, Any]], slack: float, *, shares: bool) -> str:
    """Why boxes without shapes are given by corners; empty where they are not."""
    corners = np.array([row["told"] for row in boxes])
    sides = np.ones((len(boxes), 2)) if shares else np.array([row["size"][::-1] for row in boxes])
    inside = bool((corners[:, 2:] > corners[:, :2]).all() and (corners >= 0).all())
    inside = inside and bool((corners[:, 2:] <= sides + slack).all())
    beyond = (corners[:, :2] + corners[:, 2:] > sides + slack).any(1).mean()
    return f"as the latter {beyond:.0%} would reach beyond their pictures" if inside and beyond >= _MANY else ""


def _why_by_shapes(shaped: list[dict[str, Any]], off: float) -> str:
    """Why boxes around polygons are given by corners; empty where they are not."""
    some = [row for row in shaped if isinstance(row["shape"], list)][:_LOOKED_AT]
    around = [_around(row["shape"]) for row in some]
    pairs = [(row["told"], own) for row, own in zip(some, around, strict=True) if own]
    if len(pairs) < _FEW:
        return ""
    told, (x, y, width, height) = np.array([own for own, _ in pairs]), np.array([own for _, own in pairs]).T
    as_corners = (np.abs(told - np.stack([x, y, x + width, y + height], 1)) <= off).all(1).mean()
    as_sides = (np.abs(told - np.stack([x, y, width, height], 1)) <= off).all(1).mean()
    return "as such they lie around their polygons" if as_corners > _MOST and as_sides < 1 - _MOST else ""


_FEW, _MANY = 4, 0.2
_LOOKED_AT, _OFF, _MOST = 200, 2.0, 0.8
_OFF_SHARE = 0.01  # what a pixel is among shares


def _split(
    content: dict[str, Any], path: Path, split: str, notes: Notes, finder: Finder
) -> tuple[tuple[str, ...], Named]:
    mends = notes.mends
    categories = categories_of(content)
    names = {entry["id"]: str(entry["name"]) for entry in categories}
    if len(set(names.values())) < len(categories):
        raise InputError(f"{path} has two categories of one name or number; rename one.")
    images, odd = _images(content, path, notes)
    rows: dict[Any, list[dict[str, Any]]] = {entry["id"]: [] for entry in images}
    if len(rows) < len(images):
        raise InputError(f"{path} has two pictures of one number; number them anew.")
    sizes = {entry["id"]: _size(entry) for entry in images}
    without = {entry["id"] for entry in odd}
    for entry in content["annotations"]:
        if not {"image_id", "category_id"} <= entry.keys():
            mends["without a picture or a category, left out"] += 1
        elif entry["category_id"] not in names:
            mends[UNKNOWN] += 1
        elif entry["image_id"] in without:
            mends["on a picture of an impossible size, left out"] += 1
        elif entry["image_id"] not in rows:
            mends["on a picture that is not listed, left out"] += 1
        elif (corners := _corners(entry)) is None:
            mends["with a malformed box, left out"] += 1
        else:
            own = {
                "name": names[entry["category_id"]],
                "box": corners,
                "told": entry.get("bbox"),
                "crowd": bool(entry.get("iscrowd", 0)),
                "difficult": bool(entry.get("difficult", 0)),
                "shape": _shape(entry, mends),
                "area": float(entry.get("area") or "nan"),
                "size": sizes[entry["image_id"]],
            }
            rows[entry["image_id"]].append(own)
            notes.unread.update(_unread(entry))
    folder = picture_folder(path, split, images)
    files = [inside_folder(folder, entry["file_name"], path, finder, split) for entry in images]
    for entry in odd:
        height, width = entry["height"], entry["width"]
        reason = f"{path} gives {entry['file_name']} the size {width}x{height}, which cannot be; mend it."
        notes.drop(inside_folder(folder, entry["file_name"], path, finder, split), reason)
    joined: dict[str, list[dict[str, Any]]] = {}
    for file, own in zip(files, rows.values(), strict=True):
        joined.setdefault(file, []).extend(own)
    if twice := len(files) - len(joined):
        notes.remarks.append(f"{path.name} lists {counted(twice)} twice; what it says of each is joined.")
    return tuple(names.values()), ([*joined], [*joined.values()])


_READ = {"id", "image_id", "category_id", "bbox", "segmentation", "area", "iscrowd", "difficult", "num_keypoints"}


def _unread(entry: dict[str, Any]) -> list[str]:
    """What an annotation says beside what is read, such as its keypoints or the names of its attributes."""
    more = {key: entry[key] for key in entry.keys() - _READ}
    attributes = more.pop("attributes", None)
    more |= attributes if isinstance(attributes, dict) else {"attributes": attributes}
    return [str(key) for key, value in more.items() if is_said(value)]


def _images(content: dict[str, Any], path: Path, notes: Notes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The pictures that are listed as they should be, and those of an impossible size; others are left out."""
    images, odd = [], []
    for entry in content["images"]:
        if not {"id", "file_name"} <= entry.keys():
            notes.drop(path, f"{path} has a picture without a number or a name ({entry}); mend it.")
        elif (size := _size(entry)) and (min(size) < 1 or size[0] * size[1] > MAX_PIXELS):
            odd.append(entry)
        else:
            images.append(entry)
    return images, odd


@dataclass(frozen=True, slots=True)
class Numbers:
    """What COCO's results call pictures and classes.

    Attributes:
        pictures: Number of each picture.
        classes: Number of each class.
    """

    pictures: list[Any]
    classes: list[Any]


def numbers_of(root: Path, files: Sequence[str], classes: Sequence[str]) -> Numbers | None:
    """The numbers that an annotation file gives some pictures, and the classes; None if no file lists all of them.

    A class that it does not have gets a number that is free.
    """
    finder = Finder(root)
    for split, path in annotation_files(root).items():
        content = read_json(path)
        folder = picture_folder(path, split, content["images"])
        own = {
            inside_folder(folder, entry["file_name"], path, finder, split): entry["id"] for entry in content["images"]
        }
        if not own.keys() >= set(files):
            continue
        known = {str(entry["name"]): entry["id"] for entry in content["categories"]}
        free = count(1 + max((number for number in known.values() if isinstance(number, int)), default=0))
        return Numbers([own[file] for file in files], [known[n] if n in known else next(free) for n in classes])
    return None


def _size(entry: dict[str, Any]) -> tuple[int, int] | None:
    """Height and width of a picture, where they are said."""
    if entry.get("height") is None or entry.get("width") is None:
        return None
    return int(entry["height"]), int(entry["width"])


def _corners(entry: dict[str, Any]) -> list[float] | None:
    """A box by its edges, or that of its shape; None where it is not four numbers."""
    box = entry.get("bbox") or _around(entry.get("segmentation"))
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(value, int | float) for value in box):
        return None
    x, y, width, height = (float(value) for value in box)
    return [x, y, x + width, y + height]


def _around(shape: Any) -> list[float] | None:  # noqa: ANN401 - from a file
    """The box (x, y, width, height) around a shape, of an object that has no other; None around none."""
    try:
        if isinstance(shape, dict):
            return _around_runs(shape)
        corners = [float(value) for polygon in shape or [] for value in polygon]
    except (FormatError, KeyError, TypeError, ValueError):
        return None
    if not corners:
        return None
    xs, ys = corners[0::2], corners[1::2]
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


def _around_runs(shape: dict[str, Any]) -> list[float] | None:
    height, width = (int(side) for side in shape["size"])
    if height * width > MAX_PIXELS:
        return None
    covered = decode(shape, (height, width))
    if not covered.any():
        return None
    x0, y0, x1, y1 = box_of(covered)
    return [float(x0), float(y0), float(x1 - x0), float(y1 - y0)]


def _shape(entry: dict[str, Any], mends: dict[str, int]) -> Any:  # noqa: ANN401 - as COCO has it
    """Polygons or run lengths; None where there are none."""
    shape = entry.get("segmentation") or None
    if isinstance(shape, list) and all(isinstance(value, int | float) for value in shape):
        shape = [shape]  # one polygon, not in a list of its own
    if not isinstance(shape, list) or not all(isinstance(polygon, list) for polygon in shape):
        return shape
    mends["with a polygon of less than three corners, which is left out"] += any(0 < len(own) < 6 for own in shape)
    return [polygon for polygon in shape if len(polygon) >= 6] or None
