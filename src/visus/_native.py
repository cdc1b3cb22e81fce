"""The compiled parts of visus: C libraries beside the modules that call them."""

import ctypes
import sys
from pathlib import Path

from visus._errors import DependencyError

_SUFFIX = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")


def library(folder: Path, name: str) -> ctypes.CDLL:
    """Load a library that was compiled as visus was installed.

    Raises:
        DependencyError: It is missing, or made for another machine.
    """
    place = folder / f"{name}{_SUFFIX}"
    try:
        return ctypes.CDLL(str(place))
    except OSError as error:
        raise DependencyError(
            f"The compiled part of visus is missing or does not fit this machine ({place}); install visus again: "
            "pip install --force-reinstall --no-deps visus"
        ) from error
