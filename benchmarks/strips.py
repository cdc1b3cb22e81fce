"""How a picture of a hundred megapixels is filtered in strips, beside libvips by itself.

    python benchmarks/strips.py

Each run is a process of its own: a Gaussian of two pixels from file to file. Memory is the greatest that the process
held, above that of one that only imports the same.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import tifffile

SIDE = 10_000
SIGMA = 2
IDLE = "import cv2, pyvips, tifffile; from visus.filters import steps; from visus.images import documents, strips"
OURS = (
    "import sys; from visus.cli.app import main; "
    "sys.argv = ['visus', 'filter', 'gaussian', {!r}, {!r}, '--sigma', '{}']; main()"
)
PEER = "import pyvips; pyvips.Image.new_from_file({!r}, access='sequential').gaussblur({}).write_to_file({!r})"


def files(folder):
    """The same picture in three formats."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (SIDE // 20, SIDE // 20, 3), np.uint8)
    picture = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    paths = [folder / name for name in ("a.jpg", "a.png", "a.tif")]
    for path in paths[:2]:
        cv2.imwrite(str(path), picture)
    tifffile.imwrite(paths[2], picture, tile=(256, 256), compression="zlib", photometric="rgb")
    return paths


def cost(code):
    """Seconds of CPU and the greatest memory in MB of a process."""
    measured = (
        f"{code}\n"
        if "main()" not in code
        else f"try:\n    {code}\nexcept SystemExit as end:\n    assert not end.code\n"
    ) + (
        "import re, time; status = open('/proc/self/status').read()\n"
        "print(time.process_time(), int(re.search(r'VmHWM:\\s*(\\d+)', status)[1]) / 1024)"
    )
    done = subprocess.run([sys.executable, "-c", measured], check=True, capture_output=True, text=True)
    seconds, memory = map(float, done.stdout.split()[-2:])
    return seconds, memory


def main():
    """Print a line for each format."""
    with tempfile.TemporaryDirectory(dir=".") as place:
        folder = Path(place)
        _, idle = cost(IDLE)
        print(f"{SIDE}x{SIDE} RGB, Gaussian of {SIGMA} pixels; an idle process holds {idle:.0f} MB\n")
        print("| format | visus s of CPU | MB above idle | libvips s of CPU | its MB |\n|---|---|---|---|---|")
        for path in files(folder):
            out = folder / f"b{path.suffix}"
            seconds, memory = cost(OURS.format(str(path), str(out), SIGMA))
            out.unlink()
            peer_seconds, peer_memory = cost(PEER.format(str(path), SIGMA, str(out)))
            row = [f"{seconds:.1f}", f"{memory - idle:.0f}", f"{peer_seconds:.1f}", f"{peer_memory:.0f}"]
            print(f"| {path.suffix[1:].upper()} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
