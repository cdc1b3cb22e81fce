"""Pictures with the classes that they probably have, for annotation tools: Label Studio and CVAT.

Label Studio takes ``tasks.json``, whose ``predictions`` it shows as suggestions, into a project that is set up with
``label_config.xml``; it serves the pictures from the folder that ``LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT`` names. CVAT
takes ``annotations.xml`` ("CVAT 1.1") into a task that is made with the pictures of ``images``; a class is a tag.
"""

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from visus._errors import InputError
from visus._files import write_atomically
from visus._optional import require

if TYPE_CHECKING:
    from visus.data.boxes import Objects

Form = Literal["label-studio", "cvat"]
Row = tuple[str, str, float]
"""A picture, its probable class (empty for none), and how probable that is."""


def export(rows: Sequence[Row], classes: Sequence[str], folder: Path, form: Form) -> None:
    """Write copies of pictures, and what they probably show.

    Args:
        rows: The pictures, the most useful first.
        classes: Names of the classes.
        folder: Where; it must be empty or not there yet.
        form: What reads it.

    Raises:
        InputError: The folder holds something, or cannot be written.
    """
    with _into(folder):
        copies = require("visus.data.copies").copied([file for file, _, _ in rows], folder / "images", set())
        if form == "label-studio":
            _label_studio(copies, rows, classes, folder)
        else:
            _cvat(copies, rows, classes, folder)


def export_objects(
    files: Sequence[str], objects: "Sequence[Objects]", classes: Sequence[str], folder: Path, form: Form
) -> None:
    """Write copies of pictures, and the boxes and masks that a network proposes.

    Args:
        files: The pictures, the most useful first.
        objects: What is proposed for each.
        classes: Names of the classes.
        folder: Where; it must be empty or not there yet.
        form: What reads it.

    Raises:
        InputError: The folder holds something, or cannot be written.
    """
    boxes = require("visus.data.boxes")
    dataset = boxes.BoxSet(folder, "proposed", tuple(classes), {"all": boxes.Boxed(list(files), list(objects))})
    with _into(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if form == "label-studio":
            require("visus.data.save_label_studio").save_label_studio(dataset, folder, proposed=True)
        else:
            require("visus.data.save_cvat").save_cvat(dataset, folder, proposed=True)


@contextlib.contextmanager
def _into(folder: Path) -> Iterator[None]:
    """Write into a folder that holds nothing.

    Raises:
        InputError: It holds something, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there and not empty; name another folder.")
    try:
        yield
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}); choose another place.") from error


def _label_studio(copies: Sequence[Path], rows: Sequence[Row], classes: Sequence[str], folder: Path) -> None:
    tasks = []
    for number, (copy, (_, label, probability)) in enumerate(zip(copies, rows, strict=True), 1):
        task: dict[str, Any] = {
            "id": number, "data": {"image": f"/data/local-files/?d={quote(f'images/{copy.name}')}"}, "annotations": [],
            "predictions": [],
        }  # fmt: skip
        if label:
            result = {"from_name": "class", "to_name": "image", "type": "choices", "value": {"choices": [label]}}
            task["predictions"] = [{"model_version": "visus", "score": round(probability, 4), "result": [result]}]
        tasks.append(task)
    write_atomically(folder / "tasks.json", json.dumps(tasks, ensure_ascii=False).encode())
    view = Element("View")
    SubElement(view, "Image", name="image", value="$image")
    choices = SubElement(view, "Choices", name="class", toName="image", choice="single", showInLine="true")
    for name in classes:
        SubElement(choices, "Choice", value=name)
    indent(view)
    write_atomically(folder / "label_config.xml", tostring(view, encoding="utf-8"))


def _cvat(copies: Sequence[Path], rows: Sequence[Row], classes: Sequence[str], folder: Path) -> None:
    tree = Element("annotations")
    SubElement(tree, "version").text = "1.1"
    labels = SubElement(SubElement(SubElement(tree, "meta"), "task"), "labels")
    for name in classes:
        label = SubElement(labels, "label")
        SubElement(label, "name").text = name
        SubElement(label, "attributes")
    for number, (copy, (_, label, _)) in enumerate(zip(copies, rows, strict=True)):
        height, width = require("visus.data.copies").size_of(copy)
        size = {"width": str(width), "height": str(height)}
        image = SubElement(tree, "image", {"id": str(number), "name": copy.name, **size})
        if label:
            SubElement(image, "tag", {"label": label, "source": "auto"})
    indent(tree)
    write_atomically(folder / "annotations.xml", tostring(tree, encoding="utf-8", xml_declaration=True))
