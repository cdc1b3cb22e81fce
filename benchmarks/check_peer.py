"""What cleanlab and cleanvision say, in a process of their own: started by ``benchmarks/check.py``."""

import json
import sys
import time
from pathlib import Path

import numpy as np


def labels(folder: Path) -> None:
    """Scores of label quality for each ``N.npz`` with ``probabilities`` and ``labels``."""
    from cleanlab.rank import get_label_quality_scores

    for path in sorted(folder.glob("*.npz")):
        case = np.load(path)
        began = time.perf_counter()
        scores = get_label_quality_scores(case["labels"], case["probabilities"])
        np.savez(path.with_suffix(".peer"), scores=scores, seconds=time.perf_counter() - began)
        path.with_suffix(".peer.npz").rename(path.with_suffix(".peer"))


def pictures(folder: Path) -> None:
    """Scores of each kind of fault, by the name of the file, and the seconds of several runs."""
    from cleanvision import Imagelab

    kinds = ("blurry", "dark", "light", "odd_aspect_ratio", "low_information", "exact_duplicates", "near_duplicates")
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        lab = Imagelab(data_path=str(folder))
        lab.find_issues({kind: {} for kind in kinds}, verbose=False)
        seconds.append(time.perf_counter() - began)
    table = {Path(str(path)).name: {} for path in lab.issues.index}
    for path, row in lab.issues.iterrows():
        table[Path(str(path)).name] = {kind: float(row[f"{kind}_score"]) for kind in kinds}
    (folder.parent / "peer.json").write_text(json.dumps({"scores": table, "seconds": sorted(seconds)[1]}))


if __name__ == "__main__":
    {"labels": labels, "pictures": pictures}[sys.argv[1]](Path(sys.argv[2]))
