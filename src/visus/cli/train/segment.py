"""``visus train segment``: from pictures or volumes with masks to a trained segmenter."""

from visus.cli.train.face import Face, drawing

EXAMPLES = """
Examples:

    visus train segment camvid --ignore 11 --backbone efficientnet_lite0          FCN-8s
    visus train segment camvid --net fcn32s --backbone efficientnet_lite0
    visus train segment camvid --net fcn16s --backbone efficientnet_lite0 --weights runs/segment/camvid-1
    visus train segment cells --net unet --elastic 10 --border 10                 touching cells
    visus train segment hippocampus --net vnet --loss dice --batch-norm           volumes
    visus train segment camvid --net segnet --class-weights median_frequency
    visus train segment camvid --show-batch batch.png
    visus train segment --resume runs/segment/camvid-1
"""

FACE = Face(
    help="Train a segmenter on your own pictures or volumes with masks.",
    data="{train,val,test}/images with masks, VOC, COCO, or NIfTI (imagesTr, labelsTr).",
    examples=EXAMPLES,
    show_batch=drawing("visus.runs.segment.preview"),
)
