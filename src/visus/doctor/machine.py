"""The machine: processor, cores, memory, graphics cards."""

import contextlib
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from visus._cores import cores

_FLAGS = {
    "avx2": "AVX2", "avx512f": "AVX-512", "avx512_vnni": "AVX512-VNNI", "avx512_bf16": "AVX512-BF16",
    "amx_bf16": "AMX", "asimd": "NEON", "bf16": "BF16",
}  # fmt: skip
BF16 = ("AVX512-BF16", "AMX", "BF16")
"""Instructions that multiply numbers of 16 bits, as :attr:`Machine.instructions` has them."""

_PATIENCE = 20  # seconds for the driver of a graphics card


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to compute with.

    Attributes:
        system: Name and version of the operating system, and the kind of processor.
        python: Version of Python.
        processor: Name of the processor; empty where the system does not tell.
        cores: That this process may use.
        all_cores: Of the machine.
        memory: Bytes that this process may use; None where the system does not tell.
        instructions: Wide instructions of the processor that matter here; empty where the system does not tell.
        cards: Names of NVIDIA's graphics cards, as their driver gives them.
    """

    system: str
    python: str
    processor: str
    cores: int
    all_cores: int
    memory: int | None
    instructions: tuple[str, ...]
    cards: tuple[str, ...]


def machine() -> Machine:
    """This machine; what cannot be found out is left empty."""
    name, flags = _processor()
    return Machine(
        f"{platform.system()} {platform.release()}, {platform.machine()}",
        platform.python_version(),
        name,
        cores(),
        os.cpu_count() or 1,
        _memory(),
        tuple(shown for flag, shown in _FLAGS.items() if flag in flags),
        _cards(),
    )


def _processor() -> tuple[str, set[str]]:
    """Its name, and what it says that it can do (on Linux)."""
    told: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            told.setdefault(key.strip().lower(), value.strip())
    flags = set(told.get("flags", told.get("features", "")).split())
    return told.get("model name", "") or platform.processor(), flags


def _memory() -> int | None:
    """All of the machine's, or what a container may use of it."""
    found = []
    with contextlib.suppress(ValueError, OSError, AttributeError):  # no such call on Windows
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(OSError, ValueError):
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min((size for size in found if size > 0), default=None)


def _cards() -> tuple[str, ...]:
    command = shutil.which("nvidia-smi")
    if command is None:
        return ()
    try:
        told = subprocess.run(
            [command, "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True, text=True, check=True, timeout=_PATIENCE,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ("a card whose driver does not answer (nvidia-smi)",)
    return tuple(line.strip() for line in told.stdout.splitlines() if line.strip())
