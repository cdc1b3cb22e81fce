"""What nibabel mends of headers as it reads them, such as a spacing of 0: said with the file, not in its own line."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_log = logging.getLogger("visus.data")


@contextmanager
def heard() -> Iterator[list[str]]:
    """What nibabel mends within, which it would print, as a list for who says it; the outermost one hears all."""
    from nibabel.imageglobals import logger

    mended: list[str] = []

    def hear(record: logging.LogRecord) -> bool:
        mended.append(record.getMessage())
        return False

    logger.addFilter(hear)
    try:
        yield mended
    finally:
        logger.removeFilter(hear)


def said_of_header(name: str, mended: list[str]) -> list[str]:
    """One sentence on a header that was mended; none if nothing was.

    >>> said_of_header("a.nii", ["pixdim should be positive; setting to absolute value"])
    ['a.nii has a header that was mended as it was read: pixdim should be positive; setting to absolute value.']
    """
    return [f"{name} has a header that was mended as it was read: {'; '.join(mended)}."] if mended else []


@cache
def warn_once(sentence: str) -> None:
    """Log a sentence, the first time that a process says it."""
    _log.warning(sentence)
