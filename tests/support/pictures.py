"""Pictures made on the spot: textured, seeded, each unlike the others."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter


def scene(seed: int, width: int = 200, height: int = 150) -> NDArray[np.uint8]:
    """A picture ``(height, width, 3)`` of colored shapes on a cloudy ground."""
    random = np.random.default_rng(seed)
    clouds = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    ground = Image.fromarray(clouds).resize((width, height), Image.Resampling.BICUBIC)
    canvas = ImageDraw.Draw(ground)
    for _ in range(12):
        x, y = random.integers(0, width), random.integers(0, height)
        a, b = random.integers(8, width // 3, 2)
        color = tuple(int(v) for v in random.integers(0, 256, 3))
        shape = (canvas.rectangle, canvas.ellipse)[random.integers(0, 2)]
        shape((int(x), int(y), int(x + a), int(y + b)), fill=color, outline=(0, 0, 0))
    return np.asarray(ground.filter(ImageFilter.GaussianBlur(0.7)))


def folder_of(folder: Path, count: int, *, first: int = 0, suffix: str = ".jpg") -> list[Path]:
    """Write ``count`` scenes into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed:04d}{suffix}" for seed in range(first, first + count)]
    for seed, path in enumerate(paths, first):
        Image.fromarray(scene(seed)).save(path, quality=92)
    return paths
