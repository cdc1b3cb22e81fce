"""Which packages are installed: what every installation has, and what each extra brings."""

import importlib.metadata
import re
import sys
from dataclasses import dataclass
from typing import Literal

LIGHT = "visus"
"""What every installation has: search, duplicates, filters."""

_NOT_FOR_USERS = ("all", "dev", "docs")
_LINE = re.compile(r"^([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*([^;]*?)\s*(?:;(.*))?$")


@dataclass(frozen=True, slots=True)
class Package:
    """A package that visus uses.

    Attributes:
        name: What pip calls it.
        wanted: Which versions do, for example ``">=1.19"``.
        version: Which is installed; None for none.
        problem: Empty, or what is wrong: ``"missing"``, ``"older than 1.19"``, ``"damaged"``.
    """

    name: str
    wanted: str
    version: str | None
    problem: str


@dataclass(frozen=True, slots=True)
class Extra:
    """Packages that are installed together.

    Attributes:
        name: Of the extra, as in ``pip install 'visus[train]'``; :data:`LIGHT` for what comes without any.
        packages: What it brings.
    """

    name: str
    packages: tuple[Package, ...]

    @property
    def state(self) -> Literal["whole", "part", "none"]:
        """Whether all of it is installed and new enough, some of it, or nothing."""
        if not any(own.problem for own in self.packages):
            return "whole"
        return "part" if any(own.version for own in self.packages) or self.name == LIGHT else "none"

    @property
    def install(self) -> str:
        """The command that installs it."""
        return "pip install visus" if self.name == LIGHT else f"pip install 'visus[{self.name}]'"


def extras() -> list[Extra]:
    """What visus says that it needs, first without any extra, and what of it is installed.

    Returns:
        Nothing where visus itself is not installed as a package.
    """
    try:
        lines = importlib.metadata.requires("visus") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found: dict[str, list[Package]] = {LIGHT: []}
    for line in lines:
        parsed = _LINE.match(line)
        if parsed is None:
            continue
        name, wanted, marker = parsed[1], parsed[2].strip("() "), parsed[3] or ""
        named = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", marker)
        extra = named[1] if named else LIGHT
        if name != "visus" and extra not in _NOT_FOR_USERS and _is_for_here(marker):
            found.setdefault(extra, []).append(_package(name, wanted))
    return [Extra(name, tuple(packages)) for name, packages in found.items()]


def _is_for_here(marker: str) -> bool:
    """Whether a requirement is for this operating system."""
    other = re.search(r"sys_platform\s*(==|!=)\s*['\"](\w+)['\"]", marker)
    return other is None or (other[1] == "==") == (sys.platform == other[2])


def _package(name: str, wanted: str) -> Package:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Package(name, wanted, None, "missing")
    except Exception:  # its description may hold anything
        return Package(name, wanted, None, "damaged")
    if not isinstance(version, str):  # a description without a version
        return Package(name, wanted, None, "damaged")
    least = re.search(r">=\s*([\w.]+)", wanted)
    older = least is not None and numbers(version) < numbers(least[1])
    return Package(name, wanted, version, f"older than {least[1]}" if older and least else "")


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, for comparing, without zeros at the end.

    >>> numbers("1.26.4") < numbers("2.0"), numbers("2.0.0") == numbers("2"), numbers("2024.8.30rc1")
    (True, True, (2024, 8, 30))
    """
    found: list[int] = []
    for part in version.split("+", maxsplit=1)[0].split("."):
        digits = re.match(r"\d+", part)
        if digits is None:
            break
        found.append(int(digits[0]))
        if digits[0] != part:
            break
    while found and not found[-1]:
        found.pop()
    return tuple(found)
