"""Imports of optional packages, at use."""

import importlib
from types import ModuleType

from visus._errors import DependencyError


def require(module: str, *, install: str) -> ModuleType:
    """Import an optional package, or say how to install it.

    Args:
        module: Name of the module, for example ``"pandas"``.
        install: What pip should install, for example ``"pandas"`` or ``"visus[ray]"``.

    Returns:
        The imported module.

    Raises:
        DependencyError: The package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        message = f"This needs the package {error.name}, which is not installed; say: pip install '{install}'"
        raise DependencyError(message) from error
