"""Networks of two towers: one describes pictures, the other sentences, by vectors of one space.

They learn to lay a picture beside the sentence that goes with it (Radford et al. 2021, section 2.3; Zhai et al. 2023,
"Sigmoid loss for language image pre-training", section 3). So any sentence can ask for pictures. Both towers are
exported once, by PyTorch and open_clip (:mod:`visus.nets.towers`); afterwards a search needs neither.

The tower of pictures is a graph as every network has one (:mod:`visus.graphs.graph`). In a folder beside it, whose
name ends in ``-text``, lies the other one: ``text.onnx`` with its weights in ``text.bin``, ``tokenizer.json``, the
vectors of the names of things (``names.npy``), ``license.txt``, and the description ``text.json``, which is written
last. The weights lie apart, so that ONNX Runtime maps them: of the rows of all tokens it reads those of a sentence.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visus.graphs.weights import Preprocessing

WEIGHTS = ("open_clip_model.safetensors", "tokenizer.json")
"""The files of a model on the hub that are needed."""

GRAPH, WEIGHTS_OF_GRAPH, TOKENIZER, NAMES = "text.onnx", "text.bin", "tokenizer.json", "names.npy"
LICENSE, DESCRIPTION = "license.txt", "text.json"
"""The files of a folder."""

_FORMAT = 1  # raise it when the files change


@dataclass(frozen=True, slots=True)
class Towers:
    """A network of two towers.

    Attributes:
        architecture: What open_clip calls it.
        home: The model on the Hugging Face hub with its weights and tokenizer.
        license: Of the weights.
        preprocessing: What the tower of pictures expects.
        tokens: How many a sentence has; shorter ones are filled up with zeros.
        plain: Whether it was trained on texts in small letters without punctuation.
        sentence: What is made of words that name something.
    """

    architecture: str
    home: str
    license: str
    preprocessing: Preprocessing
    tokens: int
    plain: bool
    sentence: str


_CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)

TABLE: dict[str, Towers] = {
    "clip": Towers(
        "ViT-B-32-256", "laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K", "MIT",
        Preprocessing(256, 256, *_CLIP, "bicubic"), 77,
        plain=False, sentence="a photo of {}",
    ),
    "siglip2": Towers(
        "ViT-B-16-SigLIP2-256", "timm/ViT-B-16-SigLIP2-256", "Apache-2.0",
        Preprocessing(256, 256, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic"), 64,
        plain=True, sentence="this is a photo of {}",
    ),
}  # fmt: skip
"""The networks by name; all have weights that anyone may use for anything."""


def identity(name: str) -> str:
    """What tells the weights of a network from others.

    >>> identity("clip")
    'open_clip:laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K'
    """
    return f"open_clip:{TABLE[name].home}"


def folder_beside(stem: Path) -> Path:
    """The folder of the tower of sentences, by the place of the graph of pictures without its ending."""
    return stem.with_name(f"{stem.name}-text")


def describe(folder: Path, towers: Towers) -> bytes:
    """The content of the description of a folder that holds all else."""
    files = {own.name: own.stat().st_size for own in folder.iterdir() if own.name != DESCRIPTION}
    told = {"tokens": towers.tokens, "plain": towers.plain, "sentence": towers.sentence, "license": towers.license}
    return json.dumps({"format": _FORMAT, "files": files, **told}, indent=1).encode()


def described(folder: Path) -> dict[str, Any] | None:
    """What the description of a folder says; None where the folder is missing, not whole or of another format."""
    try:
        about: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        sizes = {name: (folder / name).stat().st_size for name in (GRAPH, WEIGHTS_OF_GRAPH, TOKENIZER, NAMES)}
        sound = about["format"] == _FORMAT and all(about["files"][name] == size for name, size in sizes.items())
        sound = sound and isinstance(about["tokens"], int) and "{}" in about["sentence"] and "plain" in about
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return about if sound else None
