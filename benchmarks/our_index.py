"""Index a folder by visus, for the comparison in search.py.

python benchmarks/our_index.py FOLDER VECTORS.npy [f32|bf16]

Prints pictures per second, counted from the first look at the folder until all is committed, with the compilation of
the network for this processor (imports do not count), and saves the vectors in the order of the sorted paths.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from visus.search import Index
from visus.search.rows import to_numpy
from visus.search.store import Store


def main() -> None:
    """Index a folder."""
    folder, target = Path(sys.argv[1]), sys.argv[2]
    precision = sys.argv[3] if len(sys.argv) > 3 else "f32"
    with tempfile.TemporaryDirectory() as place:
        index = Index(Path(place) / "i.visus", precision=precision)
        began = time.perf_counter()
        report = index.add(folder)
        print(report.added / (time.perf_counter() - began))
        table = Store(index.location).read(["path", "embedding"])
    order = np.argsort(table.column("path").to_pylist())
    np.save(target, to_numpy(table.column("embedding"))[order])


if __name__ == "__main__":
    main()
