"""How gradients pass a rectifier: as they are, or only where an explanation lets them.

* plain: where the input was positive (backpropagation);
* deconv: where the gradient is positive (Zeiler and Fergus, "Visualizing and understanding convolutional networks",
  ECCV 2014: the deconvnet);
* guided: where both are (Springenberg et al., "Striving for simplicity", ICLR 2015 workshop, section 3.4).

Every function of torch that rectifies is met on its way, in a module or not, and none works in place meanwhile. So the
network keeps no hook, and whoever holds a map of it finds it unchanged.
"""

from collections.abc import Callable
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

Rule = Literal["plain", "deconv", "guided"]

_RELU = {F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_}
_RELU6 = {F.relu6}
_HARDTANH = {F.hardtanh, F.hardtanh_}


class _Rectified(torch.autograd.Function):
    """The values of a rectifier; its gradient passes by a rule."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float, rule: Rule) -> Tensor:  # noqa: ANN401 - torch's
        ctx.save_for_backward((x > low) & (x < high))
        ctx.rule = rule
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None, None]:  # noqa: ANN401 - torch's
        (open_,) = ctx.saved_tensors
        gradient = gradients[0].clamp(min=0)
        return (gradient if ctx.rule == "deconv" else gradient * open_), None, None, None


class Rectifiers(TorchFunctionMode):
    """While it is entered, gradients pass rectifiers (ReLU, ReLU6, hard tanh) by a rule.

    Args:
        rule: ``"plain"``, ``"deconv"`` (Zeiler and Fergus 2014) or ``"guided"`` (Springenberg
            et al. 2015, section 3.4).

    >>> x = torch.tensor([-1.0, 2.0, 3.0], requires_grad=True)
    >>> with Rectifiers("guided"):
    ...     (torch.relu(x) * torch.tensor([1.0, 1.0, -1.0])).sum().backward()
    >>> x.grad.tolist()
    [0.0, 1.0, 0.0]
    """

    def __init__(self, rule: Rule = "plain") -> None:
        super().__init__()
        self.rule = rule
        self.met = 0  # rectifiers on the way

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401 - torch's
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - torch's
        """Put the rule in the place of a rectifier; let everything else pass."""
        given = kwargs or {}
        if func in _RELU:
            return self._rectified(args[0] if args else given["input"], 0.0, float("inf"))
        if func in _RELU6:
            return self._rectified(args[0] if args else given["input"], 0.0, 6.0)
        if func in _HARDTANH:
            named = dict(zip(("input", "min_val", "max_val"), args, strict=False)) | given
            return self._rectified(named["input"], named.get("min_val", -1.0), named.get("max_val", 1.0))
        return func(*args, **given)

    def _rectified(self, x: Tensor, low: float, high: float) -> Tensor:
        """Plain gradients are torch's own, which are faster."""
        self.met += 1
        if self.rule != "plain":
            return _Rectified.apply(x, low, high, self.rule)
        return torch.relu(x) if high == float("inf") else F.hardtanh(x, low, high)
