"""Texture: how well textures are told apart, how fast the filter bank is, how well pictures are found by it.

    python benchmarks/texture.py            all three
    python benchmarks/texture.py --quick    two splits in place of ten
    python benchmarks/texture.py --search   one of them: --accuracy, --speed or --search

1. Accuracy on kth_tips_gray, 40 pictures of a class to learn from and 41 to test, over random splits.
2. All 48 responses of one megapixel beside 48 calls of cv2.filter2D, and the mean responses of 20 megapixels.
3. P@20 on corel1k of the descriptors texture, color and embedding.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from place import options
from visus import Index
from visus.filters import TextureClassifier, leung_malik, mean_responses, responses
from visus.images import read


def splits(labels, count):
    """Indices to learn from and to test, 40 and 41 of each class."""
    for seed in range(count):
        draw = np.random.default_rng(seed)
        order = {name: draw.permutation(np.flatnonzero(labels == name)) for name in sorted(set(labels))}
        yield seed, np.concatenate([o[:40] for o in order.values()]), np.concatenate([o[40:] for o in order.values()])


def accuracy(folder, count):
    """Print how many textures are told rightly."""
    paths = sorted(folder.glob("*/*.png"))
    pictures = [read(path)[:, :, 0] for path in paths]
    labels = np.array([path.parent.name for path in paths])
    # Pictures are scaled to one contrast, so that lighting tells nothing.
    means = np.stack([mean_responses((p - p.mean()) / p.std() * 0.2 + 0.5) for p in pictures])
    found = {}
    for seed, learn, test in splits(labels, count):
        machine = make_pipeline(StandardScaler(), SVC(C=100)).fit(np.log(means[learn] + 1e-4), labels[learn])
        found.setdefault("48 means, SVM", []).append(
            np.mean(machine.predict(np.log(means[test] + 1e-4)) == labels[test])
        )
        classifier = TextureClassifier(seed=seed).fit([pictures[i] for i in learn], list(labels[learn]))
        histograms = classifier.histograms([pictures[i] for i in test])
        for method in ("svm", "nearest"):
            classifier.method = method
            right = np.mean(np.array(classifier._predict_histograms(histograms)) == labels[test])
            name = {"svm": "textons, linear SVM", "nearest": "textons, nearest by chi-squared"}[method]
            found.setdefault(name, []).append(right)
    print(f"| kth_tips_gray, {count} splits | accuracy % | deviation |\n|---|---|---|")
    for name, values in found.items():
        print(f"| {name} | {100 * np.mean(values):.2f} | {100 * np.std(values):.2f} |", flush=True)


def speed(folder):
    """Print how fast the filter bank is."""
    paths = sorted((folder / "test/images").glob("*.jpg"))[:40]
    grays = [cv2.cvtColor(read(path), cv2.COLOR_RGB2GRAY) for path in paths]
    lying = [p for p in grays if p.shape == (321, 481)]
    mosaic = np.vstack([np.hstack(lying[3 * r : 3 * r + 3]) for r in range(4)])[:1024, :1024]
    picture = (mosaic / 255).astype(np.float32)
    picture = cv2.resize(picture, (1024, 1024))
    bank = [np.ascontiguousarray(kernel[::-1, ::-1], np.float32) for kernel in leung_malik()]
    ours, theirs = [], []
    for _ in range(9):
        began = time.process_time()
        answer = responses(picture)
        ours.append(time.process_time() - began)
        began = time.process_time()
        peer = [cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT) for kernel in bank]
        theirs.append(time.process_time() - began)
    exact = [
        cv2.filter2D(picture.astype(float), -1, kernel[::-1, ::-1].copy(), borderType=cv2.BORDER_REFLECT)
        for kernel in leung_malik()
    ]
    error = max(abs(answer[..., k] - e).max() / abs(e).max() for k, e in enumerate(exact))
    del peer
    a, b = float(np.median(ours)), float(np.median(theirs))
    print(
        f"\n48 responses of 1024x1024: {1e3 * a:.0f} ms of CPU, 48 x cv2.filter2D {1e3 * b:.0f} ms: "
        f"{b / a:.1f} times faster"
    )
    print(f"largest error of a response, as a share of its filter's largest: {error:.1e}")
    print(f"OpenCV's inverse transforms of its tiles alone: {1e3 * lower_bound():.0f} ms")
    code = (
        "import numpy as np, re, time; from visus.filters import mean_responses as m;"
        "peak = lambda: int(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1]);"
        "x = np.random.default_rng(0).integers(0, 255, (4000, 5000), dtype='u1'); m(x[:300, :300]);"
        "before = peak(); t = time.perf_counter(); m(x); print(time.perf_counter() - t, (peak() - before) / 1024)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    seconds, memory = (float(part) for part in run.stdout.split())
    print(f"48 means of 20 megapixels: {seconds:.1f} s, {memory:.0f} MB beyond the picture's own")


def search(folder):
    """Print how well pictures of the same class are found by each descriptor."""
    with tempfile.TemporaryDirectory() as place:
        index = Index(Path(place) / "corel.visus")
        index.add(folder, descriptors=("texture", "color"))
        print("\n| corel1k | numbers | P@1 | P@20 | mAP |\n|---|---|---|---|---|")
        for by in index.descriptors:
            found = index.evaluate(folder / "labels.csv", by=by)
            about = index.about if by == "embedding" else index.about["extras"][by]
            measures = (found.precision[1], found.precision[20], found.mean_average_precision)
            cells = " | ".join(f"{100 * measure:.1f} %" for measure in measures)
            print(f"| {by} | {about['dimension']} | {cells} |", flush=True)


def lower_bound():
    """Seconds of CPU that the inverse transforms of one megapixel's tiles take by OpenCV."""
    from visus.filters.texture import _TILE, FILTERS, SIZE

    tile = np.zeros((_TILE, _TILE, 2), np.float32)
    times = []
    for _ in range(100):
        began = time.process_time()
        cv2.dft(tile, tile, cv2.DFT_INVERSE)
        times.append(time.process_time() - began)
    tiles = (1024 / (_TILE - SIZE + 1)) ** 2
    return float(np.median(times)) * tiles * FILTERS / 2


def main():
    """Run all parts."""
    data, said = options(__doc__, quick="two splits in place of ten", accuracy="this", speed="this", search="this")
    every = not (said.accuracy or said.speed or said.search)
    if every or said.accuracy:
        accuracy(data / "kth_tips_gray", 2 if said.quick else 10)
    if every or said.speed:
        speed(data / "bsds500")
    if every or said.search:
        search(data / "corel1k")


if __name__ == "__main__":
    main()
