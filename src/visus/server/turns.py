"""What becomes of the work for a request that was given up, and places for work that takes many cores.

A thread cannot be ended, but one that nobody waits for begins nothing more.
"""

import contextlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar

from visus._errors import VisusError

GIVEN_UP: ContextVar[threading.Event | None] = ContextVar("GIVEN_UP", default=None)
"""Set when nobody waits any more for the answer to the request that is worked on here; None outside of a request."""

LOOK = 0.2
"""Seconds after which whoever waits looks whether somebody still wants the answer."""


class GivenUp(Exception):
    """Nobody waits for this answer."""


class Busy(VisusError):
    """There is no room for this work now.

    Args:
        sentence: Says so.
        seconds: After which it is worth asking again.
    """

    def __init__(self, sentence: str, *, seconds: int) -> None:
        super().__init__(sentence)
        self.seconds = seconds


def go_on(*_: object) -> None:
    """Go on, unless the request has been given up.

    Raises:
        GivenUp: Nobody waits for the answer.
    """
    given_up = GIVEN_UP.get()
    if given_up and given_up.is_set():
        raise GivenUp


class Places:
    """Places of work that takes many cores, and a short line before them.

    Args:
        count: How many are worked on at the same time.
        line: How many may wait; one more is told to come again.

    Attributes:
        working: Who has a place.
        waiting: Who stands in the line.
    """

    def __init__(self, count: int, line: int) -> None:
        self._count, self._line = count, line
        self._changed = threading.Condition()
        self.working = 0
        self.waiting = 0

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a place, and hold it.

        Raises:
            Busy: The line is full.
            GivenUp: Nobody waits for the answer any more.
        """
        go_on()
        with self._changed:
            if self.working >= self._count and self.waiting >= self._line:
                raise Busy(f"{self.waiting} requests wait for this kind of work; come again in a moment.", seconds=5)
            self.waiting += 1
            try:
                while self.working >= self._count:
                    self._changed.wait(LOOK)
                    go_on()
                self.working += 1
            finally:
                self.waiting -= 1
        try:
            yield
        finally:
            with self._changed:
                self.working -= 1
                self._changed.notify()
