"""Pictures of concurrent requests are described together."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from visus.search.describe import Embedder
from visus.server.batching import Batching


def test_many_threads_get_the_vectors_that_each_would_get_alone() -> None:
    before = set(threading.enumerate())  # a server of another test may stand in this process
    embedder = Embedder(streams=2)
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 255, (40 + k, 50, 3), dtype=np.uint8) for k in range(24)]
    expected = np.concatenate([embedder([picture]) for picture in pictures])
    batching = Batching(embedder)
    try:
        with ThreadPoolExecutor(12) as pool:
            found = np.concatenate(list(pool.map(lambda p: batching([p]), pictures)))
        np.testing.assert_allclose(found, expected, atol=2e-3)
        assert batching.pictures == 24
        assert batching.batches < 24  # while a batch is described, others gather
        np.testing.assert_allclose(batching(pictures[:3]), expected[:3], atol=2e-3)
    finally:
        batching.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("describes") and t not in before]


def test_whoever_waits_is_told_of_an_error() -> None:
    class Broken:
        least_side = 8

        def runner(self) -> "Broken":
            return self

        def prepare(self, picture: np.ndarray) -> np.ndarray:
            return picture

        def vectors(self, _: np.ndarray) -> np.ndarray:
            raise RuntimeError("it broke")

    batching = Batching(Broken())  # pyright: ignore[reportArgumentType]
    with pytest.raises(RuntimeError, match="it broke"):
        batching([np.zeros((2, 2, 3), np.uint8)])
    batching.close()
