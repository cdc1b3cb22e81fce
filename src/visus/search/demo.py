"""The main job on real photographs: index altered versions of each, then search with versions that were not indexed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from visus._errors import InputError
from visus.images import read, write
from visus.search.hits import Hits
from visus.search.index import Index
from visus.search.report import Progress, Report

Pixels = NDArray[np.uint8]

_PHOTOGRAPHS = Path(__file__).with_name("photographs")  # LICENSES.csv there names authors and licenses


def _crop(picture: Image.Image, left: float, top: float, share: float) -> Image.Image:
    width, height = picture.size
    x, y = round(left * width), round(top * height)
    return picture.crop((x, y, x + max(1, round(share * width)), y + max(1, round(share * height))))


def _noise(picture: Image.Image) -> Image.Image:
    pixels = np.asarray(picture, dtype=np.float32)
    noisy = pixels + np.random.default_rng(0).normal(0, 20, pixels.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _rotate(picture: Image.Image, degrees: float) -> Image.Image:
    return _crop(picture.rotate(degrees, Image.Resampling.BICUBIC), 0.12, 0.12, 0.76)


VERSIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "original": lambda p: p,
    "crop": lambda p: _crop(p, 0.05, 0.1, 0.75),
    "mirror": ImageOps.mirror,
    "blur": lambda p: p.filter(ImageFilter.GaussianBlur(max(p.size) / 200)),
    "noise": _noise,
    "light": lambda p: ImageEnhance.Brightness(p).enhance(1.4),
    "rotation": lambda p: _rotate(p, 15),
}
"""How each photograph is altered before it is indexed."""

QUERIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "mirrored crop": lambda p: ImageEnhance.Brightness(ImageOps.mirror(_crop(p, 0.15, 0.1, 0.8))).enhance(0.7),
    "detail": lambda p: _crop(p, 0.35, 0.25, 0.4),
}
"""How a photograph is altered to ask for the others: a dark mirrored crop, and a sixth of the picture. Neither is
indexed."""


@dataclass(frozen=True)
class Shown:
    """One query of the demo.

    Attributes:
        name: Name of the photograph.
        version: How it was altered to ask.
        hits: The answer.
        precision: Share of the first k hits that show the same photograph.
        k: How many hits count.
        sheet: The contact sheet that was written.
    """

    name: str
    version: str
    hits: Hits
    precision: float
    k: int
    sheet: Path


def photographs() -> dict[str, Path]:
    """The photographs that ship with visus, by name; ``photographs/LICENSES.csv`` names their authors and licenses."""
    return {path.stem: path for path in sorted(_PHOTOGRAPHS.glob("*.jpg"))}


def write_versions(folder: Path) -> None:
    """Write every version of every photograph below a folder, one folder a photograph."""
    for name, path in photographs().items():
        picture = Image.fromarray(read(path))
        _make_folder(folder / name)
        for version, alter in VERSIONS.items():
            write(folder / name / f"{version}.jpg", np.asarray(alter(picture)))


def index_versions(out: Path, progress: Callable[[Progress], None] | None = None) -> tuple[Index, Report]:
    """Write the versions of all photographs and index them.

    Args:
        out: Folder for pictures, index and sheets.
        progress: Called now and then while pictures are described.
    """
    write_versions(out / "pictures")
    index = Index(out / "demo.visus")
    return index, index.add(out / "pictures", progress=progress)


def queries(index: Index, out: Path) -> Iterator[Shown]:
    """Ask for each photograph by a version that was not indexed, and write a contact sheet.

    Args:
        index: From :func:`index_versions`.
        out: The same folder.
    """
    k = len(VERSIONS)
    for name, path in photographs().items():
        picture = Image.fromarray(read(path))
        for version, alter in QUERIES.items():
            hits = index.search(np.asarray(alter(picture)), k=k)
            right = sum(Path(hit.path).parent.name == name for hit in hits)
            yield Shown(name, version, hits, right / k, k, _write_sheet(hits, out, f"{name}, {version}"))


def own_queries(index: Index, folder: Path, out: Path, *, count: int = 8) -> Iterator[Shown]:
    """Ask for some pictures of a folder by altered versions of each.

    Args:
        index: An index of the folder.
        folder: The pictures.
        out: Where contact sheets go.
        count: How many pictures to ask for, spread over the folder.
    """
    paths = _spread(sorted(index.paths_below(folder)), count)
    for number, path in enumerate(paths, 1):
        picture = Image.fromarray(read(path))
        for version, alter in QUERIES.items():
            hits = index.search(np.asarray(alter(picture)), k=11)
            found = float(hits.paths[0] == path)
            yield Shown(Path(path).name, version, hits, found, 1, _write_sheet(hits, out, f"{number}, {version}"))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made ({error.strerror}); choose another place with --out.") from error


def _write_sheet(hits: Hits, out: Path, name: str) -> Path:
    sheet = out / "sheets" / f"{name.replace(', ', '-').replace(' ', '-')}.jpg"
    _make_folder(sheet.parent)
    write(sheet, hits.sheet(columns=4, tile=180))
    return sheet


def _spread(paths: Sequence[str], count: int) -> list[str]:
    step = max(1, len(paths) // count)
    return list(paths[::step][:count])
