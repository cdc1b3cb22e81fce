"""Networks of two towers out of open_clip: their weights are fetched once, and both towers exported as graphs.

open_clip (Ilharco et al. 2021) builds the network and reads its weights; PyTorch exports it. What is exported is all
that a search needs afterwards (:mod:`visus.graphs.towers`).
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visus._errors import DependencyError, InputError, WeightsError
from visus._files import sync, write_atomically
from visus._optional import is_installed, require
from visus.graphs import towers
from visus.graphs.towers import TABLE, Towers
from visus.nets import hub

if TYPE_CHECKING:
    from torch import nn

_NEEDED = ("torch", "open_clip", "tokenizers", "huggingface_hub")


def files_of(name: str, cache: Path) -> tuple[Path, Path]:
    """The file of weights and that of the tokenizer, fetched where they are not at hand; no network takes long here.

    Args:
        name: In :data:`visus.graphs.towers.TABLE`.
        cache: visus's cache folder; files that were brought by hand lie in a folder of the network's name there.

    Raises:
        DependencyError: What exports it is not installed.
        WeightsError: They are not at hand, and cannot be downloaded.
    """
    for package in _NEEDED:
        if not is_installed(package):
            raise DependencyError(
                f"Words of {name} are made ready by the package {package}, which is not installed; say: "
                "pip install 'visus[train,words]'"
            )
    known, brought = TABLE[name], cache / name
    found = [
        brought / own if (brought / own).is_file() else hub.file_at_hand(known.home, own) for own in towers.WEIGHTS
    ]
    try:
        if None in found and not hub.reachable():
            raise ConnectionError
        weights, tokenizer = (
            own or hub.fetched(known.home, file) for own, file in zip(found, towers.WEIGHTS, strict=True)
        )
    except Exception as error:  # the hub's client raises many kinds
        raise WeightsError(
            f"The weights of {name} are not on this machine and cannot be downloaded ({type(error).__name__}); bring "
            f"{' and '.join(towers.WEIGHTS)} of {known.home}, a model of the Hugging Face hub, to {brought}, or leave "
            "--model away: the usual network knows words, too."
        ) from error
    return weights, tokenizer


def built(known: Towers, weights: Path) -> "nn.Module":
    """The network with its weights, in evaluation mode.

    Args:
        known: What there is to know of it.
        weights: The file; nothing in it is run.

    Raises:
        WeightsError: It is damaged, or of another network.
    """
    open_clip = require("open_clip")
    try:
        return open_clip.create_model(known.architecture, pretrained=str(weights), weights_only=True).eval()
    except Exception as error:  # torch, safetensors and open_clip raise many kinds
        raise WeightsError(
            f"{weights} does not hold the weights of {known.architecture} ({type(error).__name__}); bring it again, "
            f"from {known.home} of the Hugging Face hub."
        ) from error


def export(name: str, stem: Path) -> tuple[bytes, dict[str, Any]]:
    """Export both towers: that of sentences is written into its folder, that of pictures is given back.

    Args:
        name: Of the network.
        stem: Place of the graph of pictures without its ending.

    Returns:
        The content of its ONNX file, and its description, all but the name of the weights.

    Raises:
        InputError: It cannot be exported.
        WeightsError: The weights are not at hand.
        DependencyError: A package is missing.
        OSError: The folder cannot be written.
    """
    known = TABLE[name]
    weights, tokenizer = files_of(name, stem.parent)  # before PyTorch is imported, which takes seconds
    graphs = require("visus.nets.tower_graphs")
    net = built(known, weights)
    try:
        content, about = graphs.of_pictures(net, known)
    except Exception as error:  # the exporter raises many kinds
        raise InputError(
            f"{name} cannot be exported as a graph ({type(error).__name__}); choose another network."
        ) from error
    folder = towers.folder_beside(stem)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as work:
        made = Path(work) / "text"
        made.mkdir()
        shutil.copyfile(tokenizer, made / towers.TOKENIZER)
        (made / towers.LICENSE).write_text(_license(known), encoding="utf-8")
        graphs.write_of_sentences(net, known, made)
        write_atomically(made / towers.DESCRIPTION, towers.describe(made, known))
        sync(made.iterdir())
        shutil.rmtree(folder, ignore_errors=True)
        made.replace(folder)
    return content, {"model": name, **about}


def _license(known: Towers) -> str:
    return (
        f"The graphs in this folder, and the one beside it, are made of the weights of {known.architecture} from\n"
        f"{known.home} of the Hugging Face hub, whose license is {known.license}.\n"
    )


def names_of_things(most: int) -> Sequence[str]:
    """So many of the names that open_clip gives the 1000 classes of ImageNet, spread over them."""
    every = require("open_clip").IMAGENET_CLASSNAMES
    return every[:: max(1, len(every) // most)]
