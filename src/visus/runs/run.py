"""Runs: a training of any task and all that comes of it, in one folder (see :mod:`visus.runs.record.folder`)."""

import copy
import dataclasses
import functools
import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError, RunError, VisusError
from visus._memory import give_back_all
from visus._optional import require
from visus.cluster import Cluster
from visus.runs.answers import Unreadable, files_of
from visus.runs.engine.task import Evaluation, Hooks, Log, Prediction, Predictor, Say, Task, Tell
from visus.runs.record import card
from visus.runs.record.folder import BEST, CONFIG, PLAN, is_run, new_folder, settings_in, summary_of, write_json
from visus.runs.record.settings import TrainSettings, read_toml
from visus.runs.registry import task_of

if TYPE_CHECKING:
    from visus.review.subject import Progress as Step
    from visus.review.suggesting import Suggested
    from visus.runs.classify.evaluate import ClassEvaluation
    from visus.runs.classify.prediction import ClassPrediction
    from visus.runs.detect.evaluate import BoxEvaluation
    from visus.runs.detect.predict import BoxPrediction
    from visus.runs.localize.evaluate import LocalEvaluation
    from visus.runs.segment.evaluate import MaskEvaluation
    from visus.runs.segment.predict import MaskPrediction

Place = str | os.PathLike[str]
P = TypeVar("P", bound=Prediction)
E = TypeVar("E", bound=Evaluation)


class Run(Generic[P, E]):
    """A training and all that came of it; it can be given wherever its folder can.

    Args:
        folder: Its folder.

    Raises:
        RunError: There is no run.
    """

    def __init__(self, folder: Place) -> None:
        self.folder = Path(folder)
        self._kept: tuple[Any, Predictor] | None = None
        if not is_run(self.folder):
            raise RunError(
                f"{self.folder} is no run ({CONFIG} is missing); train one with visus train, or check the path."
            )

    def __fspath__(self) -> str:
        return os.fspath(self.folder)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": None}  # another process reads the network itself

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @functools.cached_property
    def task(self) -> str:
        """``"classify"``, ``"localize"``, ``"segment"`` or ``"detect"``.

        Raises:
            InputError: The file of its settings is damaged.
        """
        return str(read_toml(self.folder / CONFIG).get("task", "classify"))

    @property
    def _task(self) -> Task:
        try:
            return task_of(self.task)
        except InputError as error:
            raise InputError(f"{self.folder / CONFIG} names the task {self.task!r}. {error}") from error

    @functools.cached_property
    def settings(self) -> Any:  # noqa: ANN401 - the settings of its task
        """How it was trained: :class:`visus.runs.ClassifySettings`, or those of its task.

        Raises:
            InputError: The file is damaged.
            RunError: It does not say on which data.
        """
        return settings_in(self.folder, self._task.settings)

    @property
    def summary(self) -> dict[str, Any]:
        """What came of it; empty while nothing has.

        Raises:
            RunError: The file is damaged.
        """
        return summary_of(self.folder)

    @property
    def finished(self) -> bool:
        """Whether the training came to its end."""
        return self.summary.get("status") == "finished"

    def load(self) -> Any:  # noqa: ANN401 - a network of its task
        """The best network of the run (see :func:`visus.nets.trained.read`).

        Raises:
            RunError: There is none, or it is damaged.
        """
        from visus.nets import trained

        return trained.read(self.folder)

    def evaluate(self, data: Place | None = None, *, split: str | None = None, **options: Any) -> E:
        """Measure the network on labeled pictures, or on pictures with masks or boxes.

        Args:
            data: Where they are; None for those that it was trained on.
            split: Which split; None for ``test``, else ``val``, else all pictures.
            options: Of the task: see :func:`visus.runs.classify.evaluate.evaluate`,
                :func:`visus.runs.segment.evaluate.evaluate`, :func:`visus.runs.detect.evaluate.evaluate` and
                :func:`visus.runs.localize.evaluate.evaluate`.

        Raises:
            InputError: The data cannot be used.
            RunError: There is no trained network.
        """
        found: Any = self._task.evaluate(self.folder, data, split=split, **options)
        _carded(self.folder, options)
        return found

    @overload
    def predict(self, picture: Place | NDArray[Any], **options: Any) -> P: ...
    @overload
    def predict(self, picture: list[Any] | tuple[Any, ...], **options: Any) -> Iterator[P | Unreadable]: ...

    def predict(self, picture: Any, **options: Any) -> Any:
        """What the network answers to a picture, or to many.

        The network is read once and kept, as long as the options stay the same.

        Args:
            picture: A file or an array, for one answer; a list of them or a folder, for an iterator of answers, in
                which an :class:`visus.runs.answers.Unreadable` stands for what cannot be read. Arrays are ``(H, W, 3)``
                uint8, of volumes ``(D, H, W)`` float32.
            options: Of the task: ``k`` of :class:`visus.runs.classify.predict.ClassifyPredictor`, and those of
                :class:`visus.runs.segment.predict.SegmentPredictor` and
                :class:`visus.runs.detect.predict.DetectPredictor`.

        Returns:
            The likeliest classes of the picture, the class of each of its positions, or its objects.

        Raises:
            InputError: The file is missing or damaged, or an option cannot be.
            RunError: There is no trained network.
        """
        return answer(self.predictor(**options), picture)

    def predictor(self, **options: Any) -> Predictor:
        """The network, ready to answer; it is read anew when its file or the options have changed.

        Args:
            options: See :meth:`predict`.

        Raises:
            RunError: There is no trained network, or it is damaged.
        """
        try:
            state = (self.folder / BEST).stat()
        except OSError:
            raise RunError(f"{self.folder} holds no trained network yet; wait for its first epoch.") from None
        key, kept = (state.st_mtime_ns, state.st_size, options), self._kept
        if kept is None or kept[0] != key:  # threads may ask with other options meanwhile
            kept = self._kept = (copy.deepcopy(key), self._task.predictor(self.folder, **options))
        return kept[1]

    def suggest(
        self,
        path: Place,
        *,
        n: int = 50,
        model: str = "efficientnet_lite0",
        seed: int = 0,
        device: str = "auto",
        progress: "Step | None" = None,
    ) -> "Suggested":
        """Choose pictures to label next: those of which the network is unsure, and that differ from one another.

        Args:
            path: Folder of pictures without labels.
            n: How many.
            model: Network whose vectors tell whether pictures differ, or a trained run.
            seed: Of the choice.
            device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
            progress: Called with what is done, how far, of how much.

        Returns:
            The pictures, with what the network proposes (see :mod:`visus.runs.doubts` for the measures).

        Raises:
            InputError: There are no pictures that the network can use, it answers volumes, or it gives a picture
                several classes.
            RunError: There is no trained network.
        """
        from visus.review import suggest
        from visus.runs.doubts import judge_of

        judge = judge_of(self.folder, device=device)
        return suggest(path, judge=judge, n=n, model=model, seed=seed, progress=progress)

    def export(self, form: str = "onnx", path: Place | None = None) -> Path:
        """Write the network for other programs (see :func:`visus.runs.export.export`).

        Raises:
            InputError: The form is unknown, or the place cannot be written.
            RunError: The network cannot be exported.
        """
        from visus.runs.export import export

        return export(self.folder, form, path)

    def resume(self, data: Place | None = None, *, workers: int | None = None) -> "Run[P, E]":
        """Go on with a stopped training (see :func:`resume`).

        Raises:
            RunError: It is finished, or its data or its settings have changed.
        """
        return resume(self.folder, data, workers=workers)


def answer(predictor: Predictor, picture: Any) -> Any:  # noqa: ANN401 - a picture or many
    """What a network answers to a file or an array; an iterator of answers for a list of them, or for a folder.

    Raises:
        InputError: A file is missing or damaged, or the folder holds no pictures.
    """
    if isinstance(picture, np.ndarray):
        return predictor.predict(picture)
    if isinstance(picture, str | os.PathLike):
        whole = Path(picture).is_dir()
        return predictor.predict_many(files_of(picture, predictor.takes)) if whole else predictor.predict(picture)
    if not isinstance(picture, Iterable) or hasattr(picture, "shape"):
        raise InputError(f"A picture is a path or a NumPy array (H, W, 3) uint8, not {type(picture).__name__}.")
    return predictor.predict_many(picture)


AnyRun = Run[Any, Any]
"""A run of any task."""


@overload
def train(task: Literal["classify"], data: Place, **settings: Any) -> "Run[ClassPrediction, ClassEvaluation]": ...
@overload
def train(task: Literal["localize"], data: Place, **settings: Any) -> "Run[BoxPrediction, LocalEvaluation]": ...
@overload
def train(task: Literal["segment"], data: Place, **settings: Any) -> "Run[MaskPrediction, MaskEvaluation]": ...
@overload
def train(task: Literal["detect"], data: Place, **settings: Any) -> "Run[BoxPrediction, BoxEvaluation]": ...
@overload
def train(task: str, data: Place, **settings: Any) -> AnyRun: ...


def train(
    task: str,
    data: Place,
    *,
    runs: Place = "runs",
    say: Say | None = None,
    progress: Tell | None = None,
    events: Log | None = None,
    cluster: Cluster | None = None,
    **settings: Any,
) -> AnyRun:
    """Train a network on one's own pictures.

    Args:
        task: ``"classify"``, ``"localize"``, ``"segment"`` or ``"detect"``.
        data: Labeled pictures (see :func:`visus.data.load`), pictures or volumes with masks (see
            :func:`visus.data.load_masks`), or pictures with boxes (see :func:`visus.data.load_boxes`).
        runs: Where the run's folder is made: ``RUNS/TASK/NAME-N``.
        say: Told sentences: the data, what is wrong, where the run is.
        progress: Told how far the training is.
        events: Told the plan (:class:`~visus.runs.engine.progress.Plan`) and each epoch
            (:class:`~visus.runs.engine.progress.EpochDone`) as values; None to have them said.
        cluster: Train by the processes of a Ray cluster (see :mod:`visus.runs.engine.ddp`), whose machines must see the
            data and ``runs`` under the same paths; None for this process.
        settings: What :class:`visus.runs.ClassifySettings`, :class:`visus.runs.LocalizeSettings`,
            :class:`visus.runs.SegmentSettings` or :class:`visus.runs.DetectSettings` lists.

    Returns:
        The run.

    Raises:
        InputError: The data or a setting cannot be used.
        WeightsError: The weights are not at hand.
        RunError: The training diverged; the best weights so far are kept.
        DependencyError: What trains is not installed.
        Stopped: The user stopped it.
    """
    require("lightning.pytorch")
    from visus.runs.engine.training import load_for

    room = task_of(task)
    wanted = room.settings.of(data, settings)
    hooks = Hooks(say or (lambda _: None), progress, events=events)
    dataset = load_for(room, wanted, hooks)
    resolved, plan, end = room.resolve(wanted, dataset), None, None
    if wanted.minutes is not None:
        if cluster:
            raise InputError("minutes are planned by steps on this machine; leave them or the cluster away.")
        from visus.runs.engine.plan import planned

        end = time.monotonic() + 60 * wanted.minutes
        resolved, plan = planned(room, wanted, resolved, dataset, hooks)
    folder = new_folder(task, Path(data).resolve().stem, root=runs)
    if plan:
        write_json(folder / PLAN, plan)
    try:
        _train_where(cluster, room, resolved, dataset, folder=folder, hooks=hooks, end=end)
    except (VisusError, KeyboardInterrupt) as error:
        begun = is_run(folder)
        if not begun:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, KeyboardInterrupt):
            raise Stopped(folder if begun else None) from error
        raise
    return Run(folder)


class Stopped(KeyboardInterrupt):
    """Someone stopped a training.

    Attributes:
        folder: Its run, with which :func:`resume` goes on; None where nothing had begun.
    """

    def __init__(self, folder: Path | None) -> None:
        super().__init__()
        self.folder = folder


def resume(
    folder: Place,
    data: Place | None = None,
    *,
    workers: int | None = None,
    say: Say | None = None,
    progress: Tell | None = None,
    events: Log | None = None,
    cluster: Cluster | None = None,
) -> AnyRun:
    """Go on with a training that was stopped, from the end of its last epoch.

    Args:
        folder: The run's folder.
        data: Where its pictures are now; None for where they were.
        workers: Processes that read pictures ahead from now on; None for as many as before. What is learned does not
            depend on it.
        say: Told sentences.
        progress: Told how far the training is.
        events: As for :func:`train`.
        cluster: As for :func:`train`; it need not have trained so before.

    Raises:
        InputError: Its data cannot be used, or its GPU is not here.
        RunError: There is no such run, it is finished, or its data or its settings have changed.
        DependencyError: What trains is not installed.
    """
    require("lightning.pytorch")
    from visus.runs.engine.device import chosen
    from visus.runs.engine.training import load_for

    run: AnyRun = Run(folder)
    if run.finished:
        raise RunError(f"{run.folder} is finished; there is nothing to go on with.")
    if run.summary.get("config") != hashlib.sha256((run.folder / CONFIG).read_bytes()).hexdigest()[:16]:
        raise RunError(
            f"{run.folder / CONFIG} was changed since the run began; train anew with --config {run.folder / CONFIG}."
        )
    hooks = Hooks(say or (lambda _: None), progress, events=events)
    room = run._task
    settings: TrainSettings = run.settings
    chosen(settings.device)
    if data is not None:
        settings = dataclasses.replace(settings, data=os.path.abspath(data))
    if workers is not None:
        settings = dataclasses.replace(settings, workers=workers)
    dataset = load_for(room, settings, hooks)
    if run.summary.get("data") != dataset.fingerprint():
        raise RunError(f"The pictures in {settings.data} are not those that {run.folder} began with; train anew.")
    _train_where(cluster, room, settings, dataset, folder=run.folder, hooks=hooks)
    return Run(run.folder)


def _train_where(
    cluster: Cluster | None,
    task: Task,
    settings: TrainSettings,
    dataset: Any,  # noqa: ANN401 - of the task
    *,
    folder: Path,
    hooks: Hooks,
    end: float | None = None,
) -> None:
    """Train on a cluster, or in this process, perhaps until some time."""
    if cluster:
        from visus.runs.engine.ddp import train_on

        train_on(cluster, task, settings, dataset, folder=folder, hooks=hooks)
    else:
        from visus.runs.engine.training import run_training

        run_training(task, settings, dataset, folder, hooks, end=end)
    if task.light:
        give_back_all()
        _publish(folder, hooks.say)


def _publish(folder: Path, say: Say) -> None:
    """Write the graph of a run, with which it is searched and asked without PyTorch."""
    from visus.runs.export import export

    try:
        export(folder)
    except VisusError as error:
        say(f"Without PyTorch the run cannot be used: {error}")


def evaluate(run: Place, data: Place | None = None, *, split: str | None = None, **options: Any) -> Any:  # noqa: ANN401
    """Measure a trained network of any task.

    Args:
        run: A run, its folder, or a file of a trained network.
        data: See :meth:`Run.evaluate`, as for what follows.
        split: See there.
        options: See there.

    Returns:
        The measures of its task.

    Raises:
        InputError: The data cannot be used.
        RunError: There is no trained network.
    """
    from visus.nets.file import open_saved

    saved = open_saved(run)
    found = task_of(saved.task).evaluate(saved, data, split=split, **options)
    _carded(saved.home, options)
    return found


def _carded(home: Path, options: Mapping[str, Any]) -> None:
    """Write the card of a run anew, where an evaluation went into its folder: elsewhere the run stays as it is."""
    out = options.get("out")
    if out is None or Path(out).resolve().is_relative_to(home.resolve()):
        card.write(home)


def predict(run: Place, picture: Any, **options: Any) -> Any:  # noqa: ANN401 - of the task
    """What a trained network of any task answers to a picture, or to many.

    The network is read at each call: for several calls, keep a :class:`Run` and ask it.

    Args:
        run: A run, its folder, or a file of a trained network.
        picture: See :meth:`Run.predict`.
        options: See there.

    Returns:
        An answer of its task, or an iterator of answers.

    Raises:
        InputError: The file is missing or damaged, or an option cannot be.
        RunError: There is no trained network.
    """
    from visus.nets.file import open_saved

    saved = open_saved(run)
    return answer(task_of(saved.task).predictor(saved, **options), picture)
