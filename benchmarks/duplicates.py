"""Which altered versions of photographs are found among a thousand, and what is found that is none.

python benchmarks/duplicates.py --data DATA

The same table for hashes of imagededup, imagehash and pdqhash, where these are installed (pip install imagededup
imagehash pdqhash): a version counts as found if its hash is within the distance that the package's documents name, or
a common one where they name none.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from copies import ALTERATIONS, drawn, write_versions
from place import data_folder
from visus import Index
from visus.search.duplicates.members import Duplicates


def together(found: Duplicates, originals: dict[str, Path], versions: Path) -> float:
    """Share of the versions that are in one group with their original."""
    groups = {path: k for k, group in enumerate(found) for path in _paths(group)}
    pairs = [(str(source), str(versions / f"{stem}.jpg")) for stem, source in originals.items()]
    return float(np.mean([groups.get(a, -1) == groups.get(b, -2) for a, b in pairs]))


def _paths(group: Any) -> list[str]:
    return [group.keep.path, *(copy.path for copy in group.others)]


def ours(corel: Path, chosen: list[Path], work: Path) -> None:
    """Print the row of visus, and what is found among the photographs alone."""
    index = Index(work / "originals.visus")
    index.add(corel)
    began = time.process_time()
    found = index.duplicates()
    print(
        f"{len(index)} photographs of {corel.name}: {len(found)} groups in {time.process_time() - began:.1f} s of CPU"
    )
    for group in found:
        print("  ", *(Path(path).name for path in _paths(group)), "-", *(str(copy.relation) for copy in group.others))
    originals = {path.stem: path for path in chosen}
    shares = []
    for name in ALTERATIONS:
        place = work / f"{name.replace(' ', '')}.visus"
        shutil.copytree(work / "originals.visus", place)
        larger = Index(place)
        larger.add(work / "versions" / name)
        shares.append(together(larger.duplicates(), originals, work / "versions" / name))
        print(f"  {name}: {shares[-1] * 100:.1f}", flush=True)
    _row("visus", shares)


Hash = Callable[[Path], np.ndarray]


def peers() -> dict[str, tuple[Hash, int]]:
    """Hashes (bits) and the distance within which they count as equal."""
    found: dict[str, tuple[Hash, int]] = {}
    try:
        from imagededup.methods import DHash, PHash

        for name, method in (("imagededup PHash", PHash(verbose=False)), ("imagededup DHash", DHash(verbose=False))):
            found[name] = (lambda path, m=method: _hex(m.encode_image(str(path)))), 10  # its default
    except ImportError:
        print("imagededup is not installed")
    try:
        import imagehash
        from PIL import Image

        for name, hash_of in (("imagehash phash", imagehash.phash), ("imagehash dhash", imagehash.dhash)):
            found[name] = (lambda path, h=hash_of: h(Image.open(path)).hash.ravel()), 10
    except ImportError:
        print("imagehash is not installed")
    try:
        import pdqhash
        from PIL import Image

        found["pdqhash"] = (lambda path: pdqhash.compute(np.asarray(Image.open(path).convert("RGB")))[0] > 0), 31
    except ImportError:
        print("pdqhash is not installed")
    return found


def _hex(text: str) -> np.ndarray:
    return np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8)).astype(bool)


def theirs(name: str, peer: tuple[Hash, int], corel: list[Path], chosen: list[Path], work: Path) -> None:
    """Print the row of a hash, and how many pairs of photographs it takes for equal."""
    hash_of, most = peer
    known = np.array([hash_of(path) for path in corel])
    apart = (known[:, None] != known).sum(axis=2)
    false = int((np.triu(apart <= most, 1)).sum())
    own = dict(zip(corel, known, strict=True))
    shares = []
    for alteration in ALTERATIONS:
        versions = [hash_of(work / "versions" / alteration / f"{path.stem}.jpg") for path in chosen]
        near = [int((version != own[path]).sum()) <= most for version, path in zip(versions, chosen, strict=True)]
        shares.append(float(np.mean(near)))
    _row(f"{name} ({false} pairs)", shares)


def _row(name: str, shares: list[float]) -> None:
    print(f"{name:28}" + "".join(f"{share * 100:10.1f}" for share in shares))


def main() -> None:
    """Print the table."""
    corel = data_folder(__doc__) / "corel1k"
    chosen = drawn(corel)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name in ALTERATIONS:
            write_versions(chosen, name, work / "versions" / name)
        print(f"{'found of 200, %':28}" + "".join(f"{name:>10}" for name in ALTERATIONS))
        ours(corel, chosen, work)
        for name, peer in peers().items():
            theirs(name, peer, sorted(corel.rglob("*.jpg")), chosen, work)


if __name__ == "__main__":
    main()
