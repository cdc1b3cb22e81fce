#!/usr/bin/env bash
# A color JPEG 2000 of more than 8 bits a channel: Pillow 13 gives black where the picture is white, and says nothing.
#
# The surprise: satellite scenes, medical color pictures and film scans come as JPEG 2000 with 10, 12 or 16 bits a channel.
# Pillow has no mode for these and brings them to 8 bits. It rounds up as it does so, and the largest values, which have
# no room above them, wrap round to 0: white, clouds and highlights become black holes. imagecodecs and OpenCV read the
# values that were written. One channel alone (mode I;16) is right.
#
# Versions: pillow 13.0.0, imagecodecs 2026.3.6, opencv-python-headless 5.0.0.93, numpy 2.4.6, Python 3.11, Linux.
# Seen:     12 bits: written 4095, imagecodecs 4095, OpenCV 4095, Pillow 0
#           16 bits: written 65535, imagecodecs 65535, OpenCV 65535, Pillow 0
#           values of 16 bits that Pillow gives as 0 from 65408 on: 128 of 256
#
# What it means: look at the depth in the codestream (Ssiz) before Pillow is asked, and hand deep colors to OpenCV.
#
# Exits with 0 while this behavior stands, and with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet pillow==13.0.0 imagecodecs==2026.3.6 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
cat > white.py <<'P'
import io
import sys

import cv2
import imagecodecs
import numpy as np
from PIL import Image


def packed(picture: np.ndarray, bits: int) -> bytes:
    return imagecodecs.jpeg2k_encode(picture, level=0, reversible=True, codecformat="jp2", bitspersample=bits)


stands = True
for bits in (12, 16):
    most = (1 << bits) - 1
    content = packed(np.full((8, 8, 3), most, np.uint16), bits)
    own = int(imagecodecs.jpeg2k_decode(content)[0, 0, 0])
    opencv = int(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)[0, 0, 0])
    pillow = int(np.asarray(Image.open(io.BytesIO(content)))[0, 0, 0])
    print(f"{bits} bits: written {most}, imagecodecs {own}, OpenCV {opencv}, Pillow {pillow}")
    stands &= own == opencv == most and pillow == 0
ramp = np.arange(65280, 65536, dtype=np.uint16).reshape(16, 16, 1).repeat(3, axis=2)
found = np.asarray(Image.open(io.BytesIO(packed(ramp, 16))))[:, :, 0]
zero = ramp[:, :, 0][found == 0]
print(f"values of 16 bits that Pillow gives as 0 from {zero.min()} on: {zero.size} of {found.size}")
sys.exit(0 if stands else 1)
P
venv/bin/python white.py
