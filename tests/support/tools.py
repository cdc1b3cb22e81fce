"""Small sets as annotation tools lay them out: a red square and a blue disc on each picture of 120 x 90."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASSES = ("square", "disc")
SIZE = (90, 120)
Bytes = NDArray[np.uint8]


def boxes(number: int) -> dict[str, list[int]]:
    """The boxes of the square and of the disc of a picture."""
    random = np.random.default_rng(number)
    side = [int(value) for value in random.integers(18, 30, 2)]
    x, y = int(random.integers(0, 28)), int(random.integers(0, 60))
    a, b = int(random.integers(62, 90)), int(random.integers(0, 60))
    return {"square": [x, y, x + side[0], y + side[0]], "disc": [a, b, a + side[1], b + side[1]]}


def picture(number: int) -> Bytes:
    """The picture, ``(90, 120, 3)``."""
    found = np.full((*SIZE, 3), 150, np.uint8) + np.random.default_rng(number).integers(0, 20, (*SIZE, 3), np.uint8)
    marks = mask(number)
    found[marks == 1], found[marks == 2] = (210, 40, 40), (40, 60, 200)
    return found


def mask(number: int) -> Bytes:
    """Its mask: 0 ground, 1 square, 2 disc."""
    own, found = boxes(number), np.zeros(SIZE, np.uint8)
    x0, y0, x1, y1 = own["square"]
    found[y0:y1, x0:x1] = 1
    x0, y0, x1, y1 = own["disc"]
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    found[(x + 0.5 - (x0 + x1) / 2) ** 2 + (y + 0.5 - (y0 + y1) / 2) ** 2 <= ((x1 - x0) / 2) ** 2] = 2
    return found


def pictures(folder: Path, numbers: range | list[int], ending: str = "png") -> list[Path]:
    """Pictures in a folder, called by their numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:03}.{ending}" for number in numbers]
    for path, number in zip(paths, numbers, strict=True):
        Image.fromarray(picture(number)).save(path)
    return paths


def masks(folder: Path, numbers: range, change: Callable[[int, Bytes], NDArray[Any]] = lambda _, own: own) -> None:
    """``images`` with ``masks``, each changed first."""
    pictures(folder / "images", numbers)
    (folder / "masks").mkdir()
    for number in numbers:
        Image.fromarray(change(number, mask(number))).save(folder / "masks" / f"{number:03}.png")


def colors(folder: Path, count: int, *, first: int = 0, names: tuple[str, ...] = ("red", "green")) -> Path:
    """Folders of classes: pictures of noise in one color."""
    for k, name in enumerate(names):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(first, first + count):
            noise = np.random.default_rng((k, number)).integers(0, 250, (24, 30, 3), np.uint8)
            noise[..., (k + 1) % 3] = 0
            Image.fromarray(noise).save(folder / name / f"{number:03}.png")
    return folder


def yolo(root: Path, numbers: range, *, seg: bool = False, extra: str = "train: images\nval: images\n") -> Path:
    """``images`` with ``labels`` and ``data.yaml``."""
    pictures(root / "images", numbers)
    (root / "labels").mkdir()
    for number in numbers:
        lines = [yolo_line(k, boxes(number)[name], seg=seg) for k, name in enumerate(CLASSES)]
        (root / "labels" / f"{number:03}.txt").write_text("\n".join(lines))
    (root / "data.yaml").write_text(f"{extra}names: [square, disc]\n")
    return root


def yolo_line(label: int, box: list[int], *, seg: bool = False) -> str:
    """A box or a polygon as shares of the sides."""
    x0, y0, x1, y1 = (value / side for value, side in zip(box, (120, 90, 120, 90), strict=True))
    numbers = [x0, y0, x1, y0, x1, y1, x0, y1] if seg else [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]
    return f"{label} " + " ".join(f"{value:.8f}" for value in numbers)


def coco(
    root: Path,
    numbers: range,
    *,
    name: str = "annotations.json",
    folder: str = "images",
    classes: tuple[str, ...] = CLASSES,
) -> dict[str, Any]:
    """Polygons of squares around both; what is written."""
    pictures(root / folder, numbers)
    images = [{"id": n, "file_name": f"{n:03}.png", "width": 120, "height": 90} for n in numbers]
    annotations = []
    for n in numbers:
        for own, (x0, y0, x1, y1) in boxes(n).items():
            entry = {"id": len(annotations) + 1, "image_id": n, "category_id": classes.index(own) + 1, "iscrowd": 0}
            shape = [[x0, y0, x1, y0, x1, y1, x0, y1]]
            annotations.append({**entry, "bbox": [x0, y0, x1 - x0, y1 - y0], "segmentation": shape})
    categories = [{"id": k, "name": own} for k, own in enumerate(classes, 1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(json.dumps(content))
    return content


def voc(folder: Path, numbers: range, *, offset: int = 1, source: str = "") -> Path:
    """Pictures and XML files side by side; pixels counted from ``offset``."""
    pictures(folder, numbers)
    for number in numbers:
        (folder / f"{number:03}.xml").write_text(voc_xml(number, offset=offset, source=source))
    return folder


def voc_xml(number: int, *, offset: int = 1, source: str = "") -> str:
    """The annotation of a picture in VOC's form."""
    rows = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{x0 + offset}</xmin><ymin>{y0 + offset}</ymin><xmax>{x1}</xmax>"
        f"<ymax>{y1}</ymax></bndbox></object>"
        for name, (x0, y0, x1, y1) in boxes(number).items()
    )
    size = "<size><width>120</width><height>90</height><depth>3</depth></size>"
    return f"<annotation><filename>{number:03}.png</filename>{source}{size}{rows}</annotation>"
