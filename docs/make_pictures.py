"""Make the pictures of the README and the guide.

python -m docs.make_pictures

All photographs ship with scikit-image and scikit-learn, so the pictures can be made anywhere, offline.
"""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from tests.support.photographs import photographs

from docs.gallery import course, detection, explain, half_pixels, optimizers, random_vs_grid, segmentation, training
from visus import Index, filters, read, write
from visus.filters.steps import FILTERS
from visus.images import draw, noise, plots
from visus.images.color import to_rgb
from visus.lessons import LESSONS, lesson
from visus.search.demo import QUERIES, VERSIONS, index_versions

HERE = Path(__file__).parent / "pictures"


def search_rows(index: Index) -> np.ndarray:
    """Three queries that were not indexed, each with its best hits in a row."""
    pictures, captions, marked = [], [], []
    for name, version in (("chelsea", "mirrored crop"), ("rocket", "detail"), ("coffee", "mirrored crop")):
        query = np.asarray(QUERIES[version](Image.fromarray(read(photographs()[name]))))
        hits = index.search(query, k=6)
        marked.append(len(pictures))
        pictures += [query, *hits.thumbnails(list(hits))]
        captions += [f"query: {version}", *(f"{hit.score:.3f}  {Path(hit.path).stem}" for hit in hits)]
    return draw.contact_sheet(pictures, captions, columns=7, tile=150, marked=marked)


def why(folder: Path) -> np.ndarray:
    """A cat's face pasted on another photograph, and where it agrees with the whole cat."""
    cat = read(photographs()["chelsea"])
    scene = read(photographs()["china"]).copy()
    face = np.asarray(Image.fromarray(cat).crop((120, 20, 360, 260)))
    scene[150:390, 330:570] = face
    write(folder / "cat.jpg", cat)
    index = Index(folder / "why.visus")
    index.add(folder / "cat.jpg")
    return index.search(scene, k=1)[0].why().picture(side=300)


def duplicates(folder: Path) -> np.ndarray:
    """Versions of four photographs, found among others."""
    (folder / "d").mkdir()
    for name in ("chelsea", "china", "astronaut"):
        picture = Image.fromarray(read(photographs()[name]))
        for version in ("original", "crop", "mirror", "light"):
            write(folder / "d" / f"{name}-{version}.jpg", np.asarray(VERSIONS[version](picture)))
    for name in ("rocket", "coffee", "coins"):
        write(folder / "d" / f"{name}.jpg", read(photographs()[name]))
    index = Index(folder / "d.visus")
    index.add(folder / "d")
    return index.sheet_of(index.duplicates())


def bytes_of(picture: np.ndarray) -> np.ndarray:
    """A picture with values in [0, 1] or 8 bits as RGB bytes."""
    scale = 1 if picture.dtype == np.uint8 else 255
    return np.rint(to_rgb(picture).astype(np.float32) * scale).astype(np.uint8)


def steps(name: str, photograph: str, *, columns: int = 4, tile: int = 260, **options: float) -> np.ndarray:
    """A photograph and every step of a filter."""
    picture = read(photographs()[photograph])
    done = [("input", picture), *FILTERS[name](picture, **options)]
    return draw.contact_sheet([bytes_of(p) for _, p in done], [title for title, _ in done], columns=columns, tile=tile)


def bank() -> np.ndarray:
    """The 48 Leung-Malik filters, each at its own contrast: gray is 0."""
    small = filters.leung_malik("small")
    shown = [bytes_of((0.5 + kernel / (2 * abs(kernel).max())).astype(np.float32)) for kernel in small]
    return draw.contact_sheet(shown, columns=12, tile=72)


def smoothing() -> np.ndarray:
    """What each filter makes of each noise, with its PSNR."""
    clean = np.asarray(Image.fromarray(read(photographs()["astronaut"])).crop((60, 0, 310, 250)).convert("L"))
    smooth = {
        "no filter": lambda p: p,
        "Gaussian, sigma 1": lambda p: filters.gaussian(p, sigma=1.0),
        "median 3x3": lambda p: filters.median(p, size=3),
        "bilateral": lambda p: filters.bilateral(p, sigma=1.5, tolerance=0.3),
    }
    models = {
        "Gaussian noise": noise.gaussian(clean, sigma=25 / 255, seed=0),
        "salt and pepper": noise.salt_and_pepper(clean, amount=0.1, seed=0),
        "impulse": noise.impulse(clean, amount=0.1, seed=0),
        "Poisson": noise.poisson(clean, peak=30, seed=0),
        "speckle": noise.speckle(clean, sigma=0.2, seed=0),
    }
    pictures, captions, best = [], [], []
    for name, noisy in models.items():
        done = {title: filter_(noisy) for title, filter_ in smooth.items()}
        quality = {title: filters.psnr(picture, clean) for title, picture in done.items()}
        best.append(len(pictures) + list(quality).index(max(quality, key=lambda title: quality[title])))
        pictures += [bytes_of(picture) for picture in done.values()]
        captions += [f"{name}\n{title}: {quality[title]:.1f} dB" for title in done]
    return draw.contact_sheet(pictures, captions, columns=4, tile=230, marked=best)


def plotted(folder: Path, figure: object) -> np.ndarray:
    """A figure as a picture."""
    plots.save(figure, folder / "figure.png")  # pyright: ignore[reportArgumentType]
    return read(folder / "figure.png")


def main() -> None:
    """Make every picture."""
    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        index, _ = index_versions(folder / "demo")
        for name, picture in (
            ("search", search_rows(index)),
            ("why", why(folder)),
            ("duplicates", duplicates(folder)),
            ("canny", steps("canny", "coffee", sigma=1.4, low=0.1, high=0.2)),
            ("gradient", steps("gradient", "coins", columns=5, tile=220)),
            ("smoothing", smoothing()),
            ("leung-malik", bank()),
            ("textons", steps("textons", "chelsea", columns=2, tile=360)),
            ("batch", training.batch(folder)),
            ("optimizers", plotted(folder, optimizers.draw())),
            ("random-vs-grid", plotted(folder, random_vs_grid.draw(random_vs_grid.compare()))),
            ("upsampling", plotted(folder, segmentation.upsampling())),
            ("crf", segmentation.rough_outline()),
            ("proposals", detection.proposed()),
            ("half-pixels", plotted(folder, half_pixels.draw())),
            ("roi-shift", plotted(folder, detection.shifted())),
            ("suppression", detection.suppressed()),
            *((name, make()) for name, make in explain.PICTURES.items()),
            *training.pictures_of_runs(folder).items(),
            *course.pictures(folder),
            *((f"lesson-{name}", lesson(name).picture) for name in LESSONS),
        ):
            write(HERE / f"{name}.jpg", picture, quality=85)
            print(HERE / f"{name}.jpg", picture.shape)


if __name__ == "__main__":
    main()
