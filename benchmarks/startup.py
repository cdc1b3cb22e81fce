"""Processor time of the command line before it does any work.

python benchmarks/startup.py
"""

import resource
import statistics
import subprocess
import sys


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one run of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print one line for each command."""
    python = [sys.executable, "-m", "visus"]
    commands = {
        "visus --help": [*python, "--help"],
        "visus search --help": [*python, "search", "--help"],
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import torch'": [sys.executable, "-c", "import torch"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(9):
        for name, command in commands.items():
            times[name].append(cpu_seconds(command))
    for name, values in times.items():
        print(f"{name:28} {statistics.median(values):6.3f} s of CPU (median of {len(values)})")


if __name__ == "__main__":
    main()
