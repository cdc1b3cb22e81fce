"""What becomes of a network's answers when one of its blocks is taken away.

Veit, Wilber and Belongie, "Residual networks behave like ensembles of relatively shallow networks", NIPS 2016, section
4.1: a residual block can be deleted, since the path around it stays; a layer of a plain network can not.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visus._errors import InputError
from visus.explain.subject import Picture, Subject, asking
from visus.explain.subjects import open_classifier
from visus.images import plots
from visus.images.result import Result

_AT_A_TIME = 32


@dataclass(frozen=True, slots=True, repr=False)
class Deletion(Result):
    """How many pictures get the same answer when a block is taken away (Veit et al. 2016, figure 3).

    Attributes:
        source: What the network is called.
        kind: ``"blocks"``, or ``"layers"`` of a network that has no blocks.
        names: Of what was taken away, one after the other.
        kept: ``(names,)`` float64 in [0, 1]: the share of pictures whose answer stayed.
        pictures: How many were asked about.
    """

    source: str
    kind: str
    names: tuple[str, ...]
    kept: NDArray[np.float64]
    pictures: int

    def __repr__(self) -> str:
        return f"Deletion({self.source!r}, {len(self.names)} {self.kind}, {self.kept.mean():.1%} of answers stay)"

    def rows(self) -> list[dict[str, Any]]:
        """One row a block."""
        return [{"name": name, "kept": float(share)} for name, share in zip(self.names, self.kept, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {"source": self.source, "kind": self.kind, "pictures": self.pictures, "deleted": self.rows()}

    def drawn(self) -> NDArray[np.uint8] | None:
        """A bar for each block, ``(H, W, 3)`` uint8."""
        return drawn_together([self])


def deletion(source: str | os.PathLike[str] | Subject, pictures: Sequence[Picture], *, device: str = "cpu") -> Deletion:
    """Take the blocks of a network away, one at a time (Veit et al. 2016, section 4.1).

    Args:
        source: A run, a file of a trained classifier, a name of a network with ImageNet weights, or an open subject.
        pictures: Files, or arrays ``(H, W, 3)`` uint8.
        device: Where it works.

    Raises:
        InputError: There are no pictures, one cannot be read, or the network has nothing that can be taken away.
    """
    subject = open_classifier(source, device=device)
    if not len(pictures):
        raise InputError("There are no pictures; name some.")
    x = torch.cat([subject.input_of(own) for own in pictures])
    kind, parts = removable(subject, x[:1].to(subject.device))
    if not parts:
        raise InputError(f"{subject.name} has no block or layer whose output has the shape of its input.")
    whole = _answers(subject, x)
    kept = []
    for module in parts.values():
        with without(module):
            kept.append(float((_answers(subject, x) == whole).float().mean()))
    names = tuple(name.removeprefix("backbone.").removeprefix("net.") for name in parts)  # as visus nets says them
    return Deletion(subject.name, kind, names, np.array(kept), len(pictures))


@contextlib.contextmanager
def without(module: nn.Module) -> Iterator[None]:
    """Let a part of a network hand on what it is given, as if it were not there; afterwards it is there again.

    >>> layer = nn.Linear(2, 2)
    >>> with without(layer):
    ...     layer(torch.ones(1, 2)).tolist()
    [[1.0, 1.0]]
    """
    hook = module.register_forward_hook(lambda _, given, __: given[0].clone())
    try:
        yield
    finally:
        hook.remove()


def removable(net: nn.Module, x: Tensor) -> tuple[str, dict[str, nn.Module]]:
    """The parts of a network that can be taken away: blocks with a path around them, otherwise convolutions.

    Args:
        net: A network.
        x: ``(1, C, H, W)`` float, as it takes it.

    Returns:
        ``"blocks"`` or ``"layers"``, and the parts by name, whose output has the shape of their input.
    """
    fits: set[nn.Module] = set()

    def note(module: nn.Module, given: tuple[object, ...], output: object) -> None:
        first = given[0] if given else None
        if isinstance(first, Tensor) and isinstance(output, Tensor) and first.shape == output.shape:
            fits.add(module)

    hooks = [module.register_forward_hook(note) for module in net.modules()]
    try:
        with torch.inference_mode(), asking(net):
            net(x)
    finally:
        for hook in hooks:
            hook.remove()
    blocks: dict[str, nn.Module] = {}
    for name, module in net.named_modules():
        inside = any(name.startswith(f"{block}.") for block in blocks)
        if module in fits and not inside and not isinstance(module, nn.Sequential) and _is_block(module):
            blocks[name] = module
    if blocks:
        return "blocks", blocks
    layers: dict[str, nn.Module] = {
        name: own for name, own in net.named_modules() if own in fits and isinstance(own, nn.Conv2d)
    }
    return "layers", layers


def _is_block(module: nn.Module) -> bool:
    """Whether it has parts, a convolution or a linear layer among them."""
    inner = list(module.modules())[1:]
    return any(isinstance(own, nn.Conv2d | nn.Linear) for own in inner)


def drawn_together(found: Sequence[Deletion]) -> NDArray[np.uint8]:
    """Networks below each other, a bar for each of their blocks (Veit et al. 2016, figure 3).

    Args:
        found: At least one.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    figure = plots.figure(10, 2.9 * len(found))
    for axis, own in zip(plots.axes(figure, len(found), 1), found, strict=True):
        axis.bar(range(len(own.names)), own.kept, color=plots.SECOND)
        axis.set_xticks(range(len(own.names)), own.names, rotation=45, ha="right", fontsize=7)
        axis.set_ylim(0, 1)
        axis.set_ylabel("answers that stay", fontsize=8)
        axis.set_title(f"{own.source}: one of its {len(own.names)} {own.kind} is taken away", fontsize=10)
    return plots.picture_of(figure)


def _answers(subject: Subject, x: Tensor) -> Tensor:
    with torch.inference_mode(), asking(subject):
        parts = [subject(part.to(subject.device)).argmax(1) for part in x.split(_AT_A_TIME)]
    return torch.cat(parts)
