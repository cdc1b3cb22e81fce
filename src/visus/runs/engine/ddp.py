"""Train one network by the processes of a Ray cluster.

Ray Train starts the processes, connects them and starts all anew when one dies; the training then goes on from the end
of its last epoch. The first process keeps the run as a training on one machine does; what it says reaches the caller
through a queue. How they train together: :mod:`visus.tasks.all_reduce`.
"""

import dataclasses
import logging
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Any

from visus._errors import InputError, RunError, VisusError
from visus._optional import require
from visus.cluster import Cluster
from visus.runs.engine.progress import Progress
from visus.runs.engine.task import Data, Hooks, Task
from visus.runs.engine.training import follow, run_training
from visus.runs.record.folder import summary_of
from visus.runs.record.settings import TrainSettings
from visus.tasks import processes as _processes
from visus.tasks.learner import Diverged

_TRIES = 5  # of a training whose processes die
_PAUSE = 0.2  # seconds between two looks at the progress
_STATE, _ENDED = ".ray", "ended"


def train_on(
    cluster: Cluster, task: Task, settings: TrainSettings, dataset: Data, *, folder: Path, hooks: Hooks
) -> None:
    """Train in a folder by several processes, from its ``last.ckpt`` where there is one.

    Every process checks the whole val split, so that all decide alike.

    Raises:
        InputError: The settings cannot be divided among processes.
        RunError: The training diverged, or its processes died again and again.
        DependencyError: Ray is not installed.
    """
    refuse(task, settings)
    ray = cluster.connect()
    require("ray.train.torch")
    from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.torch import TorchTrainer
    from ray.util.queue import Queue

    logging.getLogger("ray.train").setLevel(logging.ERROR)
    gpu = settings.device == "cuda"
    processes = dataclasses.replace(cluster, gpus=float(gpu)).count()
    batch = settings.batch_size or 1
    if batch % processes:
        raise InputError(
            f"A batch of {batch} cannot be divided among {processes} processes; say --batch-size "
            f"{processes * max(1, round(batch / processes))}, or give other --processes."
        )
    queue = Queue(actor_options={"num_cpus": 0})
    about = {"task": task, "settings": settings, "data": ray.put(dataset), "folder": folder.absolute(), "queue": queue}
    trainer = TorchTrainer(
        _work,
        train_loop_config=about,
        scaling_config=ScalingConfig(num_workers=processes, use_gpu=gpu),
        run_config=RunConfig(
            name="state",
            storage_path=str(folder.absolute() / _STATE),
            failure_config=FailureConfig(max_failures=_TRIES),
        ),
    )
    listener = _Listener(queue, hooks)
    shutil.rmtree(folder / _STATE, ignore_errors=True)  # of one that was killed
    interrupt, failure = signal.getsignal(signal.SIGINT), None
    try:
        hooks.say(f"{processes} processes train together, {batch // processes} pictures of each batch to each.")
        trainer.fit()
    except SystemExit as error:  # what Ray makes of Ctrl-C
        raise KeyboardInterrupt from error
    except TrainingFailedError as error:
        failure = error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, interrupt)
        listener.close()
        queue.shutdown(force=True)
        shutil.rmtree(folder / _STATE, ignore_errors=True)
    if listener.error:
        raise listener.error from failure
    if failure:
        reason = str(failure).strip().splitlines()[-1]
        raise RunError(
            f"The processes that train in {folder} died again and again ({reason}); go on with visus train "
            f"{settings.task} --resume {folder}."
        ) from failure


def refuse(task: Task, settings: TrainSettings) -> None:
    """Refuse trainings that several processes cannot do together.

    Raises:
        InputError: It is one.
    """
    alone = "leave --engine ray away"
    if settings.find_lr:
        raise InputError(f"--find-lr looks for the rate in one process; find it first, or {alone}.")
    if reason := task.indivisible(settings):
        raise InputError(f"{reason}; {alone}.")


class _Listener:
    """Passes on what the first process says, from a thread.

    Attributes:
        error: What ended the training, if anything did.
    """

    def __init__(self, queue: Any, hooks: Hooks) -> None:  # noqa: ANN401 - a queue of Ray
        self.error: VisusError | None = None
        self._queue, self._hooks, self._done = queue, hooks, threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._done.is_set():
            self._pass_on(self._queue.get_nowait_batch(self._queue.qsize()))
            self._done.wait(_PAUSE)

    def _pass_on(self, messages: list[tuple[str, Any]]) -> None:
        for kind, message in messages:
            if kind == "error":
                self.error = self.error or message
            elif kind == "progress" and self._hooks.progress:
                self._hooks.progress(message)
            elif kind == "say":
                self._hooks.say(message)
            elif kind == "event":
                self._hooks.report(message)

    def close(self) -> None:
        """Pass on what is left, and stop."""
        self._done.set()
        self._thread.join()
        self._pass_on(self._queue.get_nowait_batch(self._queue.qsize()))


class _Rarely:
    """Tells how far the training is, but not at each of many short steps."""

    def __init__(self, queue: Any) -> None:  # noqa: ANN401 - a queue of Ray
        self._queue, self._last = queue, 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.done == progress.total or now - self._last > _PAUSE:
            self._last = now
            self._queue.put(("progress", progress))


def _work(about: dict[str, Any]) -> None:
    """What one process does."""
    ray: Any = require("ray")
    task, settings, folder, queue = about["task"], about["settings"], about["folder"], about["queue"]
    ended = folder / _STATE / _ENDED
    if ended.exists() or summary_of(folder).get("status") == "finished":  # trying again would not help
        return
    dataset = ray.get(about["data"])
    try:
        if _processes.rank() == 0:
            hooks = Hooks(
                lambda text: queue.put(("say", text)),
                _Rarely(queue),
                events=lambda event: queue.put(("event", event)),
            )
            run_training(task, settings, dataset, folder, hooks)
        else:
            follow(task, settings, dataset, folder)
    except VisusError as error:
        if isinstance(error, Diverged) and _processes.rank():
            return  # as the first process has, which says more of it
        queue.put(("error", error))
        ended.touch()
        raise  # so that the others, which wait for this process, are stopped
