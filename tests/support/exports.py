"""Sets as more tools and collections lay them out, of the pictures of :mod:`tests.support.tools`."""

import base64
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.support import tools


def supervisely(root: Path, numbers: range, *, kind: str = "rectangle", dataset: str = "ds0") -> None:
    """``meta.json``, and ``img`` beside ``ann``: rectangles that end with their last pixel, polygons or bitmaps."""
    folder = root / dataset
    (folder / "ann").mkdir(parents=True)
    tools.pictures(folder / "img", numbers)
    for n in numbers:
        objects: list[dict[str, Any]] = []
        for k, (name, (x0, y0, x1, y1)) in enumerate(tools.boxes(n).items(), 1):
            entry: dict[str, Any] = {"classTitle": name, "geometryType": kind}
            corners = [[x0, y0], [x1 - 1, y1 - 1]]
            if kind == "polygon":
                corners = [[x0, y0], [x1 - 1, y0], [x1 - 1, y1 - 1], [x0, y1 - 1]]
            if kind == "bitmap":
                inside = tools.mask(n)[y0:y1, x0:x1] == k
                entry["bitmap"] = {"origin": [x0, y0], "data": packed(inside)}
            else:
                entry["points"] = {"exterior": corners, "interior": []}
            objects.append(entry)
        content = {"description": "", "tags": [], "size": {"height": 90, "width": 120}, "objects": objects}
        (folder / "ann" / f"{n:03}.png.json").write_text(json.dumps(content))
    classes = [{"title": name, "shape": kind, "color": "#FF0000"} for name in tools.CLASSES]
    (root / "meta.json").write_text(json.dumps({"classes": classes, "tags": [], "projectType": "images"}))


def packed(inside: np.ndarray) -> str:
    """A mask as Supervisely packs it: what is covered is opaque."""
    buffer = io.BytesIO()
    rgba = np.zeros((*inside.shape, 4), np.uint8)
    rgba[inside] = 255
    Image.fromarray(rgba).save(buffer, "PNG")
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode()


def kitti(root: Path, numbers: range) -> None:
    """``training/image_2`` with ``training/label_2``."""
    tools.pictures(root / "training" / "image_2", numbers)
    (root / "training" / "label_2").mkdir()
    rest = "1.5 1.6 3.7 2.0 1.5 20.0 -1.5"
    for n in numbers:
        lines = [f"{name} 0.00 0 -1.57 {' '.join(f'{v:.2f}' for v in box)} {rest}" for name, box in boxes(n)]
        lines.append("DontCare -1 -1 -10 1.00 1.00 9.00 9.00 -1 -1 -1 -1000 -1000 -1000 -10")
        (root / "training" / "label_2" / f"{n:03}.txt").write_text("\n".join(lines))


def boxes(number: int) -> list[tuple[str, list[int]]]:
    """Names and boxes."""
    return list(tools.boxes(number).items())


def panoptic(root: Path, numbers: range, split: str = "train") -> None:
    """``annotations/panoptic_train2017.json`` with a folder of segments, and ``train2017``."""
    segments = root / "annotations" / f"panoptic_{split}2017"
    segments.mkdir(parents=True)
    tools.pictures(root / f"{split}2017", numbers)
    annotations = []
    for n in numbers:
        mask = tools.mask(n).astype(np.int64)
        ids = {0: 7, 1: 70_001, 2: 300}
        values = np.vectorize(ids.get)(mask)
        Image.fromarray(np.stack([values % 256, values // 256 % 256, values // 65536], 2).astype(np.uint8)).save(
            segments / f"{n:03}.png"
        )
        infos = [{"id": ids[k], "category_id": k + 1, "area": int((mask == k).sum()), "iscrowd": 0} for k in range(3)]
        annotations.append({"image_id": n, "file_name": f"{n:03}.png", "segments_info": infos})
    names = ("ground", *tools.CLASSES)
    content = {
        "images": [{"id": n, "file_name": f"{n:03}.png", "width": 120, "height": 90} for n in numbers],
        "annotations": annotations,
        "categories": [{"id": k, "name": name, "isthing": int(k > 1)} for k, name in enumerate(names, 1)],
    }
    (root / "annotations" / f"panoptic_{split}2017.json").write_text(json.dumps(content))


def cityscapes(root: Path, numbers: range, split: str = "train", *, train_ids: bool = False) -> None:
    """``leftImg8bit`` beside ``gtFine``: roads with a car (the square) and a person (the disc), and a void border."""
    pictures, masks = root / "leftImg8bit" / split / "ulm", root / "gtFine" / split / "ulm"
    masks.mkdir(parents=True)
    pictures.mkdir(parents=True)
    values = np.array([0, 13, 11, 255] if train_ids else [7, 26, 24, 3], np.uint8)
    for n in numbers:
        mask = tools.mask(n)
        mask[:2] = 3
        Image.fromarray(tools.picture(n)).save(pictures / f"ulm_{n:06}_000019_leftImg8bit.png")
        kind = "labelTrainIds" if train_ids else "labelIds"
        Image.fromarray(values[mask]).save(masks / f"ulm_{n:06}_000019_gtFine_{kind}.png")
        Image.fromarray(mask).save(masks / f"ulm_{n:06}_000019_gtFine_instanceIds.png")


def ade20k(root: Path, numbers: range, split: str = "training") -> None:
    """``images`` with ``annotations``: classes from 1 on, 0 where none of them is, and their list."""
    tools.pictures(root / "images" / split, numbers, "jpg")
    (root / "annotations" / split).mkdir(parents=True)
    for n in numbers:
        mask = np.array([3, 1, 2], np.uint8)[tools.mask(n)]
        mask[:2] = 0
        Image.fromarray(mask).save(root / "annotations" / split / f"{n:03}.png")
    names = ("square, box", "disc", "ground, floor")
    lines = ["Idx\tRatio\tTrain\tVal\tName", *(f"{k}\t0.1\t1\t1\t{name}\t" for k, name in enumerate(names, 1))]
    (root / "objectInfo150.txt").write_text("\n".join(line.rstrip("\t") for line in lines))


def datumaro(root: Path, numbers: range, split: str = "train") -> None:
    """``annotations/train.json`` with ``images/train``: polygons, and a box in the group of each."""
    tools.pictures(root / "images" / split, numbers)
    (root / "annotations").mkdir(exist_ok=True)
    items = []
    for n in numbers:
        entries = []
        for k, (x0, y0, x1, y1) in enumerate(tools.boxes(n).values()):
            own = {"label_id": k, "group": k + 1, "z_order": 0, "attributes": {"is_crowd": False}}
            entries.append({"type": "polygon", "points": [x0, y0, x1, y0, x1, y1, x0, y1], **own})
            entries.append({"type": "bbox", "bbox": [x0, y0, x1 - x0, y1 - y0], **own})
        items.append(
            {"id": f"{n:03}", "annotations": entries, "image": {"path": f"{n:03}.png", "size": [90, 120]}, "attr": {}}
        )
    labels = [{"name": name, "parent": "", "attributes": []} for name in tools.CLASSES]
    content = {"dm_format_version": "1.0", "infos": {}, "categories": {"label": {"labels": labels}}, "items": items}
    (root / "annotations" / f"{split}.json").write_text(json.dumps(content))


def hugging_face(root: Path, numbers: range, *, csv: bool = False) -> None:
    """``metadata.jsonl`` beside the pictures, with objects."""
    tools.pictures(root, numbers)
    lines = []
    for n in numbers:
        found = [[x0, y0, x1 - x0, y1 - y0] for x0, y0, x1, y1 in tools.boxes(n).values()]
        lines.append({"file_name": f"{n:03}.png", "objects": {"bbox": found, "categories": list(tools.CLASSES)}})
    if csv:
        rows = [f'{own["file_name"]},"{json.dumps(own["objects"]).replace(chr(34), chr(34) * 2)}"' for own in lines]
        (root / "metadata.csv").write_text("\n".join(["file_name,objects", *rows]))
    else:
        (root / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))


def obb_line(label: int, box: list[int], degrees: float) -> str:
    """Four corners of a box turned about its middle, as shares of the sides."""
    x0, y0, x1, y1 = box
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    turn = np.deg2rad(degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = (np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) - middle) @ matrix.T + middle
    return f"{label} " + " ".join(f"{value:.6f}" for value in (corners / (120, 90)).ravel())
