"""What proposal-based detectors need besides the network: the boxes, and for R-CNN a fast way through its backbone."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visus.graphs.graph import cache_folder
from visus.nets.detection.rcnn import RCNN
from visus.nets.detection.trained import About
from visus.ops import proposals as _proposals
from visus.runs.engine.compiled import compiled

Propose = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""From a picture ``(H, W, 3)`` to boxes ``(n, 4)``."""

_BOXES = 200  # boxes of a picture from which on compiling R-CNN's backbone pays with the first picture


def proposer(about: About) -> Propose:
    """From a picture to its proposals, which are remembered in the user's cache."""
    mode: Any = about.proposals
    return partial(_proposals.remembered, folder=cache_folder() / "proposals", mode=mode, most=about.most)


class _Features(nn.Module):
    """The embedding of a classification network as its answer."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net.embed(x)  # pyright: ignore[reportCallIssue]


def hasten(net: RCNN, boxes: int) -> None:
    """Let the backbone of an R-CNN be compiled, if it is on the CPU and is to see enough boxes in each picture.

    Args:
        net: In evaluation mode.
        boxes: How many.
    """
    if boxes >= _BOXES and next(net.parameters()).device.type == "cpu":
        net.use(compiled(_Features(net.backbone).eval(), torch.zeros(1, 3, net.side, net.side)))
