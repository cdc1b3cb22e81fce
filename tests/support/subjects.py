"""Networks that are asked for their reasons."""

from typing import Any

import torch
from torch import nn

from visus import nets
from visus.explain import Classifier
from visus.nets.backbones import StagedBackbone
from visus.ops import Normalize


def subject_of(name: str, size: int = 64, **options: Any) -> Classifier:
    """A network with random weights."""
    torch.manual_seed(0)
    net = nets.create(name, classes=4, **options)
    normalize = Normalize.of_channels((0.5,) * 3, (0.25,) * 3)
    return Classifier(name, net, normalize, tuple("abcd"), size=size, resize_to=size)


def linear_subject(weight: torch.Tensor, side: int) -> Classifier:
    """Scores that are linear in the pixels: ``(classes, 3 * side * side)``."""
    head = nn.Linear(weight.shape[1], len(weight), bias=False)
    head.weight = nn.Parameter(weight.clone())
    net = nn.Sequential(nn.Identity(), nn.Flatten(), head)
    backbone = StagedBackbone("linear", net, [net[0]], net[1], head)
    plain = Normalize.of_channels((0.0,) * 3, (1.0,) * 3)
    names = tuple(f"class {k}" for k in range(len(weight)))
    return Classifier("linear", backbone, plain, names, size=side, resize_to=side)


def everything_as_it_was(subject: nn.Module, before: dict[str, torch.Tensor]) -> None:
    """No hook stays, no weight has changed, none has a gradient."""
    for module in subject.modules():
        hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
        assert not any(hooks)
    assert all(parameter.grad is None for parameter in subject.parameters())
    for key, value in subject.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
