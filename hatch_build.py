"""Compiles the inner loops of ``visus.filters`` as the package is installed."""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from platform import machine
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path(__file__).parent / "src" / "visus" / "filters"
SUFFIX = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")

# Without contraction these loops round alike on every processor; without errno square roots become vector code.
FLAGS = ["-O3", "-std=gnu11", "-ffp-contract=off", "-fno-math-errno", "-shared"]


def compiler() -> list[str] | None:
    """The C compiler that ``$CC`` names, or one that is on the path."""
    if named := os.environ.get("CC"):
        return shlex.split(named)
    found = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
    return [found] if found else None


class CompileHook(BuildHookInterface[Any]):
    """Compile ``_loops.c`` beside its source and take the library into the wheel."""

    def dependencies(self) -> list[str]:
        """A machine without a C compiler takes one from the package registry."""
        return [] if compiler() else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and mark the wheel as one for this platform and any Python."""
        command = compiler() or [sys.executable, "-m", "ziglang", "cc"]
        target = FOLDER / f"_loops{SUFFIX}"
        fresh = FOLDER / f"_loops.{os.getpid()}{SUFFIX}"
        position = [] if sys.platform == "win32" else ["-fPIC"]
        subprocess.run([*command, *FLAGS, *position, "-o", str(fresh), str(FOLDER / "_loops.c"), "-lm"], check=True)
        fresh.replace(target)  # a process that has loaded the old one keeps it
        platform = sysconfig.get_platform().replace("universal2", machine()).replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
        build_data["artifacts"].append(f"src/visus/filters/{target.name}")
