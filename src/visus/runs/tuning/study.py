"""Search for good settings: at random first, then around the best.

Random search beats a grid at equal cost, since it tries a new value of every setting in each trial (Bergstra and
Bengio, "Random search for hyper-parameter optimization", JMLR 2012). Rates and penalties are drawn uniformly in the
logarithm. Trials that lag behind the median of the others at the same epoch are given up (Golovin et al., "Google
Vizier", KDD 2017, section 3.2).

A study is a folder:

    study.log    every trial (Optuna's journal); a study goes on from it, and several processes may work on it
    study.json   how many trials are wanted
    trials.csv   settings and score of each trial
    study.png    score over each setting
    best.toml    the best settings, for visus train --config
"""

import csv
import dataclasses
import io
import itertools
import json
import math
import os
import socket
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError, RunError, VisusError
from visus._files import write_atomically
from visus.cluster import Cluster
from visus.images import read
from visus.images.result import Result
from visus.runs.engine.loop import quiet
from visus.runs.engine.progress import Epoch, Progress
from visus.runs.engine.task import Data, Hooks
from visus.runs.engine.training import load_for, try_settings
from visus.runs.record.folder import new_folder
from visus.runs.record.settings import TrainSettings
from visus.runs.registry import task_of
from visus.runs.tuning.plot import draw
from visus.runs.tuning.space import BEFORE, Range, Space, text_of, told, usual
from visus.runs.tuning.trials import LOSS, best_of, loss_of, stage_of, values_of

if TYPE_CHECKING:
    import optuna

COARSE = 0.6
"""Share of the trials of the first stage."""

_RATE = 1e-3  # around which is searched where none is told


@dataclass(frozen=True, slots=True, repr=False)
class Study(Result):
    """What a search found.

    Attributes:
        folder: Its folder.
        settings: The best settings, of the task.
        accuracy: Their best score on the val split: accuracy of a classifier, mean IoU of a segmenter.
        trials: Trials that were finished or given up.
    """

    folder: Path
    settings: Any
    accuracy: float
    trials: int

    def __repr__(self) -> str:
        return f"Study({str(self.folder)!r}, {self.trials} trials, best {self.accuracy:.2%})"

    def drawn(self) -> NDArray[np.uint8] | None:
        """The score over each setting, ``(H, W, 3)`` uint8."""
        return read(self.folder / "study.png")

    def rows(self) -> list[dict[str, Any]]:
        """One row a trial: its number, stage and state, what it drew, and its score."""
        with open(self.folder / "trials.csv", encoding="utf-8", newline="") as file:
            return [{name: _number(text) for name, text in row.items()} for row in csv.DictReader(file)]

    def to_dict(self) -> dict[str, Any]:
        """The best settings and their score as plain values for JSON."""
        return {
            "folder": str(self.folder),
            "score": self.accuracy,
            "trials": self.trials,
            "settings": dataclasses.asdict(self.settings),
        }


def _number(text: str) -> Any:  # noqa: ANN401 - of a table
    """A cell as a number where it is one; an empty one as None."""
    try:
        return float(text) if "." in text or "e" in text else int(text)
    except ValueError:
        return text or None


def tune(
    task: str,
    data: str | os.PathLike[str],
    *,
    trials: int = 20,
    space: Space | None = None,
    study: str | os.PathLike[str] | None = None,
    runs: str | os.PathLike[str] = "runs",
    say: Callable[[str], None] | None = None,
    progress: Callable[[Progress], None] | None = None,
    cluster: Cluster | None = None,
    **settings: Any,
) -> Study:
    """Search for good settings of a training.

    Args:
        task: ``"classify"`` or ``"segment"``.
        data: Labeled pictures, or pictures with masks.
        trials: Trials in all, those that the study holds already included.
        space: What is searched; None for weight decay, and learning rates around the default.
        study: Folder of a study to go on with, or to share with other processes; None for a new one in
            ``RUNS/tune/NAME-N``.
        runs: Where a new study's folder is made.
        say: Told sentences.
        progress: Told how far a trial is.
        cluster: Where several trials run at once, whose machines must see the data and the study's folder under the
            same paths; None for one after the other, here.
        settings: What all trials share, as for :func:`visus.train`.

    Raises:
        InputError: The data, the space or a setting cannot be used.
        RunError: No trial was finished.
    """
    of = task_of(task)
    if trials < 1:
        raise InputError(f"There must be at least 1 trial, not {trials}.")
    hooks = Hooks(say or (lambda _: None), progress)
    wanted = of.settings.of(data, settings)
    dataset = load_for(of, wanted, hooks)
    base = of.resolve(wanted, dataset)
    folder = Path(study) if study else new_folder("tune", Path(data).resolve().stem, root=runs)
    _make(folder)
    opened = _open(folder, base.seed)
    searched = space or _usual(opened, base)
    _agree(folder, opened, base, searched)
    _forget_the_dead(opened)
    hooks.say(f"Coarse: {_coarse(trials)} trials, {told(searched)}")
    write_atomically(folder / "study.json", json.dumps({"trials": trials}).encode())
    left = range(trials - len(_counted(opened)))
    if cluster:
        cluster = dataclasses.replace(cluster, gpus=cluster.gpus or float(base.device == "cuda"))
        make = partial(_searcher, folder.absolute(), base, dataset, searched, trials)
        for sentences in cluster.map(make, left):
            for sentence in sentences:
                hooks.say(sentence)
            _write(folder, opened, base, searched)
        return _ended(folder, opened, base, hooks)
    while len(_counted(opened)) < trials:
        _try_one(opened, searched, trials, (base, dataset), hooks)
        _write(folder, opened, base, searched)
    return _ended(folder, opened, base, hooks)


def _searcher(
    folder: Path, base: TrainSettings, dataset: Data, space: Space, trials: int
) -> Callable[[int], list[str]]:
    """What tries settings in a process of a cluster, and tells what there is to say."""
    study = _open(folder, base.seed)

    def one(_: int) -> list[str]:
        said: list[str] = []
        _forget_the_dead(study)  # a process that was killed in the middle of this very trial
        _try_one(study, space, trials, (base, dataset), Hooks(said.append, None))
        return said

    return one


def _try_one(study: "optuna.Study", space: Space, trials: int, base: tuple[TrainSettings, Data], hooks: Hooks) -> None:
    """One of so many trials: anywhere in the space, or next to the best when enough were coarse."""
    trial = study.ask()
    ranges = any(isinstance(entry, Range) for entry in space.values())  # lists have nothing between their choices
    fine = ranges and trial.number >= _coarse(trials) and bool(_finished(study))
    trial.set_user_attr("stage", "fine" if fine else "coarse")
    here = _around_the_best(study, space) if fine else space
    if fine and not any(stage_of(other) == "fine" for other in study.get_trials(deepcopy=False)[: trial.number]):
        left = trials - _coarse(trials)
        hooks.say(f"Fine: {left} {'trial' if left == 1 else 'trials'}, {told(here)}")
    _run(study, trial, here, base, hooks)


def _coarse(trials: int) -> int:
    """How many of them belong to the first stage."""
    return max(1, round(COARSE * trials))


def _make(folder: Path) -> None:
    """Make the folder of a study, if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be made ({error.strerror}); choose another place.") from error


def _open(folder: Path, seed: int) -> "optuna.Study":
    """The study of a folder, new or as it was left."""
    import optuna

    from visus.runs.tuning import journal

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Both are named with all that decides, whatever a version of Optuna takes unless it is told.
    sampler = optuna.samplers.RandomSampler(seed=seed)  # each trial has one of its own, see _run
    pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1, interval_steps=1, n_min_trials=1)
    with quiet():
        try:
            storage = journal.open_journal(folder)
            return optuna.create_study(
                study_name="visus",
                storage=storage,
                sampler=sampler,
                pruner=pruner,
                direction="maximize",
                load_if_exists=True,
            )
        except (ValueError, KeyError, AssertionError) as error:
            place = folder / journal.NAME
            raise RunError(f"{place} is damaged ({type(error).__name__}); begin a new study.") from error


def _usual(study: "optuna.Study", base: TrainSettings) -> Space:
    """What is searched unless it is said: what a study of 0.1 did, or rates around the default."""
    known = study.user_attrs.get("about", {})
    if known.get("range of lr") == text_of(BEFORE["lr"]):
        return BEFORE
    return usual(base.lr or _RATE)


def _agree(folder: Path, study: "optuna.Study", base: TrainSettings, space: Space) -> None:
    """Note what all trials of a study share, and what is searched.

    Raises:
        RunError: It was begun with something else.
    """
    shared = {k: v for k, v in dataclasses.asdict(base).items() if k not in space and v is not None}
    shared = {k: list(v) if isinstance(v, tuple) else v for k, v in shared.items()}
    about = {**shared, **{f"range of {name}": text_of(entry) for name, entry in space.items()}}
    known = study.user_attrs.get("about")
    if known is None:
        study.set_user_attr("about", about)
        return
    for name, value in about.items():
        if known.get(name) != value:
            raise RunError(
                f"{folder} holds a study with {name} {known.get(name)}, not {value}; begin a new one, or say the same."
            )


def _forget_the_dead(study: "optuna.Study") -> None:
    """Trials whose process on this machine is gone will never end; mark them as failed."""
    import optuna

    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        host, pid = trial.user_attrs.get("host"), trial.user_attrs.get("pid")
        if host == socket.gethostname() and not _alive(int(pid or 0)):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def _counted(study: "optuna.Study") -> list[Any]:
    """Trials that are finished, given up or running; failed ones are made up for."""
    import optuna

    return study.get_trials(deepcopy=False, states=[s for s in optuna.trial.TrialState if s.name != "FAIL"])


def _finished(study: "optuna.Study") -> list[Any]:
    import optuna

    return study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))


def _around_the_best(study: "optuna.Study", space: Space) -> Space:
    """Ranges next to the best trial's values; choices stay with its choice."""
    best = values_of(best_of(_finished(study)))
    return {
        name: entry.around(best[name]) if isinstance(entry, Range) else [best[name]] for name, entry in space.items()
    }


def _run(
    study: "optuna.Study", trial: "optuna.Trial", space: Space, base: tuple[TrainSettings, Data], hooks: Hooks
) -> None:
    """Draw settings, train with them, and tell what came of it."""
    import optuna

    shared, dataset = base

    trial.set_user_attr("pid", os.getpid())  # first: whoever sees the host may look whether the process lives
    trial.set_user_attr("host", socket.gethostname())
    # What a trial draws depends on the seed and its number, so that a study that goes on draws nothing twice.
    study.sampler = optuna.samplers.RandomSampler(seed=shared.seed * 1_000_003 + trial.number)
    if untried := _untried(study, trial, space, shared.seed):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # its interface may change
            study.sampler = optuna.samplers.PartialFixedSampler(untried, study.sampler)
    drawn = {name: _draw(trial, name, entry) for name, entry in space.items()}
    words = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in drawn.items()
    )

    def on_epoch(epoch: Epoch) -> None:
        trial.report(epoch.val_score, epoch.epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    listening = dataclasses.replace(hooks, on_epoch=on_epoch)
    try:
        task = task_of(shared.task)
        settings = task.resolve(dataclasses.replace(shared, **drawn), dataset)
        best = try_settings(task, settings, dataset, listening)
    except optuna.TrialPruned:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        hooks.say(f"trial {trial.number}: {words}: given up, since it lags behind")
        return
    except (VisusError, RuntimeError, ValueError) as error:
        # Settings that do not go together are this trial's loss, not the study's; torch says so in its own words.
        reason = (
            str(error)
            if isinstance(error, VisusError)
            else f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        )
        trial.set_user_attr("reason", reason)
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        hooks.say(f"trial {trial.number}: {words}: cannot be: {reason}")
        return
    except BaseException:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        raise
    accuracy = best.val_score if best else 0.0
    trial.set_user_attr("diverged", best is None)
    if best and math.isfinite(best.val_loss):
        trial.set_user_attr(LOSS, best.val_loss)
    study.tell(trial, accuracy)
    hooks.say(f"trial {trial.number}: {words}: " + (f"{accuracy:.2%} on val" if best else "diverged"))


def _untried(study: "optuna.Study", trial: "optuna.Trial", space: Space, seed: int) -> dict[str, int]:
    """Places in lists of choices that no other trial drew together; none where there are ranges, or all were tried.

    What a process drew that was killed is not tried yet.
    """
    lists = {
        f"{name} choice": len(entry) for name, entry in space.items() if isinstance(entry, list) and len(entry) > 1
    }
    if any(not isinstance(entry, list) for entry in space.values()) or math.prod(lists.values()) > _MOST_COMBINATIONS:
        return {}
    others = [own for own in _counted(study) if own.number != trial.number]
    tried = {tuple(own.params.get(name) for name in lists) for own in others}
    left = [own for own in itertools.product(*map(range, lists.values())) if own not in tried]
    if not left:
        return {}
    chosen = left[int(np.random.default_rng((seed, trial.number)).integers(len(left)))]
    return dict(zip(lists, chosen, strict=True))


_MOST_COMBINATIONS = 10_000


def _draw(trial: "optuna.Trial", name: str, entry: Range | list[Any]) -> Any:  # noqa: ANN401
    if isinstance(entry, list):
        # Optuna wants the same choices in every trial, so the place in the list is kept beside the value.
        value = entry[trial.suggest_int(f"{name} choice", 0, len(entry) - 1)] if len(entry) > 1 else entry[0]
        trial.set_user_attr(name, value)
        return tuple(value) if isinstance(value, list) else value
    if entry.whole:
        return trial.suggest_int(name, int(entry.low), int(entry.high), log=entry.log)
    return trial.suggest_float(name, entry.low, entry.high, log=entry.log)


def _best(folder: Path, study: "optuna.Study", base: TrainSettings) -> Study:
    finished = _finished(study)
    if not finished:
        reasons = [own.user_attrs["reason"] for own in study.get_trials(deepcopy=False) if "reason" in own.user_attrs]
        first = f" (the first: {reasons[0]})" if reasons else ""
        raise RunError(f"No trial of {folder} was finished{first}; look at the data, or give more --trials.")
    best = best_of(finished)
    settings = dataclasses.replace(base, **values_of(best))
    return Study(folder, settings, float(best.value or 0.0), len(_counted(study)))


def _ended(folder: Path, study: "optuna.Study", base: TrainSettings, hooks: Hooks) -> Study:
    """What was found; where several trials are equally good by their score, it is said what chose between them."""
    found = _best(folder, study, base)
    equal = [trial for trial in _finished(study) if trial.value == found.accuracy]
    if len(equal) > 1:
        rule = "the least loss on val decides" if any(map(math.isfinite, map(loss_of, equal))) else "the first counts"
        hooks.say(f"{len(equal)} trials are equal by score ({found.accuracy:.2%}); {rule}.")
    return found


def _write(folder: Path, study: "optuna.Study", base: TrainSettings, space: Space) -> None:
    """The table, the picture and the best settings so far."""
    trials = [t for t in study.get_trials(deepcopy=False) if t.state.is_finished()]
    names = list(space)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["trial", "stage", "state", *names, "score", "val_loss"])
    for t in trials:
        values = values_of(t)
        stage = stage_of(t)
        figures = ["" if own is None else f"{own:.6f}" for own in (t.value, t.user_attrs.get(LOSS))]
        writer.writerow([t.number, stage, t.state.name.lower(), *(values.get(name, "") for name in names), *figures])
    write_atomically(folder / "trials.csv", buffer.getvalue().encode())
    if _finished(study):
        write_atomically(folder / "best.toml", _best(folder, study, base).settings.to_toml().encode())
        draw(folder / "study.png", trials, space)
