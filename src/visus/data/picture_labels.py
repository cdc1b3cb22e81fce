"""Classes of whole pictures in what annotation tools export: choices, tags, flags and attributes of files.

Read are Label Studio's choices, CVAT's tags, Datumaro's labels, Supervisely's tags, labelme's flags, VIA's
attributes of files, FiftyOne's classes of pictures and COCO's categories of pictures without boxes (iNaturalist).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from visus.data.coco import annotation_files, read_json
from visus.data.cvat import cvat_images
from visus.data.datumaro import datumaro_items, path_of
from visus.data.fiftyone import fiftyone_files, named
from visus.data.find import Finder, split_in
from visus.data.folder import Named
from visus.data.gather import DAMAGED
from visus.data.label_studio import label_studio_files, picture_of
from visus.data.left_out import Notes
from visus.data.own_splits import parted
from visus.data.splits import files_below, split_of
from visus.data.via import class_attribute, via_projects

Labeled = tuple[Path, str, str, list[str]]
"""The file that says it, a picture's name, its split (empty where none is told), and its classes."""


def labels_of_pictures(root: Path, notes: Notes, *, multilabel: bool = False) -> tuple[str, Named] | None:
    """The tool and its pictures by split and class; None where no export in a folder gives pictures classes.

    Args:
        root: The folder.
        notes: Told of pictures that are not there, of those without a class, and whether some have several.
        multilabel: Whether pictures may have several classes, or none, even if none plainly has several.
    """
    for tool, read in _READERS.items():
        try:
            found = list(read(root, notes))
        except DAMAGED:
            continue
        if any(labels for *_, labels in found):
            return tool, _named(found, root, notes, multilabel)
    return None


def _named(found: list[Labeled], root: Path, notes: Notes, multilabel: bool) -> Named:
    finder = Finder(root)
    several = [(name, labels) for _, name, _, labels in found if len(labels) > 1]
    notes.multilabel = multilabel or bool(several)
    if several and not multilabel:
        notes.remarks.append(
            f"{len(several):,} pictures have several classes ({Path(several[0][0]).name}: {', '.join(several[0][1])}), "
            "so each picture may have several, or none; that is --multilabel."
        )
    bare = [name for _, name, _, labels in found if not labels]
    if bare and not notes.multilabel:
        notes.remarks.append(
            f"{len(bare):,} of {len(found):,} pictures have no class and are left out, {bare[0]} for one."
        )
    named: Named = {}
    for source, name, told, labels in found:
        if not labels and not notes.multilabel:
            continue
        place = finder.find(name, source.parent, source.parent / "images", split=told)
        if place is None:
            notes.drop(
                source.parent / Path(name).name, f"The picture {name} of {source.name} is not in {root}; bring it."
            )
            continue
        split = told or split_in(place.relative_to(root).parts[:-1])
        files, names = named.setdefault(split, ([], []))
        files.append(str(place))
        names.append(tuple(dict.fromkeys(labels)))
    return parted(*named[""], root, notes) if set(named) == {""} else named


def _label_studio(root: Path, notes: Notes) -> Iterator[Labeled]:
    for path, tasks in label_studio_files(root):
        for task in tasks:
            kept = [own for own in task.get("annotations", []) if not own.get("was_cancelled")]
            results = kept[0].get("result", []) if kept else []
            values = [own.get("value") or {} for own in results if isinstance(own, dict)]
            chosen = [str(name) for value in values for name in value.get("choices", [])]
            if kept:
                yield path, picture_of(task), "", chosen


def _cvat(root: Path, notes: Notes) -> Iterator[Labeled]:
    for path, image in cvat_images(root):
        tags = [(own.get("label") or "").strip() for own in image.iter("tag")]
        yield path, image.get("name", ""), split_of(image.get("subset", "")) or "", [tag for tag in tags if tag]


def _datumaro(root: Path, notes: Notes) -> Iterator[Labeled]:
    for path, names, item in datumaro_items(root):
        labels = [names[own["label_id"]] for own in item["annotations"] if own["type"] == "label"]
        yield path, path_of(item), split_of(path.stem) or "", labels


def _supervisely(root: Path, notes: Notes) -> Iterator[Labeled]:
    for path in files_below(root):
        if path.suffix == ".json" and path.parent.name == "ann":
            content = read_json(path)
            tags = [
                own["name"] if own.get("value") is None else f"{own['name']}: {own['value']}" for own in content["tags"]
            ]
            picture = path.parent.parent.relative_to(root) / "img" / path.name.removesuffix(".json")
            yield path, picture.as_posix(), split_in(path.relative_to(root).parts[:-1]), [str(tag) for tag in tags]


def _labelme(root: Path, notes: Notes) -> Iterator[Labeled]:
    for path in files_below(root):
        if path.suffix == ".json":
            content = read_json(path)
            if isinstance(content, dict) and "imagePath" in content:
                flags = [str(name) for name, ticked in (content.get("flags") or {}).items() if ticked]
                yield path, str(content["imagePath"]), split_in(path.relative_to(root).parts[:-1]), flags


def _via(root: Path, notes: Notes) -> Iterator[Labeled]:
    projects = via_projects(root)
    attributes = [own.get("file_attributes") or {} for _, pictures in projects for own in pictures]
    usual = [{key: value for key, value in own.items() if key not in _OF_VIA} for own in attributes]
    attribute = class_attribute(usual, notes)
    for path, pictures in projects:
        for own in pictures:
            value = (own.get("file_attributes") or {}).get(attribute) if attribute else None
            ticked = (
                [key for key, there in value.items() if there] if isinstance(value, dict) else [value] if value else []
            )
            yield path, str(own["filename"]), "", [str(name) for name in ticked]


_OF_VIA = ("caption", "public_domain", "image_url")  # which every file has


def _coco(root: Path, notes: Notes) -> Iterator[Labeled]:
    """Categories of whole pictures, as iNaturalist has them: annotations without a box or a shape."""
    for split, path in annotation_files(root).items():
        content = read_json(path)
        if any(own.get("bbox") or own.get("segmentation") for own in content["annotations"]):
            continue
        names = {own["id"]: str(own["name"]) for own in content["categories"]}
        labels: dict[Any, list[str]] = defaultdict(list)
        for own in content["annotations"]:
            labels[own["image_id"]].append(names[own["category_id"]])
        for image in content["images"]:
            yield path, str(image["file_name"]), split, labels[image["id"]]


def _fiftyone(root: Path, notes: Notes) -> Iterator[Labeled]:
    for path, content in fiftyone_files(root):
        for name, label in content["labels"].items():
            labels = [] if label is None else [label] if isinstance(label, int | str) else list(label)
            if not any(isinstance(own, dict) for own in labels):
                yield path, str(name), "", [named(own, content["classes"]) for own in labels]


_READERS: dict[str, Callable[[Path, Notes], Iterator[Labeled]]] = {
    "Label Studio's choices": _label_studio,
    "CVAT's tags": _cvat,
    "Datumaro's labels": _datumaro,
    "FiftyOne's classes": _fiftyone,
    "COCO's categories of pictures": _coco,
    "VIA's attributes of files": _via,
    "Supervisely's tags": _supervisely,
    "labelme's flags": _labelme,
}
