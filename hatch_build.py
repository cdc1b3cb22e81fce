"""Compiles the inner loops that are written in C as the package is installed."""

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

PACKAGE = Path(__file__).parent / "src" / "visus"
SOURCES = sorted(PACKAGE.rglob("*.c"))
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
    """Compile each source beside itself and take the library into the wheel."""

    def dependencies(self) -> list[str]:
        """A machine without a C compiler takes one from the package registry."""
        return [] if compiler() else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and mark the wheel as one for this platform and any Python."""
        command = compiler() or [sys.executable, "-m", "ziglang", "cc"]
        position = [] if sys.platform == "win32" else ["-fPIC"]
        for source in SOURCES:
            target = source.with_suffix(SUFFIX)
            fresh = source.with_name(f"{source.stem}.{os.getpid()}{SUFFIX}")
            subprocess.run([*command, *FLAGS, *position, "-o", str(fresh), str(source), "-lm"], check=True)
            fresh.replace(target)  # a process that has loaded the old one keeps it
            build_data["artifacts"].append(f"src/visus/{target.relative_to(PACKAGE).as_posix()}")
        platform = sysconfig.get_platform().replace("universal2", machine()).replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
