"""The search of many vectors beside that of other libraries: each query goes to all of them in turn, on one thread.

python -m benchmarks.vectors --data DATA [--rows 100000 1000000]

The vectors are those of all pictures of DATA, grown by a rule: a mixture of a picture and one of its five neighbors,
with noise. The queries are a thousand pictures that are left out. All search in the space of the index (around its
mean), so that all are asked the same. Scores that are equal count as equal hits.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
from benchmarks.search import table_of
from numpy.typing import NDArray

from visus import Index
from visus.search.contents import Checks
from visus.search.describe import Embedder, unit
from visus.search.fitting import refresh_space
from visus.search.nearest import Nearest
from visus.search.queries import Query
from visus.search.rows import EMBEDDING
from visus.search.store import Store
from visus.search.upkeep import compact, vectors_in_batches

Floats = NDArray[np.float32]
Search = Callable[[Floats], list[int]]
_PART = 20_000
_QUERIES = 1000


@dataclass(slots=True)
class Engine:
    """One way to search.

    Attributes:
        name: For people.
        build: Seconds that it took to make.
        size: MB of what it made.
        search: The ten nearest rows of a query in the space.
        times: Seconds of each query.
        found: Share of the ten nearest that was found, for each query.
        first: Whether the best was found, for each query.
    """

    name: str
    build: float
    size: float
    search: Search
    times: list[float]
    found: list[float]
    first: list[bool]


def described(data: Path, work: Path) -> Floats:
    """The vectors of all pictures of a folder."""
    index = Index(work / "described.visus")
    index.add(data)
    return np.concatenate(list(vectors_in_batches(index._opened(), EMBEDDING)))


def grown(base: Floats, rows: int) -> Iterator[Floats]:
    """Vectors in parts: the first are those that there are, the others lie between them."""
    random = np.random.default_rng(0)
    near = np.concatenate([np.argsort(-(base[k : k + 500] @ base.T), axis=1)[:, 1:6] for k in range(0, len(base), 500)])
    yield base[:rows]
    for first in range(len(base), rows, _PART):
        count = min(_PART, rows - first)
        one = random.integers(0, len(base), count)
        other = near[one, random.integers(0, 5, count)]
        share = random.random((count, 1), np.float32)
        mixed = unit(share * base[one] + (1 - share) * base[other])
        noise = random.standard_normal(mixed.shape, np.float32) / np.sqrt(mixed.shape[1])
        yield unit(mixed + 0.3 * noise)


def ours(work: Path, parts: Iterator[Floats]) -> tuple[Store, float]:
    """An index, and the processor seconds that its codes took beyond reading the rows."""
    store, first = Store.create(work / "index.visus", Embedder().about(), "float16"), 0
    for part in parts:
        store.append(table_of(store, first, part))
        first += len(part)
    compact(store)
    began = time.process_time()
    for _ in vectors_in_batches(store, EMBEDDING):
        pass
    reading = time.process_time() - began
    began = time.process_time()
    refresh_space(store, 0)
    return store, time.process_time() - began - 2 * reading


def measure(store: Store, build: float, queries: Floats, patience: float) -> None:
    """Print how long each takes, and what it finds."""
    space, segments = store.space, store.segments(EMBEDDING)
    ids = store.read(["id"]).column("id").to_numpy()
    vectors = np.concatenate([space(part).astype(np.float16) for part in vectors_in_batches(store, EMBEDDING)])
    asked = space(queries)
    plain = {own.tobytes(): unit(query) for own, query in zip(asked, queries, strict=True)}
    truth = _truth(vectors, asked)
    assert store.sums
    size = sum(size for name, (size, _) in store.sums.files.items() if name.startswith("codes/")) / 1e6

    def query(vector: Floats) -> Query:
        return Query(plain[vector.tobytes()], vector)

    def search(vector: Floats) -> list[int]:
        return segments.nearest(query(vector), 10).rows.tolist()

    def exactly(vector: Floats) -> list[int]:
        return segments.nearest(query(vector), 10, exact=True).rows.tolist()

    def told(vector: Floats) -> list[int]:
        rows = Nearest(store, None, False, None, Checks(store, None)).rows(query(vector), 10)
        return [places[row["id"]] for row in rows]

    places = {key: place for place, key in enumerate(ids.tolist())}
    engines = [
        Engine("visus", build, size, search, [], [], []),
        Engine("visus, with paths, checked", build, size, told, [], [], []),
        Engine("visus --exact", 0, 0, exactly, [], [], []),
    ]
    for name, make in PEERS.items():
        if len(vectors) > 200_000 and name not in LARGE:
            continue
        began = time.perf_counter()
        found = make(store, vectors, patience)
        if found is None:
            print(f"{name}: not built within {patience / 60:.0f} minutes", flush=True)
            continue
        engines.append(Engine(name, time.perf_counter() - began, found[1], found[0], [], [], []))
    slow = {"visus --exact": 20, "faiss flat": 100 if len(vectors) > 200_000 else len(asked)}
    for number, (vector, best) in enumerate(zip(asked, truth, strict=True)):
        for own in engines:
            if number >= slow.get(own.name, len(asked)):
                continue
            began = time.perf_counter()
            rows = own.search(vector)
            own.times.append(time.perf_counter() - began)
            scores = np.sort(vectors[rows].astype(np.float32) @ vector)[::-1]
            own.found.append(float((scores >= best[-1] - 1e-4).sum()) / 10)
            own.first.append(bool(len(scores)) and scores[0] >= best[0] - 1e-4)
    _print(engines, len(vectors), len(asked))


def _truth(vectors: NDArray[np.float16], asked: Floats) -> Floats:
    """The ten best scores of each query."""
    best = np.full((len(asked), 10), -np.inf, np.float32)
    for start in range(0, len(vectors), _PART):
        scores = asked @ vectors[start : start + _PART].astype(np.float32).T
        best = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :10]
    return best


def _print(engines: list[Engine], rows: int, queries: int) -> None:
    print(f"\n{rows:,} vectors of 1280, {queries} queries, one thread, each query to all in turn")
    print(f"{'':34} {'ms':>8} {'ratio':>6} {'recall@10':>10} {'first':>7} {'build s':>8} {'MB':>7}")
    base = statistics.median(engines[0].times)
    for own in engines:
        middle = statistics.median(own.times)
        print(
            f"{own.name:34} {middle * 1000:8.2f} {middle / base:6.2f} {np.mean(own.found):10.4f} "
            f"{np.mean(own.first):7.2%} {own.build:8.1f} {own.size:7.0f}",
            flush=True,
        )


# Peers --------------------------------------------------------------------------------------------------------


def _faiss(index: "faiss.Index", vectors: NDArray[np.float16], patience: float) -> tuple[Search, float] | None:
    began = time.perf_counter()
    index.train(vectors[:: max(1, len(vectors) // 100_000)].astype(np.float32))  # pyright: ignore
    for start in range(0, len(vectors), _PART):
        index.add(vectors[start : start + _PART].astype(np.float32))  # pyright: ignore
        if time.perf_counter() - began > patience:
            return None
    size = len(faiss.serialize_index(index)) / 1e6
    return lambda vector: [row for row in index.search(vector[None], 10)[1][0].tolist() if row >= 0], size  # pyright: ignore


def _flat(_: Store, vectors: NDArray[np.float16], patience: float) -> tuple[Search, float] | None:
    return _faiss(faiss.IndexFlatIP(vectors.shape[1]), vectors, patience)


def _rabitq(_: Store, vectors: NDArray[np.float16], patience: float) -> tuple[Search, float] | None:
    """One bit a dimension after a random rotation, then as many compared in float16 as ours at a million."""
    width = vectors.shape[1]
    index = faiss.index_factory(width, f"RR{width},RaBitQfs,Refine(SQfp16)", faiss.METRIC_INNER_PRODUCT)
    index.k_factor = 40  # pyright: ignore[reportAttributeAccessIssue]
    return _faiss(index, vectors, patience)


def _hnsw(_: Store, vectors: NDArray[np.float16], patience: float) -> tuple[Search, float] | None:
    index = faiss.IndexHNSWFlat(vectors.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efSearch = 64
    return _faiss(index, vectors, patience)


def _usearch(_: Store, vectors: NDArray[np.float16], patience: float) -> tuple[Search, float] | None:
    from usearch.index import Index as Graph

    graph, began = Graph(ndim=vectors.shape[1], metric="ip", dtype="f16"), time.perf_counter()
    for start in range(0, len(vectors), _PART):
        part = vectors[start : start + _PART]
        graph.add(np.arange(start, start + len(part)), part, threads=2)
        if time.perf_counter() - began > patience:
            return None
    return lambda vector: graph.search(vector, 10, threads=1).keys.tolist(), graph.memory_usage / 1e6


def _build_lance(place: str, kind: str, partitions: int, options: dict[str, int]) -> None:
    """Runs in a process of its own, which can be stopped."""
    import lance

    lance.dataset(place).create_index("v", kind, metric="cosine", num_partitions=partitions, **options)


def _lance(kind: str) -> Callable[[Store, NDArray[np.float16], float], tuple[Search, float] | None]:
    def make(store: Store, vectors: NDArray[np.float16], patience: float) -> tuple[Search, float] | None:
        import lance
        import pyarrow as pa

        place = Path(store.location) / f"peer-{kind}.lance"
        width = vectors.shape[1]
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), width)
        table = lance.write_dataset(pa.table({"v": column, "n": np.arange(len(vectors))}), place)
        plain = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
        options = {"num_sub_vectors": width // 16} if kind == "IVF_PQ" else {}
        partitions = max(1, len(vectors) // 1000)
        building = multiprocessing.get_context("spawn").Process(
            target=_build_lance, args=(str(place), kind, partitions, options)
        )
        building.start()
        building.join(patience)
        if building.is_alive():
            building.kill()
            return None
        table = lance.dataset(place)
        size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) - plain

        def search(vector: Floats) -> list[int]:
            asked = {"column": "v", "q": vector.astype(np.float16), "k": 10, "nprobes": 20, "refine_factor": 20}
            return table.to_table(columns=["n"], nearest=asked).column("n").to_pylist()

        return search, size / 1e6

    return make


PEERS: dict[str, Callable[[Store, NDArray[np.float16], float], tuple[Search, float] | None]] = {
    "faiss flat": _flat,
    "faiss RaBitQ fast scan + refine": _rabitq,
    "faiss HNSW": _hnsw,
    "usearch": _usearch,
    "Lance IVF_PQ (as in 0.1)": _lance("IVF_PQ"),
    "Lance IVF_RQ": _lance("IVF_RQ"),
}
LARGE = ("faiss flat", "faiss RaBitQ fast scan + refine", "Lance IVF_PQ (as in 0.1)")
"""Those that are tried with more than 200,000 vectors too."""


def main() -> None:
    """Measure at some sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--patience", type=float, default=900, help="seconds for the making of one peer")
    options = parser.parse_args()
    if options.data is None:
        parser.error("give --data DATA or set VISUS_DATA")
    faiss.omp_set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        every = described(options.data, Path(folder))
        held_out = np.random.default_rng(1).permutation(len(every))[:_QUERIES]
        base = np.delete(every, held_out, axis=0)
        for rows in options.rows:
            work = Path(folder) / str(rows)
            store, build = ours(work, grown(base, rows))
            measure(store, build, every[held_out], options.patience)


if __name__ == "__main__":
    main()
