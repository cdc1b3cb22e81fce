"""Ctrl-C that waits for a safe place."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def stoppable() -> Iterator[Callable[[], None]]:
    """Let a first Ctrl-C wait until the work inside the block asks for it, or has ended; a second one stops at once.

    An interrupt that is raised wherever the interpreter happens to be can be lost: what a library calls back, or what
    runs as an object is freed, prints it and goes on.

    Yields:
        What the work calls where it may stop; it raises KeyboardInterrupt if Ctrl-C was pressed. Outside of the main
        thread, and where somebody else handles the signal, it does nothing.
    """
    pressed = threading.Event()

    def check() -> None:
        if pressed.is_set():
            raise KeyboardInterrupt

    def note(_number: int, _frame: FrameType | None) -> None:
        check()
        pressed.set()

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield check
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    check()
