"""Top-1 accuracy of the weights that come as Python packages, on one picture of each ImageNet class.

python benchmarks/weights.py --data DATA
"""

import argparse
import csv
import os
from pathlib import Path

import numpy as np
import torch

from visus import nets, read
from visus.images import resize
from visus.nets import weights


def prepared(path: Path, how: weights.Preprocessing) -> torch.Tensor:
    """A picture as the weights want it: ``(3, size, size)``."""
    picture = read(path)
    height, width = picture.shape[:2]
    scale = how.resize / min(height, width)
    picture = resize(picture, round(width * scale), round(height * scale))
    top, left = (picture.shape[0] - how.size) // 2, (picture.shape[1] - how.size) // 2
    picture = picture[top : top + how.size, left : left + how.size] / np.float32(255)
    normal = (picture - np.float32(how.mean)) / np.float32(how.deviation)
    return torch.from_numpy(np.ascontiguousarray(normal.transpose(2, 0, 1), np.float32))


def top1(name: str, folder: Path, rows: list[dict[str, str]], how: weights.Preprocessing) -> float:
    """Share of pictures whose best class is the right one, in percent."""
    net = nets.create(name, weights="imagenet")
    right = 0
    with torch.inference_mode():
        for start in range(0, len(rows), 50):
            part = rows[start : start + 50]
            batch = torch.stack([prepared(folder / "images" / row["file"], how) for row in part])
            labels = torch.tensor([int(row["class_index"]) for row in part])
            right += int((net(batch).argmax(dim=1) == labels).sum())
    return 100 * right / len(rows)


def main() -> None:
    """Print one line for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None, required=False)
    options = parser.parse_args()
    if options.data is None:
        parser.error("give --data DATA or set VISUS_DATA")
    folder = options.data / "imagenet_sample"
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    print(f"{len(rows)} pictures, one a class; published: on the whole validation set")
    print(f"{'network':20} {'top-1 here':>10} {'published':>10} {'wrong mean':>11}")
    for name in ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"):
        known = weights.of(name)
        own = top1(name, folder, rows, known.preprocessing)
        imagenet = weights.Preprocessing(known.preprocessing.size, known.preprocessing.resize, interpolation="bicubic")
        wrong = top1(name, folder, rows, imagenet)
        print(f"{name:20} {own:10.1f} {known.top1:10.1f} {wrong:11.1f}", flush=True)


if __name__ == "__main__":
    main()
