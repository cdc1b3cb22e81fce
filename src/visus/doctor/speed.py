"""How fast this machine decodes, describes and compares, in a few seconds.

python -m visus.doctor.speed 10
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus.doctor.findings import Speed
from visus.images import resize
from visus.images.decode import decode
from visus.images.io import encode_jpeg
from visus.search import codes
from visus.search.demo import photographs
from visus.search.describe import Embedder

_WIDTH, _HEIGHT = 4000, 3000  # of a photograph of 12 megapixels
_ROWS = 100_000  # pictures that are compared
_MADE = 4096  # vectors that are made up; their codes are repeated
_KEEP = 400  # rows that codes find, for a second look


def speed(seconds: float) -> Speed:
    """Measure, with all cores that this process may use.

    Args:
        seconds: For all of it, beside what it takes to get ready.
    """
    pictures = [decode(path.read_bytes()).pixels for path in photographs().values()]
    embedder = Embedder(streams=cores())
    files = [encode_jpeg(resize(picture, _HEIGHT, _WIDTH), quality=90) for picture in pictures[:4]]
    many = files * cores()
    decoding = _rate(lambda: _decoded(many, embedder.least_side), len(many), seconds / 3)
    runners = [embedder.runner() for _ in range(cores())]
    shares = [pictures[k :: cores()] for k in range(cores())]

    def described(own: tuple[int, list[NDArray[np.uint8]]]) -> None:
        for picture in own[1]:
            runners[own[0]].vectors(embedder.prepare(picture)[None])

    def describe() -> None:
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(described, enumerate(shares)))

    describing = _rate(describe, len(pictures), seconds / 3)
    return Speed(embedder.runtime.name, decoding, describing, _comparing(seconds / 3))


def _decoded(files: list[bytes], side: int) -> None:
    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(lambda data: decode(data, min_side=side), files))


def _rate(work: Callable[[], None], count: int, seconds: float) -> float:
    """So many a second, in the median of rounds; one round comes before that is not counted."""
    work()
    took, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or not took:
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return count / statistics.median(took)


def _comparing(seconds: float) -> float:
    """Milliseconds of a query, the median."""
    random = np.random.default_rng(0)
    vectors = random.standard_normal((_MADE, 1280), np.float32)
    made = codes.encode(vectors)
    times = -(-_ROWS // _MADE)
    many = codes.Codes(_ROWS, np.tile(made.factors, times), np.tile(made.codes, (times, 1, 1)))
    query = random.standard_normal(1280, np.float32)

    def compare() -> None:
        many.nearest(codes.question(query), _KEEP)

    return 1000 / _rate(compare, 1, seconds)


if __name__ == "__main__":
    print(json.dumps(asdict(speed(float(sys.argv[1])))))
