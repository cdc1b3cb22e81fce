"""Networks by name."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import nn

from visus._errors import InputError
from visus.nets import weights as _weights
from visus.nets.backbones import Backbone, TimmBackbone, of_torchvision
from visus.nets.classification.alexnet import alexnet_paper
from visus.nets.classification.cnn import cnn
from visus.nets.classification.googlenet import GoogLeNet
from visus.nets.classification.mlp import mlp
from visus.nets.classification.zfnet import zfnet

TORCHVISION = ("alexnet", "vgg16", "googlenet", "resnet18", "resnet34", "resnet50")
"""Networks that come from torchvision."""

LITE = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
"""Networks whose weights come from Python packages, and so need no download."""

OWN: dict[str, Callable[..., Backbone]] = {
    "mlp": mlp,
    "cnn": cnn,
    "alexnet_paper": alexnet_paper,
    "zfnet": zfnet,
    "googlenet_paper": GoogLeNet,
}
"""Networks that visus defines itself."""


@dataclass(frozen=True, slots=True)
class Input:
    """Which pictures a network takes.

    Attributes:
        size: Side in pixels that it was designed for.
        least: Smallest side that leaves something to look at in its last map.
        fixed: Whether it takes no other size than the one that it is built for.
    """

    size: int
    least: int
    fixed: bool = False


_INPUTS = {
    "mlp": Input(28, 1, fixed=True),
    "cnn": Input(32, 4),
    "alexnet_paper": Input(227, 67),
    "alexnet": Input(224, 63),
    "zfnet": Input(224, 53),
    "vgg16": Input(224, 32),
    "googlenet_paper": Input(224, 31),
    "googlenet": Input(224, 16),
}
_ANY = Input(224, 16)


def input_of(name: str) -> Input:
    """Which pictures a network takes.

    Raises:
        InputError: The name is unknown; the message proposes near ones.

    >>> input_of("alexnet")
    Input(size=224, least=63, fixed=False)
    """
    if name in _INPUTS:
        return _INPUTS[name]
    _check_name(name)
    size = _weights.preprocessing(name).size
    if name in TORCHVISION or name in LITE:
        return Input(size, _ANY.least)
    return Input(size, size if _weights.fixed_size(name) else _ANY.least, _weights.fixed_size(name))


def names() -> list[str]:
    """The networks that visus knows by itself; any name of timm works too.

    >>> "resnet18" in names()
    True
    """
    return sorted((*OWN, *TORCHVISION, *LITE))


def create(
    name: str,
    *,
    classes: int = 1000,
    weights: Literal["imagenet"] | Path | str | None = None,
    **options: Any,  # noqa: ANN401 - what the network's own function takes
) -> Backbone:
    """Build a network, in evaluation mode.

    Args:
        name: A name of :func:`names`, or the name of any timm model.
        classes: Number of classes of the classifier. With ImageNet weights and another number than theirs,
            the last layer alone starts at random.
        weights: ``"imagenet"`` (the best source at hand), a file (``.safetensors``, ``.pth``), or None for
            random weights.
        options: What the function of a network in :data:`OWN` takes, for example ``hidden`` of ``mlp``.

    Returns:
        The network; ``features``, ``embed`` and ``forward`` take ``(N, 3, H, W)`` float tensors that were
        prepared as ``visus.nets.weights.of(name).preprocessing`` says.

    Raises:
        InputError: The name is unknown, or the network does not take an option.
        WeightsError: The weights are not at hand or do not fit.
    """
    if classes < 1:
        raise InputError(f"classes must be at least 1, not {classes}.")
    pretrained = weights == "imagenet"
    if name in OWN:
        backbone = _build_own(name, classes, pretrained, options)
    elif options:
        raise InputError(f"{name} takes no options of its own, not {', '.join(options)}.")
    elif name in TORCHVISION:
        backbone = of_torchvision(name, _build_torchvision(name, classes, pretrained))
    elif name in LITE:
        backbone = TimmBackbone(name, _build_lite(name, classes, pretrained))
    else:
        backbone = TimmBackbone(name, _build_timm(name, classes, pretrained))
    if weights is not None and not pretrained:
        tensors = {key.removeprefix("net."): value for key, value in _weights.read_file(weights).items()}
        _weights.fill(backbone.net, tensors, str(weights))
    return backbone.eval()


def _build_own(name: str, classes: int, pretrained: bool, options: dict[str, Any]) -> Backbone:
    if pretrained:
        raise _weights.unknown(name)
    known = inspect.signature(OWN[name]).parameters
    strange = [option for option in options if option not in known]
    if strange:
        raise InputError(f"{name} takes no {strange[0]}; it takes {', '.join(known)}.")
    return OWN[name](classes=classes, **options)


def _build_torchvision(name: str, classes: int, pretrained: bool) -> nn.Module:
    from torchvision import models

    options = {"aux_logits": False, "init_weights": not pretrained} if name == "googlenet" else {}
    if not pretrained:
        return models.get_model(name, weights=None, num_classes=classes, **options)
    known = _weights.of(name)
    net = models.get_model(name, weights=None, **options)
    try:
        tensors = models.get_weight(known.key).get_state_dict(progress=True, check_hash=True, weights_only=True)
    except OSError as error:  # URLError is one
        raise _weights.download_error(known, error) from error
    # The auxiliary heads of GoogLeNet serve its training only.
    tensors = {key: value for key, value in tensors.items() if not key.startswith("aux")}
    _weights.fill(net, tensors, known.key)
    if classes != known.classes:
        _new_head(net, classes)
    return net


def _new_head(net: nn.Module, classes: int) -> None:
    """Replace the last linear layer of a torchvision network."""
    classifier = getattr(net, "classifier", None)
    if isinstance(classifier, nn.Sequential):
        last = classifier[-1]
        assert isinstance(last, nn.Linear)
        classifier[-1] = nn.Linear(last.in_features, classes)
    else:
        last = net.fc
        assert isinstance(last, nn.Linear)
        net.fc = nn.Linear(last.in_features, classes)


def _build_lite(name: str, classes: int, pretrained: bool) -> nn.Module:
    import timm

    if not pretrained:
        return timm.create_model(f"tf_{name}", num_classes=classes)
    known = _weights.of(name)
    file = _weights.package_file(known)
    net = timm.create_model(f"tf_{name}")
    _weights.fill(net, _weights.read_file(file), known.key)
    if classes != known.classes:
        net.reset_classifier(classes)  # pyright: ignore[reportCallIssue]
    return net


def _build_timm(name: str, classes: int, pretrained: bool) -> nn.Module:
    import timm

    _check_name(name)
    if not pretrained:
        return timm.create_model(name, num_classes=classes)
    known = _weights.of(name)
    try:
        return timm.create_model(name, pretrained=True, num_classes=classes)
    except (OSError, RuntimeError, ValueError) as error:  # the hub's errors are of these kinds
        raise _weights.download_error(known, error) from error


def _check_name(name: str) -> None:
    import timm

    if name in OWN or name in TORCHVISION or name in LITE or timm.is_model(name.split(".", maxsplit=1)[0]):
        return
    near = ", ".join(_similar(name))
    hint = f"did you mean one of: {near}?" if near else "visus nets lists them, and timm.list_models() those of timm."
    raise InputError(f"There is no network {name!r}; {hint}")


def _similar(name: str) -> list[str]:
    import difflib

    import timm

    return difflib.get_close_matches(name, sorted({*names(), *timm.list_models()}), n=4)
