"""An index of many millions of synthetic vectors: what it takes to write and to search, warm and from the disk.

python -m benchmarks.many --data DATA [--rows 10000000] [--place FOLDER]

The vectors are those of all pictures of DATA, grown as in benchmarks/vectors.py, kept in float16 and without
thumbnails, 2.8 kB a row; the index is written in one pass, without compaction, and removed afterwards. A hundred
pictures that are left out ask. Cold: the operating system has forgotten the files of the index before.
"""

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from benchmarks.search import cpu_and_wall, table_of
from benchmarks.vectors import Floats, described, grown
from numpy.typing import NDArray

from visus.search.contents import Checks
from visus.search.describe import Embedder, unit
from visus.search.fitting import refresh_space
from visus.search.nearest import Nearest
from visus.search.queries import Query
from visus.search.rows import EMBEDDING
from visus.search.store import Store
from visus.search.upkeep import vectors_in_batches

_COMMIT = 5  # parts of 20,000 rows
_QUERIES = 100


def write(place: Path, parts: Iterator[Floats]) -> Store:
    """An index without a space or codes."""
    store, first = Store.create(place, Embedder().about(), "float16"), 0
    while some := list(islice(parts, _COMMIT)):
        vectors = np.concatenate(some)
        store.append(table_of(store, first, vectors))
        first += len(vectors)
    return store


def forget(place: Path) -> None:
    """Let the operating system forget what it holds of the files of a folder."""
    os.sync()
    for path in (path for path in place.rglob("*") if path.is_file()):
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def best_of(store: Store, asked: Floats) -> Floats:
    """The ten best scores of each query among all vectors, ``(N, 10)`` float32, best first."""
    best = np.full((len(asked), 10), -np.inf, np.float32)
    for vectors in vectors_in_batches(store, EMBEDDING):
        scores = asked @ store.space(vectors).T
        best = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :10]
    return best


def answers(store: Store, queries: Floats, asked: Floats) -> tuple[list[float], NDArray[np.float32]]:
    """Seconds of each query, with the rows of the hits, and their scores ``(N, 10)``."""
    nearest = Nearest(store, None, False, None, Checks(store, None))
    times, scores = [], []
    for plain, vector in zip(queries, asked, strict=True):
        began = time.perf_counter()
        rows = nearest.rows(Query(unit(plain), vector), 10)
        times.append(time.perf_counter() - began)
        scores.append([row["score"] for row in rows])
    return times, np.array(scores, np.float32)


def told(what: str, began: tuple[float, float]) -> None:
    """Print the seconds since a time, of the clock and of the processor, and the peak of memory."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    print(f"{what:34} {wall:9.1f} s {cpu:9.1f} s of CPU, {peak:5.2f} GB at most so far", flush=True)


def now() -> tuple[float, float]:
    """The clock and the processor's time."""
    return time.perf_counter(), time.process_time()


def size_of(place: Path, pattern: str) -> float:
    """GB of the files of an index."""
    return sum(path.stat().st_size for path in place.glob(pattern) if path.is_file()) / 1e9


def command(place: Path, picture: Path) -> str:
    """What a whole ``visus search`` takes."""
    words = [sys.executable, "-m", "visus", "search", str(picture), "--index", str(place)]
    cpu, wall, peak = cpu_and_wall(words)
    return f"{wall:6.2f} s, {cpu:5.2f} s of CPU, {peak:5.0f} MB"


def measure(data: Path, work: Path, rows: int, small: Executor) -> None:
    """Write, search, and print what it took.

    Args:
        data: Where pictures are.
        work: Where to write.
        rows: How many.
        small: A process of little memory: what it starts is not charged with this one's.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as another:  # so that its memory does not count
        every = another.submit(described, data, work).result()
    held_out = np.random.default_rng(1).permutation(len(every))[:_QUERIES]
    place, picture = work / "many.visus", next(data.resolve().glob("corel1k/*/*.jpg"))
    began = now()
    store = write(place, grown(np.delete(every, held_out, axis=0), rows))
    told(f"{rows:,} rows made and written", began)
    began = now()
    refresh_space(store, 0)
    told("mean and codes", began)
    print(f"table {size_of(place, '*.lance/**/*'):.1f} GB, codes {size_of(place, 'codes/*'):.2f} GB", flush=True)
    asked = store.space(every[held_out])
    forget(place)
    print(f"visus search, cold                 {small.submit(command, place, picture).result()}")
    small.submit(command, place, picture).result()
    print(f"visus search, warm                 {small.submit(command, place, picture).result()}", flush=True)
    forget(place)
    cold, _ = answers(store, every[held_out][:10], asked[:10])
    first, others = 1000 * cold[0], 1000 * statistics.median(cold[1:])
    print(f"a query in a running process, cold {first:.0f} ms, the next nine {others:.0f} ms")
    answers(store, every[held_out], asked)
    warm, scores = answers(store, every[held_out], asked)
    print(f"warm                               {1000 * statistics.median(warm):.1f} ms", flush=True)
    began = now()
    best = best_of(store, asked)
    told("all compared in full, 100 queries", began)
    found = (scores >= best[:, -1:] - 1e-3).mean()
    print(f"recall@10 {found:.4f}, first hit {(scores[:, 0] >= best[:, 0] - 1e-3).mean():.2%}")


def main() -> None:
    """Measure once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--place", type=Path, help="where the index is written; a temporary folder without it")
    options = parser.parse_args()
    if options.data is None:
        parser.error("give --data DATA or set VISUS_DATA")
    with (
        tempfile.TemporaryDirectory(dir=options.place) as folder,
        ProcessPoolExecutor(1, get_context("spawn")) as small,
    ):
        small.submit(now).result()  # it starts now
        measure(options.data, Path(folder), options.rows, small)


if __name__ == "__main__":
    main()
