"""What each lesson costs on one core, as a whole process: from the command to its picture.

python benchmarks/lessons.py [NAME ...] [--lang zh]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from visus.lessons import LESSONS

LIMIT = 10.0
"""Seconds of the processor that a lesson may take."""


def cost(name: str, lang: str, folder: Path) -> tuple[float, float]:
    """Seconds on the clock and of processors that ``visus lesson NAME`` takes."""
    command = [sys.executable, "-m", "visus", "lesson", name, "--lang", lang, "--out", str(folder / "lesson.png")]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print a line for each lesson, and name those that take too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--lang", choices=("en", "zh"), default="en")
    said = parser.parse_args()
    if strange := [name for name in said.names if name not in LESSONS]:
        parser.error(f"there is no lesson {strange[0]}; known: {', '.join(LESSONS)}")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    slow = []
    with tempfile.TemporaryDirectory() as place:
        for name in said.names or LESSONS:
            seconds, processors = cost(name, said.lang, Path(place))
            print(f"{name:16} {seconds:6.1f} s, {processors:6.1f} s of CPU", flush=True)
            if processors > LIMIT:
                slow.append(name)
    if slow:
        sys.exit(f"longer than {LIMIT:g} s: {', '.join(slow)}")


if __name__ == "__main__":
    main()
