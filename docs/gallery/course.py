"""Pictures for the ideas of a first course that no other page shows.

python -m docs.gallery.course     writes them for docs/course.md

The coins of scikit-image become a data set: each is an object with a shape, found by a threshold; pieces of the upper
two thirds are learned from, and pieces of the lower third are asked about.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tests.support.photographs import photographs

import visus
from visus import filters, nets, read, write
from visus.explain import features_of, robustness
from visus.filters.steps import FILTERS
from visus.images import draw, plots
from visus.nets.detection import Limits

Bytes = NDArray[np.uint8]
SIDE = 128


def histogram() -> Bytes:
    """The colors of a cup of coffee: hue, saturation and value."""
    steps = FILTERS["histogram"](read(photographs()["coffee"]))
    bars = [picture if picture.dtype == np.uint8 else np.rint(255 * picture).astype(np.uint8) for _, picture in steps]
    shown = [read(photographs()["coffee"]), *bars]
    return draw.contact_sheet(shown, ["input", *(name for name, _ in steps)], columns=2, tile=320)


def fields() -> object:
    """How the receptive field grows with depth."""
    plot = plots.figure(6.4, 3.6)
    (axis,) = plots.axes(plot, 1, 1)
    for name, size in (("alexnet_paper", 227), ("vgg16", 224), ("googlenet_paper", 224), ("resnet18", 224)):
        layers = nets.summary(nets.create(name), (3, size, size)).layers
        grown = [layer.receptive_field[0] for layer in layers if layer.receptive_field and layer.macs]
        axis.plot(range(1, len(grown) + 1), grown, marker=".", label=name)
    axis.set(xlabel="convolution", ylabel="receptive field in pixels", title="What the widest unit of a layer sees")
    axis.legend(fontsize=8)
    return plot


def space() -> Bytes:
    """Pieces of six photographs, laid out by what a network makes of them."""
    random = np.random.default_rng(0)
    pieces = []
    for name in ("astronaut", "chelsea", "china", "coffee", "flower", "rocket"):
        picture = read(photographs()[name])
        for _ in range(14):
            top, left = (int(random.integers(0, n - 160)) for n in picture.shape[:2])
            pieces.append(picture[top : top + 160, left : left + 160])
    return features_of("efficientnet_lite0", pieces).map("tsne", side=900)


def robust(folder: Path) -> Bytes:
    """Answers that are still the same when pictures are changed a little, by attacks, by noise and by JPEG."""
    pictures = list(photographs().values())
    robustness("efficientnet_lite0", pictures, epsilons=(0.5 / 255, 1 / 255, 2 / 255, 4 / 255)).save(folder / "r.png")
    return read(folder / "r.png")


def shapes(gray: Bytes) -> NDArray[np.int32]:
    """Coins by number, 0 for the ground: what is brighter than its surroundings, without holes."""
    local = filters.gaussian(gray.astype(np.float32), sigma=25.0)
    bright = (filters.gaussian(gray.astype(np.float32), sigma=1.5) > local + 8).astype(np.uint8)
    closed = cv2.morphologyEx(bright, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    coins = [outline for outline in outlines if 600 < cv2.contourArea(outline) < 6000]
    numbered = np.zeros(gray.shape, np.int32)
    for number, coin in enumerate(coins, 1):
        cv2.drawContours(numbered, [coin], -1, number, cv2.FILLED)
    return numbered


def pieces(count: int, rows: tuple[float, float], seed: int) -> list[tuple[Bytes, NDArray[np.int32]]]:
    """Pieces of a part of the picture, each with its numbered coins."""
    picture = read(photographs()["coins"])
    numbered = shapes(picture[:, :, 0])
    random = np.random.default_rng(seed)
    height, width = numbered.shape
    found = []
    for _ in range(count):
        top = int(random.integers(int(rows[0] * height), int(rows[1] * height) - SIDE + 1))
        left = int(random.integers(0, width - SIDE + 1))
        part = np.s_[top : top + SIDE, left : left + SIDE]
        found.append((picture[part], numbered[part]))
    return found


def coins(folder: Path) -> Path:
    """``{train,val}/{images,masks}``."""
    for split, count, rows in (("train", 40, (0.0, 0.64)), ("val", 8, (0.57, 1.0))):
        for number, (picture, numbered) in enumerate(pieces(count, rows, len(split))):
            for kind, values in (("images", picture), ("masks", (numbered > 0).astype(np.uint8))):
                (folder / split / kind).mkdir(parents=True, exist_ok=True)
                write(folder / split / kind / f"{number:02d}.png", values)
    (folder / "classes.txt").write_text("ground\ncoin\n")
    return folder


def segmented(folder: Path) -> Bytes:
    """Pieces that a U-Net has not seen, and where it finds coins."""
    data = coins(folder / "coins")
    run = visus.train("segment", data, net="unet", loss="dice", epochs=8, batch_size=4, runs=folder / "runs")
    files = sorted((data / "val" / "images").iterdir())[:4]
    answers = [run.predict(file).overlay() for file in files]
    shown = [own for file, answer in zip(files, answers, strict=True) for own in (read(file), answer)]
    return draw.contact_sheet(shown, ["input", "U-Net"] * len(files), columns=4, tile=200)


def boxed(folder: Path) -> Path:
    """Coins with their boxes, as YOLO's text files."""
    for split, count, rows in (("train", 40, (0.0, 0.64)), ("val", 8, (0.57, 1.0))):
        for number, (picture, numbered) in enumerate(pieces(count, rows, len(split))):
            lines = []
            for coin in np.unique(numbered[numbered > 0]):
                y, x = np.nonzero(numbered == coin)
                if len(y) > 300:  # a coin that is hardly in the piece is none
                    x0, y0, x1, y1 = x.min(), y.min(), x.max() + 1, y.max() + 1
                    box = ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
                    lines.append("0 " + " ".join(f"{value / SIDE:.5f}" for value in box))
            for kind in ("images", "labels"):
                (folder / kind / split).mkdir(parents=True, exist_ok=True)
            large = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
            write(folder / "images" / split / f"{number:02d}.png", np.asarray(large, np.uint8))
            (folder / "labels" / split / f"{number:02d}.txt").write_text("\n".join(lines) + "\n")
    (folder / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [coin]\n")
    return folder


def detected(folder: Path) -> Bytes:
    """Pieces that a Faster R-CNN has not seen, and the coins that it finds."""
    run = visus.train("detect", boxed(folder / "boxes"), epochs=15, side=192, runs=folder / "runs")
    files = sorted((folder / "boxes" / "images" / "val").iterdir())[:4]
    found = [run.predict(file, limits=Limits(score=0.7, overlap=0.3)) for file in files]
    return draw.contact_sheet([own.overlay() for own in found], columns=4, tile=256)


def localized(folder: Path) -> Bytes:
    """Single coins cut out, and the box of each."""
    run = visus.train("localize", folder / "boxes", crops=True, side=96, epochs=9, batch_size=8, runs=folder / "runs")
    return draw.contact_sheet([run.predict(coin).overlay() for coin in single_coins(8)], columns=4, tile=192)


def single_coins(count: int) -> list[Bytes]:
    """Coins of the lower part of the picture, each cut out with what lies around it."""
    picture = read(photographs()["coins"])
    numbered = shapes(picture[:, :, 0])
    random = np.random.default_rng(3)
    found = []
    for coin in np.unique(numbered[int(0.6 * len(numbered)) :]).tolist()[1:]:
        y, x = np.nonzero(numbered == coin)
        if y.min() < 0.57 * len(numbered):
            continue
        top, left = (max(0, int(low - random.integers(2, 16))) for low in (y.min(), x.min()))
        bottom, right = (int(high + random.integers(2, 16)) for high in (y.max(), x.max()))
        large = cv2.resize(picture[top:bottom, left:right], (192, 192), interpolation=cv2.INTER_CUBIC)
        found.append(np.asarray(large, np.uint8))
    return found[:count]


def pictures(folder: Path) -> Iterator[tuple[str, Bytes]]:
    """All of them, with their names."""
    plots.save(fields(), folder / "fields.png")  # pyright: ignore[reportArgumentType]
    yield "histogram", histogram()
    yield "receptive-fields", read(folder / "fields.png")
    yield "space", space()
    yield "robustness", robust(folder)
    yield "segmented", segmented(folder)
    yield "detected", detected(folder)
    yield "localized", localized(folder)


def main() -> None:
    """Write them."""
    with tempfile.TemporaryDirectory() as place:
        for name, picture in pictures(Path(place)):
            write(Path(__file__).parents[1] / "pictures" / f"{name}.jpg", picture, quality=85)
            print(name, picture.shape, flush=True)


if __name__ == "__main__":
    main()
