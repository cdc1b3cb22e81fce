"""Small pictures with objects whose place is known."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLASSES = ("disc", "square")


def scene(seed: int, *, size: tuple[int, int] = (96, 128)) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """One to three red discs and blue squares on a noisy ground, and their names, boxes and masks."""
    random = np.random.default_rng(seed)
    height, width = size
    picture = np.clip(random.normal(110, 12, (height, width, 3)), 0, 255).astype(np.uint8)
    rows, taken = [], np.zeros(size, bool)
    y, x = np.mgrid[:height, :width]
    for _ in range(int(random.integers(1, 4))):
        side = int(random.integers(20, 44))
        x0, y0 = int(random.integers(0, width - side)), int(random.integers(0, height - side))
        name = CLASSES[int(random.integers(2))]
        inside = (x >= x0) & (x < x0 + side) & (y >= y0) & (y < y0 + side)
        if name == "disc":
            inside = (x + 0.5 - x0 - side / 2) ** 2 + (y + 0.5 - y0 - side / 2) ** 2 <= (side / 2) ** 2
        if (inside & taken).any():
            continue
        taken |= inside
        picture[inside] = (220, 50, 40) if name == "disc" else (50, 70, 210)
        rows.append({"name": name, "box": [x0, y0, x0 + side, y0 + side], "mask": inside})
    return picture, rows


def coco_folder(root: Path, counts: dict[str, int] | None = None) -> Path:
    """Such pictures in COCO's form, shapes as run lengths."""
    from pycocotools import mask as runs

    number = 0
    for split, count in (counts or {"train": 12, "val": 4}).items():
        (root / split).mkdir(parents=True)
        images, annotations = [], []
        for k in range(count):
            picture, rows = scene(number)
            number += 1
            Image.fromarray(picture).save(root / split / f"{k:03}.png")
            images.append({"id": k, "file_name": f"{k:03}.png", "width": 128, "height": 96})
            for row in rows:
                coded: Any = runs.encode(np.asfortranarray(row["mask"].astype(np.uint8)))
                x0, y0, x1, y1 = row["box"]
                annotations.append({
                    "id": len(annotations) + 1, "image_id": k, "category_id": CLASSES.index(row["name"]) + 1,
                    "bbox": [x0, y0, x1 - x0, y1 - y0], "area": int(row["mask"].sum()), "iscrowd": 0,
                    "segmentation": {"size": [96, 128], "counts": bytes(coded["counts"]).decode()},
                })  # fmt: skip
        categories = [{"id": n, "name": name} for n, name in enumerate(CLASSES, 1)]
        content = {"images": images, "annotations": annotations, "categories": categories}
        (root / f"{split}.json").write_text(json.dumps(content))
    return root
