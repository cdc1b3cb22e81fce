"""Top-1 accuracy of the weights that come as Python packages, on one picture of each ImageNet class.

python benchmarks/weights.py --data DATA
"""

import csv
from pathlib import Path

import torch

from place import data_folder
from visus import nets, read
from visus.nets import weights


def top1(name: str, folder: Path, rows: list[dict[str, str]], how: weights.Preprocessing) -> float:
    """Share of pictures whose best class is the right one, in percent."""
    net = nets.create(name, weights="imagenet")
    right = 0
    with torch.inference_mode():
        for start in range(0, len(rows), 50):
            part = rows[start : start + 50]
            batch = torch.stack([torch.from_numpy(how.prepare(read(folder / "images" / row["file"]))) for row in part])
            labels = torch.tensor([int(row["class_index"]) for row in part])
            right += int((net(batch).argmax(dim=1) == labels).sum())
    return 100 * right / len(rows)


def main() -> None:
    """Print one line for each network."""
    data = data_folder(__doc__)
    folder = data / "imagenet_sample"
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
