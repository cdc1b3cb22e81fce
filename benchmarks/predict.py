"""What a picture costs when a run is asked again and again, beside a predictor that somebody keeps.

``visus.Run.predict`` reads the network once. Both answer the same pictures in turn; from the hundredth answer on they
are compared, and the ratio of medians is printed.

Run it with ``python -m benchmarks.predict``.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from tests.support.labeled import splits

from visus import Run, train
from visus.runs.classify.predict import ClassifyPredictor

_ASKED = 300
_FIRST = 100


def main() -> None:
    """Train something small, and ask it."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        data = splits(home / "textures", 8, 4, 4, side=64)
        made = train("classify", data, net="resnet18", mode="scratch", epochs=1, runs=home, size=224, workers=0)
        random = np.random.default_rng(0)
        picture = random.integers(0, 256, (240, 320, 3), dtype=np.uint8)
        run, predictor = Run(made.folder), ClassifyPredictor(made.folder)
        ways: dict[str, Any] = {"run.predict": run.predict, "predictor.predict": predictor.predict}
        times: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(_ASKED):
            order = list(ways) if number % 2 else list(reversed(ways))
            for name in order:
                start = time.perf_counter()
                ways[name](picture)
                times[name].append(1000 * (time.perf_counter() - start))
    print(f"resnet18, 224 pixels, {_ASKED} pictures each, in turn; from the {_FIRST}th on, milliseconds")
    medians = {name: statistics.median(values[_FIRST:]) for name, values in times.items()}
    for name, values in times.items():
        print(f"  {name:18} first {values[0]:8.1f}   median {medians[name]:7.2f}")
    print(f"  ratio {medians['run.predict'] / medians['predictor.predict']:.3f}")


if __name__ == "__main__":
    main()
