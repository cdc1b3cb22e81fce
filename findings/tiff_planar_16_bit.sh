#!/usr/bin/env bash
# A 16-bit RGB TIFF with separate planes: OpenCV 5 gives noise, Pillow gives bytes of other places; neither says a word.
#
# The surprise: scanners and scientific software store the red, green and blue planes of a TIFF one after the other
# (PlanarConfiguration 2). tifffile reads what it wrote. cv2.imdecode of OpenCV 5.0 returns an array of the right shape and
# dtype in which almost no value is at its place. Pillow returns 8 bits, and without compression these are not the high
# bytes of the picture either. Both are silent, so a folder of such scans is indexed, trained on and thumbnailed as noise.
#
# Versions: opencv-python-headless 5.0.0.93, pillow 13.0.0, tifffile 2026.3.3, numpy 2.4.6, Python 3.11, Linux.
# Seen:     tifffile right: 1.00, OpenCV right: 0.00, shape (40, 50, 3) uint16
#           Pillow uint8, near the high bytes: 0.01
#
# What it means: look at PlanarConfiguration and BitsPerSample before a decoder is chosen, and hand such files to tifffile.
#
# Exits with 0 while this behavior stands, and with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet opencv-python-headless==5.0.0.93 pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
cat > planes.py <<'P'
import io
import sys

import cv2
import numpy as np
import tifffile
from PIL import Image

planes = np.random.default_rng(0).integers(0, 65536, (3, 40, 50), np.uint16)
picture = planes.transpose(1, 2, 0)
file = io.BytesIO()
tifffile.imwrite(file, planes, photometric="rgb", planarconfig="separate")
content = file.getvalue()
again = tifffile.imread(io.BytesIO(content)).transpose(1, 2, 0)
opencv = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)[..., ::-1]
pillow = np.asarray(Image.open(io.BytesIO(content)))
right = [float((own == picture).mean()) for own in (again, opencv)]
near = float((np.abs(pillow.astype(int) - (picture >> 8)) <= 1).mean())
print(f"tifffile right: {right[0]:.2f}, OpenCV right: {right[1]:.2f}, shape {opencv.shape} {opencv.dtype}")
print(f"Pillow {pillow.dtype}, near the high bytes: {near:.2f}")
sys.exit(0 if right[0] == 1 and right[1] < 0.01 and pillow.dtype == np.uint8 and near < 0.5 else 1)
P
venv/bin/python planes.py
