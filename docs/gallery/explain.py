"""Which pixels of a cat speak for its class, by nine methods.

python -m docs.gallery.explain     writes docs/pictures/explain.jpg
"""

from pathlib import Path

import numpy as np

from visus import write
from visus.explain import METHODS, open_subject, saliency
from visus.images import draw
from visus.search.demo import photographs


def maps() -> np.ndarray:
    """The picture as the network sees it, and the maps."""
    subject = open_subject("efficientnet_lite0")
    found = [saliency(subject, photographs()["chelsea"], method=method) for method in METHODS]
    first = found[0]
    captions = [f"{first.name} {first.probability:.0%}", *(own.method.replace("_", " ") for own in found)]
    return draw.contact_sheet([first.picture, *(own.overlay() for own in found)], captions, columns=5, tile=224)


def main() -> None:
    """Write it."""
    write(Path(__file__).parents[1] / "pictures" / "explain.jpg", maps(), quality=85)


if __name__ == "__main__":
    main()
