"""Convolutions of TensorFlow's "same" padding, as graphs of any size have them.

Such a convolution pads so that its output has ``ceil(size / stride)`` positions, more at the end than at the beginning
where the number is odd. How much depends on the size; written out, its arithmetic keeps PyTorch's exporter busy without
end as soon as a dozen of them stand behind each other. ONNX has a word for it (``auto_pad``), which is written instead.
"""

import copy
from typing import TypeVar

import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn
from torch.nn import functional as F

Network = TypeVar("Network", bound=nn.Module)

_PADDED: type[nn.Conv2d] = Conv2dSame  # pyright: ignore[reportAssignmentType] - timm says less of it


class _Same(nn.Module):
    """What is exported in place of such a convolution; only an exporter may run it."""

    own: nn.Conv2d

    def __init__(self, own: nn.Conv2d) -> None:
        super().__init__()
        self.own = own

    def forward(self, x: Tensor) -> Tensor:
        own = self.own
        if own.stride == (1, 1) and all(length % 2 for length in own.kernel_size):  # as much at each end, at any size
            reach = [d * (length - 1) // 2 for d, length in zip(own.dilation, own.kernel_size, strict=True)]
            return F.conv2d(x, own.weight, own.bias, 1, reach, own.dilation, own.groups)
        sizes = [(n + stride - 1) // stride for n, stride in zip(x.shape[2:], own.stride, strict=True)]
        return torch.onnx.ops.symbolic(
            "Conv",
            (x, own.weight) if own.bias is None else (x, own.weight, own.bias),
            {
                "auto_pad": "SAME_UPPER",
                "dilations": list(own.dilation),
                "group": own.groups,
                "kernel_shape": list(own.kernel_size),
                "strides": list(own.stride),
            },
            dtype=x.dtype,
            shape=(x.shape[0], own.out_channels, *sizes),
        )


def for_export(network: Network) -> Network:
    """A network that is exported in place of this one: itself, or a copy in which such convolutions are replaced."""
    if not any(isinstance(part, _PADDED) for part in network.modules()):
        return network
    network = copy.deepcopy(network)
    _replace(network)
    return network


def _replace(module: nn.Module) -> None:
    for name, part in module.named_children():
        if isinstance(part, _PADDED):
            setattr(module, name, _Same(part))
        else:
            _replace(part)
