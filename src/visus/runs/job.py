"""What a training of any task is made of, and who is told of it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import lightning.pytorch as lightning
from torch import nn
from torch.utils.data import DataLoader

from visus.data import Dataset, MaskSet
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


Data = Dataset | MaskSet
"""Pictures in splits, of any task."""


class Job(Protocol):
    """A training of one task: a network, its pictures and its settings, with nothing left open.

    Attributes:
        score: What its score is called in tables: ``"accuracy"``, ``"mean_iou"``.
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
    def net(self) -> nn.Module:
        """The network."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels and spatial size of its input, for the table of layers."""
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
