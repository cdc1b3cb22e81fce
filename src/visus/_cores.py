"""How many processor cores there are for us."""

import os


def cores() -> int:
    """Processor cores that this process may use: those it is bound to, where the system can tell."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
