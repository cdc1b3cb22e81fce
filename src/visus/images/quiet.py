"""Libraries that write to the terminal what they find odd in a file, which is no business of it, made silent."""

import logging
import re
import warnings
from typing import Any

_SILENT = logging.NullHandler()  # one: each that is added stays
_ODD = ("ignore", None, UserWarning, re.compile(r"PIL\."), 0)


def tifffile() -> Any:  # noqa: ANN401 - without types
    """The module tifffile, silent from now on."""
    logging.getLogger("tifffile").addHandler(_SILENT)
    import tifffile as module

    return module


def without_warnings() -> None:
    """Pillow is silent from now on about EXIF that is odd."""
    if _ODD not in warnings.filters:  # programs, and tests, take their own
        warnings.filterwarnings("ignore", category=UserWarning, module=_ODD[3].pattern)
