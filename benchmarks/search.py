"""Speed and quality of the search, each pair measured in turn in one run.

python benchmarks/search.py [index|query|growth ...] --data DATA [--before SRC]

Without a name all three run (about a quarter of an hour on two cores). benchmarks/vectors.py compares the search itself
with other libraries.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from visus.search import retrieval
from visus.search.describe import Embedder, unit
from visus.search.rows import to_arrow
from visus.search.store import Store
from visus.search.upkeep import compact

HERE = Path(__file__).parent
DIMENSION = 1280


def surroundings(source: Path | None = None) -> dict[str, str]:
    """The environment of a process: modules are kept compiled, as an installation has them; perhaps they are of SRC."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return own | ({"PYTHONPATH": str(source)} if source else {})


def run(*command: object, source: Path | None = None) -> str:
    """What a Python script prints."""
    whole = [sys.executable, *map(str, command)]
    return subprocess.run(whole, check=True, capture_output=True, text=True, env=surroundings(source)).stdout


def cpu_and_wall(command: list[str], source: Path | None = None) -> tuple[float, float, float]:
    """Processor seconds, seconds and peak MB of one whole process."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=HERE, env=surroundings(source)
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if status:
        raise RuntimeError(f"{command} failed: {process.stderr.read().decode() if process.stderr else ''}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024


def peak_mb() -> float:
    """Peak memory of this process; what getrusage gives counts that of the process that started it too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def synthetic(count: int, seed: int) -> np.ndarray:
    """Vectors spread like those of photographs: clusters in a space of some hundred directions, not negative."""
    fixed, random = np.random.default_rng(0), np.random.default_rng(seed + 1)
    basis = fixed.standard_normal((96, DIMENSION), np.float32)
    centers = 2 * fixed.standard_normal((3000, 96), np.float32)
    inner = centers[random.integers(0, 3000, count)] + random.standard_normal((count, 96), np.float32)
    noise = 0.2 * random.standard_normal((count, DIMENSION), np.float32)
    return unit(np.maximum(0.1 * inner @ basis + noise, 0))


def chunks(rows: int, size: int = 20_000) -> Iterator[tuple[int, np.ndarray]]:
    """Synthetic vectors in parts, with the number of the first."""
    for first in range(0, rows, size):
        yield first, synthetic(min(size, rows - first), first)


def kept(work: Path, rows: int) -> Iterator[tuple[int, np.ndarray]]:
    """The same vectors once more, from a file that all engines share."""
    place = work / f"vectors{rows}.npy"
    if not place.exists():
        saved = np.lib.format.open_memmap(place, "w+", np.float16, (rows, DIMENSION))
        for first, vectors in chunks(rows):
            saved[first : first + len(vectors)] = vectors
        saved.flush()
    saved = np.load(place, mmap_mode="r")
    for first in range(0, rows, 20_000):
        yield first, unit(saved[first : first + 20_000].astype(np.float32))


def table_of(store: Store, first: int, vectors: np.ndarray, thumbnail: bytes = b"") -> pa.Table:
    """Rows for an index."""
    n = len(vectors)
    columns = {
        "id": np.arange(first, first + n),
        "path": [f"/photos/{k // 1000:05d}/picture {k:08d}.jpg" for k in range(first, first + n)],
        "mtime": np.zeros(n, "datetime64[ns]"),
        "size": np.full(n, 1_000_000),
        "hash": [k.to_bytes(16, "big") for k in range(first, first + n)],
        "width": np.full(n, 4000, np.int32),
        "height": np.full(n, 3000, np.int32),
        "thumbnail": [thumbnail] * n,
        "seen": np.zeros(n, "datetime64[ms]"),
        "gone": np.zeros(n, bool),
        "embedding": to_arrow(vectors, store.dtype),
    }
    columns["real_path"] = columns["path"]
    columns |= {field.name: pa.nulls(n, field.type) for field in store.schema if field.name not in columns}
    return pa.table(columns).select(store.schema.names).cast(store.schema)


def make_index(work: Path, name: str, rows: int) -> Store:
    """An index of synthetic vectors that ``visus search`` opens."""
    store = Store.create(work / name, Embedder().about(), "float16")
    for first, vectors in kept(work, rows):
        store.append(table_of(store, first, vectors))
    compact(store)
    return store


# Indexing -----------------------------------------------------------------------------------------------------


def bench_index(data: Path, work: Path) -> None:
    """End to end from JPEG files."""
    folder = data / "corel1k"
    labels = [path.parent.name for path in sorted(folder.rglob("*.jpg"))]
    runs: dict[str, tuple[str, str]] = {
        "plain (PIL, torchvision, DataLoader, timm fp32)": ("plain_index.py", "squeeze"),
        "plain, resize 256 and crop 224": ("plain_index.py", "crop"),
        "visus": ("our_index.py", "f32"),
        "visus --precision bf16": ("our_index.py", "bf16"),
    }
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(3):
        for name, (script, option) in runs.items():
            speeds[name].append(float(run(HERE / script, folder, work / f"{option}.npy", option)))
    base = statistics.median(speeds["plain (PIL, torchvision, DataLoader, timm fp32)"])
    first = _first_neighbors(np.load(work / "squeeze.npy"))
    print(f"\nindexing {len(labels)} JPEG files of {folder.name}")
    print(f"{'':50} {'pictures/s':>10} {'ratio':>6} {'P@1':>7} {'P@10':>7} {'mAP':>7} {'equal first':>12}")
    for name, (_, option) in runs.items():
        vectors = np.load(work / f"{option}.npy")
        quality = retrieval(vectors, labels, ks=(1, 10))
        equal = (_first_neighbors(vectors) == first).mean()
        speed = statistics.median(speeds[name])
        print(
            f"{name:50} {speed:10.1f} {speed / base:6.2f} {quality.precision[1]:7.4f} {quality.precision[10]:7.4f} "
            f"{quality.mean_average_precision:7.4f} {equal:12.1%}",
            flush=True,
        )


def prepare_query(work: Path, rows: int) -> None:
    """An index and a NumPy file of the same vectors."""
    make_index(work, "q.visus", rows)
    saved = np.lib.format.open_memmap(work / "q.npy", "w+", np.float32, (rows, DIMENSION))
    for first, vectors in kept(work, rows):
        saved[first : first + len(vectors)] = vectors
    saved.flush()


def _first_neighbors(vectors: np.ndarray) -> np.ndarray:
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    return similarity.argmax(axis=1)


# Querying -----------------------------------------------------------------------------------------------------


def bench_query(data: Path, work: Path, before: Path | None, rows: int = 100_000) -> None:
    """One whole process, from the shell's point of view."""
    picture = next((data / "corel1k").rglob("*.jpg")).resolve()
    # Prepared by another process: the peak memory of a child counts that of the process that starts it.
    run(HERE / "search.py", "--engine", "prepare", "--work", work, "--rows", rows)
    search = [sys.executable, "-m", "visus", "search", str(picture), "--index"]
    plain = [sys.executable, str(HERE / "plain_query.py"), str(picture), str(work / "q.npy")]
    commands: dict[str, tuple[list[str], Path | None]] = {
        "script with torch, timm and a NumPy file": (plain, None),
        "visus search": ([*search, str(work / "q.visus")], None),
    }
    if before:
        (work / "before").mkdir()
        script = before.parent / "benchmarks" / "search.py"
        run(script, "--engine", "prepare", "--work", work / "before", "--rows", rows, source=before)
        commands["visus search, the build before"] = ([*search, str(work / "before" / "q.visus")], before)
    measured: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for _ in range(9):
        for name, command in commands.items():
            measured[name].append(cpu_and_wall(*command))
    print(f"\none query process, {rows:,} rows (median of 9)")
    print(f"{'':50} {'s':>6} {'CPU s':>6} {'peak MB':>8}")
    medians = {
        key: [statistics.median(column) for column in zip(*values, strict=True)] for key, values in measured.items()
    }
    for name, (cpu, wall, peak) in medians.items():
        print(f"{name:50} {wall:6.2f} {cpu:6.2f} {peak:8.0f}")
    for name, others in medians.items():
        if name != "visus search":
            ratio = [a / b for a, b in zip(medians["visus search"], others, strict=True)]
            print(f"{'ratio to ' + name:50} {ratio[1]:6.2f} {ratio[0]:6.2f} {ratio[2]:8.2f}", flush=True)


# Growth -------------------------------------------------------------------------------------------------------


def bench_growth(work: Path) -> None:
    """What one more picture costs the store as the index grows, and the second look at an unchanged folder."""
    print("\ngrowth: commits of 1024 rows with thumbnails of 10 kB (float16 vectors)")
    print(f"{'rows':>10} {'write ms/picture':>17} {'catalog µs/picture':>19} {'peak MB':>8}")
    for rows in (1_000, 10_000, 100_000):
        got = json.loads(run(HERE / "search.py", "--engine", "growth", "--work", work, "--rows", rows))
        print(f"{rows:10,} {got['write']:17.3f} {got['catalog']:19.2f} {got['peak']:8.0f}", flush=True)


def growth(work: Path, rows: int) -> None:
    """Measure the last thousand of ``rows`` pictures and print the figures as JSON."""
    from visus.search.catalog import Catalog

    place = work / f"g{rows}.visus"
    store = Store.create(place, Embedder().about(), "float16")
    thumbnail = np.random.default_rng(0).bytes(10_000)
    times: list[float] = []
    for number, first in enumerate(range(0, rows, 1024)):
        vectors = synthetic(min(1024, rows - first), first)
        rows_table = table_of(store, first, vectors, thumbnail)
        began = time.perf_counter()
        store.append(rows_table)
        if number % 64 == 63:
            compact(store)
        times.append((time.perf_counter() - began) / len(vectors))
    began = time.perf_counter()
    Catalog(Store(place))
    catalog = (time.perf_counter() - began) / rows
    shutil.rmtree(place)
    peak = peak_mb()
    print(json.dumps({"write": statistics.fmean(times[-64:]) * 1e3, "catalog": catalog * 1e6, "peak": peak}))


def main() -> None:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help="index, query, growth; all if none is named")
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    parser.add_argument("--before", type=Path, help="query: the src folder of another build, measured in turn")
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.engine:
        {"growth": growth, "prepare": prepare_query}[options.engine](options.work, options.rows)
        return
    parts = options.parts or ["index", "query", "growth"]
    if options.data is None and {"index", "query"} & set(parts):
        parser.error("give --data DATA or set VISUS_DATA")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for part in parts:
            {
                "index": lambda: bench_index(options.data, work),
                "query": lambda: bench_query(options.data, work, options.before and options.before.resolve()),
                "growth": lambda: bench_growth(work),
            }[part]()


if __name__ == "__main__":
    main()
