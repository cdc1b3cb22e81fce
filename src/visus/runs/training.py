"""Train a network on one's own pictures, whatever the task."""

import contextlib
import csv
import dataclasses
import hashlib
import io
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import lightning.pytorch as lightning
import torch

from visus import __version__
from visus._errors import InputError, RunError, VisusError
from visus.cluster import Cluster
from visus.data import load
from visus.images.io import write_atomically
from visus.runs import detect_settings, localize_settings, plots, seen, segment_settings, spread
from visus.runs import settings as classify_settings
from visus.runs.classification import Classification
from visus.runs.detection import Detection
from visus.runs.device import resolve_device
from visus.runs.fit import Health, Keep, Seeded, Show, quiet
from visus.runs.job import Data, Hooks, Job, Say, Tell
from visus.runs.learning import Learning
from visus.runs.localization import Localization
from visus.runs.mining import Mined
from visus.runs.progress import Epoch, Progress
from visus.runs.run import CONFIG, LAST, METRICS, SEEN, SUMMARY, Run, new_folder, write_json
from visus.runs.segmentation import Segmentation
from visus.tasks import processes
from visus.tasks.finder import range_test
from visus.tasks.learner import Diverged


@dataclass(frozen=True, slots=True)
class Task:
    """How a task is trained.

    Attributes:
        settings: Its settings.
        load: Brings in its pictures; takes settings and a progress.
        resolve: Fills in what settings leave open.
        begin: Builds the training.
    """

    settings: type[Learning]
    load: Callable[[Any, Callable[[int, int], None] | None], Data]
    resolve: Callable[[Any, Any], Any]
    begin: Callable[[Any, Any], Job]


TASKS: dict[str, Task] = {
    "classify": Task(
        classify_settings.Settings,
        lambda s, tell: load(s.data, seed=s.seed, val=s.val, test=s.test, progress=tell),
        classify_settings.resolve,
        Classification.begin,
    ),
    "segment": Task(
        segment_settings.SegmentSettings,
        segment_settings.load,
        segment_settings.resolve,
        Segmentation.begin,
    ),
    "detect": Task(
        detect_settings.DetectSettings,
        detect_settings.load,
        detect_settings.resolve,
        lambda settings, data: (Mined if settings.net == "rcnn" else Detection).begin(settings, data),
    ),
    "localize": Task(
        localize_settings.LocalizeSettings,
        localize_settings.load,
        localize_settings.resolve,
        Localization.begin,
    ),
}


def task_of(name: str) -> Task:
    """A task by name.

    Raises:
        InputError: There is none of that name.
    """
    if name not in TASKS:
        raise InputError(f"The task must be one of {', '.join(TASKS)}, not {name!r}.")
    return TASKS[name]


def train(
    task: str,
    data: str | os.PathLike[str],
    *,
    runs: str | os.PathLike[str] = "runs",
    say: Say | None = None,
    progress: Tell | None = None,
    cluster: Cluster | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of the settings
) -> Run:
    """Train a network on one's own pictures.

    Args:
        task: ``"classify"``, ``"localize"``, ``"segment"`` or ``"detect"``.
        data: Labelled pictures (see :func:`visus.data.load`), pictures or volumes with masks (see
            :func:`visus.data.load_masks`), or pictures with boxes (see :func:`visus.data.load_boxes`).
        runs: Where the run's folder is made: ``RUNS/TASK/NAME-N``.
        say: Told sentences: the data, what is wrong, where the run is.
        progress: Told how far the training is.
        cluster: Train by the processes of a Ray cluster (see :mod:`visus.runs.spread`), whose machines must see the
            data and ``runs`` under the same paths; None for this process.
        settings: What :class:`visus.runs.Settings`, :class:`visus.runs.LocalizeSettings`,
            :class:`visus.runs.SegmentSettings` or :class:`visus.runs.DetectSettings` lists.

    Returns:
        The run.

    Raises:
        InputError: The data or a setting cannot be used.
        WeightsError: The weights are not at hand.
        RunError: The training diverged; the best weights so far are kept.
    """
    of = task_of(task)
    wanted = of.settings.of(data, settings)
    hooks = Hooks(say or (lambda _: None), progress)
    dataset = load_for(wanted, hooks)
    resolved = resolve_device(of.resolve(wanted, dataset))
    folder = new_folder(task, Path(data).resolve().stem, root=runs)
    try:
        return _train_where(cluster, resolved, dataset, folder, hooks)
    except VisusError:
        if not (folder / CONFIG).is_file():  # nothing has begun
            shutil.rmtree(folder, ignore_errors=True)
        raise


def load_for(settings: Learning, hooks: Hooks) -> Any:  # noqa: ANN401 - the data of the task
    """The data of a training, said aloud."""
    tell = hooks.progress
    show = (lambda done, total: tell(Progress("checking", done, total))) if tell else None
    dataset = task_of(settings.task).load(settings, show)
    hooks.say(dataset.describe())
    for remark in dataset.remarks:
        hooks.say(remark)
    return dataset


def resume(
    folder: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    *,
    say: Say | None = None,
    progress: Tell | None = None,
    cluster: Cluster | None = None,
) -> Run:
    """Go on with a training that was stopped, from the end of its last epoch.

    Args:
        folder: The run's folder.
        data: Where its pictures are now; None for where they were.
        say: Told sentences.
        progress: Told how far the training is.
        cluster: As for :func:`train`; it need not have trained so before.

    Raises:
        RunError: There is no such run, it is finished, or its data or its settings have changed.
    """
    run = Run(folder)
    if run.finished:
        raise RunError(f"{run.folder} is finished; there is nothing to go on with.")
    if run.summary.get("config") != hashlib.sha256((run.folder / CONFIG).read_bytes()).hexdigest()[:16]:
        raise RunError(
            f"{run.folder / CONFIG} was changed since the run began; train anew with --config {run.folder / CONFIG}."
        )
    hooks = Hooks(say or (lambda _: None), progress)
    settings = run.settings if data is None else dataclasses.replace(run.settings, data=os.path.abspath(data))
    dataset = load_for(settings, hooks)
    if run.summary.get("data") != dataset.fingerprint():
        raise RunError(f"The pictures in {settings.data} are not those that {run.folder} began with; train anew.")
    return _train_where(cluster, resolve_device(settings), dataset, run.folder, hooks)


def _train_where(cluster: Cluster | None, settings: Learning, dataset: Data, folder: Path, hooks: Hooks) -> Run:
    """Train on a cluster, or in this process."""
    if cluster:
        return spread.train_on(cluster, settings, dataset, folder, hooks)
    return run_training(settings, dataset, folder, hooks)


def run_training(settings: Learning, dataset: Data, folder: Path, hooks: Hooks) -> Run:
    """Train in a folder, from its ``last.ckpt`` where there is one.

    Raises:
        RunError: The training diverged, another process trains there, or the folder cannot be written.
    """
    try:
        with filelock.FileLock(folder / ".lock", timeout=0):
            return _run_locked(settings, dataset, folder, hooks)
    except filelock.Timeout:
        raise RunError(f"Another process trains in {folder}; wait for it, or stop it.") from None
    except OSError as error:
        raise RunError(
            f"{error.filename or folder} cannot be written or read ({error.strerror}); mend that, and go on with "
            f"visus train {settings.task} --resume {folder}."
        ) from error


def _run_locked(settings: Learning, dataset: Data, folder: Path, hooks: Hooks) -> Run:
    started = time.time()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        job = task_of(settings.task).begin(settings, dataset)
        going_on = _checkpoint(folder)
        if going_on is None and settings.find_lr:
            job = _find_rate(job, folder, hooks)
        _begin(job, folder, hooks)
        watch = Health(hooks.say) if settings.health else None
        keep = Keep(
            lambda: job.save(folder / "best.safetensors"),
            on_epoch=None,
            patience=settings.patience or 0,
            folder=folder,
        )
        keep.on_epoch = lambda epoch: _noted(folder, keep.epochs, epoch, job.score, hooks)
        try:
            if not (going_on and keep.had_stopped(going_on)):
                _train(job, keep, hooks, watch=watch, checkpoint=going_on)
        except Diverged as error:
            raise _diverged(error, job, folder, keep, watch) from error
        processes.wait()  # for those that train along, which still need the checkpoint
        return _finish(job, folder, keep, watch, hooks, seconds=time.time() - started)


def follow(settings: Learning, dataset: Data, folder: Path) -> None:
    """Train along with the process that keeps the run in a folder, and keep nothing.

    Raises:
        Diverged: The loss has become NaN or infinite.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        job = task_of(settings.task).begin(settings, dataset)
        going_on = _checkpoint(folder)
        keep = Keep(lambda: None, patience=settings.patience or 0)
        if not (going_on and keep.had_stopped(going_on)):
            _train(job, keep, Hooks(), checkpoint=going_on)
        processes.wait()


def _checkpoint(folder: Path) -> Path | None:
    """What to go on from, if there is anything.

    Raises:
        RunError: It is damaged.
    """
    path = folder / LAST
    if not path.is_file():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if not {"epoch", "state_dict", "callbacks", "optimizer_states"} <= content.keys():
            raise ValueError("it is no checkpoint of a training")
    except Exception as error:  # torch raises many kinds on a damaged file
        raise RunError(
            f"{path} is damaged ({type(error).__name__}); delete it, and the run begins anew with the same settings."
        ) from error
    return path


def try_settings(settings: Learning, dataset: Data, hooks: Hooks) -> Epoch | None:
    """Train without keeping anything, and tell the best epoch; None where none was finished before it diverged."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        job = task_of(settings.task).begin(settings, dataset)
        keep = Keep(lambda: None, on_epoch=hooks.on_epoch, patience=settings.patience or 0)
        with contextlib.suppress(Diverged):
            _train(job, keep, hooks)
    return keep.best


def _train(job: Job, keep: Keep, hooks: Hooks, *, watch: Health | None = None, checkpoint: Path | None = None) -> None:
    callbacks: list[lightning.Callback] = [Seeded(job.settings.seed)]
    if watch:
        callbacks.append(watch)
    if hooks.progress:
        callbacks.append(Show(hooks.progress))
    job.learn(callbacks, keep, hooks, checkpoint)


def _find_rate(job: Job, folder: Path, hooks: Hooks) -> Job:
    """Find the learning rate by a range test, and draw it."""
    with quiet():
        found = range_test(job.learner(), job.loader("train"))
    plots.range_test(found, folder / "lr.png")
    hooks.say(f"The range test found the learning rate {found.best:g} ({folder / 'lr.png'}).")
    return job.with_rate(found.best)


def _begin(job: Job, folder: Path, hooks: Hooks) -> None:
    """Write down what is about to happen."""
    settings = job.settings
    config = settings.to_toml().encode()
    seen.write(folder / SEEN, job.data)
    write_json(folder / SUMMARY, _started(job, "started", config))
    write_atomically(folder / CONFIG, config)
    how = f"{mode}, " if (mode := getattr(settings, "mode", None)) else ""
    hooks.say(
        f"{settings.net}: {job.outline}; {how}{settings.optimizer} with lr {settings.lr:g}, "
        f"{settings.device} {settings.precision}, augmentation {settings.augment}; run {folder}"
    )


def _started(job: Job, status: str, config: bytes) -> dict[str, Any]:
    """What a summary holds from the beginning: what a resumed training must find unchanged."""
    config_hash = hashlib.sha256(config).hexdigest()[:16]
    return {"status": status, "data": job.data.fingerprint(), "config": config_hash, "visus": __version__}


def _noted(folder: Path, epochs: list[Epoch], epoch: Epoch, score: str, hooks: Hooks) -> None:
    """Write the table of epochs, and tell."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(epoch.named(score)))
    writer.writeheader()
    for row in epochs:
        values = row.named(score)
        writer.writerow({key: value if isinstance(value, int) else f"{value:.6g}" for key, value in values.items()})
    write_atomically(folder / METRICS, buffer.getvalue().encode())
    if hooks.on_epoch:
        hooks.on_epoch(epoch)


def _diverged(error: Diverged, job: Job, folder: Path, keep: Keep, watch: Health | None) -> RunError:
    """Say what happened, what is kept, and the mend."""
    rate = job.settings.lr or 0.0
    cause = ""
    if watch and watch.monitor:
        watch.judge(rate)
        plots.health(watch.monitor.history, folder / "health.png")
        cause = " " + " ".join(watch.findings.values()) if watch.findings else ""
    best = keep.best
    kept = f"the weights of epoch {best.epoch} are in {folder}" if best else "no epoch was finished, so nothing is kept"
    write_json(folder / SUMMARY, {**_started(job, "diverged", (folder / CONFIG).read_bytes()), "error": str(error)})
    return RunError(
        f"The training diverged in epoch {len(keep.epochs) + 1}: {error}; {kept}. Lower --lr (now {rate:g}), for "
        f"example to {rate / 10:g}, or clip the gradient with --clip-norm 1.{cause}"
    )


def _finish(job: Job, folder: Path, keep: Keep, watch: Health | None, hooks: Hooks, *, seconds: float) -> Run:
    """Draw the plots, measure the best network on the val split, and write the summary."""
    best = keep.best
    if best is None or not (folder / "best.safetensors").is_file():
        raise RunError(f"The training in {folder} kept no weights: the val loss was never a number; lower --lr.")
    values = {
        **_started(job, "finished", (folder / CONFIG).read_bytes()),
        "task": job.settings.task,
        "net": job.settings.net,
        "classes": list(job.data.classes),
        "best": best.named(job.score),
        "epochs": len(keep.epochs),
        "seconds": round(seconds, 1),
        "health": list(watch.findings.values()) if watch else [],
        "torch": torch.__version__,
    }
    write_json(folder / SUMMARY, values)
    (folder / LAST).unlink(missing_ok=True)
    plots.curves(keep.epochs, folder / "curves.png", score=job.score.replace("_", " "))
    if watch and watch.monitor and watch.monitor.history.steps:
        plots.health(watch.monitor.history, folder / "health.png")
    job.draw(folder)
    score = job.score.replace("_", " ")
    hooks.say(f"Best: {score} {best.val_score:.2%} on val, in epoch {best.epoch} of {len(keep.epochs)}; {folder}")
    return Run(folder)
