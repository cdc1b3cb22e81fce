"""Hand work to many processes, on this machine or on a cluster, through Ray.

Ray keeps the processes, moves what goes in and comes out, and starts anew what dies; what is done with a batch is the
same function that one machine runs.
"""

import os
import socket
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from visus._cores import cores
from visus._errors import InputError, RunError
from visus._optional import require

Batch = TypeVar("Batch")
Answer = TypeVar("Answer")

_PATIENCE = 10.0  # seconds
_TRIES = 5  # of a batch whose worker dies
AHEAD = 3
"""Batches of each worker that are under way or wait to be taken; what bounds the memory."""


@dataclass(frozen=True)
class Cluster:
    """Where the work is done.

    Attributes:
        address: Of a running cluster: ``"auto"`` on one of its machines, or ``"ray://HOST:10001"`` from elsewhere; None
            for the one that ``RAY_ADDRESS`` names, or else for processes of this machine alone.
        processes: How many; None for one on each processor core (or GPU).
        gpus: GPUs that each takes.
    """

    address: str | None = None
    processes: int | None = None
    gpus: float = 0

    def connect(self) -> Any:  # noqa: ANN401 - the module
        """Connect to Ray, which is started on this machine if no address is known.

        Returns:
            The module ``ray``.

        Raises:
            DependencyError: Ray is not installed.
            InputError: There is no cluster at the address.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # visus talks to no other host
        # An actor that takes no GPU leaves the variable that names them alone.
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        ray: Any = require("ray")
        if ray.is_initialized():
            return ray
        address = self.address or os.environ.get("RAY_ADDRESS")
        _knock(address)
        own = {"num_cpus": max(cores(), self.processes or 1), "include_dashboard": False} if address is None else {}
        try:
            with warnings.catch_warnings():  # Ray starts processes; what is open here is not theirs
                warnings.simplefilter("ignore")
                ray.init(address=address or "local", log_to_driver=False, logging_level="ERROR", **own)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
            raise _nobody(address or "this machine", reason) from error
        return ray

    def count(self) -> int:
        """How many workers there will be.

        Raises:
            InputError: The cluster has not as many cores or GPUs.
        """
        there = self.connect().cluster_resources()
        most = int(there.get("CPU", 0))
        if self.gpus:
            most = min(most, int(there.get("GPU", 0) / self.gpus))
        wanted = self.processes or most
        if not 1 <= wanted <= most:
            each = "a core and a GPU" if self.gpus else "a core"
            raise InputError(
                f"The cluster has room for {most} processes with {each} each, not for {max(1, wanted)}; give fewer "
                "--processes, or add machines."
            )
        return wanted

    def map(
        self, make: Callable[[], Callable[[Batch], Answer]], batches: Iterable[Batch]
    ) -> Generator[Answer, None, None]:
        """Answer batches in many processes, and yield the answers in their order.

        Each worker makes its function once. At most :data:`AHEAD` batches for each worker have been taken and not
        been yielded, however slow the caller is. A worker that dies is started anew, elsewhere if need be, and its
        batches are done again.

        Args:
            make: Makes the function; it must be picklable, and is called in the worker.
            batches: What the function is called with; taken as workers become free.

        Raises:
            InputError: There is no cluster.
            RunError: Workers died again and again over the same batch.
            Exception: Whatever the function raises.
        """
        ray = self.connect()
        hired = ray.remote(num_cpus=1, num_gpus=self.gpus, max_restarts=-1, max_task_retries=_TRIES)(_Worker)
        recipe = [ray.put(make)]  # once for all; in a list, it is fetched when it is needed, after a restart too
        workers = [hired.remote() for _ in range(self.count())]
        waiting: deque[Any] = deque()  # answers in the order of their batches
        flying: dict[Any, int] = {}  # those under way, and whose they are
        try:
            for batch in batches:
                while len(waiting) >= AHEAD * len(workers):
                    yield _taken(ray, waiting, flying)
                free = _least_busy(ray, flying, len(workers))
                answer = workers[free].answer.remote(recipe, batch)
                waiting.append(answer)
                flying[answer] = free
            while waiting:
                yield _taken(ray, waiting, flying)
        finally:
            for worker in workers:
                ray.kill(worker)


def _knock(address: str | None) -> None:
    """Whether anybody listens at ``HOST:PORT`` or ``ray://HOST:PORT``; Ray itself asks again for many minutes.

    Raises:
        InputError: Nobody does.
    """
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise _nobody(address, str(error)) from error


def _nobody(address: str | None, reason: str) -> InputError:
    return InputError(
        f"There is no Ray cluster at {address} ({reason}); start one with ray start --head, or leave --address away."
    )


class _Worker:
    """A process of its own."""

    def __init__(self) -> None:
        self._function: Any = None

    def answer(self, recipe: list[Any], batch: Any) -> Any:  # noqa: ANN401
        """What the function makes of a batch; it is made at the first, so that its errors reach the caller."""
        if self._function is None:
            ray: Any = require("ray")
            self._function = ray.get(recipe[0])()
        return self._function(batch)


def _taken(ray: Any, waiting: deque[Any], flying: dict[Any, int]) -> Any:  # noqa: ANN401
    """The next answer."""
    reference = waiting.popleft()
    try:
        answer = ray.get(reference)
    except ray.exceptions.RayTaskError as error:  # the worker's own error, without the story of how it came here
        raise error.cause from None
    except (ray.exceptions.RayActorError, ray.exceptions.OutOfMemoryError) as error:
        raise RunError(
            "Processes of the cluster died again and again over the same work, perhaps for want of memory; give fewer "
            "--processes. The log of Ray says more."
        ) from error
    finally:
        flying.pop(reference, None)
    return answer


def _least_busy(ray: Any, flying: dict[Any, int], count: int) -> int:  # noqa: ANN401
    """The worker with the fewest batches before it."""
    done = ray.wait(list(flying), num_returns=len(flying), timeout=0, fetch_local=False)[0] if flying else []
    for reference in done:
        del flying[reference]
    busy = [0] * count
    for worker in flying.values():
        busy[worker] += 1
    return busy.index(min(busy))


def cluster_for(engine: str, address: str | None, processes: int | None, *, gpus: float = 0) -> Cluster | None:
    """What the options ``--engine``, ``--address`` and ``--processes`` name.

    Raises:
        InputError: An option does nothing without Ray.
    """
    if engine == "ray":
        return Cluster(address, processes, gpus)
    for name, value in (("address", address), ("processes", processes)):
        if value is not None:
            raise InputError(f"--{name} does nothing without --engine ray; leave it away, or say --engine ray.")
    return None
