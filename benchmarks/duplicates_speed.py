"""How long a search for duplicates takes, indexing not counted, and how that grows.

python benchmarks/duplicates_speed.py mixed --data DATA     20,000 pictures: 200 in 14 versions each, the rest others
python benchmarks/duplicates_speed.py montages --data DATA  1,000, 10,000 and 100,000 montages, 2 % of them copies
python benchmarks/duplicates_speed.py equal                 20,000 files of one content
python benchmarks/duplicates_speed.py alike --before SRC    4,000 vectors that are all alike, beside another build

Pictures and indexes are kept in --place (default: a temporary folder) and used again. --rows changes the numbers.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from copies import ALTERATIONS, drawn, write_versions
from visus import Index
from visus.images import encode_jpeg

_SIDE = 256  # of a montage, pixels
_TILE = 120  # of a cut picture


def tiles(data: Path, leave: set[Path], count: int) -> Iterator[Image.Image]:
    """Squares cut from the photographs of several sets, no two of them overlapping; drawn with a fixed seed."""
    names = ("imagenet_sample/images", "camvid", "bsds500", "corel1k", "flowers5", "kth_tips_gray", "bccd/JPEGImages")
    corners: list[tuple[Path, int, int]] = []
    for path in (path for name in names for path in sorted((data / name).rglob("*"))):
        if path.suffix.lower() not in (".jpg", ".png") or path in leave or {"labels", "boundaries"} & set(path.parts):
            continue
        with Image.open(path) as opened:
            across, down = (range(0, side - _TILE + 1, _TILE) for side in opened.size)
        corners += [(path, x, y) for y in down for x in across]
    for path, x, y in sorted(random.Random(0).sample(corners, min(count, len(corners)))):
        with Image.open(path) as opened:
            yield opened.convert("RGB").crop((x, y, x + _TILE, y + _TILE))


def write_mixed(data: Path, folder: Path, count: int) -> None:
    """200 photographs in 14 versions, and others up to a number."""
    chosen = drawn(data / "corel1k")
    for path in chosen:
        (folder / "original").mkdir(parents=True, exist_ok=True)
        (folder / "original" / path.name).write_bytes(path.read_bytes())
    for name in ALTERATIONS:
        write_versions(chosen, name, folder / name)
    left = count - len(chosen) * (len(ALTERATIONS) + 1)
    (folder / "others").mkdir(exist_ok=True)
    for number, tile in enumerate(tiles(data, set(chosen), left)):
        tile.save(folder / "others" / f"{number:05d}.jpg", quality=90)


def write_montages(data: Path, folder: Path, count: int) -> None:
    """Pictures of four random pieces each, 2 % of them once more in lower quality."""
    chance = np.random.default_rng(0)
    paths = [
        path for name in ("corel1k", "imagenet_sample", "bsds500") for path in sorted((data / name).rglob("*.jpg"))
    ]
    pictures = []
    for path in paths:
        with Image.open(path) as opened:
            pictures.append(np.asarray(opened.convert("RGB")))
    folder.mkdir(parents=True)
    half, copies = _SIDE // 2, count // 50
    for number in range(count - copies):
        sheet = np.zeros((_SIDE, _SIDE, 3), np.uint8)
        for k in range(4):
            picture = pictures[chance.integers(len(pictures))]
            y, x = (int(chance.integers(max(1, side - half))) for side in picture.shape[:2])
            piece = picture[y : y + half, x : x + half]
            top, left = half * (k // 2), half * (k % 2)
            sheet[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
        (folder / f"{number:06d}.jpg").write_bytes(encode_jpeg(sheet, quality=90))
        if number < copies:
            (folder / f"{number:06d}-copy.jpg").write_bytes(encode_jpeg(sheet, quality=60))


def measure(index: Index, name: str) -> None:
    """Search an index once and print what it took."""
    spent: dict[str, float] = {}
    last = [time.process_time()]

    def tell(what: str, _done: int, _total: int) -> None:
        now = time.process_time()
        spent[what] = spent.get(what, 0) + now - last[0]
        last[0] = now

    began, wall = time.process_time(), time.perf_counter()
    found = index.duplicates(tell=tell)
    cpu, wall = time.process_time() - began, time.perf_counter() - wall
    copies = sum(len(group.others) for group in found)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    steps = ", ".join(f"{what.lower()} {seconds:.1f}" for what, seconds in spent.items())
    print(
        f"{name}: {len(index)} pictures, {cpu:.1f} s of CPU, {wall:.1f} s, {len(found)} groups, {copies} copies, "
        f"{memory:.1f} GB at most ({steps})"
    )


def indexed(folder: Path) -> Index:
    """The index of a folder, made if it is missing, and completed if it was left behind."""
    index = Index(folder.with_suffix(".visus"))
    if len(index) < sum(1 for _ in folder.iterdir()):
        index.add(folder)
    return index


_ALIKE = """
import numpy as np, sys, time
random = np.random.default_rng(0)
base = random.normal(size=1280)
vectors = (base + 0.3 * random.normal(size=({count}, 1280))).astype(np.float32)
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
from visus.search.duplicates import {names}
began = time.process_time()
{body}
print(time.process_time() - began)
"""


def alike(before: Path, count: int) -> None:
    """Candidates of vectors that are all alike, here and in another build, in turns."""
    members = "[Member(k, str(k), 1, 1, 1, k) for k in range({count})], [str(k).encode() for k in range({count})]"
    bodies = {
        "before": (
            before,
            "similar_pairs, groups, Member",
            f"groups({members}, similar_pairs(vectors, 0.75), lambda i, j: False)",
        ),
        "now": (Path(__file__).parents[1] / "src", "candidates", "candidates.similar_pairs(vectors, 0.75)"),
    }
    times: dict[str, list[float]] = {name: [] for name in bodies}
    for _ in range(3):
        for name, (source, names, body) in bodies.items():
            script = _ALIKE.format(count=count, names=names, body=body.format(count=count))
            answer = subprocess.run(
                [sys.executable, "-c", script],
                env={"PYTHONPATH": str(source)},
                capture_output=True,
                text=True,
                check=True,
            )
            times[name].append(float(answer.stdout))
    medians = {name: float(np.median(found)) for name, found in times.items()}
    print(f"{count} alike vectors: {medians} s of CPU, ratio of medians {medians['before'] / medians['now']:.1f}")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["mixed", "montages", "equal", "alike"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--place", type=Path)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--rows", type=int, nargs="*")
    said = parser.parse_args()
    place = said.place or Path(tempfile.mkdtemp())
    if said.what == "alike":
        alike(said.before, (said.rows or [4000])[0])
    numbers = {"mixed": [20_000], "montages": [1000, 10_000, 100_000], "equal": [20_000], "alike": []}
    for rows in said.rows or numbers[said.what]:
        folder = place / f"{said.what}-{rows}"
        if not folder.exists():
            random.seed(0)
            _write(said.what, said.data, folder, rows)
        measure(indexed(folder), f"{said.what} {rows}")


def _write(what: str, data: Path, folder: Path, rows: int) -> None:
    if what == "mixed":
        write_mixed(data, folder, rows)
    elif what == "montages":
        write_montages(data, folder, rows)
    elif what == "equal":
        folder.mkdir(parents=True)
        content = encode_jpeg(np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
        for number in range(rows):
            (folder / f"{number:05d}.jpg").write_bytes(content)


if __name__ == "__main__":
    main()
