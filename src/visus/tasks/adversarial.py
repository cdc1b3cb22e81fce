"""Training on pictures that are changed to fool the network as it is now.

Wong, Rice and Kolter, "Fast is better than free: revisiting adversarial training", ICLR 2020, algorithm 3: from a
random point of the L-infinity ball one step of 1.25 times its radius along the sign of the gradient, cut to the ball. A
step of the training then costs about twice as much. (Madry et al., ICLR 2018, take the steps of PGD instead.)

Deviation: the network is in evaluation mode while the change is looked for, so that batch normalization sees the
pictures of the step only.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from visus.ops import perturb

_STEP = 1.25


def fooling(net: nn.Module, loss: Callable[[Tensor], Tensor], x: Tensor, epsilon: float) -> Tensor:
    """Pictures that raise the loss most, as far as one step tells.

    Args:
        net: The network; its mode and the gradients of its weights stay as they are.
        loss: From pictures ``(N, C, H, W)`` with values in [0, 255] to the loss of the batch.
        x: ``(N, C, H, W)`` uint8.
        epsilon: Radius of the ball, as a share of white.

    Returns:
        ``(N, C, H, W)`` float in [0, 255].
    """
    center = x.float() / 255
    noise = 2 * torch.rand_like(center) - 1
    start = perturb.project(center + epsilon * noise, center, epsilon).requires_grad_()
    modes = {module: module.training for module in net.modules()}
    net.eval()
    try:
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(loss(255 * start), start)
    finally:
        for module, training in modes.items():
            module.training = training
    moved = start.detach() + _STEP * epsilon * perturb.steepest(gradient)
    return 255 * perturb.project(moved, center, epsilon)
