"""Networks by name."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from torch import nn

from visus._errors import InputError, WeightsError
from visus.nets import hub, lite_names
from visus.nets import weights as _weights
from visus.nets.backbones import Backbone, TimmBackbone, of_torchvision
from visus.nets.classification.alexnet import alexnet_paper
from visus.nets.classification.cnn import cnn
from visus.nets.classification.googlenet import GoogLeNet
from visus.nets.classification.mlp import mlp
from visus.nets.classification.zfnet import zfnet


@dataclass(frozen=True, slots=True)
class Input:
    """Which pictures a network takes.

    Attributes:
        size: Side in pixels that it was designed for.
        least: Smallest side that leaves something to look at in its last map.
        fixed: Whether it takes no other size than the one that it is built for.
    """

    size: int
    least: int = 16
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """A classification network that visus knows by name.

    Attributes:
        build: Builds it from ``classes`` and its own options; one with ImageNet weights takes ``weights`` too.
        takes: The pictures that it takes.
        dense: Whether it is made of dense convolutions, which bfloat16 makes faster.
        gray: Whether it is built for one channel where all pictures are gray.
        fitted: Of a network that is built for the size of its pictures, the largest side that suits it; else None.
    """

    build: Callable[..., Backbone]
    takes: Input
    dense: bool = True
    gray: bool = False
    fitted: int | None = None

    @property
    def has_weights(self) -> bool:
        """Whether it can begin with ImageNet weights."""
        return "weights" in inspect.signature(self.build).parameters

    @property
    def options(self) -> set[str]:
        """What its function takes beside classes and weights."""
        return set(inspect.signature(self.build).parameters) - {"name", "classes", "weights"}


def _torchvision(name: str, *, classes: int, weights: Literal["imagenet"] | None = None) -> Backbone:
    """A network of torchvision."""
    return of_torchvision(name, _build_torchvision(name, classes, weights == "imagenet"))


def _lite(name: str, *, classes: int, weights: Literal["imagenet"] | None = None) -> Backbone:
    """A network whose weights come from a Python package, and so need no download."""
    return TimmBackbone(name, _build_lite(name, classes, weights == "imagenet"))


def _lite_network(name: str) -> Network:
    """The same, for pictures as its weights expect them."""
    return Network(partial(_lite, name), Input(_weights.preprocessing(name).size), dense=False)


def _timm(name: str, *, classes: int, weights: Literal["imagenet"] | None = None) -> Backbone:
    """Any other network of timm."""
    return TimmBackbone(name, _build_timm(name, classes, weights == "imagenet"))


NETS: dict[str, Network] = {
    "mlp": Network(mlp, Input(28, 1, fixed=True), dense=False, gray=True, fitted=32),
    "cnn": Network(cnn, Input(32, 4), gray=True),
    "alexnet_paper": Network(alexnet_paper, Input(227, 67)),
    "zfnet": Network(zfnet, Input(224, 53)),
    "googlenet_paper": Network(GoogLeNet, Input(224, 31)),
    "alexnet": Network(partial(_torchvision, "alexnet"), Input(224, 63)),
    "vgg16": Network(partial(_torchvision, "vgg16"), Input(224, 32)),
    "googlenet": Network(partial(_torchvision, "googlenet"), Input(224)),
    "resnet18": Network(partial(_torchvision, "resnet18"), Input(224)),
    "resnet34": Network(partial(_torchvision, "resnet34"), Input(224)),
    "resnet50": Network(partial(_torchvision, "resnet50"), Input(224)),
    "efficientnet_lite0": _lite_network("efficientnet_lite0"),
    "efficientnet_lite1": _lite_network("efficientnet_lite1"),
    "efficientnet_lite2": _lite_network("efficientnet_lite2"),
}
"""Every network that visus knows by itself, one line each."""


def network_of(name: str) -> Network:
    """How a network is built, and what it takes.

    Args:
        name: A name of :func:`names`, or the name of any timm model.

    Raises:
        InputError: The name is unknown; the message proposes near ones.
        WeightsError: timm knows the network, but not the variant after the dot in its name.

    >>> known = network_of("mlp")
    >>> known.takes.size, known.fitted, known.has_weights
    (28, 32, False)
    """
    if name in NETS:
        return NETS[name]
    _check_name(name)
    try:
        size, fixed = _weights.preprocessing(name).size, _weights.fixed_size(name)
    except WeightsError:  # timm knows no weights of it
        size, fixed = 224, False
    takes = Input(size, size, fixed=True) if fixed else Input(size)
    return Network(partial(_timm, name), takes, dense=False)


def input_of(name: str) -> Input:
    """Which pictures a network takes.

    Raises:
        InputError: The name is unknown; the message proposes near ones.
        WeightsError: See :func:`network_of`.

    >>> input_of("alexnet")
    Input(size=224, least=63, fixed=False)
    """
    return network_of(name).takes


def options_of(name: str) -> set[str]:
    """The options that a network takes beside classes and weights.

    Raises:
        InputError: The name is unknown.
        WeightsError: See :func:`network_of`.

    >>> sorted(options_of("cnn"))
    ['channels', 'dropout', 'widths']
    """
    return network_of(name).options


def names() -> list[str]:
    """The networks that visus knows by itself; any name of timm (Wightman 2019) works too.

    They are AlexNet as in the paper (Krizhevsky, Sutskever and Hinton 2012) and in one column (Krizhevsky 2014), ZFNet
    (Zeiler and Fergus 2014), VGG16 (Simonyan and Zisserman 2015), GoogLeNet (Szegedy et al. 2015), ResNets (He et al.
    2016), EfficientNet-Lite (after Tan and Le 2019), a perceptron and a small convolutional network.

    >>> "resnet18" in names()
    True
    """
    return sorted(NETS)


def create(
    name: str,
    *,
    classes: int = 1000,
    weights: Literal["imagenet"] | Path | str | None = None,
    **options: Any,
) -> Backbone:
    """Build a network, in evaluation mode.

    Args:
        name: A name of :func:`names`, or the name of any timm model.
        classes: Number of classes of the classifier. With ImageNet weights and another number than theirs,
            the last layer alone starts at random (Yosinski et al. 2014).
        weights: ``"imagenet"`` (the best source at hand), a file (``.safetensors``, ``.pth``), or None for
            random weights.
        options: What the network's own function takes, for example ``hidden`` of ``mlp``.

    Returns:
        The network; ``features``, ``embed`` and ``forward`` take ``(N, C, H, W)`` float tensors, C being 3 unless the
        option ``channels`` says otherwise. For ImageNet weights, they are prepared as
        ``visus.nets.weights.of(name).preprocessing`` says.

    Raises:
        InputError: The name is unknown, there is no class, or the network does not take an option.
        WeightsError: The weights are not at hand or do not fit; or see :func:`network_of`.

    >>> import torch
    >>> net = create("cnn", classes=10, channels=1, widths=[4, 8])
    >>> [tuple(map_.shape) for map_ in net.features(torch.zeros(2, 1, 28, 28))]
    [(2, 4, 28, 28), (2, 8, 14, 14)]
    """
    if classes < 1:
        raise InputError(f"classes must be at least 1, not {classes}.")
    known = network_of(name)
    if weights == "imagenet" and not known.has_weights:
        raise _weights.unknown(name)
    strange = sorted(options.keys() - known.options)
    if strange:
        takes = ", ".join(sorted(known.options)) or "no options of its own"
        raise InputError(f"{name} takes no {strange[0]}; it takes {takes}.")
    given = {"weights": "imagenet"} if weights == "imagenet" else {}
    backbone = known.build(classes=classes, **given, **options)
    if weights is not None and weights != "imagenet":
        _weights.fill(backbone.net, lite_names.renamed(_weights.read_file(weights), backbone.net), str(weights))
    return backbone.eval()


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
    _weights.fill(net, lite_names.renamed(_weights.read_file(file), net), known.key)
    if classes != known.classes:
        net.reset_classifier(classes)  # pyright: ignore[reportCallIssue]
    return net


def _build_timm(name: str, classes: int, pretrained: bool) -> nn.Module:
    import timm

    if not pretrained:
        try:
            return timm.create_model(name, num_classes=classes)
        except RuntimeError as error:
            raise InputError(f"timm cannot build {name!r}: {error} Leave what follows the dot away.") from error
    known = _weights.of(name)
    file = hub.cached(timm.get_pretrained_cfg(name))
    if file is None and not hub.reachable():
        raise _weights.download_error(known, ConnectionError())
    here: dict[str, Any] = {"pretrained_cfg_overlay": {"file": str(file)}} if file else {}
    try:
        return timm.create_model(name, pretrained=True, num_classes=classes, **here)
    except (OSError, RuntimeError, ValueError) as error:  # the hub's errors are of these kinds
        raise _weights.download_error(known, error) from error


def _check_name(name: str) -> None:
    import timm

    if timm.is_model(name.split(".", maxsplit=1)[0]):
        return
    near = ", ".join(_similar(name))
    hint = f"did you mean one of: {near}?" if near else "visus nets lists them, and timm.list_models() those of timm."
    raise InputError(f"There is no network {name!r}; {hint}")


def _similar(name: str) -> list[str]:
    import difflib

    import timm

    return difflib.get_close_matches(name, sorted({*names(), *timm.list_models()}), n=4)
