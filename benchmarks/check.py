"""What ``visus check`` finds, beside cleanlab and cleanvision.

python benchmarks/check.py labels --peers FOLDER      wrong labels, on the same probabilities out of sample
python benchmarks/check.py pictures --peers FOLDER    blurred, dark, bright, odd, plain, doubled pictures; seconds

The peers are installed beside visus, into FOLDER (``pip install --no-deps --target FOLDER cleanlab==2.9.0
cleanvision==0.3.7 imagehash PyWavelets tabulate termcolor tqdm fsspec``). The limits of visus were set on corel1k; the
other sets judge.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from visus._cores import cores
from visus.images import read
from visus.review.faults import odd_ratio
from visus.review.labels import joined, judge
from visus.review.looking import Looked, look
from visus.review.neighbors import nearest, votes
from visus.review.probe import components, out_of_sample
from visus.review.twins import twins
from visus.search.describe import Embedder

Labels = NDArray[np.int64]
SETS = {"corel1k": "*/*.jpg", "flowers5": "*/*/*.jpg", "kth_tips_gray": "*/*.png"}
SEEDS = 5
SHARE = 0.1  # of wrong labels
FOLDER = 15  # pictures that lie together, and are all called by another class


def main() -> None:
    """Print the table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("labels", "pictures"))
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--set", default="", help="One set alone.")
    said = parser.parse_args()
    if said.data is None:
        parser.error("give --data DATA or set VISUS_DATA")
    {"labels": labels, "pictures": pictures}[said.what](said.data, said.peers, said.set)


def peer(what: str, folder: Path, peers: Path) -> None:
    """Ask the peers about what lies in a folder."""
    script = Path(__file__).with_name("check_peer.py")
    paths = os.pathsep.join([str(peers), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths}
    subprocess.run([sys.executable, str(script), what, str(folder)], env=environment, check=True, capture_output=True)


def auroc(scores: NDArray[np.floating], wrong: NDArray[np.bool_]) -> float:
    """How often a wrong one has a larger score than a right one; equal ones count half."""
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (count.cumsum() - (count - 1) / 2)[place]
    positive, negative = int(wrong.sum()), int((~wrong).sum())
    return float((ranks[wrong].sum() - positive * (positive + 1) / 2) / (positive * negative))


def precision(scores: NDArray[np.floating], wrong: NDArray[np.bool_]) -> float:
    """Share of wrong ones among as many of the first as there are wrong ones."""
    first = np.argsort(-scores, kind="stable")[: int(wrong.sum())]
    return float(wrong[first].mean())


# Wrong labels


def at_random(truth: Labels, classes: int, vectors: NDArray[np.float32], random: np.random.Generator) -> Labels:
    """A tenth of the labels become any other."""
    labels = truth.copy()
    chosen = random.choice(len(truth), round(SHARE * len(truth)), replace=False)
    labels[chosen] = (labels[chosen] + random.integers(1, classes, len(chosen))) % classes
    return labels


def to_nearest(truth: Labels, classes: int, vectors: NDArray[np.float32], random: np.random.Generator) -> Labels:
    """A tenth of the labels become the class that is most like their own."""
    middles = np.stack([vectors[truth == k].mean(0) for k in range(classes)])
    alike = middles @ middles.T / np.linalg.norm(middles, axis=1)
    np.fill_diagonal(alike, -np.inf)
    labels = truth.copy()
    chosen = random.choice(len(truth), round(SHARE * len(truth)), replace=False)
    labels[chosen] = alike.argmax(1)[truth[chosen]]
    return labels


def whole_folders(truth: Labels, classes: int, vectors: NDArray[np.float32], random: np.random.Generator) -> Labels:
    """Pictures that follow one another become another class together, a tenth of all."""
    labels = truth.copy()
    starts = [k for k in range(0, len(truth) - FOLDER, FOLDER) if truth[k] == truth[k + FOLDER - 1]]
    for start in random.choice(starts, round(SHARE * len(truth) / FOLDER), replace=False).tolist():
        labels[start : start + FOLDER] = (truth[start] + random.integers(1, classes)) % classes
    return labels


NOISE: dict[str, Callable[..., Labels]] = {
    "at random": at_random, "to the nearest class": to_nearest, "whole folders": whole_folders,
}  # fmt: skip


def labels(data: Path, peers: Path, only: str) -> None:
    """Wrong labels: AUROC and precision at the number of wrong ones, means over the seeds."""
    embedder = Embedder(streams=cores())
    head = f"{'set':14} {'wrong labels':21} {'AUROC':>7} {'cleanlab':>9} {'precision':>10} {'cleanlab':>9}"
    print(f"{head} {'seconds':>8} {'cleanlab':>9}")
    means: dict[str, list[float]] = {}
    sure: dict[str, list[tuple[NDArray[np.float32], NDArray[np.bool_]]]] = {}
    for name, pattern in SETS.items():
        if only not in ("", name):
            continue
        files = sorted((data / name).glob(pattern), key=lambda path: (path.parent.name, path.name))
        names = sorted({path.parent.name for path in files})
        truth = np.array([names.index(path.parent.name) for path in files], np.int64)
        looked = look([str(path) for path in files], embedder=embedder)
        for kind, noise in NOISE.items():
            rows = []
            with tempfile.TemporaryDirectory() as place:
                cases = list(_cases(looked, truth, len(names), noise, Path(place)))
                peer("labels", Path(place), peers)
                for seed, (given, certainty, named, seconds) in enumerate(cases):
                    theirs = np.load(Path(place) / f"{seed}.peer")
                    wrong = given != truth
                    ours = auroc(certainty, wrong), auroc(-theirs["scores"], wrong)
                    exact = precision(certainty, wrong), precision(-theirs["scores"], wrong)
                    rows.append((*ours, *exact, seconds, float(theirs["seconds"])))
                    sure.setdefault(name, []).append((certainty[named], wrong[named]))
            mean = np.mean(rows, 0).tolist()
            means.setdefault("corel1k" if name == "corel1k" else "the others", []).append(mean[0] - mean[1])
            print(
                f"{name:14} {kind:21} {mean[0]:7.4f} {mean[1]:9.4f} {mean[2]:10.3f} {mean[3]:9.3f} {mean[4]:8.2f} "
                f"{mean[5]:9.2f}",
                flush=True,
            )
    for name, values in means.items():
        print(
            f"AUROC beside cleanlab on {name}: {statistics.mean(values):+.4f} in the mean, {min(values):+.4f} at least"
        )
    for name, found in sure.items():
        _print_certainty(name, found)


def _cases(
    looked: Looked, truth: Labels, classes: int, noise: Callable[..., Labels], place: Path
) -> Iterator[tuple[Labels, NDArray[np.float32], NDArray[np.bool_], float]]:
    """Labels with noise, how certainly each is wrong, whether it is named, and the seconds; cases as files."""
    began = time.perf_counter()
    near = nearest(looked.vectors)
    shared = time.perf_counter() - began
    x = components(looked.vectors)
    for seed in range(SEEDS):
        given = noise(truth, classes, looked.vectors, np.random.default_rng(seed))
        probe = out_of_sample(x, given, classes)
        began = time.perf_counter()
        found = judge(joined(probe, votes(*near, given, classes)), given)
        seconds = shared + time.perf_counter() - began
        np.savez(place / f"{seed}.npz", probabilities=probe, labels=given)
        yield given, found.certainty, found.wrong, seconds


def _print_certainty(name: str, sure: list[tuple[NDArray[np.float32], NDArray[np.bool_]]]) -> None:
    """How many of the named pictures were wrong, by certainty."""
    certainty, wrong = (np.concatenate([pair[k] for pair in sure]) for k in (0, 1))
    print(f"\n{'certainty':>14} {'named':>7} {'wrong':>7}   of {name}")
    for low, high in ((0.99, 1.01), (0.95, 0.99), (0.9, 0.95), (0.8, 0.9), (0.5, 0.8)):
        inside = (certainty >= low) & (certainty < high)
        share = f"{wrong[inside].mean():7.0%}" if inside.any() else "      -"
        print(f"{low:>6.2f} to {min(high, 1):.2f} {int(inside.sum()):>7,} {share}")


# Faults of pictures

EACH = 40  # pictures of each fault
KINDS = ("blurred", "dark", "blown-out", "odd-ratio", "low-information", "twin")
THEIRS = {
    "blurred": "blurry", "dark": "dark", "blown-out": "light", "odd-ratio": "odd_aspect_ratio",
    "low-information": "low_information", "twin": "near_duplicates",
}  # fmt: skip
PHOTOS = {
    "corel1k": "corel1k/*/*.jpg",
    "flowers5": "flowers5/train/*/*.jpg",
    "imagenet_sample": "imagenet_sample/images/*.jpg",
}


def pictures(data: Path, peers: Path, only: str) -> None:
    """Faults that are made: AUROC of each kind among good pictures, and the seconds of each whole run."""
    print(f"{'set':16} {'fault':16} {'AUROC':>7} {'cleanvision':>12}")
    for name, pattern in PHOTOS.items():
        if only not in ("", name):
            continue
        files = sorted(data.glob(pattern))
        files = files[:: max(1, len(files) // 600)][:600]
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "pictures"
            folder.mkdir()
            kinds = make(files, folder)
            made = [str(folder / own) for own in kinds]
            seconds = []
            for _ in range(3):
                began = time.perf_counter()
                looked = look(made)
                pairs = twins(looked.digests, looked.hashes, looked.cards)
                seconds.append(time.perf_counter() - began)
            peer("pictures", folder, peers)
            theirs = json.loads((Path(place) / "peer.json").read_text())
        usual = float(np.median([own.ratio for own in looked.measures]))
        doubled = {place for pair in pairs for place in (pair.first, pair.second)}
        scores = {
            "blurred": [own.blur for own in looked.measures],
            "dark": [-own.high for own in looked.measures],
            "blown-out": [own.low for own in looked.measures],
            "odd-ratio": [odd_ratio(own, usual) for own in looked.measures],
            "low-information": [-own.information for own in looked.measures],
            "twin": [float(k in doubled) for k in range(len(made))],
        }
        for kind in KINDS:
            some = [k for k, own in enumerate(kinds.values()) if own in ("good", kind)]
            wrong = np.array([list(kinds.values())[k] == kind for k in some])
            other = np.array([_theirs(theirs["scores"][list(kinds)[k]], kind) for k in some])
            print(f"{name:16} {kind:16} {auroc(np.array(scores[kind])[some], wrong):7.4f} {auroc(-other, wrong):12.4f}")
        ours = statistics.median(seconds)
        share = ours / theirs["seconds"]
        print(
            f"{name:16} {len(made)} pictures: {ours:.2f} s, cleanvision {theirs['seconds']:.2f} s ({share:.2f})\n",
            flush=True,
        )


def _theirs(scores: dict[str, float], kind: str) -> float:
    """The score of a picture by cleanvision: small for a fault."""
    if kind == "twin":
        return min(scores["exact_duplicates"], scores["near_duplicates"])
    return scores[THEIRS[kind]]


def make(files: list[Path], folder: Path) -> dict[str, str]:
    """Good pictures, and pictures with one fault each: the name of each file and its kind."""
    random = np.random.default_rng(0)
    kinds: dict[str, str] = {}

    def save(name: str, content: bytes, kind: str) -> None:
        (folder / name).write_bytes(content)
        kinds[name] = kind

    faulty = set(range(0, len(files), max(1, len(files) // (len(KINDS) * EACH))))
    for k, path in enumerate(files):
        kind = KINDS[sorted(faulty).index(k) % len(KINDS)] if k in faulty else "good"
        picture = Image.fromarray(read(path))
        if kind == "good":
            save(f"{k:04}.jpg", jpeg(picture), kind)
        elif kind == "twin":
            save(f"{k:04}.jpg", jpeg(picture), kind)
            save(f"{k:04}-copy.jpg", copy_of(picture, random), kind)
        else:
            save(f"{k:04}.jpg", jpeg(FAULTS[kind](picture, random)), kind)
    return kinds


def jpeg(picture: Image.Image, quality: int = 95) -> bytes:
    """The content of a JPEG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def copy_of(picture: Image.Image, random: np.random.Generator) -> bytes:
    """The same bytes, or the picture re-encoded, smaller, or brighter."""
    way = int(random.integers(4))
    if way == 1:
        return jpeg(picture, 60)
    if way == 2:
        return jpeg(picture.resize((picture.width * 7 // 10, picture.height * 7 // 10)))
    return jpeg(picture.point(lambda value: value * 1.1)) if way == 3 else jpeg(picture)


def blurred(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """A Gaussian of 1 to 2.5 % of the longer side."""
    return picture.filter(ImageFilter.GaussianBlur(random.uniform(0.01, 0.025) * max(picture.size)))


def dark(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """A twentieth to a quarter of the light."""
    share = random.uniform(0.05, 0.25)
    return picture.point(lambda value: value * share)


def blown_out(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """A twentieth to a quarter of the contrast, below white."""
    share = random.uniform(0.05, 0.25)
    return picture.point(lambda value: 255 - (255 - value) * share)


def strip(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """A part that is three to eight times as long as wide."""
    ratio = random.uniform(3, 8)
    if random.integers(2):
        return picture.crop((0, 0, picture.width, max(8, round(picture.width / ratio))))
    return picture.crop((0, 0, max(8, round(picture.height / ratio)), picture.height))


def plain(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """One color, a few shapes on it, or a smooth ramp."""
    way = int(random.integers(3))
    color = random.integers(30, 220, 3)
    values = np.ones((picture.height, picture.width, 3)) * color
    if way == 1:
        y, x = (int(random.integers(0, side // 2)) for side in (picture.height, picture.width))
        values[y : y + picture.height // 6, x : x + picture.width // 6] = random.integers(0, 255, 3)
    if way == 2:
        values = values * np.linspace(0.3, 1, picture.width)[None, :, None]
    return Image.fromarray(values.astype(np.uint8))


FAULTS: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "blurred": blurred, "dark": dark, "blown-out": blown_out, "odd-ratio": strip, "low-information": plain,
}  # fmt: skip


if __name__ == "__main__":
    main()
