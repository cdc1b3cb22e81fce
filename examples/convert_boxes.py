"""Turn pictures with boxes from one form into another: Pascal VOC, COCO or YOLO; the form of IN is recognized.

    python examples/convert_boxes.py IN OUT voc|coco|yolo

No box is lost or shifted. VOC has no shapes, and its crowds are difficult objects; COCO keeps everything; in YOLO run
lengths and objects of several polygons become their boxes, crowds and difficult objects plain ones.
"""

import argparse
import sys
from pathlib import Path

from visus import VisusError
from visus.data import BoxSet, load_boxes_whole
from visus.data.save_boxes import save_boxes


def _shapes(dataset: BoxSet) -> int:
    """How many objects have a shape."""
    return sum(bool(shape) for split in dataset.splits.values() for own in split.objects for shape in own.shapes)


def main() -> int:
    """Convert a folder; 2 if it cannot be done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="IN", type=Path)
    parser.add_argument("target", metavar="OUT", type=Path)
    parser.add_argument("form", choices=["voc", "coco", "yolo"])
    arguments = parser.parse_args()
    try:
        before = load_boxes_whole(arguments.source)
        after = load_boxes_whole(save_boxes(before, arguments.target, arguments.form))
    except VisusError as error:
        print(error, file=sys.stderr)
        return 2
    print(before.describe())
    for remark in before.remarks:
        print(remark)
    count = sum(int(after.counts(split).sum()) for split in after.splits)
    shapes, left = (_shapes(dataset) for dataset in (before, after))
    if left < shapes:
        print(f"{shapes - left:,} of {shapes:,} shapes became boxes, since {after.form} cannot hold them.")
    print(f"Wrote {arguments.target} as {after.form}: {count:,} objects.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
