"""Search by words: what it finds, when it finds nothing, how pictures and words mix, and how long it takes.

python -m benchmarks.words --data DATA [--index PLACE] [--noted 1000000] [--rows 100000 1000000]

Indexes ``imagenet_sample``, ``corel1k`` and ``flowers5`` of DATA (or takes the index of an earlier run), and prints

* P@20 on corel1k for eight words, by each way to score a row;
* how often the picture of a class is first for the class's name, among all pictures;
* for words whose classes were held out, how often something is found all the same, and how often where they are there;
* for composites of two pictures of corel1k side by side, P@10 of a picture and a word, and of two words;
* how often something is found by chance under the law of open words, with classes in place of sentences;
* with ``--noted``, the time in which the best classes of so many rows tell which are likely;
* with ``--rows``, the time of words among so many vectors, and recall@10 beside the order of all rows.
"""

import argparse
import functools
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from benchmarks.vectors import table_of
from numpy.typing import NDArray

from visus import Index, read
from visus.search.describe import Embedder, unit
from visus.search.fitting import refresh_space
from visus.search.queries import Joined, Named, Query, soft_least, spreads_of
from visus.search.rows import to_numpy
from visus.search.store import Store
from visus.search.words.best import MOST, BestClasses
from visus.search.words.chance import RATE, least
from visus.search.words.layer import Layer
from visus.search.words.sentences import gumbel

Floats = NDArray[np.float32]

WORDS = {
    "buses": "buses", "elephants": "elephants", "dinosaurs": "dinosaurs", "mountains": "mountains", "beach": "beach",
    "food": "food", "horses": "horses", "flowers": "flowers",
}  # fmt: skip
"""Words, and the folder of corel1k with what they name."""
SETS = ("imagenet_sample/images", "corel1k", "flowers5")
_COUNTS = (50, 100, 300, 900)  # pictures among which a word is looked for
_PART = 100_000  # vectors that are made at once,
_NOISE = 4096  # and so many different noises
_PAIRS = 10  # composites of each pair of folders
_LIKELY = 100  # rows that are told to be likely
_TIMED = ("tench", "lemon", "beach", "bird", "dog", "animal")
_MIXED = ("dog + beach", "elephants + food", "horses + flowers", "buses + mountains")


class Pictures:
    """The vectors of an index, with what their paths say.

    Args:
        index: Of the data sets.
    """

    def __init__(self, index: Index) -> None:
        table = index.table(["path", "embedding"])
        self.paths = table.column("path").to_pylist()
        self.vectors = unit(to_numpy(table.column("embedding")))
        self.folders = np.array([path.split("/")[-2] if "/corel1k/" in path else "" for path in self.paths])
        self.classes = np.array([int(Path(p).name[:3]) if "imagenet_sample" in p else -1 for p in self.paths])
        self.layer: Layer = index.layer()
        self.space = index._opened().space
        self.logits = self.layer.logits(self.vectors)
        self.compared = self.space(self.vectors)

    def kinds(self, words: str) -> tuple[int, ...]:
        """The classes of a word."""
        return self.layer.vocabulary.read(words).words[0].kinds


Score = Callable[["Pictures", Sequence[int]], Floats]
"""What scores all pictures for some classes."""


def _probability(own: "Pictures", kinds: Sequence[int]) -> Floats:
    return _log_sum(own.logits, kinds) - _log_sum(own.logits, np.setdiff1d(np.arange(own.logits.shape[1]), kinds))


def _cosine(own: "Pictures", kinds: Sequence[int]) -> Floats:
    return own.compared @ _turned(own, kinds)


WAYS: dict[str, Score] = {
    "probability": _probability,
    "logit": lambda own, kinds: _log_sum(own.logits, kinds),
    "logit less the mean": lambda own, kinds: _log_sum(own.logits, kinds) - own.logits.mean(axis=1),
    "cosine around the mean": _cosine,
}


def _log_sum(logits: Floats, kinds: Sequence[int] | NDArray[np.integer]) -> Floats:
    some = logits[:, list(kinds)].astype(np.float64)
    most = some.max(axis=1)
    return most + np.log(np.exp(some - most[:, None]).sum(axis=1))


def _turned(own: "Pictures", kinds: Sequence[int]) -> Floats:
    direction = own.layer.direction(kinds)
    return unit(direction if own.space.projection is None else direction @ own.space.projection)


def found(own: Pictures) -> None:
    """P@20 on corel1k, and how often the right picture is first for the name of a class."""
    corel = np.flatnonzero(own.folders != "")
    print(f"P@20 among the {len(corel):,} pictures of corel1k")
    print(f"{'':24}" + "".join(f"{word:>11}" for word in WORDS) + f"{'mean':>8}{'right first':>13}")
    for name, way in WAYS.items():
        shares = []
        for word, folder in WORDS.items():
            scores = way(own, own.kinds(word))[corel]
            shares.append(float(np.mean(own.folders[corel][np.argsort(-scores, kind="stable")[:20]] == folder)))
        first = [
            own.classes[int(np.argmax(_of_each(own, name)[:, kind]))] == kind for kind in range(len(own.layer.bias))
        ]
        cells = "".join(f"{share:11.2f}" for share in shares)
        print(f"{name:24}{cells}{np.mean(shares):8.3f}{np.mean(first):13.3f}", flush=True)


@functools.cache
def _of_each(own: Pictures, way: str) -> Floats:
    """Scores of all pictures for each class alone; the same as :data:`WAYS`, all at once."""
    if way == "probability":
        values = np.exp(own.logits - own.logits.max(axis=1, keepdims=True)).astype(np.float64)
        return values / values.sum(axis=1, keepdims=True)
    if way == "cosine around the mean":
        return own.compared @ np.stack([_turned(own, [kind]) for kind in range(len(own.layer.bias))]).T
    return own.logits - (own.logits.mean(axis=1, keepdims=True) if "less" in way else 0)


def nothing(own: Pictures) -> None:
    """How often something is found for a word that no picture shows, and for one that a picture shows."""
    sample = np.flatnonzero(own.classes >= 0)
    chances, labels = own.layer.probabilities(own.vectors[sample]).astype(np.float64), own.classes[sample]
    words = sorted(set(own.layer.vocabulary.names.values()))
    sizes = [(1, 1), (2, 3), (4, 7), (8, 15), (16, 31), (32, 400)]
    print(
        f"\nfalse alarms for words of held-out classes (wanted: {RATE:g}), by the number of pictures of other classes"
    )
    print(f"{'kinds':>10}{'words':>7}" + "".join(f"{count:>9,}" for count in _COUNTS) + f"{'found where it is':>19}")
    for low, high in sizes:
        own_words = [kinds for kinds in words if low <= len(kinds) <= high]
        alarms = [_alarms(chances, labels, own_words, count) for count in _COUNTS]
        there = [_is_found(chances, labels, kinds) for kinds in own_words]
        cells = "".join(f"{share:9.3f}" for share in alarms)
        print(f"{f'{low} to {high}':>10}{len(own_words):7}{cells}{np.mean(there):19.3f}", flush=True)


def _alarms(
    chances: NDArray[np.float64], labels: NDArray[np.int64], words: Sequence[tuple[int, ...]], count: int
) -> float:
    """The share of words for which something is found among so many pictures of other classes, drawn three times."""
    random, alarms = np.random.default_rng(0), []
    for kinds in words:
        score = chances[:, list(kinds)].sum(axis=1)
        others = np.flatnonzero(~np.isin(labels, kinds))
        for _ in range(3):
            some = random.choice(others, min(count, len(others)), replace=False)
            alarms.append(bool(score[some].max() >= least(len(some), len(kinds))))
    return float(np.mean(alarms))


def _is_found(chances: NDArray[np.float64], labels: NDArray[np.int64], kinds: tuple[int, ...]) -> bool:
    """Whether something is found among all pictures, some of which show the word."""
    return bool(chances[:, list(kinds)].sum(axis=1).max() >= least(len(labels), len(kinds)))


def open_words(own: Pictures) -> None:
    """False alarms under the law by which open words judge, with the directions of classes in place of sentences."""
    weight, random = own.layer.weight, np.random.default_rng(0)
    names = np.arange(0, len(weight), 4)
    held = np.setdiff1d(np.arange(len(weight)), names)
    directions = unit(weight - weight[names].mean(axis=0))
    moved = directions if own.space.projection is None else unit(directions @ own.space.projection)
    sets = {"imagenet_sample": own.classes >= 0, "corel1k": own.folders != ""}
    sets["flowers5"] = np.array(["/flowers5/" in path for path in own.paths])
    print(f"\nfalse alarms of open words (wanted: {RATE:g}): 250 classes tell what comes by chance, 750 are asked")
    print(f"{'':16}" + "".join(f"{count:>9,}" for count in _COUNTS))
    for name, members in sets.items():
        shares = []
        for count in _COUNTS:
            some = random.choice(np.flatnonzero(members), count, replace=False)
            scores = own.compared[some] @ moved.T
            place, width = gumbel(scores[:, names])
            certain = place - width * np.log(-np.log1p(-RATE))
            least_score = scores.mean(axis=0) + scores.std(axis=0) * certain
            others = own.classes[some][:, None] != held
            shares.append(float((np.where(others, scores[:, held], -1).max(axis=0) > least_score[held]).mean()))
        print(f"{name:16}" + "".join(f"{share:9.3f}" for share in shares), flush=True)


def mixed(own: Pictures, data: Path) -> None:
    """P@10 for composites: the left half of a picture of one folder beside the right half of one of another.

    The pictures of corel1k lie among them: many have much of one and nothing of the other.
    """
    folders = list(WORDS.values())
    composites, pairs = _composites(data, folders)
    vectors = np.concatenate([Embedder()(composites[k : k + 32]) for k in range(0, len(composites), 32)])
    corel = own.compared[own.folders != ""]
    compared = np.concatenate([own.space(vectors), corel])
    words = {folder: _turned(own, own.kinds(word)) for word, folder in WORDS.items()}
    asking = {f: own.space(own.vectors[np.flatnonzero(own.folders == f)[-5:]]) for f in folders}
    print(f"\nP@{_PAIRS} for {len(composites)} composites of two pictures of corel1k, among all of its {len(corel):,}")
    print(f"{'':20}{'picture + word':>25}{'word + word':>25}{'':>12}")
    print(f"{'weight of the word':>20}{'soft minimum':>16}{'sum':>9}{'soft minimum':>16}{'sum':>9}{'word alone':>12}")
    for weight in (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0):
        both, two, alone = [], [], []
        for first, second in itertools.permutations(folders, 2):
            truth = np.array([{first, second} == set(pair) for pair in pairs] + [False] * len(corel))
            for picture in asking[first]:
                both.append(_joined(own, compared, np.stack([picture, words[second]]), weight, truth))
            two.append(_joined(own, compared, np.stack([words[first], words[second]]), weight, truth))
            alone.append(_precision(compared @ words[second], truth))
        (soft, added), (soft_words, added_words) = np.mean(both, axis=0), np.mean(two, axis=0)
        cells = f"{soft:16.3f}{added:9.3f}{soft_words:16.3f}{added_words:9.3f}{np.mean(alone):12.3f}"
        print(f"{weight:20.2f}{cells}", flush=True)


def _joined(
    own: Pictures, compared: Floats, parts: Floats, weight: float, truth: NDArray[np.bool_]
) -> tuple[float, float]:
    """Precision by the soft minimum of the cosines with two parts, and by that with their sum."""
    weights = np.array([1, weight], np.float32) / (1 + weight)
    soft = soft_least(compared @ parts.T, weights, spreads_of(parts, own.compared))
    return _precision(soft, truth), _precision(compared @ (parts[0] + weight * parts[1]), truth)


def _composites(data: Path, folders: Sequence[str]) -> tuple[list[NDArray[np.uint8]], list[tuple[str, str]]]:
    made, pairs = [], []
    for first, second in itertools.combinations(folders, 2):
        files = [sorted((data / "corel1k" / own).glob("*.jpg"))[:_PAIRS] for own in (first, second)]
        for left, right in zip(*files, strict=True):
            halves = [read(own) for own in (left, right)]
            height = min(half.shape[0] for half in halves)
            parts = [half[:height, : half.shape[1] // 2] for half in halves]
            made.append(np.concatenate(parts, axis=1))
            pairs.append((first, second))
    return made, pairs


def _precision(scores: NDArray[np.floating], truth: NDArray[np.bool_]) -> float:
    return float(truth[np.argsort(-scores, kind="stable")[:_PAIRS]].mean())


def many(base: Floats, rows: int) -> Iterator[Floats]:
    """Vectors in parts: the first are those that there are, the others lie between two of them, with noise."""
    random = np.random.default_rng(0)
    noise = 0.3 / np.sqrt(base.shape[1]) * random.standard_normal((_NOISE, base.shape[1]), np.float32)
    near = np.concatenate([np.argsort(-(base[k : k + 500] @ base.T), axis=1)[:, 1:6] for k in range(0, len(base), 500)])
    yield base[:rows]
    for first in range(len(base), rows, _PART):
        count = min(_PART, rows - first)
        one = random.integers(0, len(base), count)
        share = random.random((count, 1), np.float32)
        mixed = share * base[one] + (1 - share) * base[near[one, random.integers(0, 5, count)]]
        mixed += noise[random.integers(0, _NOISE, count)]
        yield unit(mixed)


def indexed(work: Path, parts: Iterator[Floats]) -> Store:
    """An index of vectors, with their codes and best classes."""
    store, first = Store.create(work / "index.visus", Embedder().about(), "float16"), 0
    for part in parts:
        store.append(table_of(store, first, part))
        first += len(part)
    refresh_space(store, 0)
    return store


def timed(own: Pictures, rows: int) -> None:
    """The time of words among many vectors, and what they find beside the order of all rows."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("VISUS_WORK")) as work:
        began = time.process_time()
        store = indexed(Path(work), many(own.vectors, rows))
        print(
            f"\nan index of {rows:,} vectors, made in {time.process_time() - began:.0f} s of processor time", flush=True
        )
        segments = store.segments("embedding")
        print(f"\nwords among {rows:,} vectors")
        print(f"{'':20}{'kinds':>7}{'ms':>9}{'processor ms':>14}{'recall@10':>11}")
        for word in (*_TIMED, *_MIXED):
            query, kinds = _asked(own, store, word)
            wall, processor = [], []
            for _ in range(12):
                began, worked = time.perf_counter(), time.process_time()
                segments.nearest(query, 10)
                wall.append(1000 * (time.perf_counter() - began))
                processor.append(1000 * (time.process_time() - worked))
            answer = segments.nearest(query, 10)
            truth = segments.nearest(query, 10, exact=True)
            recall = np.mean(answer.scores >= truth.scores[-1] - 1e-6)
            spent = f"{statistics.median(wall):9.1f}{statistics.median(processor):14.1f}"
            print(f"{word:20}{kinds:7}{spent}{recall:11.2f}", flush=True)


def _asked(own: Pictures, store: Store, words: str) -> tuple[Query, int]:
    """The query of a word, or of several that are all wanted, and how many kinds they mean."""
    kinds = [own.kinds(word) for word in words.split(" + ")]
    plain = np.stack([own.layer.direction(each) for each in kinds])
    if len(kinds) == 1:
        return Named(plain[0], plain[0], own.layer, kinds[0]), len(kinds[0])
    moved = plain if store.space.projection is None else unit(plain @ store.space.projection)
    weights = np.full(len(kinds), 1 / len(kinds), np.float32)
    spreads = spreads_of(moved, store.segments("embedding").sample)
    return Joined(unit(plain.sum(axis=0)), unit(moved.sum(axis=0)), moved, weights, spreads), sum(map(len, kinds))


def noted(own: Pictures, rows: int) -> None:
    """The time in which the best classes of many rows, drawn from those of pictures, tell which are likely."""
    chances = own.layer.probabilities(own.vectors)
    best = np.argpartition(-chances, MOST - 1, axis=1)[:, :MOST].astype(np.uint16)
    drawn = np.random.default_rng(0).integers(0, len(best), rows)
    classes = best[drawn].ravel()
    order = np.argsort(classes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(classes, minlength=len(own.layer.bias)))]).astype(np.int64)
    places = (order // MOST).astype(np.uint32)
    made = BestClasses(rows, starts, places, np.take_along_axis(chances, best, axis=1)[drawn].ravel()[order])
    print(f"\nwhich of {rows:,} rows are likely, by their best classes")
    print(f"{'':12}{'kinds':>7}{'ms':>9}{'processor ms':>14}")
    for word in _TIMED:
        kinds = own.kinds(word)
        wall, processor = [], []
        for _ in range(12):
            began, worked = time.perf_counter(), time.process_time()
            values = made.of_kinds(kinds)
            near = np.flatnonzero(values > 0)
            if len(near) > _LIKELY:
                near[np.argpartition(-values[near], _LIKELY)[:_LIKELY]]
            wall.append(1000 * (time.perf_counter() - began))
            processor.append(1000 * (time.process_time() - worked))
        print(f"{word:12}{len(kinds):7}{statistics.median(wall):9.1f}{statistics.median(processor):14.1f}", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    parser.add_argument("--index", type=Path, help="Of an earlier run; made where it is missing.")
    parser.add_argument("--rows", type=int, nargs="*", default=[])
    parser.add_argument("--noted", type=int, nargs="*", default=[])
    said = parser.parse_args()
    if said.data is None:
        parser.error("give --data DATA or set VISUS_DATA")
    with tempfile.TemporaryDirectory() as work:
        index = Index(said.index or Path(work) / "words.visus")
        index.add(*(said.data.resolve() / own for own in SETS))
        own = Pictures(index)
        found(own)
        nothing(own)
        open_words(own)
        mixed(own, said.data.resolve())
        for rows in said.noted:
            noted(own, rows)
        for rows in said.rows:
            timed(own, rows)


if __name__ == "__main__":
    main()
