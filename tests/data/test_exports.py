"""What annotation tools export, as each writes it: every box where it is, every shape as it was drawn."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.data.test_kinds import cvat, labelme, said, sizes, true_boxes
from tests.support import exports, tools
from tests.support.masked import folder_of_volumes
from visus._errors import InputError
from visus.data import load, load_boxes, load_boxes_whole, load_masks
from visus.data.label_studio import decode_brush


def label_studio(root: Path, numbers: range = range(6), *, least: bool = False) -> None:
    tasks = []
    for n in numbers:
        results = []
        for name, (x0, y0, x1, y1) in tools.boxes(n).items():
            value = {"x": x0 / 1.2, "y": y0 / 0.9, "width": (x1 - x0) / 1.2, "height": (y1 - y0) / 0.9, "rotation": 0}
            size = {"original_width": 120, "original_height": 90}
            results.append((size, {**value, "rectanglelabels": [name]}))
        image = f"/data/upload/3/{n:03}.png"
        if least:
            tasks.append({"image": image, "label": [{**size, **value} for size, value in results], "annotator": 1})
        else:
            own = [{**size, "value": value, "type": "rectanglelabels"} for size, value in results]
            tasks.append({"data": {"image": image}, "annotations": [{"result": own}]})
    (root / "export.json").write_text(json.dumps(tasks))


def via(root: Path, numbers: range = range(6), *, table: bool = False) -> None:
    entries, lines = {}, []
    for n in numbers:
        regions = []
        for name, (x0, y0, x1, y1) in tools.boxes(n).items():
            shape = {"name": "rect", "x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0}
            regions.append({"shape_attributes": shape, "region_attributes": {"kind": name}})
            lines.append([f"{n:03}.png", json.dumps(shape), json.dumps({"kind": name})])
        entries[f"{n:03}.png123"] = {"filename": f"{n:03}.png", "size": 123, "regions": regions}
    if table:
        with (root / "via.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["filename", "region_shape_attributes", "region_attributes"], *lines])
    else:
        (root / "via.json").write_text(json.dumps({"_via_settings": {}, "_via_img_metadata": entries}))


def createml(root: Path, numbers: range = range(6)) -> None:
    entries = []
    for n in numbers:
        rows = []
        for name, (x0, y0, x1, y1) in tools.boxes(n).items():
            at = {"x": (x0 + x1) / 2, "y": (y0 + y1) / 2, "width": x1 - x0, "height": y1 - y0}
            rows.append({"label": name, "coordinates": at})
        entries.append({"image": f"{n:03}.png", "annotations": rows})
    (root / "_annotations.createml.json").write_text(json.dumps(entries))


def tensorflow(root: Path, numbers: range = range(6)) -> None:
    lines = [
        f"{n:03}.png,120,90,{name},{','.join(map(str, box))}" for n in numbers for name, box in tools.boxes(n).items()
    ]
    head = "filename,width,height,class,xmin,ymin,xmax,ymax"
    (root / "_annotations.csv").write_text("\n".join([head, *lines]))


def open_images(root: Path) -> None:
    codes = {"square": "/m/01", "disc": "/m/02"}
    lines = []
    for n in range(6):
        for name, (x0, y0, x1, y1) in tools.boxes(n).items():
            lines.append(f"{n:03},xclick,{codes[name]},1,{x0 / 120},{x1 / 120},{y0 / 90},{y1 / 90},0,0,0")
    head = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf"
    (root / "annotations-bbox.csv").write_text("\n".join([head, *lines]))
    (root / "class-descriptions-boxable.csv").write_text("/m/01,square\n/m/02,disc\n")


EXPORTS: dict[str, Callable[[Path], None]] = {
    "Label Studio": label_studio,
    "Label Studio ": lambda root: label_studio(root, least=True),
    "VIA": via,
    "VIA ": lambda root: via(root, table=True),
    "CreateML": createml,
    "a table of boxes": tensorflow,
    "a table of boxes ": open_images,
}


@pytest.mark.parametrize("name", list(EXPORTS))
@pytest.mark.parametrize("folder", ["", "images"])
def test_boxes_lie_where_they_were_drawn(tmp_path: Path, name: str, folder: str) -> None:
    tools.pictures(tmp_path / folder, range(7))  # the last one is not annotated
    EXPORTS[name](tmp_path)
    found = load_boxes(tmp_path)
    assert found.form.startswith(name.strip())
    assert found.classes == ("disc", "square")
    assert sum(sizes(found).values()) == 6
    assert true_boxes(found)
    assert "1 of 7 pictures has no annotation and is left out" in said(found)


def test_splits_are_those_of_the_folders(tmp_path: Path) -> None:
    for split, numbers in (("train", range(4)), ("valid", range(4, 6))):
        tools.pictures(tmp_path / split, numbers)
        tensorflow(tmp_path / split)
        lines = (tmp_path / split / "_annotations.csv").read_text().splitlines()
        kept = [lines[0], *(line for line in lines[1:] if int(line[:3]) in numbers)]
        (tmp_path / split / "_annotations.csv").write_text("\n".join(kept))
    found = load_boxes(tmp_path)
    assert sizes(found) == {"train": 4, "val": 2}
    assert true_boxes(found)


def packed(values: list[int]) -> list[int]:
    """Values in Label Studio's run lengths: one block of single values."""
    bits = f"{len(values):032b}{7:05b}{15:04b}{15:04b}{15:04b}{15:04b}"
    for start in range(0, len(values), 1000):
        some = values[start : start + 1000]
        alike = len(set(some)) == 1
        bits += f"{int(alike):b}00{len(some) - 1:016b}" + "".join(f"{v:08b}" for v in (some[:1] if alike else some))
    bits += "0" * (-len(bits) % 8)
    return [int(bits[k : k + 8], 2) for k in range(0, len(bits), 8)]


def test_polygons_turned_boxes_and_brushes_of_label_studio(tmp_path: Path) -> None:
    tools.pictures(tmp_path, range(3))
    disc = tools.mask(0) == 2
    values = np.zeros((90, 120, 4), np.uint8)
    values[disc] = 255
    size = {"original_width": 120, "original_height": 90}
    brush = {**size, "value": {"brushlabels": ["disc"], "rle": packed(values.ravel().tolist())}}
    turned = {"x": 50, "y": 50, "width": 25, "height": 10, "rotation": 90, "rectanglelabels": ["bar"]}
    points = {"points": [[0, 0], [25, 0], [25, 50], [0, 50]], "polygonlabels": ["field"]}
    results = [brush, {**size, "value": turned}, {**size, "value": points}]
    tasks = [{"data": {"image": f"{n:03}.png"}, "annotations": [{"result": results}]} for n in range(3)]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    found = load_boxes_whole(tmp_path).splits["all"].objects[0]
    np.testing.assert_allclose(found.boxes[1], [51, 45, 60, 75], atol=1e-4)  # about the upper left corner, clockwise
    masks = load_masks(tmp_path)
    _, mask = masks.splits["train"].read(0)
    names = masks.classes
    assert names == ("background", "bar", "disc", "field")
    np.testing.assert_array_equal(mask == names.index("disc"), disc & (mask != names.index("bar")))
    assert (mask[:45, :30] == names.index("field")).sum() > 0


def test_damaged_exports_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="end early"):
        decode_brush(bytes([0, 0, 0, 4, 0xFF]), 4)
    tools.pictures(tmp_path, range(3))
    tasks = [{"data": {"image": "000.png"}, "annotations": [{"result": [{"value": {"rectanglelabels": ["a"]}}]}]}]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    with pytest.raises(InputError, match=r"no objects at all \(the first: What export.json says of 000.png cannot be"):
        load_boxes(tmp_path)


def fiftyone(root: Path, numbers: range = range(6)) -> None:
    labels = {
        f"{n:03}": [
            {"label": k, "bounding_box": [a / 120, b / 90, (c - a) / 120, (d - b) / 90]}
            for k, (a, b, c, d) in enumerate(tools.boxes(n).values())
        ]
        for n in numbers
    }
    (root / "labels.json").write_text(json.dumps({"classes": ["square", "disc"], "labels": labels}))


def table_of_classes(root: Path, numbers: range = range(12), *, one_hot: bool = False) -> None:
    tools.pictures(root, numbers)
    if one_hot:
        rows = ["filename, a, b", *(f"{n:03}.png, {n % 2}, {1 - n % 2}" for n in numbers)]
    else:
        rows = ["file,class", *(f"{n:03}.png,{'ab'[n % 2]}" for n in numbers)]
    (root / ("_classes.csv" if one_hot else "labels.csv")).write_text("\n".join(rows))


SETS: dict[str, Callable[[Path, range], object]] = {
    "folders of classes": lambda root, numbers: tools.colors(root, len(numbers) // 2),
    "a table of classes": table_of_classes,
    "Roboflow's `_classes.csv`": lambda root, numbers: table_of_classes(root, numbers, one_hot=True),
    "pictures with masks": tools.masks,
    "NIfTI volumes, nnU-Net raw": lambda root, numbers: folder_of_volumes(root, len(numbers)),
    "COCO": tools.coco,
    "COCO panoptic": exports.panoptic,
    "Cityscapes, ADE20K": exports.cityscapes,
    "CVAT's XML for images": cvat,
    "labelme": lambda root, numbers: labelme(root, numbers, "polygon"),
    "Supervisely": lambda root, numbers: exports.supervisely(root, numbers, kind="polygon"),
    "Label Studio": lambda root, numbers: (tools.pictures(root, numbers), label_studio(root, numbers)),
    "VIA": lambda root, numbers: (tools.pictures(root, numbers), via(root, numbers)),
    "Datumaro": exports.datumaro,
    "FiftyOne": lambda root, numbers: (tools.pictures(root / "data", numbers), fiftyone(root, numbers)),
    "CreateML": lambda root, numbers: (tools.pictures(root, numbers), createml(root, numbers)),
    "Hugging Face's metadata with objects": exports.hugging_face,
    "KITTI": exports.kitti,
    "a table of boxes": lambda root, numbers: (tools.pictures(root, numbers), tensorflow(root, numbers)),
    "Pascal VOC": tools.voc,
    "YOLO, boxes": lambda root, numbers: tools.yolo(root, numbers, extra="train: images\n"),
    "YOLO, polygons": lambda root, numbers: tools.yolo(root, numbers, extra="train: images\n", seg=True),
}
"""A maker of a set of each format, of the pictures of some numbers."""


def test_the_table_of_formats_in_the_docs_is_true(tmp_path: Path) -> None:
    rows = ["| format | classify | detect | segment |", "|---|---|---|---|"]
    for k, (name, make) in enumerate(SETS.items()):
        root = tmp_path / str(k)
        root.mkdir()
        make(root, range(16 if "classes" in name else 6))
        cells = []
        for reading in (load, load_boxes, load_masks):
            try:
                reading(root)
            except InputError:
                cells.append("no")
            else:
                cells.append("reads")
        rows.append(f"| {name} | {' | '.join(cells)} |")
    docs = Path(__file__).parents[2] / "docs" / "data.md"
    assert docs.read_text(encoding="utf-8").split("<!-- formats -->\n")[1].split("\n<!-- end -->")[0] == "\n".join(rows)


def test_projects_of_several_folders_are_all_read(tmp_path: Path) -> None:
    for split, places in (("train", range(4)), ("val", range(4, 6))):
        tools.pictures(tmp_path / split, places)
        via(tmp_path / split, places)
    found = load_boxes(tmp_path)
    assert {name: len(split) for name, split in found.splits.items()} == {"train": 4, "val": 2}
