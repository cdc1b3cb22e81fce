"""Which altered versions of a picture are recognized as the same, and how often different pictures are.

python benchmarks/duplicates.py --data DATA
"""

import io
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from place import data_folder
from visus import Index
from visus.images import encode_jpeg, shrink
from visus.search.describe import Embedder
from visus.search.duplicates import THRESHOLD, Same


def _jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def _crop(picture: Image.Image, share: float) -> Image.Image:
    width, height = picture.size
    w, h = int(width * share), int(height * share)
    x, y = random.randint(0, width - w), random.randint(0, height - h)
    return picture.crop((x, y, x + w, y + h))


ALTERATIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG quality 30": lambda p: _jpeg(p, 30),
    "half the size": lambda p: p.resize((p.width // 2, p.height // 2)),
    "mirrored": ImageOps.mirror,
    "90 % of each side": lambda p: _crop(p, 0.9),
    "80 % of each side": lambda p: _crop(p, 0.8),
    "70 % of each side": lambda p: _crop(p, 0.7),
    "mirrored, 80 %": lambda p: _crop(ImageOps.mirror(p), 0.8),
    "30 % brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.3),
    "gray": lambda p: p.convert("L").convert("RGB"),
}


def recall(folder: Path) -> None:
    """Print, for each alteration, the share of pairs that are found."""
    paths = sorted((folder / "images").glob("*.jpg"))[::5]
    pictures = [Image.open(path).convert("RGB") for path in paths]
    embedder = Embedder()
    vectors = embedder([np.asarray(picture) for picture in pictures])
    print(f"{len(pictures)} pictures; candidate: cosine >= {THRESHOLD}; same: the thumbnails agree")
    print(f"{'alteration':20} {'candidate':>10} {'same':>8} {'found':>8} {'ms/pair':>8}")
    for name, alter in ALTERATIONS.items():
        altered = [alter(picture) for picture in pictures]
        cosines = (embedder([np.asarray(picture) for picture in altered]) * vectors).sum(axis=1)
        both = [np.asarray(picture) for pair in zip(pictures, altered, strict=True) for picture in pair]
        thumbnails = [encode_jpeg(shrink(picture, 256), quality=80) for picture in both]
        same, began = Same(thumbnails.__getitem__), time.perf_counter()
        agreed = np.array([same(2 * k, 2 * k + 1) for k in range(len(pictures))])
        each = (time.perf_counter() - began) / len(pictures) * 1000
        candidate = cosines >= THRESHOLD
        print(f"{name:20} {candidate.mean():10.1%} {agreed.mean():8.1%} {(agreed & candidate).mean():8.1%} {each:8.1f}")


def groups(folder: Path) -> None:
    """Print how many groups a collection of different photographs gives."""
    with tempfile.TemporaryDirectory() as place:
        index = Index(Path(place) / "d.visus")
        index.add(folder)
        began = time.perf_counter()
        found = index.duplicates()
        seconds = time.perf_counter() - began
        print(f"\n{len(index)} photographs of {folder.name}: {len(found)} groups in {seconds:.1f} s")
        for group in found:
            print("  ", *(Path(member.path).name for member in (group.keep, *group.others)))


def main() -> None:
    """Print both tables."""
    data = data_folder(__doc__)
    random.seed(0)
    recall(data / "imagenet_sample")
    groups(data / "corel1k")


if __name__ == "__main__":
    main()
