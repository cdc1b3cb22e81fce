"""Make the pictures of the README and the guide.

python docs/make_pictures.py

All photographs ship with scikit-image and scikit-learn, so the pictures can be made anywhere, offline.
"""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from visus import Index, read, write
from visus.images import draw
from visus.search.demo import QUERIES, VERSIONS, index_versions, photographs

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
        ):
            write(HERE / f"{name}.jpg", picture, quality=85)
            print(HERE / f"{name}.jpg", picture.shape)


if __name__ == "__main__":
    main()
