"""How good and how fast is Canny's edge detector, beside OpenCV's and scikit-image's?

    python benchmarks/edges.py            quality on BSDS500's 200 test pictures, and speed
    python benchmarks/edges.py --quick    every tenth picture
    python benchmarks/edges.py --speed    speed alone

Quality follows Arbelaez, Maire, Fowlkes and Malik (2011), section 4: edges are thinned and matched one to one with each
person's, within 0.0075 of the picture's diagonal; a detected pixel is right if any person's matches it, and recall
counts all persons' pixels. The matching is one of greatest cardinality, where the original minimizes the sum of
distances with a high price for each pixel that is left over; both leave over the same number. Sigma is chosen on
validation pictures for each detector by itself; low is 0.4 times high.
"""

import math
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np
from igraph import Graph
from skimage.feature import canny as skimage_canny
from skimage.morphology import thin

from place import options
from visus.filters import canny
from visus.images import read

RATIO = 0.4
SIGMAS = (1.4, 2.0, 2.8, 4.0)
LEVELS = 20


def ours(picture, sigma, high):
    """Ours, in color."""
    return canny(picture, sigma=sigma, low=RATIO * high, high=high)


def ours_gray(picture, sigma, high):
    """Ours on the luma."""
    return ours(gray(picture), sigma, high)


def opencv(picture, sigma, high):
    """OpenCV's on the luma."""
    smooth = cv2.GaussianBlur(gray(picture), (0, 0), sigma)
    return cv2.Canny(smooth, RATIO * high * 255, high * 255, L2gradient=True) > 0


def skimage(picture, sigma, high):
    """scikit-image's on the luma."""
    return skimage_canny(gray(picture) / 255, sigma, RATIO * high, high)


def gray(picture):
    """Luma of a color picture."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


DETECTORS = {"visus": ours, "visus, gray": ours_gray, "OpenCV": opencv, "scikit-image": skimage}
# Each counts magnitudes in another unit: the range that covers recall from near 1 to near 0.
RANGES = {"visus": (0.02, 0.8), "visus, gray": (0.02, 0.8), "OpenCV": (0.02, 0.8), "scikit-image": (0.02, 0.8)}


def matched(found, truth, radius):
    """Which found pixels, and how many true ones, have a partner in a one-to-one matching within a radius."""
    rows, columns = np.nonzero(found)
    width = truth.shape[1] + 2 * (reach := math.floor(radius))
    number = np.full((truth.shape[0] + 2 * reach, width), -1)
    number[reach:-reach, reach:-reach][truth] = np.arange(np.count_nonzero(truth))
    steps = [(y, x) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1) if math.hypot(y, x) <= radius]
    places = (rows + reach) * width + columns + reach
    neighbors = number.ravel()[places[:, None] + np.array([y * width + x for y, x in steps])]
    one, step = np.nonzero(neighbors >= 0)
    count = np.count_nonzero(truth)
    graph = Graph(n=len(rows) + count, edges=np.stack([one, neighbors[one, step] + len(rows)], axis=1))
    pairs = graph.maximum_bipartite_matching(types=[0] * len(rows) + [1] * count)
    partner = np.array([-1 if other is None or other < 0 else other for other in pairs.matching[: len(rows)]])
    mask = np.zeros(found.shape, bool)
    mask[rows[partner >= 0], columns[partner >= 0]] = True
    return mask, np.count_nonzero(partner >= 0)


def counts(job):
    """For each threshold: right, found, recalled, true pixels."""
    path, name, sigma, levels = job
    cv2.setNumThreads(1)
    picture = read(path)
    truths = [cv2.imread(str(p), cv2.IMREAD_GRAYSCALE) > 0 for p in people(path)]
    radius = 0.0075 * math.hypot(*picture.shape[:2])
    answer = []
    for high in np.geomspace(*RANGES[name], levels):
        found = thin(DETECTORS[name](picture, sigma, high))
        if not found.any():
            answer.append((0, 0, 0, sum(int(t.sum()) for t in truths)))
            continue
        pairs = [matched(found, truth, radius) for truth in truths]
        right = np.any([mask for mask, _ in pairs], axis=0)
        answer.append((right.sum(), found.sum(), sum(n for _, n in pairs), sum(int(t.sum()) for t in truths)))
    return answer


def people(path):
    """The edges that people drew, one file each."""
    folder = path.parent.parent / "boundaries"
    return sorted(folder.glob(f"{path.stem}_*.png"))


def f_measure(total):
    """F, precision and recall of counts."""
    right, found, recalled, true = np.moveaxis(np.asarray(total, float), -1, 0)
    precision, recall = right / np.maximum(found, 1), recalled / np.maximum(true, 1)
    return 2 * precision * recall / np.maximum(precision + recall, 1e-12), precision, recall


def scores(table):
    """ODS, OIS and AP of counts ``(pictures, thresholds, 4)``."""
    table = np.asarray(table)
    f, precision, recall = f_measure(table.sum(axis=0))
    best = f_measure(table)[0].argmax(axis=1)
    ois = f_measure(table[np.arange(len(table)), best].sum(axis=0))[0]
    order = np.argsort(recall)
    grid = np.arange(0, 1.001, 0.01)
    area = np.interp(grid, recall[order], precision[order], left=0, right=0).sum() * 0.01
    return f.max(), float(ois), area, int(f.argmax())


def evaluate(pool, pictures, name, sigma, levels):
    """Scores of a detector over pictures."""
    return scores(list(pool.map(counts, [(p, name, sigma, levels) for p in pictures], chunksize=1)))


def quality(folder, every):
    """Print how good the detectors are."""
    test = sorted((folder / "test/images").glob("*.jpg"))[::every]
    val = sorted((folder / "val/images").glob("*.jpg"))[:: 4 * every]
    print(f"{len(test)} test pictures; sigma chosen on {len(val)} validation pictures\n")
    print("| detector | sigma | ODS | OIS | AP | best high |\n|---|---|---|---|---|---|")
    with ProcessPoolExecutor(2) as pool:
        for name in DETECTORS:
            tried = {sigma: evaluate(pool, val, name, sigma, 10)[0] for sigma in SIGMAS}
            sigma = max(tried, key=lambda s: tried[s])
            ods, ois, area, at = evaluate(pool, test, name, sigma, LEVELS)
            high = np.geomspace(*RANGES[name], LEVELS)[at]
            print(f"| {name} | {sigma} | {ods:.3f} | {ois:.3f} | {area:.3f} | {high:.3f} |", flush=True)


def photographs(folder, rows, columns):
    """A picture of rows x columns different test photographs: gray, (321 rows, 481 columns)."""
    paths = sorted((folder / "test/images").glob("*.jpg"))
    wide = [p for p in (gray(read(path)) for path in paths) if p.shape == (321, 481)]
    return np.vstack([np.hstack(wide[r * columns : (r + 1) * columns]) for r in range(rows)])


def speed(folder):
    """Print the CPU time of the detectors on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    print("\n| picture | visus ms of CPU | OpenCV | scikit-image | visus / OpenCV | scikit-image / visus |")
    print("|---|---|---|---|---|---|")
    for picture, turns in ((photographs(folder, 1, 1), 200), (photographs(folder, 8, 7), 9)):
        times = {"visus, gray": [], "OpenCV": [], "scikit-image": []}
        for turn in range(turns + 1):
            for name, each in times.items():
                if name == "scikit-image" and turn > max(3, turns // 10):
                    continue
                began = time.process_time()
                if name == "visus, gray":
                    canny(picture, sigma=1.4, low=0.1, high=0.25)
                elif name == "OpenCV":
                    cv2.Canny(cv2.GaussianBlur(picture, (0, 0), 1.4), 60, 150)  # as many edges
                else:
                    skimage_canny(picture, 1.4)
                if turn:
                    each.append(time.process_time() - began)
        a, b, c = (1e3 * float(np.median(each)) for each in times.values())
        size = f"{picture.shape[1]}x{picture.shape[0]}"
        print(f"| {size} | {a:.2f} | {b:.2f} | {c:.1f} | {a / b:.2f} | {c / a:.1f} |", flush=True)
    code = (
        "import time, numpy as np; x = np.zeros((321, 481), 'u1'); x[:, 200:] = 9; t = time.perf_counter();"
        "from visus.filters import canny; canny(x); print(time.perf_counter() - t)"
    )
    firsts = [
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
        for _ in range(9)
    ]
    print(f"\nimport and first call in a new process: {1e3 * float(np.median(firsts)):.0f} ms")


def main():
    """Run what the command line asks for."""
    data, said = options(__doc__, quick="every tenth picture", speed="speed alone")
    folder = data / "bsds500"
    if not said.speed:
        quality(folder, 10 if said.quick else 1)
    speed(folder)


if __name__ == "__main__":
    main()
