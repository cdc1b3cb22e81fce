"""Detection: R-CNN and its successors with one small backbone on public data, and what they cost.

    python benchmarks/detect.py [pasted|bccd|localizer|step] --data DATA [--net NET] [--keep FOLDER]

Without a name all parts run, one after the other. ``--net`` trains one network alone. ``--keep`` is where runs are
kept; without it they are thrown away.
"""

import argparse
import contextlib
import csv
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import visus
from visus.images import read

BACKBONE = "efficientnet_lite0"
HEAD = (
    f"{'':14} {'AP50':>7} {'AP':>7} {'shapes AP50':>11} {'shapes AP':>9} {'s/picture':>9} {'proposing':>9} "
    f"{'epochs':>6} {'s/epoch':>7} {'minutes':>7}"
)
_TIMED = 20  # pictures


@contextlib.contextmanager
def empty_cache() -> Iterator[None]:
    """Without the proposals that were found before."""
    before = os.environ.get("VISUS_CACHE")
    with tempfile.TemporaryDirectory() as place:
        os.environ["VISUS_CACHE"] = place
        try:
            yield
        finally:
            os.environ.pop("VISUS_CACHE")
            if before is not None:
                os.environ["VISUS_CACHE"] = before


def seconds_of_a_picture(folder: Path, files: list[str]) -> tuple[float, float]:
    """The median time of an answer, and of the selective search in it."""
    from visus.ops import proposals
    from visus.runs.detect_predict import Detecting

    with empty_cache():
        network = Detecting(folder)
        network.predict(read(files[0]))
        whole, part = [], []
        for file in files[1 : _TIMED + 1]:
            picture = read(file)
            started = time.perf_counter()
            network.predict(picture)
            whole.append(time.perf_counter() - started)
            if network.network.net.needs_proposals:
                started = time.perf_counter()
                proposals.selective_search(picture, most=network.about.most)
                part.append(time.perf_counter() - started)
    return statistics.median(whole), statistics.median(part) if part else 0.0


def train(data: Path, folder: Path, split: str, **settings: Any) -> None:
    """Train a detector, and print its line of the table."""
    started = time.perf_counter()
    run = visus.train("detect", data, runs=folder, say=lambda text: print(f"  {text}", file=sys.stderr), **settings)
    minutes = (time.perf_counter() - started) / 60
    found: Any = run.evaluate(split=split)
    with (run.folder / "metrics.csv").open(encoding="utf-8") as file:
        epochs = [float(row["seconds"]) for row in csv.DictReader(file)]
    whole, part = seconds_of_a_picture(run.folder, found.pictures.files)
    shapes = f"{found.shapes.ap50:11.2%} {found.shapes.ap:9.2%}" if found.shapes else f"{'-':>11} {'-':>9}"
    print(
        f"{settings['net']:14} {found.ap50:7.2%} {found.ap:7.2%} {shapes} {whole:9.3f} {part:9.3f} "
        f"{len(epochs):6} {statistics.median(epochs):7.0f} {minutes:7.1f}",
        flush=True,
    )


PASTED: dict[str, dict[str, Any]] = {
    "rcnn": {"most": 1000},
    "fast_rcnn": {"epochs": 12},
    "faster_rcnn": {"epochs": 16},
    "mask_rcnn": {"epochs": 16},
}
BCCD: dict[str, dict[str, Any]] = {
    "rcnn": {"most": 1000},
    "fast_rcnn": {"epochs": 12, "side": 320},
    "faster_rcnn": {"epochs": 16, "side": 320},
}


def pasted(data: Path, folder: Path, nets: list[str]) -> None:
    """Six classes of objects laid on backgrounds, with shapes; measured on val."""
    print(f"\npasted: 400 pictures of 320x240 to learn from, 100 of val, {BACKBONE}\n{HEAD}", flush=True)
    for net in nets or PASTED:
        train(data / "pasted", folder, "val", net=net, backbone=BACKBONE, **PASTED[net])


def bccd(data: Path, folder: Path, nets: list[str]) -> None:
    """Blood cells and platelets under a microscope; measured on test."""
    print(f"\nbccd: 205 pictures of 640x480 to learn from, 72 of test, {BACKBONE}\n{HEAD}", flush=True)
    for net in nets or BCCD:
        train(data / "bccd", folder, "test", net=net, backbone=BACKBONE, **BCCD[net])


def interleaved(*works: Callable[[], object], rounds: int) -> list[float]:
    """The median time of each work in seconds, done in turn."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, own in zip(works, times, strict=True):
            started = time.perf_counter()
            work()
            own.append(time.perf_counter() - started)
    return [statistics.median(own) for own in times]


PARTS: dict[str, Callable[[Path, Path, list[str]], None]] = {"pasted": pasted, "bccd": bccd}
NEED_DATA = ("pasted", "bccd", "localizer")


def main() -> None:
    """Run one part or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS])
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    parser.add_argument("--net", action="append", default=[])
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        for name in arguments.part or PARTS:
            if name in NEED_DATA and arguments.data is None:
                print(f"\n{name}: skipped; name the data sets with --data DATA")
                continue
            PARTS[name](arguments.data, folder, arguments.net)


if __name__ == "__main__":
    main()
