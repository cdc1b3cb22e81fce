"""Graphs of 8 bits beside those of 32: size, milliseconds a picture and the measure on val, of one run of each task.

    python benchmarks/int8.py --data DATA [--keep FOLDER]
    python benchmarks/int8.py RUN ...

Without runs it trains a classifier on flowers5, a segmenter on camvid and a detector on 60 pictures of bccd, each a few
epochs: what is compared are two graphs of one network, not networks with others.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import visus
from detect import LOWER, few
from visus.runs.quantize import quantize

HEAD = f"{'':10} {'network':34} {'graph':5} {'MB':>7} {'ms':>8} {'on val':>8}  {'measure':8} {'pictures':>8}"


def trained(data: Path, folder: Path) -> Iterator[Path]:
    """A run of each task, one after the other."""
    yield visus.train("classify", data / "flowers5", mode="probe", runs=folder).folder
    lite = {"net": "fcn8s", "backbone": "efficientnet_lite0"}
    yield visus.train("segment", data / "camvid", **lite, epochs=4, runs=folder).folder
    with tempfile.TemporaryDirectory() as place:
        settings: dict[str, Any] = {**LOWER, "runs": folder}
        yield visus.train("detect", few(data / "bccd", Path(place)), **settings).folder


def line(run: Path) -> None:
    """Write both graphs of a run, and print what they are like."""
    found, settings = quantize(run), visus.Run(run).settings
    net = f"{settings.net}" + (f", {own}" if (own := getattr(settings, "backbone", None)) else "")
    for own in (found.f32, found.int8):
        print(
            f"{settings.task:10} {net:34} {own.name:5} {own.size / 1e6:7.2f} {own.milliseconds:8.2f} {own.score:8.2%}  "
            f"{found.measure:8} {found.pictures:8}",
            flush=True,
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    parser.add_argument("--keep", type=Path)
    said = parser.parse_args()
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as place:
        for run in said.runs or trained(said.data, said.keep or Path(place)):
            line(run)


if __name__ == "__main__":
    main()
