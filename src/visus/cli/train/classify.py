"""``visus train classify``: from a folder of labeled pictures to a trained classifier."""

from visus.cli.train.face import Face, drawing

EXAMPLES = """
Examples:

    visus train classify flowers                              fine-tune EfficientNet-Lite0 from ImageNet weights
    visus train classify flowers --mode probe                 the last layer only: seconds
    visus train classify flowers --net resnet18 --mode scratch --epochs 30
    visus train classify digits --net mlp --hidden 256,128 --activation sigmoid --no-flip
    visus train classify flowers --adversarial 2/255           harder to fool; see visus explain robustness
    visus train classify flowers --show-batch batch.png       draw what the network will see, and stop
    visus train classify flowers --config best.toml --lr 0.0003
    visus train classify --resume runs/classify/flowers-1     go on after an interruption
"""


FACE = Face(
    help="Train a classifier on your own labeled pictures.",
    data="CLASS/*.jpg, {train,val,test}/CLASS/*.jpg, CSV, or idx files.",
    examples=EXAMPLES,
    show_batch=drawing("visus.runs.classify.preview"),
)
