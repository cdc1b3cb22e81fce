"""Processor time that it takes to load labeled pictures, beside an earlier build.

python benchmarks/loading.py BEFORE [--pictures 5000] [--rounds 5]

BEFORE is the folder ``src`` of the earlier build, with its compiled parts.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("disc", "square")
LOADING = """
import sys, time, cv2
from visus.data import {0}
start = time.process_time()
{0}(sys.argv[1])
print(time.process_time() - start)
"""


def main() -> None:
    """Print one line for each way to load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", metavar="BEFORE", type=Path)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    builds = {"before": asked.before, "now": Path(__file__).parents[1] / "src"}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root, asked.pictures)
        print(f"{asked.pictures:,} pictures of 320x240, medians of {asked.rounds}", flush=True)
        for name, where in (("load", "classes"), ("load_boxes", "coco"), ("load_masks", "masks")):
            times = {build: [] for build in builds}
            for _ in range(asked.rounds):
                for build, source in builds.items():
                    times[build].append(cpu_seconds(name, root / where, source))
            before, now = (statistics.median(times[build]) for build in builds)
            print(f"{name:10} {before:6.2f} s before, {now:6.2f} s now: {now / before:.2f}", flush=True)


def cpu_seconds(name: str, data: Path, source: Path) -> float:
    """Processor time of a function of a build, imports left out."""
    environment = {**os.environ, "PYTHONPATH": str(source)}
    command = [sys.executable, "-c", LOADING.format(name), str(data)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def make(root: Path, count: int) -> None:
    """Pictures of a disc or a square in noise: in folders of classes, with boxes, with masks; the files are shared."""
    for folder in (*(f"classes/{name}" for name in CLASSES), "coco/train", "masks/images", "masks/masks"):
        (root / folder).mkdir(parents=True)
    images, annotations = [], []
    rows, columns = np.mgrid[:240, :320]
    for number in range(count):
        random, label = np.random.default_rng(number), number % 2
        y, x, r = random.integers(50, 190), random.integers(50, 270), random.integers(20, 45)
        away = np.hypot(rows - y, columns - x) if label == 0 else np.maximum(abs(rows - y), abs(columns - x))
        picture = np.repeat(np.repeat(random.integers(60, 160, (24, 32, 3)), 10, 0), 10, 1).astype(np.uint8)
        picture[away < r] = random.integers(180, 256, 3)
        name = f"{number:05}.jpg"
        Image.fromarray(picture).save(root / "classes" / CLASSES[label] / name, quality=90)
        for other in ("coco/train", "masks/images"):
            os.link(root / "classes" / CLASSES[label] / name, root / other / name)
        Image.fromarray((away < r).astype(np.uint8) * (label + 1)).save(root / "masks" / "masks" / f"{number:05}.png")
        box = [int(x - r), int(y - r), int(2 * r), int(2 * r)]
        images.append({"id": number, "file_name": name, "width": 320, "height": 240})
        entry = {"id": number + 1, "image_id": number, "category_id": label + 1, "iscrowd": 0, "area": box[2] * box[3]}
        annotations.append({**entry, "bbox": box, "segmentation": []})
    categories = [{"id": k, "name": name} for k, name in enumerate(CLASSES, 1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "coco" / "train.json").write_text(json.dumps(content))


if __name__ == "__main__":
    main()
