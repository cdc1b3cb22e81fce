"""What an index costs: a whole ``visus index``, and the same by another build of visus, in turn.

python benchmarks/index.py --data DATA [--before SRC] [--rounds 5]

``--before`` names the ``src`` folder of the other build, for example of a worktree of an earlier commit, whose C loops
were compiled. Both describe the pictures of ``DATA/corel1k`` in fresh processes and new indices, and once more before
that, to warm up. Printed are the medians of wall and CPU seconds, the ratios, and how long the disk was waited for.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import visus

_CODE = """
import os, sys, time
waited = [0.0]
sync = os.fsync
def timed(handle):
    began = time.perf_counter()
    sync(handle)
    waited[0] += time.perf_counter() - began
os.fsync = timed
from visus import Index
report = Index(sys.argv[1]).add(sys.argv[2])
print(report.added, waited[0])
"""


def _once(source: str, pictures: Path) -> tuple[float, float, float, int]:
    """Wall and CPU seconds, seconds of waiting for the disk, and pictures."""
    with tempfile.TemporaryDirectory() as place:
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [sys.executable, "-c", _CODE, str(Path(place) / "i.visus"), str(pictures)]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": source}, capture_output=True, text=True, check=True
        )
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    added, waited = done.stdout.split()
    return wall, cpu, float(waited), int(added)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA"))
    parser.add_argument("--before", default=None)
    parser.add_argument("--rounds", type=int, default=5)
    said = parser.parse_args()
    if said.data is None:
        parser.error("give --data DATA or set VISUS_DATA")
    pictures = Path(said.data) / "corel1k"
    builds = {"ours": str(Path(visus.__file__).parents[1]), **({"before": said.before} if said.before else {})}
    found: dict[str, list[tuple[float, float, float, int]]] = {name: [] for name in builds}
    for source in builds.values():
        _once(source, pictures)
    for number in range(said.rounds):
        for name in list(builds) if number % 2 else reversed(builds):
            found[name].append(_once(builds[name], pictures))
    medians = {name: [statistics.median(row[k] for row in rows) for k in range(3)] for name, rows in found.items()}
    for name, (wall, cpu, waited) in medians.items():
        count = found[name][0][3]
        print(
            f"{name:7} {count:,} pictures  {wall:6.2f} s  {cpu:6.2f} s of CPU  {waited:5.2f} s of waiting for the disk"
        )
    if said.before:
        pairs = zip(medians["before"], medians["ours"], strict=True)
        wall, cpu = (before / ours for before, ours in list(pairs)[:2])
        print(f"speed of ours, of that before: {wall:.3f} by the clock, {cpu:.3f} by CPU seconds")


if __name__ == "__main__":
    main()
