"""Ctrl-C that waits for a safe place."""

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from visus.search.stopping import stoppable


@pytest.fixture(autouse=True)
def _usual() -> Iterator[None]:
    """What Python does of itself, whatever runs the tests has made of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def _work(*steps: Callable[[], None]) -> int:
    """How many steps were made until Ctrl-C ended the work."""
    made = 0
    try:
        with stoppable() as may_stop:
            for step in steps:
                step()
                if step is _rest:
                    may_stop()
                made += 1
    except KeyboardInterrupt:
        return made
    raise AssertionError("it was not stopped")


def _rest() -> None:
    """A step after which the work may stop."""


def _free() -> None:
    class Freed:
        def __del__(self) -> None:
            _press()

    Freed()


def test_a_first_ctrl_c_waits_until_the_work_asks() -> None:
    assert _work(_press, lambda: None, _rest, lambda: None) == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_one_that_the_end_of_an_object_would_have_swallowed_is_kept() -> None:
    assert _work(_free, _rest) == 1


def test_one_that_comes_after_the_last_place_to_stop_is_heard_at_the_end() -> None:
    assert _work(_rest, _press) == 2


def test_a_second_stops_at_once() -> None:
    assert _work(_press, lambda: None, _press, lambda: None) == 2


def test_nothing_happens_in_other_threads_and_where_the_signal_has_a_handler() -> None:
    seen: list[int] = []

    def work(may: Callable[[], None]) -> None:
        may()

    def elsewhere() -> None:
        with stoppable() as may_stop:
            work(may_stop)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()

    own = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        with stoppable() as may_stop:
            _press()
            may_stop()
    finally:
        signal.signal(signal.SIGINT, own)
    assert seen == [1]
