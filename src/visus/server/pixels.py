"""One budget of pixels for all pictures that are decoded at the same time.

A few kilobytes can hold fifty million pixels, and each takes up to 16 bytes while it is decoded. So what the header of
a file announces is reserved before anything is decoded, and who finds no room waits, a short while.
"""

import contextlib
import threading
import time
from collections.abc import Iterator

from visus._memory import give_back_all
from visus.server.turns import LOOK, Busy, go_on

_LARGE = 8  # a picture is large from this part of the budget on
_LINE = 8  # large pictures that may wait
_PATIENCE = 10.0  # seconds of waiting
_SOON = 1.0  # seconds after which what was reserved is free
_TRIMMED = 25_000_000  # pixels after which free memory goes back to the system


class Budget:
    """Pixels that may be decoded at the same time; one half for large pictures, so that small ones need not wait.

    Args:
        pixels: How many in all; no picture may have more than half of it.

    Attributes:
        peak: Most pixels that were reserved at the same time.
        refused: How often there was no room.
    """

    def __init__(self, pixels: int) -> None:
        self.pixels = pixels
        self.peak = 0
        self.refused = 0
        self._changed = threading.Condition()
        self._reserved = {"small": 0, "large": 0}
        self._waiting = {"small": 0, "large": 0}
        self._untrimmed = 0

    @property
    def reserved(self) -> int:
        """Pixels that are reserved now."""
        return sum(self._reserved.values())

    @property
    def waiting(self) -> int:
        """Who waits for room."""
        return sum(self._waiting.values())

    @contextlib.contextmanager
    def reserve(self, pixels: int) -> Iterator[None]:
        """Wait for room, and hold it.

        Args:
            pixels: How many; of several pictures together.

        Raises:
            Busy: There was no room for a while, or too many large pictures wait.
            GivenUp: Nobody waits for the answer any more.
        """
        kind = "large" if pixels > self.pixels // _LARGE else "small"
        self._enter(kind, pixels)
        try:
            yield
        finally:
            self._leave(kind, pixels)

    def _enter(self, kind: str, pixels: int) -> None:
        end = time.monotonic() + _PATIENCE
        with self._changed:
            if kind == "large" and self._waiting[kind] >= _LINE:
                self._refuse()
            self._waiting[kind] += 1
            try:
                while self._reserved[kind] + pixels > self.pixels // 2:
                    go_on()
                    if time.monotonic() > end:
                        self._refuse()
                    self._changed.wait(LOOK)
            finally:
                self._waiting[kind] -= 1
            self._reserved[kind] += pixels
            self.peak = max(self.peak, self.reserved)

    def _refuse(self) -> None:
        self.refused += 1
        raise Busy("Too many large pictures are being worked on; come again in a moment.", seconds=5)

    def _leave(self, kind: str, pixels: int) -> None:
        with self._changed:
            self._reserved[kind] -= pixels
            self._changed.notify_all()
            self._untrimmed += pixels
            if self._untrimmed >= _TRIMMED:
                self._untrimmed = 0
                soon = threading.Timer(_SOON, give_back_all)  # whoever leaves still holds the picture
                soon.daemon = True
                soon.start()
