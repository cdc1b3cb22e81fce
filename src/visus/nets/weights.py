"""Weights as tensors of torch: read without running code, and filled into networks.

The table of known weights, with their preprocessing, is :mod:`visus.graphs.weights`; its names are here too.
"""

import os
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visus._errors import WeightsError
from visus.graphs.weights import (
    TABLE,
    Preprocessing,
    Source,
    Weights,
    fixed_size,
    identity,
    of,
    package_file,
    preprocessing,
    unknown,
)

if TYPE_CHECKING:
    import torch

__all__ = [
    "TABLE",
    "Preprocessing",
    "Source",
    "Weights",
    "download_error",
    "fill",
    "fill_from_file",
    "fixed_size",
    "identity",
    "of",
    "package_file",
    "preprocessing",
    "read_file",
    "torchvision_file",
    "torchvision_tensors",
    "unknown",
]


def read_file(path: str | os.PathLike[str]) -> "dict[str, torch.Tensor]":
    """Read a file of weights without running any code in it.

    Args:
        path: ``.safetensors``, or ``.pth`` / ``.pt`` with a plain state dict.

    Returns:
        Tensors by name, on the CPU, each in the shape and dtype in which it was saved, for example ``(1000, 512)``
        float32 for ``fc.weight`` of ResNet-18.

    Raises:
        WeightsError: The file is missing, damaged, or holds something else than tensors.
    """
    import torch

    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"The file of weights {path} does not exist; check the path.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            tensors = load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and safetensors raise many kinds on a damaged file
        raise WeightsError(
            f"The file of weights {path} cannot be read ({type(error).__name__}); "
            "bring it again, as .safetensors or a plain state dict."
        ) from error
    if not isinstance(tensors, dict) or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise WeightsError(f"{path} holds no plain state dict; save net.state_dict() as .safetensors.")
    return tensors


def fill_from_file(net: "torch.nn.Module", path: str | os.PathLike[str]) -> None:
    """Load a file of weights into a network: one that visus trained, or the tensors of a network alone.

    Args:
        net: The network; its tensors keep their dtype.
        path: See :func:`read_file`.

    Raises:
        WeightsError: The file is missing or damaged, or its tensors do not fit the network.
    """
    fill(net, read_file(path), str(path))


def fill(net: "torch.nn.Module", tensors: "dict[str, torch.Tensor]", name: str) -> None:
    """Load tensors into a network by their names, whatever their order.

    The names may all be longer than the network's own by one prefix (``module.`` of a network that several processes
    trained, ``net.`` of a file of visus), or shorter. What says nothing of the network may be there or not: counts of
    batches that a normalization saw, classifiers that served the training only (Szegedy et al. 2015, section 5), and
    the preprocessing in a file of visus.

    Args:
        net: The network; its tensors keep their dtype.
        tensors: One for each of the network's, of the same shape.
        name: What the weights are called in messages.

    Raises:
        WeightsError: Tensors are missing, surplus or of another shape, or hold NaN; it says which.

    >>> import torch
    >>> net = torch.nn.Linear(1, 2)
    >>> fill(net, {"module.bias": torch.ones(2), "module.weight": torch.zeros(2, 1)}, "mine.pth")
    >>> net.bias.tolist()
    [1.0, 1.0]
    """
    own = net.state_dict()
    names = _matched(own.keys(), tensors.keys())
    missing = [key for key in own if key not in names and not key.endswith(_COUNT)]
    used = set(names.values())
    surplus = [key for key in tensors if key not in used and not (key.endswith(_COUNT) or _OF_TRAINING.search(key))]
    others = [
        f"{theirs} {tuple(tensors[theirs].shape)}, not {tuple(own[key].shape)}"
        for key, theirs in names.items()
        if tensors[theirs].shape != own[key].shape
    ]
    faults = [("missing", missing), ("surplus", surplus), ("of another shape", others)]
    said = [f"{len(found)} {word}: {', '.join(found[:_NAMED])}" for word, found in faults if found]
    if said:
        raise WeightsError(f"{name} does not fit the network ({'; '.join(said)}); give the weights of this network.")
    if broken := [theirs for theirs in used if tensors[theirs].isnan().any()]:
        raise WeightsError(f"{name} holds NaN ({min(broken)}); give weights of a training that went well.")
    net.load_state_dict({**own, **{key: tensors[theirs] for key, theirs in names.items()}})


_COUNT = "num_batches_tracked"  # of a normalization: nothing depends on it
_OF_TRAINING = re.compile(r"(^|\.)(aux\d*|aux_classifier|AuxLogits)\.|^normalise\.")
_NAMED = 3  # names in a message


def _matched(own: Collection[str], given: Collection[str]) -> dict[str, str]:
    """The name that each of a network's tensors has in a file, as far as it is there.

    >>> _matched(["a.weight", "b.weight"], ["module.b.weight", "module.a.weight"])
    {'a.weight': 'module.a.weight', 'b.weight': 'module.b.weight'}
    >>> _matched(["net.weight"], ["weight"])
    {'net.weight': 'weight'}
    """
    before, longer = _prefix(given, own)
    beyond, shorter = _prefix(own, given)
    if max(longer, shorter) <= sum(key in own for key in given):
        pairs = {key: key for key in own}
    elif longer >= shorter:
        pairs = {key: before + key for key in own}
    else:
        pairs = {key: key.removeprefix(beyond) for key in own if key.startswith(beyond)}
    return {key: theirs for key, theirs in pairs.items() if theirs in given}


def _prefix(longer: Collection[str], shorter: Collection[str]) -> tuple[str, int]:
    """The prefix behind which most names of one side are those of the other, and how many are."""
    found: Counter[str] = Counter()
    for name in longer:
        places = [place + 1 for place, letter in enumerate(name) if letter == "."]
        found.update(name[:place] for place in places if name[place:] in shorter)
    return max(found.items(), key=lambda own: own[1], default=("", 0))


def torchvision_file(url: str) -> Path:
    """Where torchvision keeps, and looks for, what it downloads from an address.

    >>> torchvision_file("https://download.pytorch.org/models/resnet18-f37072fd.pth").name
    'resnet18-f37072fd.pth'
    """
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]


def torchvision_tensors(known: Any, name: str) -> "dict[str, torch.Tensor]":  # noqa: ANN401 - torchvision's
    """The tensors of weights of torchvision, from its cache or from the network.

    Args:
        known: What torchvision knows of them.
        name: Of the network.

    Returns:
        By name, each in the shape and dtype that torchvision publishes, for example ``(512, 2048, 3, 3)`` float32 for
        ``classifier.0.weight`` of ``fcn_resnet50``.

    Raises:
        WeightsError: They are not at hand.
    """
    try:
        return known.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except OSError as error:  # URLError is one
        raise WeightsError(
            f"The weights of {name} are not on this machine and cannot be downloaded ({type(error).__name__}); bring "
            f"{known.url} to {torchvision_file(known.url)}, or give weights=FILE or weights=None."
        ) from error


def download_error(weights: Weights, error: Exception) -> WeightsError:
    """The error that says which file to bring, and to where, when a download failed, for the caller to raise.

    Args:
        weights: Those that were wanted, of torchvision or timm.
        error: What went wrong.
    """
    if weights.source == "torchvision":
        import torchvision

        url = torchvision.models.get_weight(weights.key).url
        mend = f"bring {url} to {torchvision_file(url)}"
    else:
        from huggingface_hub import constants

        mend = f"bring the model timm/{weights.key} of the Hugging Face hub to {constants.HF_HUB_CACHE}"
    return WeightsError(
        f"The weights of {weights.net} are not on this machine and cannot be downloaded "
        f"({type(error).__name__}); {mend}, or give weights=FILE or weights=None."
    )
