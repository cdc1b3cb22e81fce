"""What an index of many pictures costs: threads of one process beside the processes of Ray, on the same machine.

    python benchmarks/scale.py --data DATA

2000 different JPEG files (`corel1k`, `imagenet_sample`) are indexed in turn by each. The rate is that of the last nine
tenths, without what starts first: threads read a network in a second, processes import their libraries. From it, and
from the bytes on disk, follows what a million pictures cost.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import lance

from visus import Index
from visus._cores import cores
from visus.cluster import Cluster
from visus.search.report import Progress

ROUNDS = 3


def rate(place: Path, folders: list[Path], cluster: Cluster | None) -> tuple[float, float, float]:
    """Pictures a second, the seconds until the first tenth was done, and bytes on disk for each picture."""
    marks: list[tuple[float, int]] = []

    def mark(progress: Progress) -> None:
        if progress.done >= progress.total / 10:
            marks.append((time.perf_counter(), progress.done))

    started = time.perf_counter()
    report = Index(place).add(*folders, cluster=cluster, progress=mark)
    (first, some), (last, everything) = marks[0], marks[-1]
    # What is superseded lies there for a while yet; the files of the newest version count.
    fragments = lance.dataset(str(place / "pictures.lance")).get_fragments()
    names = [own.path for fragment in fragments for own in fragment.data_files()]
    disk = sum((place / "pictures.lance" / "data" / name).stat().st_size for name in names)
    return (everything - some) / (last - first), first - started, disk / report.added


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    arguments = parser.parse_args()
    if arguments.data is None:
        print("\nscale: skipped; name the data sets with --data DATA")
        return
    folders = [arguments.data / "corel1k", arguments.data / "imagenet_sample"]
    ray = Cluster(processes=cores())
    ray.connect()
    found: dict[str, list[tuple[float, float, float]]] = {"threads": [], "ray": []}
    with tempfile.TemporaryDirectory() as place:
        for number in range(ROUNDS):
            for name, cluster in (("threads", None), ("ray", ray)):
                found[name].append(rate(Path(place) / f"{name}-{number}.visus", folders, cluster))
    print(f"\nscale: 2000 JPEG files, {cores()} cores (median of {ROUNDS})")
    print(f"{'':8} {'pictures/s':>10} {'until first tenth s':>20} {'bytes a picture':>15} {'hours a million':>15}")
    rates = {}
    for name, rounds in found.items():
        rates[name], start, disk = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"{name:8} {rates[name]:10.1f} {start:20.1f} {disk:15.0f} {1e6 / rates[name] / 3600:15.2f}")
    print(f"ray beside threads: ratio {rates['ray'] / rates['threads']:.2f}")


if __name__ == "__main__":
    main()
