"""Commands of which one operation on files fails: a full disk, a bad sector, half a write, kill -9.

Preloading a small library was chosen over an injected layer of files: most of what an index writes is written by the
table's library, in Rust, which no layer of Python's sees.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

HOW = {"full": 1, "bad": 2, "short": 3, "kill": 4}
"""ENOSPC, EIO, half of a write, and SIGKILL."""

SOURCE = Path(__file__).with_suffix(".c")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation on a file: ``write``, ``rename``, ``link``, ``sync`` or ``malloc``."""

    number: int
    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended; the code of one that was killed is negative."""

    code: int
    stdout: str
    stderr: str


def compiled(folder: Path) -> Path | None:
    """The library, or None where there is no C compiler or no LD_PRELOAD."""
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    target = folder / "faults.so"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(target), str(SOURCE), "-ldl"], check=True)
    return target


class Faulty:
    """Runs commands with faults.

    Args:
        library: See :func:`compiled`.
        folder: For what commands print.
        modules: What the parent of all of them imports.
    """

    def __init__(self, library: Path, folder: Path, modules: Sequence[str]) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.faulty", *modules],
            env={**os.environ, "LD_PRELOAD": str(library)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read() == "ready"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:  # closes its pipes
            self._process.kill()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def run(
        self,
        *arguments: object,
        cwd: Path,
        below: Path,
        at: int = 0,
        how: str = "full",
        memory: bool = False,
        patches: dict[str, Any] | None = None,
        trace: bool = False,
    ) -> tuple[Ended, list[Operation]]:
        """Run a command; the ``at``-th operation below a folder fails, with ``memory`` the ``at``-th large buffer."""
        out, err, log = (self._folder / name for name in ("out", "err", "trace"))
        job = {
            "arguments": [str(part) for part in arguments], "cwd": str(cwd), "below": str(below.resolve()), "at": at,
            "how": HOW[how], "memory": int(memory), "patches": patches or {}, "out": str(out), "err": str(err),
            "trace": str(log) if trace else "",
        }  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        code = int(self._read())
        lines = [line.split(" ", 2) for line in log.read_text().splitlines()] if trace else []
        operations = [Operation(int(number), kind, path) for number, kind, path in lines]
        return Ended(code, out.read_text(), err.read_text()), operations


def publishing(operations: Sequence[Operation]) -> list[int]:
    """The operations that make a file count: renames, links, syncs, and the first and last write of each file."""
    chosen = {own.number for own in operations if own.kind in ("rename", "link", "sync")}
    writes: dict[str, list[int]] = {}
    for own in operations:
        if own.kind == "write":
            writes.setdefault(own.path, []).append(own.number)
    return sorted(chosen | {number for numbers in writes.values() for number in (numbers[0], numbers[-1])})
