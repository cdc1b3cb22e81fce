"""Memory that is free, given back to the system."""

import ctypes
import gc
import os


def give_back() -> None:
    """Hand memory that was freed back to the system, where the C library (glibc) keeps it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)


def give_back_all() -> None:
    """The same, once Python has looked for objects that only know each other (a tenth of a second).

    A hit knows its answer and the answer its hits, a trainer its network and the network its trainer.
    """
    gc.collect()
    give_back()
