"""Which pixels of a cat speak for its class; what a network looks for, remembers, and is fooled by.

python -m docs.gallery.explain             writes the pictures of docs/explain.md
python -m docs.gallery.explain inverted    writes one of them
"""

import sys
from pathlib import Path

import numpy as np
from tests.support.photographs import photographs

from visus import write
from visus.explain import METHODS, Classifier, ascend, deletion, exciting, fool, invert, open_classifier, saliency
from visus.images import draw
from visus.search.demo import photographs as shipped

NET = "efficientnet_lite0"
CLASSES = ("goldfish", "golden retriever", "pizza", "daisy", "school bus")


def maps() -> np.ndarray:
    """The picture as the network sees it, and the maps."""
    subject = open_classifier(NET)
    found = [saliency(subject, photographs()["chelsea"], method=method) for method in METHODS]
    first = found[0]
    captions = [f"{first.name} {first.probability:.0%}", *(own.method.replace("_", " ") for own in found)]
    return draw.contact_sheet([first.picture, *(own.overlay() for own in found)], captions, columns=5, tile=224)


def classes() -> np.ndarray:
    """What the network looks for in five classes."""
    return ascend(NET, CLASSES).sheet()


def remembered() -> np.ndarray:
    """What each stage remembers of a cat."""
    return invert(NET, photographs()["chelsea"]).sheet()


def kept() -> np.ndarray:
    """What each stage keeps of its details and outlines, of 96 pixels so that it takes seconds."""
    own = open_classifier(NET)
    small = Classifier(NET, own.backbone, own.normalize, own.classes, size=96, resize_to=96)
    return invert(small, photographs()["chelsea"], steps=60).curves()


def units() -> np.ndarray:
    """The patches of photographs that excite one channel most."""
    return exciting(NET, list(photographs().values()), "blocks.2", 7).sheet()


def blocks() -> np.ndarray:
    """How many answers stay without each block."""
    picture = deletion(NET, list(shipped().values())).drawn()
    assert picture is not None
    return picture


def fooled() -> np.ndarray:
    """A cat that is taken for a goldfish."""
    return fool(NET, photographs()["chelsea"], target="goldfish").sheet()


PICTURES = {
    "explain": maps,
    "ascent": classes,
    "inverted": remembered,
    "inverted-layers": kept,
    "units": units,
    "blocks": blocks,
    "fooled": fooled,
}


def main() -> None:
    """Write those that are named, or all."""
    for name in sys.argv[1:] or PICTURES:
        write(Path(__file__).parents[1] / "pictures" / f"{name}.jpg", PICTURES[name](), quality=85)


if __name__ == "__main__":
    main()
