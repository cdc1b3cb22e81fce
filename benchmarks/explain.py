"""Looking into a network and fooling it: speed beside Captum's own loop, attacks, class pictures, inversion, checks.

    python benchmarks/explain.py [gradcam|attacks|ascent|invert|sanity|maps|adversarial] --data DATA [--out FOLDER]

Without a name all parts run. ``--out`` is where pictures go; without it they are thrown away. ``adversarial`` learns
from Fashion-MNIST (Debian package ``dataset-fashion-mnist``; ``--fashion FOLDER``).
"""

import argparse
import contextlib
import csv
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import visus
from visus.explain import (
    METHODS,
    Classifier,
    ascend,
    invert,
    open_classifier,
    robustness,
    saliency,
    sanity,
)
from visus.explain.attribution import attribute
from visus.images import draw
from visus.search.demo import photographs

NET = "efficientnet_lite0"
_TIMED = 200  # pictures
_CLASSES = ("goldfish", "great white shark", "hen", "golden retriever", "tiger", "zebra", "pizza", "daisy", "volcano")
CLASSES = (*_CLASSES, "school bus")


def sample(data: Path, count: int) -> tuple[list[str], list[int]]:
    """Pictures of as many classes of ``imagenet_sample``, spread over all 1000."""
    with (data / "imagenet_sample" / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    chosen = rows[:: len(rows) // count][:count]
    folder = data / "imagenet_sample" / "images"
    return [str(folder / row["file"]) for row in chosen], [int(row["class_index"]) for row in chosen]


def gradcam(data: Path, _out: Path) -> None:
    """Grad-CAM of 200 pictures: in batches of 16, one by one, and by Captum's own loop."""
    from captum.attr import LayerGradCam

    subject = open_classifier(NET)
    files, labels = sample(data, _TIMED)
    x = torch.cat([subject.input_of(file) for file in files])
    layer = subject.layer_of(None, x[:1])
    for parameter in subject.parameters():
        parameter.requires_grad_(False)

    def batched() -> None:
        for start in range(0, len(x), 16):
            attribute(subject, x[start : start + 16], labels[start : start + 16], "gradcam")

    def single() -> None:
        for k, label in enumerate(labels):
            attribute(subject, x[k : k + 1], [label], "gradcam")

    def captum() -> None:
        method = LayerGradCam(subject, layer)
        for k, label in enumerate(labels):
            found = method.attribute(x[k : k + 1].requires_grad_(), target=label)
            torch.nn.functional.interpolate(found.relu(), x.shape[2:], mode="bilinear")

    times: dict[str, list[float]] = {"batched": [], "one by one": [], "Captum's loop": []}
    for _ in range(3):
        for name, work in zip(times, (batched, single, captum), strict=True):
            started = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - started)
    middle = {name: statistics.median(own) for name, own in times.items()}
    print(f"\ngradcam: {len(x)} pictures, {NET}")
    for name, seconds in middle.items():
        print(f"{name:14} {seconds:6.2f} s   {1000 * seconds / len(x):6.1f} ms a picture")
    together, alone, peer = middle.values()
    print(f"one by one beside Captum's loop: ratio {alone / peer:.3f}")
    print(f"batched: {alone / together:.2f} times as fast as one by one")


def attacks(data: Path, out: Path) -> None:
    """The share of 200 pictures that keep their answer."""
    files, labels = sample(data, _TIMED)
    started = time.perf_counter()
    found = robustness(NET, files, labels, epsilons=[1 / 255, 2 / 255, 4 / 255], attacks=("fgsm", "pgd"))
    print(f"\nattacks: {NET}, {time.perf_counter() - started:.0f} s\n{found.describe()}")
    found.save(out / "robustness.png")
    for how in ("fgsm", "pgd"):
        shares = [1 - value / found.clean for value in found.accuracy[how]]
        print(f"of those answered rightly, {how} fools " + ", ".join(f"{share:.1%}" for share in shares))


def ascent(_data: Path, out: Path) -> None:
    """A picture for each of ten classes."""
    started = time.perf_counter()
    first = ascend(NET, CLASSES[:1])
    one = time.perf_counter() - started
    found = ascend(NET, CLASSES[1:])
    shares = (*(first.probabilities or ()), *(found.probabilities or ()))
    print(f"\nascent: {NET}, 256 steps; one picture {one:.0f} s, ten {time.perf_counter() - started:.0f} s")
    print("\n".join(f"{name:20} {share:.4f}" for name, share in zip(CLASSES, shares, strict=True)))
    captions = [f"{name} {share:.1%}" for name, share in zip(CLASSES, shares, strict=True)]
    sheet = draw.contact_sheet([*first.pictures, *found.pictures], captions, columns=5, tile=224)
    visus.write(out / "ascent.png", sheet)


def inversion(_data: Path, out: Path) -> None:
    """What each stage remembers of a cat."""
    started = time.perf_counter()
    found = invert(NET, photographs()["tabby-cat"])
    print(f"\ninvert: {NET}, 300 steps for each of {len(found.layers)} layers, {time.perf_counter() - started:.0f} s")
    for name, error, difference in zip(found.layers, found.errors, found.differences, strict=True):
        print(f"{name:10} features {error:.4f}   pixels {difference:.4f}")
    visus.write(out / "inverted.png", found.sheet())


def checks(data: Path, _out: Path) -> None:
    """How much of each map is left when all weights are random: the median of 3 pictures."""
    subject = open_classifier(NET)
    files, labels = sample(data, 3)
    print(f"\nsanity: {NET}, 3 pictures; rank correlation with the trained network's map")
    for method in METHODS:
        rows = [
            sanity(subject, file, method=method, target=label).similarity
            for file, label in zip(files, labels, strict=True)
        ]
        print(f"{method:15} " + " ".join(f"{value:6.2f}" for value in np.median(rows, axis=0)), flush=True)


def maps(data: Path, out: Path) -> None:
    """Grad-CAM and guided maps of 8 pictures."""
    subject: Classifier = open_classifier(NET)
    files, labels = sample(data, 8)
    pictures, captions = [], []
    for file, label in zip(files, labels, strict=True):
        for method in ("gradcam", "guided", "guided_gradcam"):
            found = saliency(subject, file, method=method, target=label)
            pictures += [found.picture, found.overlay()] if method == "gradcam" else [found.overlay()]
            captions += [found.name, method] if method == "gradcam" else [method.replace("_", " ")]
    visus.write(out / "maps.png", draw.contact_sheet(pictures, captions, columns=8, tile=150))
    print(f"\nmaps: {out / 'maps.png'}")


def adversarial(folder: Path, out: Path) -> None:
    """Fashion-MNIST with and without adversarial training: accuracy, robustness, cost."""
    from visus.runs.classify.robust import measure

    print("\nadversarial: cnn on Fashion-MNIST, 3 epochs, 1000 pictures of test; changed by 8/255 and 16/255")
    for title, epsilon in (("plain", 0.0), ("adversarial 16/255", 16 / 255)):
        started = time.perf_counter()
        run = visus.train(
            "classify",
            folder,
            net="cnn",
            mode="scratch",
            epochs=3,
            augment="none",
            adversarial=epsilon,
            runs=out / "runs",
        )
        seconds = time.perf_counter() - started
        found = measure(run.folder, epsilons=[8 / 255, 16 / 255], attacks=("fgsm", "pgd"))
        rows = "   ".join(f"{how} " + " ".join(f"{v:6.1%}" for v in row) for how, row in found.accuracy.items())
        print(f"{title:20} {seconds:4.0f} s   clean {found.clean:.1%}   {rows}", flush=True)


PARTS: dict[str, Callable[[Path, Path], None]] = {
    "gradcam": gradcam,
    "attacks": attacks,
    "ascent": ascent,
    "invert": inversion,
    "sanity": checks,
    "maps": maps,
    "adversarial": adversarial,
}
NEED_DATA = ("gradcam", "attacks", "sanity", "maps")


def main() -> None:
    """Run one part or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS])
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    parser.add_argument("--fashion", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        out = arguments.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        out.mkdir(parents=True, exist_ok=True)
        for name in arguments.part or PARTS:
            source = arguments.fashion if name == "adversarial" else arguments.data
            if name in NEED_DATA and source is None:
                print(f"\n{name}: skipped; name the data sets with --data DATA")
            elif name == "adversarial" and not source.exists():
                print(f"\n{name}: skipped; install the Debian package dataset-fashion-mnist")
            else:
                PARTS[name](source, out)


if __name__ == "__main__":
    main()
