"""``visus train detect``: from pictures with boxes to a trained detector."""

from visus.cli.train.face import Face, drawing

EXAMPLES = """
Examples:

    visus train detect cells                                      Faster R-CNN on a pyramid of EfficientNet-Lite0
    visus train detect cells --net fast_rcnn --proposals quality  boxes proposed by selective search
    visus train detect coco --net mask_rcnn_fpn --epochs 30       shapes too
    visus train detect voc --net faster_rcnn --backbone vgg16 --pooling pool --size 600 --anchors 128,256,512
                                                                  as in the paper of Faster R-CNN
    visus train detect cells --show-batch batch.png
    visus train detect --resume runs/detect/cells-1
"""

FACE = Face(
    help="Train a detector on your own pictures with boxes.",
    data="VOC (JPEGImages, Annotations), COCO (train.json) or YOLO (images, labels).",
    examples=EXAMPLES,
    show_batch=drawing("visus.runs.detect.preview"),
)
