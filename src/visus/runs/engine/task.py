"""What a task is: the protocol that classify, localize, segment and detect implement, one room each.

A new task is a room with its settings, its training, its evaluation, its prediction and a ``task.py`` that holds
``TASK``, and one line in :mod:`visus.runs.registry`. All other code goes through the task.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from visus._errors import InputError
from visus._optional import is_installed, require
from visus.runs.engine.progress import Epoch, Event, Progress
from visus.runs.record.settings import TrainSettings

if TYPE_CHECKING:
    import lightning.pytorch as lightning
    from torch.utils.data import DataLoader

    from visus.runs.engine.loop import Checkpointer
    from visus.tasks.learner import Learner

Say = Callable[[str], None]
Tell = Callable[[Progress], None]
Log = Callable[[Event], None]
Count = Callable[[int, int], None]
"""Told how many pictures are done, of how many."""


@dataclasses.dataclass(frozen=True, slots=True)
class Hooks:
    """Who is told what goes on.

    Attributes:
        say: Told sentences: the data, what is wrong, where the run is.
        progress: Told how far it is.
        on_epoch: Told each epoch; may raise to end the training.
        known: Features that were computed already.
        events: Told the plan and the end of each epoch as values; None to have them said.
    """

    say: Say = lambda _: None
    progress: Tell | None = None
    on_epoch: Callable[[Epoch], None] | None = None
    known: dict[Any, Any] = dataclasses.field(default_factory=dict)
    events: Log | None = None

    def report(self, event: Event) -> None:
        """Tell what the training plans, or what an epoch came to."""
        if self.events:
            self.events(event)
        else:
            self.say(event.describe())


class Data(Protocol):
    """Pictures in splits, with whatever a task learns from: labels, masks, boxes."""

    @property
    def root(self) -> Path:
        """The folder or file that they came from."""
        ...

    @property
    def form(self) -> str:
        """How they lie there, in words."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        ...

    @property
    def splits(self) -> Mapping[str, Any]:
        """The pictures of ``train``, ``val`` and ``test``, those that there are."""
        ...

    @property
    def remarks(self) -> list[str]:
        """What a user should know, each one sentence."""
        ...

    @property
    def digests(self) -> dict[str, list[bytes]]:
        """A hash of the content of each picture, by split."""
        ...

    def describe(self) -> str:
        """The form, the classes and how many pictures there are, for people."""
        ...

    def fingerprint(self) -> str:
        """What tells these pictures from others, wherever they lie."""
        ...


class Job(Protocol):
    """A training of one task: a network, its pictures and its settings, with nothing left open."""

    @property
    def score(self) -> str:
        """What its score is called in tables: ``"accuracy"``, ``"mean_iou"``, ``"ap50"``."""
        ...

    @property
    def is_share(self) -> bool:
        """Whether the score is the share of the pictures that are answered right."""
        ...

    @property
    def settings(self) -> TrainSettings:
        """How it is trained."""
        ...

    @property
    def data(self) -> Data:
        """The pictures that it learns from."""
        ...

    @property
    def outline(self) -> str:
        """The network in a few words: its size, and what it costs."""
        ...

    def with_rate(self, lr: float) -> "Job":
        """The same with another learning rate, which is found already."""
        ...

    def learner(self) -> "Learner":
        """The network as it learns."""
        ...

    def loader(self, split: str) -> "DataLoader[Any]":
        """Batches of a split."""
        ...

    def learn(
        self,
        callbacks: "list[lightning.Callback]",
        keep: "Checkpointer",
        hooks: Hooks,
        checkpoint: Path | None,
    ) -> None:
        """Train, from a checkpoint where there is one."""
        ...

    def seconds_before(self, check: float) -> float:
        """How long it takes from the beginning to the first step, where a pass over val takes so many seconds."""
        ...

    def save(self, path: Path) -> None:
        """Write the network as it is now, with all that is needed to use it."""
        ...

    def draw(self, folder: Path) -> None:
        """Draw what the best network answers on the val split."""
        ...


@runtime_checkable
class Refits(Protocol):
    """A training that can be done once more on all that it has, where its settings say so (``refit``)."""

    def refitted(self, epochs: int, hooks: Hooks) -> Job:
        """The same trained from its first weights on train and val together, for so many epochs."""
        ...


@runtime_checkable
class Tunes(Protocol):
    """A training at whose end something is chosen on the val split that is not learned by steps."""

    def tuned(self, folder: Path, say: Say) -> dict[str, Any]:
        """Choose it for the best network in a folder, write it there, and tell the lines of the summary."""
        ...


class Prediction(Protocol):
    """What a network answers to one picture."""

    @property
    def path(self) -> str:
        """The file, or ``""`` for an array."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        ...

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what the ending of the name says."""
        ...


class Predictor(Protocol):
    """A trained network that is ready to answer."""

    def takes(self, name: str) -> bool:
        """Whether a file of a folder is one to answer, by its name."""
        ...

    def predict(self, picture: Any) -> Prediction:  # noqa: ANN401 - a path or an array
        """The answer to one picture, a file or ``(H, W, 3)`` uint8.

        Raises:
            InputError: The file is missing or damaged.
        """
        ...

    def predict_many(self, pictures: Any) -> Any:  # noqa: ANN401 - an iterable, and an iterator
        """An answer, or an :class:`~visus.runs.answers.Unreadable`, for each of many pictures, in their order."""
        ...


class Evaluation(Protocol):
    """How well a network answers, measured on a split."""

    @property
    def split(self) -> str:
        """What it was measured on."""
        ...

    @property
    def remarks(self) -> list[str]:
        """What a user should know, each one sentence."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        ...

    def describe(self) -> str:
        """The measures for people."""
        ...


class Task(Protocol):
    """A task: how its networks are trained, measured and asked.

    It is an object without state, so that it can be sent to the processes of a cluster. Its parts are imported at use.
    """

    @property
    def name(self) -> str:
        """``"detect"``: of the command, of the folder of runs, in the header of files."""
        ...

    @property
    def wanted(self) -> str:
        """What it learns from, in words: ``"pictures with boxes"``."""
        ...

    @property
    def settings(self) -> type[TrainSettings]:
        """The lines of its ``config.toml``."""
        ...

    @property
    def light(self) -> str:
        """What answers without PyTorch, ``"module:class"``; empty where nothing does."""
        ...

    def load(self, settings: Any, progress: Count | None = None) -> Data:  # noqa: ANN401 - its own settings
        """Bring in its pictures, in splits.

        Raises:
            InputError: They cannot be used.
        """
        ...

    def resolve(self, settings: Any, data: Any) -> TrainSettings:  # noqa: ANN401 - its own
        """Fill in what settings leave open.

        Raises:
            InputError: Some cannot be, or do nothing.
        """
        ...

    def begin(self, settings: Any, data: Any) -> Job:  # noqa: ANN401 - its own
        """The training with the network's first weights.

        Raises:
            WeightsError: They are not at hand.
        """
        ...

    def indivisible(self, settings: Any) -> str:  # noqa: ANN401 - its own
        """Why several processes cannot train together, one clause; empty where they can."""
        ...

    def predictor(self, run: str | os.PathLike[str], **options: Any) -> Predictor:
        """A trained network that is ready to answer.

        Raises:
            RunError: There is none, or it is damaged.
        """
        ...

    def graph_predictor(self, run: str | os.PathLike[str], **options: Any) -> Predictor:
        """What answers by the run's graph, without PyTorch.

        Raises:
            InputError: No graph answers for this task.
            RunError: There is no trained network, or it is damaged.
            DependencyError: The run has no graph.
        """
        ...

    def evaluate(
        self,
        run: str | os.PathLike[str],
        data: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> Evaluation:
        """Measure a trained network, and write tables and pictures.

        Raises:
            InputError: The data cannot be used.
            RunError: There is no trained network.
        """
        ...


@runtime_checkable
class Corrupts(Protocol):
    """A task that can tell how its answers get worse as pictures are changed."""

    def robustness(
        self,
        run: str | os.PathLike[str],
        data: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> Any:  # noqa: ANN401 - visus.explain.robust.Robustness, which is imported at use
        """How the answers of a network get worse as pictures are changed.

        Raises:
            InputError: The data cannot be used.
            RunError: There is no trained network.
        """
        ...


@runtime_checkable
class GraphScores(Protocol):
    """A task that can tell how well the graph of a run answers."""

    def graph_score(self, saved: Any, data: Any, session: Any) -> tuple[str, float]:  # noqa: ANN401
        """How well the graph of a run answers the val split.

        Args:
            saved: The network, with its graph beside it.
            data: Its pictures, in splits.
            session: What runs that graph, or another that takes and gives the same.

        Returns:
            What the measure is called, and its value in [0, 1].
        """
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Room:
    """A task whose parts lie in a package of :mod:`visus.runs`, under their usual names, and are imported at use.

    ``resolve.py`` has ``load``, ``resolve`` and ``indivisible``, ``evaluate.py`` has ``evaluate``, ``robust.py`` has
    ``measure``, and where there are graphs ``exporting.py`` has ``graph_score``; what trains and what answers is named
    as ``"module:name"``.

    Attributes:
        name: See :class:`Task`.
        wanted: See there.
        settings: See there.
        training: Function from settings and data to a :class:`Job`.
        answers: Class of its predictor.
        light: See there.
    """

    name: str
    wanted: str
    settings: type[TrainSettings]
    training: str
    answers: str
    light: str = ""

    def _part(self, file: str) -> Any:  # noqa: ANN401 - a module
        return require(f"visus.runs.{self.name}.{file}")

    def load(self, settings: Any, progress: Count | None = None) -> Data:  # noqa: ANN401 - its own
        """Bring in its pictures; see :meth:`Task.load`."""
        return self._part("resolve").load(settings, progress)

    def resolve(self, settings: Any, data: Any) -> TrainSettings:  # noqa: ANN401 - its own
        """Fill in what settings leave open; see :meth:`Task.resolve`."""
        return self._part("resolve").resolve(settings, data)

    def indivisible(self, settings: Any) -> str:  # noqa: ANN401 - its own
        """Why several processes cannot train together; see :meth:`Task.indivisible`."""
        return self._part("resolve").indivisible(settings)

    def begin(self, settings: Any, data: Any) -> Job:  # noqa: ANN401 - its own
        """The training with the network's first weights; see :meth:`Task.begin`."""
        return _named(self.training)(settings, data)

    def predictor(self, run: str | os.PathLike[str], **options: Any) -> Predictor:
        """A network that is ready to answer; see :meth:`Task.predictor`."""
        return _named(self.answers if not self.light or is_installed("torch") else self.light)(run, **options)

    def graph_predictor(self, run: str | os.PathLike[str], **options: Any) -> Predictor:
        """What answers by the run's graph, without PyTorch; see :meth:`Task.graph_predictor`.

        Raises:
            InputError: No graph answers for this task.
        """
        if not self.light:
            raise InputError(f"Networks of the task {self.name} have no graph that answers here; say --engine local.")
        return _named(self.light)(run, **options)

    def graph_score(self, saved: Any, data: Any, session: Any) -> tuple[str, float]:  # noqa: ANN401
        """How well the graph of a run answers the val split; see :meth:`GraphScores.graph_score`."""
        return self._part("exporting").graph_score(saved, data, session)

    def evaluate(
        self, run: str | os.PathLike[str], data: str | os.PathLike[str] | None = None, **options: Any
    ) -> Evaluation:
        """Measure a network, and write tables and pictures; see :meth:`Task.evaluate`."""
        return self._part("evaluate").evaluate(run, data, **options)

    def robustness(
        self, run: str | os.PathLike[str], data: str | os.PathLike[str] | None = None, **options: Any
    ) -> Any:  # noqa: ANN401 - visus.explain.robust.Robustness
        """How answers get worse as pictures are changed; see :meth:`Corrupts.robustness`."""
        return self._part("robust").measure(run, data, **options)


def _named(place: str) -> Any:  # noqa: ANN401 - a class or a function
    """What ``"module:name"`` names."""
    module, _, name = place.partition(":")
    return getattr(require(module), name)


def outline_of(net: Any, shape: Sequence[int]) -> str:  # noqa: ANN401 - a network of torch
    """A network in a few words.

    Args:
        net: The network.
        shape: Channels and spatial size of its input.
    """
    from visus.nets.layers import summary

    table = summary(net, shape)
    size = "x".join(map(str, shape[1:]))
    return f"{table.parameters:,} parameters, {table.macs / 1e6:,.0f} M multiply-adds at {size}"
