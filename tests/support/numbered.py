"""Weights that are the same on every machine and with every torch: those of a network whose answers were kept."""

import math

import numpy as np
import torch
from torch import Tensor, nn


def numbered(net: nn.Module) -> dict[str, Tensor]:
    """Tensors for a network, by NumPy's generator, whose stream is fixed; of such a size that maps keep theirs."""
    random = np.random.default_rng(0)
    state: dict[str, Tensor] = {}
    for name, value in net.state_dict().items():
        if not value.is_floating_point():
            state[name] = torch.zeros_like(value)
            continue
        drawn = random.standard_normal(tuple(value.shape), dtype=np.float32)
        if value.ndim > 1:
            drawn *= math.sqrt(2 / value[0].numel())
        elif name.endswith("bias") or name.endswith("running_mean"):
            drawn *= 0.1
        else:  # a gain or a variance
            drawn = 1 + 0.2 * np.abs(drawn)
        state[name] = torch.from_numpy(drawn)
    return state
