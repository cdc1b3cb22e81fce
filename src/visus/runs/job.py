"""What a training of any task is made of, and who is told of it."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import lightning.pytorch as lightning
from torch import nn
from torch.utils.data import DataLoader

from visus.data import BoxSet, Dataset, MaskSet
from visus.nets.layers import summary
from visus.runs.fit import Keep
from visus.runs.learning import Learning
from visus.runs.progress import Epoch, Progress
from visus.tasks.learner import Learner

Say = Callable[[str], None]
Tell = Callable[[Progress], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Hooks:
    """Who is told what goes on.

    Attributes:
        say: Told sentences: the data, what is wrong, where the run is.
        progress: Told how far it is.
        on_epoch: Told each epoch; may raise to end the training.
        known: Features that were computed already.
    """

    say: Say = lambda _: None
    progress: Tell | None = None
    on_epoch: Callable[[Epoch], None] | None = None
    known: dict[Any, Any] = dataclasses.field(default_factory=dict)


Data = Dataset | MaskSet | BoxSet
"""Pictures in splits, of any task."""


def outline_of(net: nn.Module, shape: Sequence[int]) -> str:
    """A network in a few words.

    Args:
        net: The network.
        shape: Channels and spatial size of its input.
    """
    table = summary(net, shape)
    size = "x".join(map(str, shape[1:]))
    return f"{table.parameters:,} parameters, {table.macs / 1e6:,.0f} M multiply-adds at {size}"


class Job(Protocol):
    """A training of one task: a network, its pictures and its settings, with nothing left open.

    Attributes:
        score: What its score is called in tables: ``"accuracy"``, ``"mean_iou"``, ``"ap50"``.
    """

    score: str

    @property
    def settings(self) -> Learning:
        """The settings."""
        ...

    @property
    def data(self) -> Data:
        """The pictures."""
        ...

    @property
    def outline(self) -> str:
        """The network in a few words: its size, and what it costs."""
        ...

    def with_rate(self, lr: float) -> "Job":
        """The same with another learning rate, which is found already."""
        ...

    def learner(self) -> Learner:
        """The network as it learns."""
        ...

    def loader(self, split: str) -> DataLoader[Any]:
        """Batches of a split."""
        ...

    def learn(self, callbacks: list[lightning.Callback], keep: Keep, hooks: Hooks, checkpoint: Path | None) -> None:
        """Train, from a checkpoint where there is one."""
        ...

    def save(self, path: Path) -> None:
        """Write the network as it is now, with all that is needed to use it."""
        ...

    def draw(self, folder: Path) -> None:
        """Draw what the best network answers on the val split."""
        ...
