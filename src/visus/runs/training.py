"""Train a classifier on labelled pictures."""

import contextlib
import csv
import dataclasses
import hashlib
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
import lightning.pytorch as lightning
import torch

from visus import __version__
from visus._errors import InputError, RunError
from visus.data import Dataset, load
from visus.images.io import write_atomically
from visus.nets import trained
from visus.nets.layers import summary as layers_of
from visus.runs import plots, probe, seen
from visus.runs.fit import Health, Keep, Seeded, Show, Unfreeze, fit, quiet
from visus.runs.network import Parts, build
from visus.runs.progress import Epoch, Progress
from visus.runs.run import CONFIG, LAST, METRICS, SEEN, SUMMARY, Run, new_folder, write_json
from visus.runs.settings import Settings, resolve
from visus.tasks import unfreeze
from visus.tasks.classify import Classify, Diverged, Recipe
from visus.tasks.finder import range_test
from visus.tasks.losses import balanced_weights
from visus.tasks.optimizers import Group

Say = Callable[[str], None]
Tell = Callable[[Progress], None]
_PROBE_EPOCHS = 30  # of the last layer before fine-tuning


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
    known: probe.Known = dataclasses.field(default_factory=dict)


def train(
    task: str,
    data: str | os.PathLike[str],
    *,
    runs: str | os.PathLike[str] = "runs",
    say: Say | None = None,
    progress: Tell | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of Settings
) -> Run:
    """Train a network on labelled pictures.

    Args:
        task: ``"classify"``.
        data: Folder or table of labelled pictures (see :func:`visus.data.load`).
        runs: Where the run's folder is made: ``RUNS/TASK/NAME-N``.
        say: Told sentences: the data, what is wrong, where the run is.
        progress: Told how far the training is.
        settings: What :class:`visus.Settings` lists.

    Returns:
        The run.

    Raises:
        InputError: The data or a setting cannot be used.
        WeightsError: The weights are not at hand.
        RunError: The training diverged; the best weights so far are kept.
    """
    if task != "classify":
        raise InputError(f"The task must be classify, not {task!r}.")
    wanted = make_settings(data, settings)
    hooks = Hooks(say or (lambda _: None), progress)
    dataset = load_for(wanted, hooks)
    resolved = resolve_device(resolve(wanted, dataset))
    folder = new_folder(task, Path(data).resolve().stem, root=runs)
    return run_training(resolved, dataset, folder, hooks)


def make_settings(data: str | os.PathLike[str], values: dict[str, Any]) -> Settings:
    """Settings from plain values.

    Raises:
        InputError: There is no such setting.
    """
    known = {field.name for field in dataclasses.fields(Settings)}
    strange = [name for name in values if name not in known]
    if strange:
        raise InputError(f"There is no setting {strange[0]!r}; known: {', '.join(sorted(known))}.")
    place = os.path.abspath(os.path.expanduser(os.fspath(data)))
    return Settings(data=place, **values)


def load_for(settings: Settings, hooks: Hooks) -> Dataset:
    """The data of a training, said aloud."""
    tell = hooks.progress
    dataset = load(
        settings.data,
        seed=settings.seed,
        val=settings.val,
        test=settings.test,
        progress=(lambda done, total: tell(Progress("checking", done, total))) if tell else None,
    )
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
) -> Run:
    """Go on with a training that was stopped, from the end of its last epoch.

    Args:
        folder: The run's folder.
        data: Where its pictures are now; None for where they were.
        say: Told sentences.
        progress: Told how far the training is.

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
    settings = run.settings if data is None else dataclasses.replace(run.settings, data=os.fspath(data))
    dataset = load_for(settings, hooks)
    if run.summary.get("data") != seen.fingerprint(dataset):
        raise RunError(f"The pictures in {settings.data} are not those that {run.folder} began with; train anew.")
    return run_training(resolve_device(settings), dataset, run.folder, hooks)


def resolve_device(settings: Settings) -> Settings:
    """Choose device and precision.

    bfloat16 is chosen where the processor multiplies matrices in it and the network is made of dense convolutions
    (docs/training.md has the measurements): on GPUs that can, and on CPUs with AMX.

    Raises:
        InputError: CUDA was asked for and is not there.
    """
    cuda = torch.cuda.is_available()
    if settings.device == "cuda" and not cuda:
        raise InputError("There is no CUDA GPU that torch can use; say --device cpu.")
    device = "cuda" if cuda and settings.device != "cpu" else "cpu"
    precision = settings.precision
    if precision == "auto":
        fast = torch.cuda.is_bf16_supported() if device == "cuda" else torch.cpu._is_amx_tile_supported()
        precision = "bf16" if fast and settings.net in _DENSE else "f32"
    return dataclasses.replace(settings, device=device, precision=precision)


_DENSE = (
    "cnn",
    "alexnet",
    "alexnet_paper",
    "zfnet",
    "vgg16",
    "googlenet",
    "googlenet_paper",
    "resnet18",
    "resnet34",
    "resnet50",
)


def run_training(settings: Settings, dataset: Dataset, folder: Path, hooks: Hooks) -> Run:
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
            f"visus train classify --resume {folder}."
        ) from error


def _run_locked(settings: Settings, dataset: Dataset, folder: Path, hooks: Hooks) -> Run:
    started = time.time()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        parts = build(settings, dataset)
        recipe = recipe_of(parts)
        going_on = _checkpoint(folder)
        if going_on is None and settings.find_lr:
            recipe = _find_rate(parts, recipe, folder, hooks)
            parts = dataclasses.replace(parts, settings=dataclasses.replace(settings, lr=recipe.lr, find_lr=False))
        _begin(parts, folder, hooks)
        watch = Health(hooks.say) if settings.health else None
        keep = Keep(
            lambda: trained.write(folder / "best.safetensors", parts.trained()),
            on_epoch=None,
            patience=settings.patience or 0,
            folder=folder,
        )
        keep.on_epoch = lambda epoch: _noted(folder, keep.epochs, epoch, hooks)
        try:
            if not (going_on and keep.had_stopped(going_on)):
                _train(parts, recipe, keep, hooks, watch=watch, checkpoint=going_on)
        except Diverged as error:
            raise _diverged(error, parts, folder, keep, watch) from error
        return _finish(parts, folder, keep, watch, hooks, seconds=time.time() - started)


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


def try_settings(settings: Settings, dataset: Dataset, hooks: Hooks) -> Epoch | None:
    """Train without keeping anything, and tell the best epoch; None where none was finished before it diverged."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        parts = build(settings, dataset)
        keep = Keep(lambda: None, on_epoch=hooks.on_epoch, patience=settings.patience or 0)
        with contextlib.suppress(Diverged):
            _train(parts, recipe_of(parts), keep, hooks)
    return keep.best


def recipe_of(parts: Parts) -> Recipe:
    """How the network learns."""
    settings = parts.settings
    assert settings.lr is not None
    counts = torch.from_numpy(parts.dataset.counts("train"))
    return Recipe(
        settings.lr,
        settings.loss,
        settings.label_smoothing,
        balanced_weights(counts) if settings.balance == "weights" else None,
        settings.optimizer,
        settings.momentum,
        settings.weight_decay,
        settings.schedule,
        settings.warmup,
    )


def groups_of(parts: Parts) -> list[Group]:
    """The parameters with the factor of their learning rate: lower below, when fine-tuning."""
    net = parts.net
    if parts.settings.mode != "finetune":
        return [(list(net.net.parameters()), 1.0)]
    body: list[Group] = []
    for layers, rate in zip(unfreeze.parts(net), unfreeze.rates(parts.settings.lr_decay), strict=True):
        body.append(([p for layer in layers for p in layer.parameters(recurse=False)], rate))
    return [(list(net.head.parameters()), 1.0), *body]


def _train(
    parts: Parts,
    recipe: Recipe,
    keep: Keep,
    hooks: Hooks,
    *,
    watch: Health | None = None,
    checkpoint: Path | None = None,
) -> None:
    """Train as the mode says."""
    settings = parts.settings
    assert settings.epochs is not None
    assert settings.batch_size is not None
    callbacks: list[lightning.Callback] = [Seeded(settings.seed)]
    if watch:
        callbacks.append(watch)
    if hooks.progress:
        callbacks.append(Show(hooks.progress))
    if settings.mode == "probe":
        train = probe.features(parts, "train", hooks.known, progress=hooks.progress)
        val = probe.features(parts, "val", hooks.known, progress=hooks.progress)

        def own(layer: probe.LinearOnFeatures) -> list[lightning.Callback]:
            write = keep.save_best

            def save() -> None:
                layer.fold()
                write()

            keep.save_best = save
            return [*callbacks, keep]

        probe.train_on(
            parts,
            recipe,
            train,
            val,
            own,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            checkpoint=checkpoint,
        )
        return
    if settings.mode == "finetune":
        if checkpoint is None:
            _probe_first(parts, recipe, hooks)
        callbacks.append(Unfreeze(parts.net, settings.epochs))
    task = Classify(parts.net, parts.normalise, recipe, groups_of(parts))
    fit(
        task,
        parts.loader("train"),
        parts.loader("val"),
        settings,
        [*callbacks, keep],
        epochs=settings.epochs,
        checkpoint=checkpoint,
    )


def _probe_first(parts: Parts, recipe: Recipe, hooks: Hooks) -> None:
    """Let fine-tuning begin with a last layer that fits the features as they are."""
    train = probe.features(parts, "train", hooks.known, progress=hooks.progress)
    val = probe.features(parts, "val", hooks.known, progress=hooks.progress)
    simple = dataclasses.replace(recipe, lr=1e-3, optimizer="adamw", schedule="cosine", warmup=0.0)

    def own(layer: probe.LinearOnFeatures) -> list[lightning.Callback]:
        return [Seeded(parts.settings.seed), Keep(layer.fold)]

    probe.train_on(parts, simple, train, val, own, epochs=_PROBE_EPOCHS, batch_size=256)
    parts.net.train()


def _find_rate(parts: Parts, recipe: Recipe, folder: Path, hooks: Hooks) -> Recipe:
    """Find the learning rate by a range test, and draw it."""
    if parts.settings.mode == "probe":
        raise InputError(
            "A probe has no need of --find-lr: its features are scaled, so that the default fits; leave it."
        )
    task = Classify(parts.net.train(), parts.normalise, recipe, groups_of(parts))
    with quiet():
        found = range_test(task, parts.loader("train"))
    plots.range_test(found, folder / "lr.png")
    hooks.say(f"The range test found the learning rate {found.best:g} ({folder / 'lr.png'}).")
    return dataclasses.replace(recipe, lr=found.best)


def _begin(parts: Parts, folder: Path, hooks: Hooks) -> None:
    """Write down what is about to happen."""
    settings = parts.settings
    config = settings.to_toml().encode()
    seen.write(folder / SEEN, parts.dataset)
    write_json(folder / SUMMARY, _started(parts, "started", config))
    write_atomically(folder / CONFIG, config)
    channels = 1 if parts.about.grey else 3
    table = layers_of(parts.net, (channels, parts.about.size, parts.about.size))
    hooks.say(
        f"{settings.net}: {table.parameters:,} parameters, {table.macs / 1e6:,.0f} M multiply-adds at "
        f"{parts.about.size}x{parts.about.size}; {settings.mode}, {settings.optimizer} with lr {settings.lr:g}, "
        f"{settings.device} {settings.precision}, augmentation {settings.augment}; run {folder}"
    )


def _started(parts: Parts, status: str, config: bytes) -> dict[str, Any]:
    """What a summary holds from the beginning: what a resumed training must find unchanged."""
    config_hash = hashlib.sha256(config).hexdigest()[:16]
    return {"status": status, "data": seen.fingerprint(parts.dataset), "config": config_hash, "visus": __version__}


def _noted(folder: Path, epochs: list[Epoch], epoch: Epoch, hooks: Hooks) -> None:
    """Write the table of epochs, and tell."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [field.name for field in dataclasses.fields(Epoch)])
    writer.writeheader()
    for row in epochs:
        values = dataclasses.asdict(row)
        writer.writerow({key: value if isinstance(value, int) else f"{value:.6g}" for key, value in values.items()})
    write_atomically(folder / METRICS, buffer.getvalue().encode())
    if hooks.on_epoch:
        hooks.on_epoch(epoch)


def _diverged(error: Diverged, parts: Parts, folder: Path, keep: Keep, watch: Health | None) -> RunError:
    """Say what happened, what is kept, and the mend."""
    rate = parts.settings.lr or 0.0
    cause = ""
    if watch and watch.monitor:
        watch.judge(rate)
        plots.health(watch.monitor.history, folder / "health.png")
        cause = " " + " ".join(watch.findings.values()) if watch.findings else ""
    best = keep.best
    kept = f"the weights of epoch {best.epoch} are in {folder}" if best else "no epoch was finished, so nothing is kept"
    write_json(folder / SUMMARY, {**_started(parts, "diverged", (folder / CONFIG).read_bytes()), "error": str(error)})
    return RunError(
        f"The training diverged in epoch {len(keep.epochs) + 1}: {error}; {kept}. Lower --lr (now {rate:g}), for "
        f"example to {rate / 10:g}, or clip the gradient with --clip-norm 1.{cause}"
    )


def _finish(parts: Parts, folder: Path, keep: Keep, watch: Health | None, hooks: Hooks, *, seconds: float) -> Run:
    """Draw the plots, measure the best network on the val split, and write the summary."""
    from visus.runs.evaluate import measure

    best = keep.best
    if best is None or not (folder / "best.safetensors").is_file():
        raise RunError(f"The training in {folder} kept no weights: the val loss was never a number; lower --lr.")
    values = {
        **_started(parts, "finished", (folder / CONFIG).read_bytes()),
        "task": "classify",
        "net": parts.settings.net,
        "classes": list(parts.dataset.classes),
        "best": dataclasses.asdict(best),
        "epochs": len(keep.epochs),
        "seconds": round(seconds, 1),
        "health": list(watch.findings.values()) if watch else [],
        "torch": torch.__version__,
    }
    write_json(folder / SUMMARY, values)
    (folder / LAST).unlink(missing_ok=True)
    plots.curves(keep.epochs, folder / "curves.png")
    if watch and watch.monitor and watch.monitor.history.steps:
        plots.health(watch.monitor.history, folder / "health.png")
    val = measure(trained.read(folder), parts.dataset, "val", parts.settings)
    plots.confusion(val.confusion, parts.dataset.classes, folder / "confusion.png", title="val")
    hooks.say(f"Best: {best.val_accuracy:.2%} of val right, in epoch {best.epoch} of {len(keep.epochs)}; {folder}")
    return Run(folder)
