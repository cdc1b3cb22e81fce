#!/usr/bin/env bash
# COCO boxes that Datumaro turns into Pascal VOC lie a pixel up and to the left of where VOC's own rule puts them.
#
# The surprise: in the VOC devkit the upper left pixel of a picture is (1, 1), and a box names the pixels that it holds, so
# a box over the first ten pixels is 1 to 10. Datumaro writes the edges of COCO's box as they are, 0.0 to 10.0, without a
# word in the file. Its reader takes them back the same way, so a round trip through the package alone shows nothing; a
# loader that follows the devkit (x - 1, width xmax - xmin + 1) gets a box from -1 on, one pixel wider than the object.
#
# Versions: datumaro 1.10.0, Python 3.11, Linux.
# Seen:     written: 0.0 0.0 10.0 8.0
#           by the devkit's rule: x -1.0 to 10.0 in place of 0 to 10
#           read again by datumaro: [0.0, 0.0, 10.0, 8.0]
#
# What it means: VOC files from Datumaro, and from tools that export with it, count edges from 0. Ask which tool wrote a
# VOC file before 1 is taken away: the file itself may tell, by fractions and by zeros that the devkit never has.
#
# Exits with 0 while this behavior stands, and with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet datumaro==1.10.0
cd "$work"
cat > voc.py <<'P'
import json
import re
import sys
from pathlib import Path

import datumaro
import numpy as np
from PIL import Image

place = Path("coco")
(place / "images" / "default").mkdir(parents=True)
(place / "annotations").mkdir()
Image.fromarray(np.zeros((40, 50, 3), np.uint8)).save(place / "images" / "default" / "a.png")
coco = {
    "images": [{"id": 1, "file_name": "a.png", "width": 50, "height": 40}],
    "categories": [{"id": 1, "name": "cell"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 8], "area": 80, "iscrowd": 0}],
}
(place / "annotations" / "instances_default.json").write_text(json.dumps(coco))
datumaro.Dataset.import_from(str(place), "coco_instances").export("voc", "voc_detection", save_media=True)
(file,) = Path("voc").rglob("Annotations/*.xml")
text = file.read_text()
sides = [float(re.search(rf"<{name}>([^<]+)<", text)[1]) for name in ("xmin", "ymin", "xmax", "ymax")]
print("written:", *sides)
print(f"by the devkit's rule: x {sides[0] - 1} to {sides[2]} in place of 0 to 10")
again = [own for item in datumaro.Dataset.import_from("voc", "voc_detection") for own in item.annotations]
box = next(list(own.points) for own in again if hasattr(own, "points"))
print("read again by datumaro:", [float(value) for value in box])
sys.exit(0 if sides == [0, 0, 10, 8] and [float(value) for value in box] == [0, 0, 10, 8] else 1)
P
venv/bin/python voc.py
