"""Runs on pictures that ship with scikit-image and scikit-learn: batches, health, confusion, a study."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from tests.support.photographs import photographs

from visus import read, tune, write
from visus.images import draw
from visus.runs import train
from visus.runs.classify.preview import preview

PLACES = ("astronaut", "chelsea", "china", "coffee", "flower", "rocket")


def crops(folder: Path, count: int = 12, side: int = 112) -> Path:
    """``FOLDER/PHOTOGRAPH/*.jpg``: pieces of six photographs; the class is the photograph."""
    random = np.random.default_rng(0)
    for name in PLACES:
        picture = read(photographs()[name])
        (folder / name).mkdir(parents=True)
        for k in range(count):
            top, left = (int(random.integers(0, n - side)) for n in picture.shape[:2])
            write(folder / name / f"{k:02d}.jpg", picture[top : top + side, left : left + side])
    return folder


def digits(folder: Path) -> Path:
    """``FOLDER/DIGIT/*.png``: the 1,797 digits of scikit-learn."""
    found = load_digits()
    for k, (picture, label) in enumerate(zip(found.images, found.target, strict=True)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        write(folder / str(label) / f"{k:04d}.png", np.rint(picture * 15.9375).astype(np.uint8))
    return folder


def batch(folder: Path) -> np.ndarray:
    """What a network sees with strong augmentation."""
    preview(crops(folder / "crops"), folder / "batch.png", {"augment": "strong", "size": 112}, count=16)
    return read(folder / "batch.png")


def pictures_of_runs(folder: Path) -> dict[str, np.ndarray]:
    """Health of an ill network and of a cured one, curves, confusion and mistakes of digits, and a study."""
    data = digits(folder / "digits")
    shared = {"net": "mlp", "augment": "none", "size": 8, "runs": folder / "runs", "batch_size": 32}
    ill = train("classify", data, hidden=(32,) * 9, activation="sigmoid", epochs=8, lr=5e-3, **shared)
    cured = train("classify", data, hidden=(32,) * 9, activation="relu", batch_norm=True, epochs=8, lr=5e-3, **shared)
    good = train("classify", data, hidden=(64, 32), epochs=12, **shared)
    good.evaluate()
    study = tune("classify", data, trials=24, hidden=(32,), epochs=4, **shared)
    titles = [
        f"9 sigmoid layers: {ill.summary['best']['val_accuracy']:.0%} right; {ill.summary['health'][0]}",
        f"9 layers of ReLU with batch normalization: {cured.summary['best']['val_accuracy']:.0%} right",
    ]
    both = draw.contact_sheet([read(run.folder / "health.png") for run in (ill, cured)], titles, columns=1, tile=1100)
    return {
        "health": both,
        "curves": read(good.folder / "curves.png"),
        "confusion": read(good.folder / "evaluation-test" / "confusion.png"),
        "mistakes": read(good.folder / "evaluation-test" / "mistakes.jpg"),
        "study": read(study.folder / "study.png"),
    }
