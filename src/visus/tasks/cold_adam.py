"""Adam as it would be without the correction of its cold start.

Kingma and Ba, ICLR 2015, algorithm 1, without the division of both moments by 1 - b^t. The moments begin at 0, and the
second one warms up more slowly than the first, so that the first step is (1 - b1) / sqrt(1 - b2) times the rate: 3.2
times with the usual betas.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

_EPSILON = 1e-8


class ColdAdam(Optimizer):
    """Adam (Kingma and Ba 2015) whose moments are not corrected for their start at 0.

    Args:
        params: Parameters, or groups of them.
        lr: Learning rate.
        betas: How much each moment keeps at a step, in [0, 1).
        decoupled: Whether weight decay acts beside the gradient, as in AdamW, and not in it.
    """

    def __init__(self, params: Any, *, lr: float, betas: tuple[float, float], decoupled: bool) -> None:  # noqa: ANN401
        super().__init__(params, {"lr": lr, "betas": betas, "decoupled": decoupled, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step down the gradients that the parameters hold.

        Args:
            closure: Computes loss and gradients anew, and gives the loss; None where they are there.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            first, second = group["betas"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state, gradient = self.state[weight], weight.grad
                if not state:
                    state["m"], state["v"] = torch.zeros_like(weight), torch.zeros_like(weight)
                if group["decoupled"]:
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                else:
                    gradient = gradient + group["weight_decay"] * weight
                state["m"].lerp_(gradient, 1 - first)
                state["v"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
                weight.addcdiv_(state["m"], state["v"].sqrt().add_(_EPSILON), value=-group["lr"])
        return loss
