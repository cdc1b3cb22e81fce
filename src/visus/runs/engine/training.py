"""Train a network in the folder of a run, whatever the task."""

import contextlib
import csv
import dataclasses
import hashlib
import io
import tempfile
import time
from pathlib import Path
from typing import Any

import filelock
import lightning.pytorch as lightning
import torch

from visus._errors import InputError, RunError
from visus._files import write_atomically
from visus._memory import give_back_all
from visus._version import __version__
from visus.data import LabelSet, MaskSet
from visus.images.decode import DECODER
from visus.runs.engine import loggers, plots
from visus.runs.engine.clock import Clock
from visus.runs.engine.loop import Checkpointer, Health, Seeded, quiet
from visus.runs.engine.plan import Deadline
from visus.runs.engine.progress import Epoch, EpochDone, Progress, said
from visus.runs.engine.task import Data, Hooks, Job, Refits, Task, Tunes
from visus.runs.record import card, training_hashes
from visus.runs.record.folder import BEST, CONFIG, LAST, METRICS, SEEN, SUMMARY, write_json
from visus.runs.record.settings import TrainSettings
from visus.tasks import chance, processes
from visus.tasks.finder import range_test
from visus.tasks.learner import Diverged
from visus.tasks.wilson import FEW, interval, within


def load_for(task: Task, settings: TrainSettings, hooks: Hooks) -> Any:  # noqa: ANN401 - the data of the task
    """The data of a training, said aloud.

    Raises:
        InputError: It cannot be used.
        DependencyError: The package of a logger is not installed.
    """
    loggers.check(settings.log)
    tell = hooks.progress
    show = (lambda done, total: tell(Progress("checking", done, total))) if tell else None
    dataset = task.load(settings, show)
    hooks.say(dataset.describe())
    for remark in (*dataset.remarks, *settings.unwise()):
        hooks.say(remark)
    return dataset


def run_training(
    task: Task, settings: TrainSettings, dataset: Data, folder: Path, hooks: Hooks, *, end: float | None = None
) -> None:
    """Train in a folder, from its ``last.ckpt`` where there is one.

    Args:
        task: The task.
        settings: With nothing left open.
        dataset: What it learns from.
        folder: Of the run.
        hooks: Who is told.
        end: When it should end, as :func:`time.monotonic` tells it; None for when all epochs are done.

    Raises:
        RunError: The training diverged, another process trains there, or the folder cannot be written.
    """
    try:
        with filelock.FileLock(folder / ".lock", timeout=0):
            _run_locked(task, settings, dataset, folder, hooks, end=end)
    except filelock.Timeout:
        raise RunError(f"Another process trains in {folder}; wait for it, or stop it.") from None
    except OSError as error:
        raise RunError(
            f"{error.filename or folder} cannot be written or read ({error.strerror}); mend that, and go on with "
            f"visus train {settings.task} --resume {folder}."
        ) from error


def _run_locked(
    task: Task, settings: TrainSettings, dataset: Data, folder: Path, hooks: Hooks, *, end: float | None
) -> None:
    started = time.time()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        job = task.begin(settings, dataset)
        going_on = _checkpoint(folder)
        if going_on is None and settings.find_lr:
            job = _find_rate(job, folder, hooks)
        _begin(job, folder, hooks)
        watch = Health(hooks.say, clipped=_clips(settings)) if settings.health else None
        keep = Checkpointer(
            lambda: job.save(folder / BEST),
            on_epoch=None,
            patience=settings.patience or 0,
            folder=folder,
        )
        clock = Clock(hooks.progress, hooks.report, lambda: _tried(job, folder))
        with loggers.Loggers(job.settings, folder, hooks.say) as log:
            keep.on_epoch = lambda epoch: _noted(folder, keep, epoch, job, hooks, log=log, left=clock.remaining)
            try:
                if not (going_on and keep.had_stopped(going_on)):
                    _train(job, keep, hooks, clock=clock, watch=watch, checkpoint=going_on, end=end)
            except Diverged as error:
                raise _diverged(error, job, folder, keep, watch, broken=clock.broken) from error
            log.tell(keep.epochs, job.score)  # those before, where no further one was needed
        give_back_all()
        _look_at_val(job, keep, watch)
        processes.wait()  # for those that train along, which still need the checkpoint
        _finish(job, folder, keep, watch, hooks, seconds=time.time() - started)


def _tried(job: Job, folder: Path) -> None:
    """Write the network once, to see how long that takes."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        job.save(Path(place) / BEST)


def follow(task: Task, settings: TrainSettings, dataset: Data, folder: Path) -> None:
    """Train along with the process that keeps the run in a folder, and keep nothing.

    Raises:
        Diverged: The loss has become NaN or infinite.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        job = task.begin(settings, dataset)
        going_on = _checkpoint(folder)
        keep = Checkpointer(lambda: None, patience=settings.patience or 0)
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


def try_settings(task: Task, settings: TrainSettings, dataset: Data, hooks: Hooks) -> Epoch | None:
    """Train without keeping anything, and tell the best epoch; None where none was finished before it diverged."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        job = task.begin(dataclasses.replace(settings, patience=0), dataset)  # ends with no probe: all would be alike
        keep = Checkpointer(lambda: None, on_epoch=hooks.on_epoch, patience=settings.patience or 0)
        with contextlib.suppress(Diverged):
            _train(job, keep, hooks)
    return keep.best


def _train(
    job: Job,
    keep: Checkpointer,
    hooks: Hooks,
    *,
    clock: Clock | None = None,
    watch: Health | None = None,
    checkpoint: Path | None = None,
    end: float | None = None,
) -> None:
    """Train.

    Raises:
        InputError: A step is too small for the network.
    """
    callbacks: list[lightning.Callback] = [Seeded(job.settings.seed)]
    if watch:
        callbacks.append(watch)
    callbacks.append(clock or Clock(hooks.progress))
    if end is not None:
        callbacks.append(Deadline(end))
    try:
        job.learn(callbacks, keep, hooks, checkpoint)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):  # torch's batch normalization
            raise
        raise InputError(
            f"{job.settings.net} normalizes over the pictures of a step, and one alone has nothing to compare with; "
            "say --batch-size 2 or more."
        ) from error


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
    training_hashes.write(folder / SEEN, job.data.digests)
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
    made = {"visus": __version__, "decoder": DECODER}
    return {"status": status, "data": job.data.fingerprint(), "config": config_hash, **made}


def _noted(
    folder: Path, keep: Checkpointer, epoch: Epoch, job: Job, hooks: Hooks, *, log: loggers.Loggers, left: float
) -> None:
    """Write the table of epochs, and tell."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(epoch.named(job.score)))
    writer.writeheader()
    for row in keep.epochs:
        values = row.named(job.score)
        writer.writerow({key: value if isinstance(value, int) else f"{value:.6g}" for key, value in values.items()})
    write_atomically(folder / METRICS, buffer.getvalue().encode())
    log.tell(keep.epochs, job.score)
    hooks.report(EpochDone(epoch, job.settings.epochs or 0, keep.best or epoch, job.score, left, keep.by_loss))
    if hooks.on_epoch:
        hooks.on_epoch(epoch)


def _diverged(
    error: Diverged, job: Job, folder: Path, keep: Checkpointer, watch: Health | None, *, broken: bool
) -> RunError:
    """Say what happened, what is kept, and the mend."""
    rate = job.settings.lr or 0.0
    cause = ""
    if watch and watch.monitor:
        watch.judge(rate, job.settings.optimizer)
        plots.health(watch.monitor.history, folder / "health.png")
        cause = " " + " ".join(watch.findings.values()) if watch.findings else ""
    best = keep.best
    kept = f"the weights {best.place} are in {folder}" if best else "no epoch was finished, so nothing is kept"
    write_json(folder / SUMMARY, {**_started(job, "diverged", (folder / CONFIG).read_bytes()), "error": str(error)})
    epoch = keep.epochs[-1].epoch + 1 if keep.epochs else 1
    if broken:
        return RunError(
            f"The loss is no number before the first step ({error}), so no rate is to blame; look at the pictures "
            f"(visus data) and at where the weights come from; {kept}."
        )
    mend = (watch or Health(lambda _: None, clipped=_clips(job.settings))).lower(rate, job.settings.optimizer)
    return RunError(f"The training diverged in epoch {epoch}: {error}; {kept}. {mend[0].upper()}{mend[1:]}.{cause}")


def _clips(settings: TrainSettings) -> bool:
    """Whether gradients are clipped."""
    return bool(settings.clip_norm or settings.clip_value)


def _look_at_val(job: Job, keep: Checkpointer, watch: Health | None) -> None:
    """Say where val is answered by chance, and nothing else explains it."""
    if watch is None or watch.findings:
        return
    if isinstance(job.data, MaskSet):
        best = keep.best
        if best and (finding := chance.by_one_class(best.val_score, best.train_score, *_positions(job.data))):
            watch.find(finding)
        return
    if not (job.is_share and isinstance(job.data, LabelSet)) or not keep.epochs[-1].epoch:
        return  # the latter: a probe alone, which ended the training since it is all right
    scores, losses = zip(*((epoch.val_score, epoch.val_loss) for epoch in keep.epochs), strict=True)
    hinge = getattr(job.settings, "loss", "") == "hinge"
    if finding := chance.by_chance(scores, losses, job.data.counts("val").tolist(), hinge=hinge):
        mend = watch.lower(job.settings.lr or 0.0, job.settings.optimizer)
        watch.find(chance.far_off(losses, len(job.data.classes), mend, hinge=hinge) or finding)


def _positions(data: MaskSet) -> tuple[list[int], tuple[str, ...]]:
    """Positions of each class in val, and the names of the classes."""
    return data.pixels["val"].sum(0).tolist(), data.classes


def _finish(job: Job, folder: Path, keep: Checkpointer, watch: Health | None, hooks: Hooks, *, seconds: float) -> None:
    """Draw the plots, measure the best network on the val split, and write the summary."""
    best = keep.best
    if best is None or not (folder / BEST).is_file():
        raise RunError(f"The training in {folder} kept no weights: the val loss was never a number; lower --lr.")
    tuned = job.tuned(folder, hooks.say) if isinstance(job, Tunes) else {}
    job.draw(folder)
    refit = _refit(job, best, folder, hooks)
    values = {
        **_started(job, "finished", (folder / CONFIG).read_bytes()),
        "task": job.settings.task,
        "net": job.settings.net,
        "classes": list(job.data.classes),
        "pictures": {name: len(own) for name, own in job.data.splits.items()},
        "best": best.named(job.score),
        **({"best_by": "val_loss"} if keep.by_loss else {}),
        "epochs": keep.epochs[-1].epoch,
        **_sureness(job, best),
        **tuned,
        **refit,
        "seconds": round(seconds, 1),
        "health": list(watch.findings.values()) if watch else [],
        "torch": torch.__version__,
    }
    write_json(folder / SUMMARY, values)
    (folder / LAST).unlink(missing_ok=True)
    plots.curves(keep.epochs, folder / "curves.png", score=said(job.score))
    if watch and watch.monitor and watch.monitor.history.steps:
        plots.health(watch.monitor.history, folder / "health.png")
    card.write(folder)
    hooks.say(_verdict(job, best, keep, folder))


def _verdict(job: Job, best: Epoch, keep: Checkpointer, folder: Path) -> str:
    """The best score, how sure it is, and where it comes from."""
    epochs = keep.epochs[-1].epoch
    count = len(job.data.splits["val"])
    sure = f" ({within(best.val_score, count)})" if job.is_share and count < FEW else ""
    place = f"in epoch {best.epoch} of {epochs}" if best.epoch else "of the probe"
    vain = f", which {epochs} epochs did not better" if epochs and not best.epoch else ""
    how = ", chosen by the loss on so few pictures" if keep.by_loss and epochs else ""
    return f"Best: {said(job.score)} {best.val_score:.2%} on val{sure}, {place}{vain}{how}; {folder}"


def _sureness(job: Job, best: Epoch) -> dict[str, Any]:
    """The 95 % interval of the best score, where it is a share of pictures."""
    count = len(job.data.splits["val"])
    return {"val_interval": list(interval(best.val_score, count))} if job.is_share and count else {}


def _refit(job: Job, best: Epoch, folder: Path, hooks: Hooks) -> dict[str, Any]:
    """Train once more on train and val together, where that is wanted, and keep that network in place of the best."""
    if not (isinstance(job, Refits) and getattr(job.settings, "refit", False)):
        return {}
    again = job.refitted(best.epoch, hooks)
    count = len(again.data.splits["train"])
    training_hashes.write(folder / SEEN, again.data.digests)
    again.save(folder / BEST)
    hooks.say(f"Trained once more on the {count:,} pictures of train and val; what val says is of the network before.")
    return {"refit": {"epochs": best.epoch, "pictures": count}}
