"""``visus train localize``: from pictures with one object each to a network that names and frames it."""

from visus.cli.train.face import Face, drawing

EXAMPLES = """
Examples:

    visus train localize birds                         class, then box, then both
    visus train localize cells --crops                 each object of pictures with several is cut out
    visus train localize birds --joint --epochs 12     both from the beginning
    visus train localize birds --show-batch batch.png
    visus train localize --resume runs/localize/birds-1
"""

FACE = Face(
    help="Train a localizer on pictures with one object each; it answers with one class and one box.",
    data="VOC (JPEGImages, Annotations), COCO (train.json) or YOLO (images, labels).",
    examples=EXAMPLES,
    show_batch=drawing("visus.runs.localize.preview"),
)
