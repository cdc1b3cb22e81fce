"""Packages that not every installation has: imported at use, or one sentence that says how to install them.

``pip install visus`` brings what search needs. Networks, training and explanation come with ``visus[train]``, the web
server with ``visus[serve]``, and so on: see ``[project.optional-dependencies]`` in pyproject.toml.
"""

import importlib
import importlib.util
from types import ModuleType

from visus._errors import DependencyError

INSTALL: dict[str, str] = {
    "fastapi": "visus[serve]",
    "httpx": "visus[client]",
    "imagecodecs": "visus[codecs]",
    "mcp": "visus[mcp]",
    "mlflow": "visus[mlflow]",
    "open_clip": "visus[words]",
    "openvino": "visus[fast]",
    "pandas": "pandas",
    "pillow_heif": "visus[heic]",
    "pillow_jxl": "visus[jxl]",
    "prometheus_client": "visus[serve]",
    "pydantic": "visus[client]",
    "python_multipart": "visus[serve]",
    "rawpy": "visus[raw]",
    "ray": "visus[ray]",
    "SimpleITK": "visus[volumes]",
    "supervision": "supervision",
    "starlette": "visus[serve]",
    "tensorboard": "visus[tensorboard]",
    "tokenizers": "visus[words]",
    "uvicorn": "visus[serve]",
    "wandb": "visus[wandb]",
}
"""What pip should install for a module that is missing; for every other one ``visus[train]``."""


def require(module: str) -> ModuleType:
    """Import an optional package, or say how to install it.

    Args:
        module: Name of the module, for example ``"pandas"`` or ``"visus.nets"``.

    Returns:
        The imported module.

    Raises:
        DependencyError: The package, or one that it needs, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise missing(error) from error


def is_installed(package: str) -> bool:
    """Whether a package can be imported; it is not imported."""
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def missing(error: ModuleNotFoundError) -> DependencyError:
    """The error that says how to install what is missing, for the caller to raise.

    >>> print(missing(ModuleNotFoundError(name="torch")))
    This needs the package torch, which is not installed; say: pip install 'visus[train]'
    """
    package = (error.name or "").split(".", maxsplit=1)[0]
    install = INSTALL.get(package, "visus[train]")
    return DependencyError(f"This needs the package {package}, which is not installed; say: pip install '{install}'")
