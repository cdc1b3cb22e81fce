"""What an installation weighs, and how long the first hit takes after it, in fresh environments.

python benchmarks/install.py                  # visus, visus[fast]
python benchmarks/install.py train            # visus[train] alone
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHOWN = 12


def megabytes(place: Path) -> float:
    """What a file or a folder takes on the disk, in MB of 2**20 bytes."""
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files) / (1 << 20)


def run(*command: str | Path) -> tuple[float, str]:
    """Seconds that a command took, and what it printed."""
    began = time.perf_counter()
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    return time.perf_counter() - began, done.stdout


def measure(extra: str, folder: Path) -> None:
    """Install into an environment that holds nothing else, not even pip, and print what came."""
    name = f"visus[{extra}]" if extra else "visus"
    run(sys.executable, "-m", "venv", "--without-pip", folder / "env")
    python = folder / "env" / "bin" / "python"
    wanted = f"{ROOT}[{extra}]" if extra else str(ROOT)
    seconds, _ = run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", wanted)
    (site,) = (folder / "env" / "lib").glob("python*/site-packages")
    parts = sorted(((megabytes(path), path.name) for path in site.iterdir()), reverse=True)
    print(f"{name}: {sum(size for size, _ in parts):.0f} MB in site-packages, installed in {seconds:.0f} s")
    print("  " + ", ".join(f"{part} {size:.0f}" for size, part in parts[:SHOWN]))
    visus, photographs = python.with_name("visus"), site / "visus" / "search" / "photographs"
    indexing, told = run(visus, "index", photographs, "--index", folder / "i.visus")
    searching, answer = run(visus, "search", photographs / "tabby-cat.jpg", "--index", folder / "i.visus", "--json")
    assert json.loads(answer)["hits"][0]["path"].endswith("tabby-cat.jpg")
    print(f"  {told.splitlines()[0]}; first index {indexing:.1f} s, first search {searching:.1f} s")


def main() -> None:
    """Print a few lines for each kind of installation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extras", nargs="*", default=["", "fast"], help="what is installed beside the light half")
    for extra in parser.parse_args().extras:
        with tempfile.TemporaryDirectory() as folder:
            measure(extra, Path(folder))


if __name__ == "__main__":
    main()
