"""How a picture of a hundred megapixels is filtered in strips, beside libvips by itself, and how it is segmented.

    python benchmarks/strips.py filter
    python benchmarks/strips.py predict

Each run is a process of its own: a Gaussian of two pixels from file to file, or `visus predict` of a segmenter, which
writes a mask, an overlay and contours. Memory is the greatest that the process held, above that of one that only
imports the same, and has read the network.
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
READY = (
    "import cv2, pyvips, tifffile; import numpy as np; from visus.cli.app import main as _; "
    "from visus.runs.segment.predict import SegmentPredictor; SegmentPredictor({!r})"
)
PREDICT = (
    "import sys; from visus.cli.app import main; sys.argv = ['visus', 'predict', {!r}, {!r}, '--out', {!r}]; main()"
)
WHOLE = "from visus.images import strips; strips.LARGE = 1 << 40; "
WINDOW = 1192  # what is looked at for a block of this picture


def files(folder, grain=20):
    """The same picture in three formats, with spots of so many pixels."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (SIDE // grain, SIDE // grain, 3), np.uint8)
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


def segmenter(folder):
    """A small U-Net that was not trained, and tells light from dark: what memory grows with is the picture."""
    import torch

    from visus.nets import segmentation, trained
    from visus.nets.segmentation.trained import About, Trained
    from visus.ops import Normalize

    torch.manual_seed(0)
    options = {"channels": 3, "padded": True, "width": 2}
    net = segmentation.create("unet", classes=2, **options)
    last = [part for part in net.modules() if isinstance(part, torch.nn.Conv2d)][-1]
    with torch.no_grad():
        for value in net.parameters():
            value.abs_()  # so that it smooths
        last.weight[0], last.bias[:] = 0, 0
        last.bias[1] = -net(torch.full((1, 3, 64, 64), 0.5))[0, 1].median()
    about = About("unet", options, ("dark", "light"), (256, 256), ((0, 0, 0), (230, 159, 0)))
    folder.mkdir()
    file = folder / "best.safetensors"
    trained.write(file, Trained(about, net, Normalize.of_channels((0.0,) * 3, (1.0,) * 3)))
    return file


def filtered(folder):
    """Print a line for each format that is filtered."""
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


def predicted(folder):
    """Print a line for each format that is segmented."""
    run = segmenter(folder / "run")
    _, idle = cost(READY.format(str(run)))
    _, one = cost(READY.format(str(run)) + f".probabilities(np.zeros(({WINDOW}, {WINDOW}, 3), np.uint8))")
    print(f"{SIDE}x{SIDE} RGB, U-Net of width 2; a process with the network holds {idle:.0f} MB,", end=" ")
    print(f"and {one - idle:.0f} MB more once it has answered one window of {WINDOW}x{WINDOW}\n")
    print("| format | s of CPU | MB above | decoded as a whole: s of CPU | MB above |\n|---|---|---|---|---|")
    for path in files(folder, 400):
        command = PREDICT.format(str(run), str(path), str(folder / "masks"))
        row = []
        for before in ("", WHOLE):
            seconds, memory = cost(before + command)
            row += [f"{seconds:.0f}", f"{memory - idle:.0f}"]
        print(f"| {path.suffix[1:].upper()} | {' | '.join(row)} |", flush=True)


def main():
    """Print the table that is asked for."""
    with tempfile.TemporaryDirectory(dir=".") as place:
        {"filter": filtered, "predict": predicted}[sys.argv[1]](Path(place))


if __name__ == "__main__":
    main()
