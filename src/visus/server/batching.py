"""Describe the pictures of concurrent requests together.

Requests wait in one line. As many threads as there are cores take from it, each all that waits up to a batch, so that
batches are as large as the load is high, and a lone request waits for nobody.
"""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus.search.describe import Embedder, Floats, Pixels, unit

_BATCH = 16


class Batching:
    """An embedder that many threads may call at the same time.

    Args:
        embedder: What describes pictures; made with ``streams=cores()``.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._line: queue.SimpleQueue[tuple[Pixels, Future[Floats]] | None] = queue.SimpleQueue()
        self.batches = 0
        self.pictures = 0
        self._threads = [
            threading.Thread(target=self._work, args=(embedder.runner(),), name=f"describes-{k}", daemon=True)
            for k in range(cores())
        ]
        for thread in self._threads:
            thread.start()

    @property
    def least_side(self) -> int:
        """How many pixels both sides of a decoded JPEG must have at least."""
        return self._embedder.least_side

    def __call__(self, pictures: Sequence[Pixels]) -> Floats:
        """Describe pictures of any size: ``(N, D)`` float32, each row of length 1; waits for the answer."""
        waiting = []
        for picture in pictures:
            future: Future[Floats] = Future()
            self._line.put((self._embedder.prepare(picture), future))
            waiting.append(future)
        return unit(np.stack([future.result() for future in waiting]))

    def maps(self, picture: Pixels) -> Floats:
        """The feature map of one picture; see :meth:`visus.search.describe.Embedder.maps`.

        Args:
            picture: ``(H, W, 3)`` uint8.

        Returns:
            ``(h, w, D)`` float32.

        Raises:
            InputError: The network does not pool by average.
        """
        return self._embedder.maps(picture)

    def close(self) -> None:
        """End the threads, once the line is empty."""
        for _ in self._threads:
            self._line.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, runner: object) -> None:
        while True:
            first = self._line.get()
            if first is None:
                return
            batch, last = [first], False
            while len(batch) < _BATCH:
                try:
                    item = self._line.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    last = True
                    break
                batch.append(item)
            self._describe(runner, batch)
            if last:
                return

    def _describe(self, runner: object, batch: list[tuple[Pixels, "Future[Floats]"]]) -> None:
        try:
            vectors: NDArray[np.float32] = runner.vectors(np.stack([own for own, _ in batch]))  # pyright: ignore
        except Exception as error:
            for _, future in batch:
                future.set_exception(error)
            return
        self.batches += 1
        self.pictures += len(batch)
        for (_, future), vector in zip(batch, vectors, strict=True):
            future.set_result(vector)
