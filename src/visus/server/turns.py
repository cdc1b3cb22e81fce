"""What becomes of the work for a request that was given up: its thread cannot be ended, but begins nothing more."""

import contextlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar

GIVEN_UP: ContextVar[threading.Event | None] = ContextVar("GIVEN_UP", default=None)
"""Set when nobody waits any more for the answer to the request that is worked on here; None outside of a request."""

_LOOK = 0.2  # seconds


class GivenUp(Exception):
    """Nobody waits for this answer."""


def go_on(*_: object) -> None:
    """Go on, unless the request has been given up.

    Raises:
        GivenUp: Nobody waits for the answer.
    """
    given_up = GIVEN_UP.get()
    if given_up and given_up.is_set():
        raise GivenUp


@contextlib.contextmanager
def turn(places: threading.Semaphore) -> Iterator[None]:
    """Wait for one of the places of work that takes many cores.

    Raises:
        GivenUp: Nobody waits for the answer any more.
    """
    go_on()
    while not places.acquire(timeout=_LOOK):
        go_on()
    try:
        yield
    finally:
        places.release()
