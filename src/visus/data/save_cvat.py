"""Write CVAT's XML for images 1.1: ``annotations.xml`` with ``images``.

An object of several polygons, or of run lengths, becomes a mask within its rectangle; crowds and difficult objects
become attributes that CVAT shows.
"""

from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from visus._files import write_atomically
from visus.data.boxes import BoxSet, Objects
from visus.data.coco import decode
from visus.data.copies import copied, size_of

_FLAGS = ("crowd", "difficult")


def save_cvat(dataset: BoxSet, root: Path, *, proposed: bool = False) -> None:
    """Write all splits as subsets of one file.

    Args:
        dataset: The pictures and their objects.
        root: Where.
        proposed: Whether a network proposes the objects, which CVAT shows then.
    """
    source = "auto" if proposed else "manual"
    tree = Element("annotations")
    SubElement(tree, "version").text = "1.1"
    task = SubElement(SubElement(tree, "meta"), "task")
    SubElement(task, "name").text = dataset.root.name
    labels = SubElement(task, "labels")
    for name in dataset.classes:
        _label(labels, name)
    number = 0
    for split, pictures in dataset.splits.items():
        parts = {} if split == "all" else {"subset": split}  # as CVAT writes a task, and a project
        for copy, own in zip(
            copied(pictures.files, Path(root, "images", *parts.values()), set()), pictures.objects, strict=True
        ):
            height, width = size_of(copy)
            about = {"id": str(number), "name": copy.name, **parts}
            image = SubElement(tree, "image", {**about, "width": str(width), "height": str(height)})
            for k in range(len(own)):
                _object(
                    image, own, k, (height, width), {"label": dataset.classes[int(own.labels[k])], "source": source}
                )
            number += 1
    indent(tree)
    write_atomically(root / "annotations.xml", tostring(tree, encoding="utf-8", xml_declaration=True))


def _label(labels: Element, name: str) -> None:
    """A label with the attributes that objects have."""
    label = SubElement(labels, "label")
    SubElement(label, "name").text = name
    attributes = SubElement(label, "attributes")
    for flag in _FLAGS:
        attribute = SubElement(attributes, "attribute")
        words = {"name": flag, "mutable": "False", "input_type": "checkbox", "default_value": "false", "values": ""}
        for key, value in words.items():
            SubElement(attribute, key).text = value


def _object(image: Element, own: Objects, k: int, size: tuple[int, int], about: dict[str, str]) -> None:
    about = {**about, "occluded": "0", "z_order": "0"}
    shape = own.shapes[k]
    if not shape:
        sides = dict(zip(("xtl", "ytl", "xbr", "ybr"), map(_said, own.boxes[k].astype(np.float64)), strict=True))
        entry = SubElement(image, "box", {**about, **sides})
    elif isinstance(shape, list) and len(shape) == 1:
        points = np.asarray(shape[0], np.float64).reshape(-1, 2)
        entry = SubElement(image, "polygon", {**about, "points": ";".join(f"{_said(x)},{_said(y)}" for x, y in points)})
    elif (inside := decode(shape, size)).any():
        entry = SubElement(image, "mask", {**about, **_runs(inside)})
    else:
        return  # CVAT has no mask without a pixel
    for flag in _FLAGS:
        if getattr(own, flag)[k]:
            SubElement(entry, "attribute", name=flag).text = "true"


def _said(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _runs(inside: np.ndarray) -> dict[str, str]:
    """A mask within its rectangle, as lengths of what is outside and inside in turn."""
    ys, xs = np.nonzero(inside)
    left, top, right, lower = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
    values = inside[top:lower, left:right].ravel()
    ends = np.flatnonzero(np.append(values[1:] != values[:-1], True)) + 1
    lengths = np.diff(ends, prepend=0).tolist()
    runs = [0, *lengths] if values[0] else lengths
    sides = {"left": left, "top": top, "width": right - left, "height": lower - top}
    return {"rle": ", ".join(map(str, runs)), **{key: str(int(value)) for key, value in sides.items()}}
