"""Write Label Studio's JSON: ``tasks.json``, and ``label_config.xml``, which a new project is set up with.

An object of several polygons, or of run lengths, becomes a brush. Pictures are named as Label Studio serves local files
(``/data/local-files/?d=...``), from the folder that it is told with ``LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT``.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np
from numpy.typing import NDArray

from visus._files import write_atomically
from visus.data.boxes import BoxSet, Objects
from visus.data.coco import decode
from visus.data.copies import copied, size_of

_KINDS = {"rectanglelabels": "RectangleLabels", "polygonlabels": "PolygonLabels", "brushlabels": "BrushLabels"}
_LONGEST = 1 << 16


def save_label_studio(dataset: BoxSet, root: Path, *, proposed: bool = False) -> None:
    """Write a folder of pictures for each split, and all their annotations in one file.

    Args:
        dataset: The pictures and their objects.
        root: Where.
        proposed: Whether a network proposes the objects, so that people confirm or change them.
    """
    tasks: list[dict[str, Any]] = []
    for split, pictures in dataset.splits.items():
        folder = "images" if split == "all" else split
        for copy, own in zip(copied(pictures.files, root / folder, set()), pictures.objects, strict=True):
            size = size_of(copy)
            results = [_result(own, k, size, dataset.classes) for k in range(len(own))]
            number = len(tasks) + 1
            image = f"/data/local-files/?d={quote(f'{folder}/{copy.name}')}"
            task = {"id": number, "data": {"image": image}, "annotations": [], "predictions": []}
            if proposed:
                task["predictions"] = [{"model_version": "visus", "result": results}]
            else:
                task["annotations"] = [{"id": number, "was_cancelled": False, "result": results}]
            tasks.append(task)
    write_atomically(root / "tasks.json", json.dumps(tasks, ensure_ascii=False).encode())
    write_atomically(root / "label_config.xml", _config(dataset.classes))


def _result(own: Objects, k: int, size: tuple[int, int], classes: tuple[str, ...]) -> dict[str, Any]:
    kind, value = _value(own, k, size)
    return {
        "id": f"object{k}",
        "type": kind,
        "from_name": kind,
        "to_name": "image",
        "original_width": size[1],
        "original_height": size[0],
        "image_rotation": 0,
        "value": {**value, kind: [classes[int(own.labels[k])]]},
    }


def _value(own: Objects, k: int, size: tuple[int, int]) -> tuple[str, dict[str, Any]]:
    """The kind of a result and what it holds, in percent of the sides."""
    shape = own.shapes[k]
    percent = 100 / np.array([size[1], size[0]], np.float64)
    if not shape:
        x0, y0, x1, y1 = (own.boxes[k].astype(np.float64) * np.tile(percent, 2)).tolist()
        return "rectanglelabels", {"x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0, "rotation": 0}
    if isinstance(shape, list) and len(shape) == 1:
        points = np.asarray(shape[0], np.float64).reshape(-1, 2) * percent
        return "polygonlabels", {"points": points.tolist(), "closed": True}
    return "brushlabels", {"format": "rle", "rle": encode_brush(decode(shape, size))}


def encode_brush(inside: NDArray[np.bool_]) -> list[int]:
    """A mask in Label Studio's run lengths, those of a picture of four channels; see the reader's ``decode_brush``.

    Args:
        inside: ``(H, W)`` bool.

    >>> encode_brush(np.array([[True]]))[:4]
    [0, 0, 0, 4]
    """
    values = inside.ravel()
    ends = np.flatnonzero(np.append(values[1:] != values[:-1], True)) + 1
    lengths = np.diff(ends, prepend=0) * 4
    bits = [f"{4 * len(values):032b}{8 - 1:05b}" + f"{16 - 1:04b}" * 4]  # sizes of words and of run lengths
    for length, covered in zip(lengths.tolist(), values[ends - 1].tolist(), strict=True):
        for start in range(0, length, _LONGEST):
            bits.append(f"100{min(_LONGEST, length - start) - 1:016b}{255 * covered:08b}")
    whole = "".join(bits)
    whole += "0" * (-len(whole) % 8)
    return [int(whole[k : k + 8], 2) for k in range(0, len(whole), 8)]


def _config(classes: tuple[str, ...]) -> bytes:
    """The labels of a project that can show all kinds of results."""
    view = Element("View")
    SubElement(view, "Image", name="image", value="$image")
    for kind, tag in _KINDS.items():
        labels = SubElement(view, tag, name=kind, toName="image")
        for name in classes:
            SubElement(labels, "Label", value=name)
    indent(view)
    return tostring(view, encoding="utf-8")
